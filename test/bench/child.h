// SPDX-License-Identifier: Apache-2.0
//
// A command line of settings and a program: [NAME=VALUE]... PROGRAM [ARG]...
#ifndef CPROF_TEST_BENCH_CHILD_H
#define CPROF_TEST_BENCH_CHILD_H

#include <spawn.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

struct child {
	char **argv;
	char **env; // ours, and the settings
};

// Reads WORDS, whose last is NULL.
static inline struct child child_of(char **words)
{
	struct child c = {.argv = words};
	size_t n = 0, have = 0;

	while (c.argv[0] && strchr(c.argv[0], '='))
		c.argv++;
	n = (size_t)(c.argv - words);
	while (environ[have])
		have++;
	c.env = calloc(n + have + 1, sizeof(*c.env));
	if (c.env) {
		memcpy(c.env, words, n * sizeof(*words));
		memcpy(c.env + n, environ, have * sizeof(*environ));
	}
	return c;
}

// 0, or the error of the start.
static inline int child_start(const struct child *c, pid_t *ret)
{
	return posix_spawnp(ret, c->argv[0], NULL, NULL, c->argv, c->env);
}

#endif

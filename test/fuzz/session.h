// SPDX-License-Identifier: Apache-2.0
//
// For fuzz targets: a session that no process belongs to, and all that can be
// asked of one. Nothing here touches a file system.
#ifndef CPROF_TEST_FUZZ_SESSION_H
#define CPROF_TEST_FUZZ_SESSION_H

#include "collector/drain.h"
#include "collector/own.h"
#include "collector/paths.h"
#include "collector/pprof.h"
#include "collector/query.h"
#include "collector/take.h"

#include "test/fuzz/fuzz.h"

#include <sys/types.h>
#include <unistd.h>

// The session of HELLO, which is taken over with the descriptor.
static inline struct proc *session_new(Cprof__Hello *hello, int maps_fd)
{
	static const struct proc_env env = {0};
	struct proc_start start = {.env = &env,
				   .pid = (uint32_t)getpid(),
				   .maps_fd = maps_fd,
				   .pid_fd = -1,
				   .hello = hello};
	struct proc *p;

	REQUIRE(!proc_new(&start, &p));
	return p;
}

// A decoded hello with nothing in it.
static inline Cprof__Hello *session_hello(void)
{
	Cprof__Hello h = CPROF__HELLO__INIT;
	uint8_t bytes[64];
	Cprof__Hello *copy;

	h.heap_rate = 4096;
	copy = cprof__hello__unpack(NULL, cprof__hello__pack(&h, bytes), bytes);
	REQUIRE(copy);
	return copy;
}

static inline void session_write_profile(struct proc *p, enum kind kind)
{
	struct snap *s;
	struct buf b;

	proc_lock(p);
	s = take_snap(p, kind);
	proc_unlock(p);
	REQUIRE(s);
	take_finish(p, s);
	buf_init(&b);
	REQUIRE(!pprof_write(s, &b));
	buf_fini(&b);
	snap_free(s);
}

// Writes all its profiles and tells all there is to tell.
static inline void session_use(struct proc *p)
{
	const struct paths_names names = {
		.pid = p->pid,
		.comm = p->comm,
		.cwd = p->hello->cwd,
		.environment = (const char *const *)p->hello->environment,
		.n_environment = p->hello->n_environment,
	};
	json_t *stats = query_stats(p);
	char *text = json_dumps(stats, JSON_COMPACT);

	REQUIRE(text);
	free(text);
	json_decref(stats);
	free(paths_expand(p->hello->dir, &names));
	for (int kind = 0; kind < KIND_N; kind++)
		session_write_profile(p, (enum kind)kind);
	REQUIRE(!agg_check(&p->ingest.agg));
	REQUIRE(!stacks_check(&p->ingest.stacks));
}

#endif

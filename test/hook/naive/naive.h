// SPDX-License-Identifier: Apache-2.0
//
// For shims that do it wrong on purpose: each shows that its victim's test can
// fail. They call libc's allocator by its internal names, keep what they must
// in static storage, and read their settings from NAIVE_*.
#ifndef CPROF_TEST_HOOK_NAIVE_H
#define CPROF_TEST_HOOK_NAIVE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NAIVE_TLS __thread __attribute__((tls_model("initial-exec")))

extern void *__libc_malloc(size_t);
extern void __libc_free(void *);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

static inline int naive_tid(void)
{
	return (int)syscall(SYS_gettid);
}

// True when the variable NAME has the value VALUE.
static inline int naive_is(const char *name, const char *value)
{
	const char *text = getenv(name);

	return text && !strcmp(text, value);
}

#endif

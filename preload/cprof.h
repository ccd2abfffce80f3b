/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program may ask of the profiler it runs under: the counterpart of Go's
 * runtime/pprof, for C11 and C++11 with gcc or clang. A program never has to
 * use it, and links with nothing: each function looks for libcprof.so when it
 * is first called, by the program's own dlsym, and does nothing where there is
 * none, or where there is nothing to look with (static programs). Then it
 * returns what is said below under "without the shim".
 *
 * Every function: any thread, from the beginning of main on; errno is kept;
 * errors are negative errno values and may be ignored. "Async-signal-safe"
 * holds from the second call in a source file on: the first one looks.
 *
 * Functions that say "asks the collector" connect to it, wait for its answer
 * (30 seconds at most) and close the connection: milliseconds, or seconds for a
 * profile of a large program. The others take nanoseconds to microseconds, and
 * make no system call and wait for nobody.
 */
#ifndef CPROF_H
#define CPROF_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

/*
 * CPROF_CALL(type, name, parameters, arguments, otherwise): a function of
 * libcprof.so, and what it returns without it.
 */
#ifndef CPROF_CALL

typedef void cprof_function(void);

#ifdef __cplusplus
#define CPROF_NULL nullptr
extern "C" {
#else
#define CPROF_NULL NULL
#endif
/* References that do not make dlsym weak, or link with it, elsewhere. */
static cprof_function *cprof_dlsym(void *, const char *)
	__attribute__((weakref("dlsym")));
static char *cprof_dlerror(void) __attribute__((weakref("dlerror")));
#ifdef __cplusplus
}
#endif

static inline void cprof_absent(void)
{
}

static inline cprof_function *cprof_look(const char *name)
{
	cprof_function *f = CPROF_NULL;
	int err = errno;

	if (cprof_dlsym)
		f = cprof_dlsym(CPROF_NULL, name);
	if (!f && cprof_dlerror)
		(void)cprof_dlerror();
	errno = err;
	return f ? f : cprof_absent;
}

static inline cprof_function *cprof_find(cprof_function **found,
					 const char *name)
{
	cprof_function *f = __atomic_load_n(found, __ATOMIC_RELAXED);

	if (!f) {
		f = cprof_look(name);
		__atomic_store_n(found, f, __ATOMIC_RELAXED);
	}
	return f;
}

#define CPROF_CALL(type, name, parameters, arguments, otherwise)           \
	static inline type name parameters                                 \
	{                                                                  \
		static cprof_function *cprof_found;                        \
		cprof_function *cprof_f = cprof_find(&cprof_found, #name); \
                                                                           \
		if (cprof_f == cprof_absent)                               \
			return otherwise;                                  \
		return ((type(*) parameters)cprof_f)arguments;             \
	}

#endif

/*
 * The version of the libcprof.so that is loaded, as "0.1.0". Static text.
 * Without the shim: "". Async-signal-safe.
 */
CPROF_CALL(const char *, cprof_version, (void), (), "")

/*
 * 1 while samples of this process are taken: a collector has been found, and
 * neither CPROF=off nor trouble has switched the profiler off. Else 0, as
 * without the shim. Async-signal-safe.
 */
CPROF_CALL(int, cprof_is_active, (void), (), 0)

/*
 * Asks for a snapshot of the heap, as the signal CPROF_SIGNAL does: it is
 * written as COMM.PID.inuse.NNN.pb.gz within a quarter of a second or so, while
 * the program goes on. 0 when it has been asked for; -ENOTCONN when there is no
 * collector, as without the shim. Waits for nobody. Async-signal-safe.
 */
CPROF_CALL(int, cprof_dump, (void), (), -ENOTCONN)

/* --- Labels (pprof.Do) --- */

/*
 * Adds the label KEY=VALUE to those of the calling thread, whose samples of
 * every kind carry them; it hides a label KEY there was. Threads created from
 * here on, and fork children, begin with these labels. Returns the scope
 * outside, for cprof_labels_use() at the end of the scope:
 *
 *	unsigned outside = cprof_label("request", "checkout");
 *	...
 *	cprof_labels_use(outside);
 *
 * KEY has 1 to 64 bytes, VALUE up to 255, a scope up to 16 labels, a process
 * 4,095 different sets of them (all counted by order). Beyond that nothing is
 * added, and "labels_full" counts it. Don't use an id of each request.
 * Without the shim: 0. Async-signal-safe.
 */
CPROF_CALL(unsigned, cprof_label, (const char *key, const char *value),
	   (key, value), 0)

/*
 * The labels of the calling thread, as a number that means the same in all
 * threads and fork children: for a job that goes on elsewhere. 0 = none, and
 * without the shim. Async-signal-safe.
 */
CPROF_CALL(unsigned, cprof_labels, (void), (), 0)

/*
 * Gives the calling thread the labels SCOPE: what cprof_label() or
 * cprof_labels() returned, in this thread or another, or 0 for none. Returns
 * those it had. Without the shim: 0. Async-signal-safe.
 */
CPROF_CALL(unsigned, cprof_labels_use, (unsigned scope), (scope), 0)

/* --- Marks --- */

/*
 * Says that something happened now: a trace (cprofctl trace) shows TEXT (its
 * first 255 bytes) at this moment of the calling thread. 0, -ENOTCONN when
 * there is no collector (as without the shim), -EAGAIN when there is no room.
 * One system call, for the time. Async-signal-safe.
 */
CPROF_CALL(int, cprof_mark, (const char *text), (text), -ENOTCONN)

#endif

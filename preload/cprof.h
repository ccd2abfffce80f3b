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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

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

/* --- Profiles of the program's own (pprof.NewProfile) --- */

/*
 * The profile called NAME, made when there is none: a number from 1, for the
 * functions below. It counts objects (descriptors, connections, ...) by the
 * stack that added them, is a kind of its own at exit (COMM.PID.NAME.NNN.pb.gz)
 * and at /debug/pprof/NAME, and stays for good. NAME has 1 to 32 letters,
 * digits, '_' and '-', and is not that of another kind; a process has 32. A
 * fork child has the same profiles, which begin empty. -EINVAL: not a name;
 * -ENOSPC: too many; -ENOTCONN without the shim. Not in signal handlers.
 */
CPROF_CALL(int, cprof_profile, (const char *name), (name), -ENOTCONN)

/*
 * KEY, a descriptor's number or (uintptr_t) of an object's address, is in
 * PROFILE from now on. Every object counts, none is sampled: this is for what
 * is opened, not for each block of memory (cprof_heap_alloc()). 0; -EEXIST: it
 * is in it already; -EBADF: no profile; -ENOTCONN: no collector, or no shim;
 * -EAGAIN: no room, and counted as lost. Waits up to 1 ms for room.
 * Async-signal-safe.
 */
CPROF_CALL(int, cprof_profile_add, (int profile, uint64_t key), (profile, key),
	   -ENOTCONN)

/*
 * KEY is in PROFILE no longer. To be said before the number or the address is
 * given back, since another thread may get it then. 0; -ENOENT: it was not;
 * -EBADF; -ENOTCONN without the shim. Async-signal-safe.
 */
CPROF_CALL(int, cprof_profile_remove, (int profile, uint64_t key),
	   (profile, key), -ENOTCONN)

/*
 * How many are in PROFILE; -EBADF; 0 without the shim. Async-signal-safe.
 */
CPROF_CALL(long, cprof_profile_count, (int profile), (profile), 0)

/* --- Heaps of the program's own --- */

/*
 * The heap called NAME: a number from 1, for the functions below. Its blocks
 * are sampled as those of malloc and show in the same profiles, with the label
 * "heap": NAME. Names and errors as for cprof_profile(). Not in signal
 * handlers.
 */
CPROF_CALL(int, cprof_register_heap, (const char *name), (name), -ENOTCONN)

/*
 * HEAP gave out the block P of N_BYTES (NULL: it had none), or takes it back;
 * the latter to be said before another may get it. A few nanoseconds but for
 * sampled blocks. 0; -EBADF: no heap; -ENOTCONN without the shim.
 * Async-signal-safe.
 */
CPROF_CALL(int, cprof_heap_alloc, (int heap, const void *p, size_t n_bytes),
	   (heap, p, n_bytes), -ENOTCONN)
CPROF_CALL(int, cprof_heap_free, (int heap, const void *p), (heap, p),
	   -ENOTCONN)

/*
 * While paused, what the calling thread allocates by malloc and its like is not
 * sampled: for the memory that a heap takes blocks from, which would count
 * twice. Returns what was before (0 or 1), to be brought back:
 *
 *	int was_paused = cprof_heap_pause(1);
 *	chunk = malloc(CHUNK_BYTES);
 *	cprof_heap_pause(was_paused);
 *
 * Without the shim: 0. Async-signal-safe.
 */
CPROF_CALL(int, cprof_heap_pause, (int is_paused), (is_paused), 0)

/* --- Profiles now and of an interval, and rates --- */

/*
 * Writes the profile KIND ("cpu", "heap", "allocs", "block", "mutex",
 * "threadcreate", or the name of one of the program's own) as it is since the
 * start to PATH, which is made or emptied, or to the open descriptor FD. A
 * gzip'ed pprof file. Asks the collector.
 * 0; -EINVAL; -ENOENT: no such kind, or nobody knows this process; -ENOTCONN:
 * no collector, or no shim; -ETIMEDOUT; or the error of opening or writing.
 * Not in signal handlers.
 */
CPROF_CALL(int, cprof_write, (const char *kind, const char *path), (kind, path),
	   -ENOTCONN)
CPROF_CALL(int, cprof_write_fd, (const char *kind, int fd), (kind, fd),
	   -ENOTCONN)

/*
 * Begins an interval of KIND (pprof.StartCPUProfile, for all kinds), or ends it
 * and writes what has happened in it (PATH NULL: drops it), as cprof_write().
 * One at a time of each kind; where cpu.hz is 0 that of "cpu" is taken at 100.
 * Asks the collector. Errors as of cprof_write(); -EBUSY: there is one already;
 * -EINVAL: there is none. Not in signal handlers.
 */
CPROF_CALL(int, cprof_start, (const char *kind), (kind), -ENOTCONN)
CPROF_CALL(int, cprof_stop, (const char *kind, const char *path), (kind, path),
	   -ENOTCONN)
CPROF_CALL(int, cprof_stop_fd, (const char *kind, int fd), (kind, fd),
	   -ENOTCONN)

/*
 * Sets the rate KEY, as `cprofctl set` does, and returns what it was: "cpu.hz"
 * (0 to 10000), "heap.rate" (bytes), "block.rate" (ns), "mutex.fraction"; 0 =
 * off. VALUE < 0 only asks. Gaps between heap samples that were begun end at
 * the rate they were drawn at. Asks the collector, unless it only asks.
 * -EINVAL: no such key or value, or the socket transport, which can't change
 * rates; -ENOTCONN: no collector, or no shim. Not in signal handlers.
 */
CPROF_CALL(int64_t, cprof_set_rate, (const char *key, int64_t value),
	   (key, value), -ENOTCONN)

/* --- One line in main (pkg/profile) --- */

/*
 * CPROF_PROFILE_MAIN("cpu,heap"), first in main: when main returns or exit() is
 * called, the profiles named (as for cprof_write()) are written as KIND.pb.gz
 * in the working directory of that moment. "cpu", "block" and "mutex" begin at
 * this line, the others have everything since the start. KINDS is kept: a
 * literal. Nothing happens without the shim or a collector, nor in fork
 * children.
 */
#ifndef CPROF_PROFILE_MAIN
#define CPROF_PROFILE_MAIN(kinds) cprof_profile_main(kinds)

struct cprof_at_exit {
	const char *kinds;
	pid_t pid;
};

static inline struct cprof_at_exit *cprof_main(void)
{
	static struct cprof_at_exit m;

	return &m;
}

static inline int cprof_main_begin(const char *kind)
{
	if (strcmp(kind, "cpu") && strcmp(kind, "profile") &&
	    strcmp(kind, "block") && strcmp(kind, "mutex"))
		return 0;
	return cprof_start(kind);
}

static inline int cprof_main_write(const char *kind)
{
	char path[64];
	int err;

	(void)snprintf(path, sizeof(path), "%.40s.pb.gz", kind);
	err = cprof_stop(kind, path);
	return err == -EINVAL ? cprof_write(kind, path) : err;
}

static inline void cprof_main_each(const char *kinds, int (*fn)(const char *))
{
	while (*kinds) {
		char kind[40];
		size_t n = strcspn(kinds, ",");

		(void)snprintf(kind, sizeof(kind), "%.*s", n < 39 ? (int)n : 39,
			       kinds);
		if (n)
			(void)fn(kind);
		kinds += n + (kinds[n] == ',');
	}
}

static inline void cprof_main_end(void)
{
	if (cprof_main()->pid == getpid() && cprof_is_active())
		cprof_main_each(cprof_main()->kinds, cprof_main_write);
}

static inline void cprof_profile_main(const char *kinds)
{
	if (!cprof_is_active())
		return;
	cprof_main()->kinds = kinds;
	cprof_main()->pid = getpid();
	if (!atexit(cprof_main_end))
		cprof_main_each(kinds, cprof_main_begin);
}
#endif

#endif

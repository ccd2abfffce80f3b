/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public interface of libcprof.so, for a program that wants to know that it
 * is being profiled, or to have its heap written at a moment of its own
 * choosing. A program never has to use it, and never has to link with anything:
 * the functions are weak, so they are NULL where the program was not started
 * under libcprof.so. Ask before each call:
 *
 *	#include <cprof.h>
 *
 *	if (cprof_dump)
 *		cprof_dump();
 *
 * In a program that is linked statically or with -no-pie they are NULL always:
 * there the linker decides, before any libcprof.so is in sight.
 *
 * All functions: any thread, any time after main has begun, also in signal
 * handlers and in the child of fork or vfork. They don't change errno, don't
 * allocate, and wait for nobody.
 */
#ifndef CPROF_H
#define CPROF_H

#ifdef __cplusplus
extern "C" {
#endif

#define CPROF_WEAK __attribute__((weak))

/*
 * The version of the libcprof.so that is loaded, as "0.1.0". Static text.
 * Any thread, async-signal-safe.
 */
const char *cprof_version(void) CPROF_WEAK;

/*
 * 1 while samples of this process are taken: a collector has been found, and
 * neither CPROF=off nor trouble has switched the profiler off. Else 0.
 * Any thread, async-signal-safe.
 */
int cprof_is_active(void) CPROF_WEAK;

/*
 * Asks the collector for a snapshot of the heap, as the signal CPROF_SIGNAL
 * does: it is written as COMM.PID.inuse.NNN.pb.gz within a quarter of a second
 * or so, while the program goes on. 0 when it has been asked; -ENOTCONN when
 * there is no collector.
 * Any thread, async-signal-safe.
 */
int cprof_dump(void) CPROF_WEAK;

#ifdef __cplusplus
}
#endif

#endif

// SPDX-License-Identifier: Apache-2.0
//
// The functions behind ours: next in the search order after the shim, whatever
// allocator or C library that is. The only caller of dlsym, once for all, at
// the first call of any hook or in the constructor.
//
// real.NAME(...) may be called at any time, in any thread: until it is resolved
// it is a stub that resolves everything and then calls the real one, so hooks
// need no check. A function this libc does not have answers ENOSYS or NULL.
#ifndef CPROF_PRELOAD_REAL_H
#define CPROF_PRELOAD_REAL_H

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <threads.h>
#include <time.h>

struct real {
#define REAL(ret, name, params, args)		       ret(*name) params;
#define REAL_VERSION(version, ret, name, params, args) ret(*name) params;
#include "preload/real.def"
#undef REAL
#undef REAL_VERSION
};

// Hidden: then a hook reaches it without a detour by the offset table.
extern struct real real __attribute__((visibility("hidden")));

// Resolves everything. Idempotent; not async-signal-safe, so the constructor
// calls it before there can be a signal of ours.
void real_init(void);

// The next definition of NAME after the shim, or NULL; for the C++ operators,
// which may live in a library that is not in the global scope. Not
// async-signal-safe.
void *real_find(const char *name);

// Memory for malloc calls that come out of dlsym itself while it resolves
// malloc: a bump arena, never given back. True when P lies in it.
bool real_is_boot(const void *p);

// Bytes behind P in the arena that may be read. P must be a boot pointer.
size_t real_boot_bytes(const void *p);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Things the program itself names: objects in profiles of its own (NewProfile
// of Go's runtime/pprof), counted one by one, and blocks of its own heaps,
// which are sampled like malloc's. Both are heap samples to the rest of the
// shim: they have an id and a place in the live table, under a name that no
// pointer has, so that a pool's first block and the malloc'ed memory it lies in
// don't meet there.
//
// Any thread, async-signal-safe, except where it says other. Errors are
// negative errno.
#ifndef CPROF_PRELOAD_OBJECTS_H
#define CPROF_PRELOAD_OBJECTS_H

#include <stddef.h>
#include <stdint.h>

// The number of the profile, or heap, called NAME, made when there is none: 1
// and more. -EINVAL: not a name; -ENOSPC: too many. Not in signal handlers.
int objects_profile(const char *name);
int objects_heap(const char *name);

// The object KEY is in PROFILE from now on, until it is removed. May wait up to
// 1 ms for room. -EBADF, -EEXIST, -ENOTCONN, -EAGAIN: no room.
int objects_add(int profile, uint64_t key);
// -EBADF, -ENOENT.
int objects_remove(int profile, uint64_t key);
// Objects in it, or -EBADF.
long objects_count(int profile);

// HEAP gave out the block P of N_BYTES, or takes it back. -EBADF.
int objects_alloc(int heap, const void *p, size_t n_bytes);
int objects_free(int heap, const void *p);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Profiles on their way to a server, one file each, in a folder of this user's
// alone: what a server that is away for a while, or a collector that ends,
// would otherwise lose. Names sort by age. It knows nothing of what is in them,
// and is bounded: where there is no room the oldest go, and are counted.
//
// One process puts, one takes; they share a struct push_status. A third, which
// keeps the second, sets aside.
#ifndef CPROF_COLLECTOR_PUSH_SPOOL_H
#define CPROF_COLLECTOR_PUSH_SPOOL_H

#include "collector/buf.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define PUSH_NAME_BYTES 48

// In memory that all processes of a spool map. Only added up and shown:
// relaxed.
struct push_status {
	_Atomic uint64_t x_spool_bytes;
	_Atomic uint64_t x_spool_files;
	_Atomic uint64_t x_sent;       // profiles that the server took
	_Atomic uint64_t x_sent_bytes; // of them
	_Atomic uint64_t x_retries;    // attempts that failed for now
	_Atomic uint64_t x_refused;    // profiles that the server will not take
	_Atomic uint64_t x_dropped;    // profiles there was no room for
	_Atomic uint64_t x_set_aside;  // profiles that killed the sender
	_Atomic uint64_t x_missed;     // ended processes not looked at again
	_Atomic uint64_t x_senders;    // 1 while there is one, or 0
	// The item that is being sent, or "". Not shown: the sender writes it,
	// and who waits for the sender takes it after its death.
	char sending[PUSH_NAME_BYTES];
};

struct push_spool {
	int dir_fd;
	uint64_t max_bytes;
	uint32_t n_put;		    // makes names of one instant distinct
	struct push_status *status; // the owner's
};

// The names of a spool, oldest first.
struct push_names {
	char (*list)[PUSH_NAME_BYTES];
	size_t n;
	size_t capacity;
};

// Opens DIR, made 0700 if missing; -EPERM when it is not this user's alone.
// What is in it from earlier is counted in STATUS. 0 or negative errno.
int push_spool_open(const char *dir, uint64_t max_bytes,
		    struct push_status *status, struct push_spool *ret);
void push_spool_close(struct push_spool *s);

// Adds ITEM as the newest. 0, or negative errno: it is dropped, and counted.
int push_spool_put(struct push_spool *s, const struct buf *item);

// What there is now. 0 or -ENOMEM or what reading the folder failed with.
int push_spool_names(struct push_spool *s, struct push_names *ret);
void push_names_free(struct push_names *n);

// Appends the item NAME to *RET. 0 or negative errno; -ENOENT: it was dropped.
int push_spool_get(struct push_spool *s, const char *name, struct buf *ret);
// Takes NAME out.
void push_spool_remove(struct push_spool *s, const char *name);
// What is being sent becomes none. *RET_NAME: what it was; "" for none, and for
// what is no name of an item, since who can write it is believed nothing.
void push_spool_take_sending(struct push_spool *s,
			     char ret_name[PUSH_NAME_BYTES]);
// Keeps NAME under another one, *RET_NAME, that is not listed: it goes when
// there is no room, as the others do. 0 or negative errno; -EINVAL: NAME is no
// name of an item.
int push_spool_set_aside(struct push_spool *s, const char *name,
			 char ret_name[PUSH_NAME_BYTES]);

#endif

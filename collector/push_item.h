// SPDX-License-Identifier: Apache-2.0
//
// One profile as it lies in the spool: a line of JSON that says whose it is, of
// when, and how a server shall read it; then the gzip'ed profile. Pure.
#ifndef CPROF_COLLECTOR_PUSH_ITEM_H
#define CPROF_COLLECTOR_PUSH_ITEM_H

#include "collector/buf.h"
#include "proto/kind.h"

#include <jansson.h>
#include <stdint.h>

struct push_item {
	char *name;	 // what the server calls it: app{label=value,...}
	int64_t from_ns; // CLOCK_REALTIME
	int64_t until_ns;
	int64_t cpu_hz;
	char *config;	     // sample_type_config, JSON
	const char *profile; // in the bytes it was read from
	size_t profile_bytes;
};

// Whose profile it is.
struct push_source {
	const char *comm;
	uint32_t pid;
	const char *host;
	const char *labels; // k=v,k=v
};

// The name for SOURCE: its label service_name if it has one, else its comm;
// with its other labels, host and pid. To be freed; NULL: no memory.
char *push_item_name(const struct push_source *source);

// Appends I's line for a profile of KIND; the profile comes behind it.
void push_item_write(const struct push_item *i, enum kind kind,
		     struct buf *ret);

// Reads N_BYTES at DATA, which must stay. 0, -ENOMEM, or -EINVAL.
int push_item_read(const char *data, size_t n_bytes, struct push_item *ret);
void push_item_free(struct push_item *i);

#endif

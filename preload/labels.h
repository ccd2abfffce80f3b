// SPDX-License-Identifier: Apache-2.0
//
// Labels of a scope: which the calling thread's samples carry at the moment. A
// set of labels is a number: one label (key and value) and the set it was added
// to, down to set 0, which is empty. Sets are interned in a bounded table and
// stay for good, so a sample carries four bytes, a scope that was entered
// before costs a hash and a comparison, and leaving it a store.
//
// Any thread, async-signal-safe, any number at once: no lock, no system call,
// no allocation.
#ifndef CPROF_PRELOAD_LABELS_H
#define CPROF_PRELOAD_LABELS_H

#include "proto/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The calling thread's set; 0 = none. Its own: valid all-zero.
extern __thread uint32_t labels_now __attribute__((tls_model("initial-exec")));

// The set SET with KEY=VALUE added (which hides a KEY it has). 0 for KEY empty
// or longer than LABEL_KEY_MAX_BYTES, VALUE longer than LABEL_VALUE_MAX_BYTES,
// more than LABEL_DEPTH_MAX labels, or a full table.
uint32_t labels_add(uint32_t set, const char *key, const char *value);

// One set, as the collector is told it.
struct labels_set {
	uint32_t parent;
	const char *text; // key, NUL, value, NUL
	uint32_t n_bytes;
};
// False where SET is 0 or none.
bool labels_get(uint32_t set, struct labels_set *ret);

// Whether the collector that TOKEN names was told of SET and what it is made
// of.
bool labels_is_sent(uint32_t set, uint32_t token);
void labels_set_sent(uint32_t set, uint32_t token);

#endif

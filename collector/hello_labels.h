// SPDX-License-Identifier: Apache-2.0
//
// The labels a process came with (CPROF_LABELS): "key=value,key=value", as its
// hello says them, of any bytes. Pure.
#ifndef CPROF_COLLECTOR_HELLO_LABELS_H
#define CPROF_COLLECTOR_HELLO_LABELS_H

#include <stdbool.h>
#include <stddef.h>

// What a process is called, where it says so by a label.
#define HELLO_SERVICE "service_name"

struct hello_label {
	const char *key, *value; // in the text, not ended
	size_t key_bytes, value_bytes;
};

// The label at AT, and where the next one begins. False at the end.
bool hello_labels_next(const char **at, struct hello_label *ret);

bool hello_labels_is_service(const struct hello_label *l);

// The label HELLO_SERVICE of LABELS. False: there is none.
bool hello_labels_service(const char *labels, struct hello_label *ret);

#endif

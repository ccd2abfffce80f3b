// SPDX-License-Identifier: Apache-2.0
//
// Putting short texts together in the caller's bounded buffer, without stdio:
// paths, numbers, log lines. What does not fit makes the text bad, never
// longer. Any thread, async-signal-safe.
#ifndef CPROF_PRELOAD_TEXT_H
#define CPROF_PRELOAD_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *at; // NUL-terminated
	size_t n_bytes;
	size_t size_bytes; // with the NUL
	bool is_cut;
};

// An empty text in BYTES of SIZE > 0.
void text_init(struct text *t, char *bytes, size_t size);
void text_add(struct text *t, const char *s);
void text_add_bytes(struct text *t, const char *s, size_t n);
void text_add_number(struct text *t, uint64_t n);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// A growable run of bytes: what renderers write into and files are written
// from. It knows nothing of what it holds. Errors stick: after one failed
// append (no memory, or past the limit) every later one does nothing and
// buf_error() says so, so that a writer checks once, at the end.
// One thread at a time.
#ifndef CPROF_COLLECTOR_BUF_H
#define CPROF_COLLECTOR_BUF_H

#include <stdarg.h>
#include <stddef.h>

struct buf {
	char *data; // n_bytes long and a NUL behind, NULL while empty
	size_t n_bytes;
	size_t capacity_bytes;
	int error; // 0 or negative errno
};

// An empty buffer; nothing is allocated until the first append.
void buf_init(struct buf *b);
// Frees the bytes; B is empty again.
void buf_fini(struct buf *b);
// Forgets the bytes and the error, keeps the memory.
void buf_clear(struct buf *b);
void buf_put(struct buf *b, const void *bytes, size_t n_bytes);
void buf_puts(struct buf *b, const char *text);
void buf_printf(struct buf *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));
// 0, or the first error as a negative errno.
int buf_error(const struct buf *b);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Renderers append thousands of small pieces and nobody wants to check each of
// them: the first error sticks, and the one who asked for the bytes asks once.
#include "collector/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// No profile, page or answer is longer; what is has gone wrong.
#define BUF_MAX_BYTES ((size_t)1 << 30)
#define BUF_MIN_BYTES 256u

void buf_init(struct buf *b)
{
	*b = (struct buf){0};
}

void buf_fini(struct buf *b)
{
	free(b->data);
	buf_init(b);
}

void buf_clear(struct buf *b)
{
	b->n_bytes = 0;
	b->error = 0;
	if (b->data)
		b->data[0] = '\0';
}

int buf_error(const struct buf *b)
{
	return b->error;
}

// Room for N_MORE bytes and the NUL behind them. 0 or negative errno, kept.
static int reserve(struct buf *b, size_t n_more)
{
	size_t need, capacity = b->capacity_bytes;
	char *data;

	if (b->error)
		return b->error;
	if (n_more >= BUF_MAX_BYTES || b->n_bytes + n_more >= BUF_MAX_BYTES)
		return b->error = -EFBIG;
	need = b->n_bytes + n_more + 1;
	if (need <= capacity)
		return 0;
	if (capacity < BUF_MIN_BYTES)
		capacity = BUF_MIN_BYTES;
	while (capacity < need)
		capacity *= 2;
	data = realloc(b->data, capacity);
	if (!data)
		return b->error = -ENOMEM;
	b->data = data;
	b->capacity_bytes = capacity;
	return 0;
}

void buf_put(struct buf *b, const void *bytes, size_t n_bytes)
{
	if (reserve(b, n_bytes) < 0)
		return;
	if (n_bytes)
		memcpy(b->data + b->n_bytes, bytes, n_bytes);
	b->n_bytes += n_bytes;
	b->data[b->n_bytes] = '\0';
}

void buf_puts(struct buf *b, const char *text)
{
	buf_put(b, text, strlen(text));
}

void buf_vprintf(struct buf *b, const char *format, va_list args)
{
	va_list again;
	int n;

	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, args);
	if (n < 0 && !b->error)
		b->error = -EINVAL;
	if (n >= 0 && reserve(b, (size_t)n) >= 0) {
		vsnprintf(b->data + b->n_bytes, (size_t)n + 1, format, again);
		b->n_bytes += (size_t)n;
	}
	va_end(again);
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	buf_vprintf(b, format, args);
	va_end(args);
}

// SPDX-License-Identifier: Apache-2.0
//
// Consume or error: `at` moves only over what is whole.
#include "collector/report_wire.h"

#include <errno.h>

#define VARINT_MAX_BYTES 10

int report_wire_varint(struct report_wire *w, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (int i = 0; i < VARINT_MAX_BYTES && w->at + i < w->end; i++) {
		value |= (uint64_t)(w->at[i] & 0x7f) << (7 * i);
		if (w->at[i] & 0x80)
			continue;
		w->at += i + 1;
		*ret_value = value;
		return 0;
	}
	return -EBADMSG;
}

static int take_bytes(struct report_wire *w, size_t n_bytes,
		      struct report_wire_field *f)
{
	if (n_bytes > (size_t)(w->end - w->at))
		return -EBADMSG;
	f->bytes = w->at;
	f->n_bytes = n_bytes;
	w->at += n_bytes;
	return 0;
}

static int take_payload(struct report_wire *w, struct report_wire_field *f)
{
	uint64_t n_bytes;

	switch (f->type) {
	case REPORT_WIRE_VARINT:
		return report_wire_varint(w, &f->value);
	case REPORT_WIRE_FIXED64:
		return take_bytes(w, 8, f);
	case REPORT_WIRE_FIXED32:
		return take_bytes(w, 4, f);
	case REPORT_WIRE_BYTES:
		if (report_wire_varint(w, &n_bytes) || n_bytes > SIZE_MAX)
			return -EBADMSG;
		return take_bytes(w, (size_t)n_bytes, f);
	}
	return -EBADMSG; // groups, and what does not exist
}

int report_wire_next(struct report_wire *w, struct report_wire_field *ret_field)
{
	struct report_wire_field f = {.offset = (size_t)(w->at - w->start)};
	uint64_t tag;

	if (w->at == w->end)
		return 0;
	if (report_wire_varint(w, &tag))
		return -EBADMSG;
	f.number = tag >> 3;
	f.type = (enum report_wire_type)(tag & 7);
	if (!f.number || take_payload(w, &f))
		return -EBADMSG;
	*ret_field = f;
	return 1;
}

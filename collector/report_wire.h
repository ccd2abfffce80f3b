// SPDX-License-Identifier: Apache-2.0
//
// The fields of one protobuf message, one after the other, with their places:
// what protobuf-c does not tell of a message that it can't read. Never
// allocates. One thread.
#ifndef CPROF_COLLECTOR_REPORT_WIRE_H
#define CPROF_COLLECTOR_REPORT_WIRE_H

#include <stddef.h>
#include <stdint.h>

enum report_wire_type {
	REPORT_WIRE_VARINT = 0,
	REPORT_WIRE_FIXED64 = 1,
	REPORT_WIRE_BYTES = 2,
	REPORT_WIRE_FIXED32 = 5
};

struct report_wire {
	const uint8_t *start, *at, *end;
};

struct report_wire_field {
	size_t offset; // of its tag, from the message's start
	uint64_t number;
	enum report_wire_type type;
	uint64_t value;	      // of a varint
	const uint8_t *bytes; // of bytes
	size_t n_bytes;
};

// 1 and the next field, 0 at the end, -EBADMSG where there is none to read.
int report_wire_next(struct report_wire *w,
		     struct report_wire_field *ret_field);

// The next number of a packed field. 0, or -EBADMSG.
int report_wire_varint(struct report_wire *w, uint64_t *ret_value);

#endif

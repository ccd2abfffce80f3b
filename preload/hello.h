// SPDX-License-Identifier: Apache-2.0
//
// The first message on the socket, written by hand in protobuf's wire format
// (varints and length-delimited fields): the shim links no protobuf library. A
// unit test decodes it with protobuf-c.
#ifndef CPROF_PRELOAD_HELLO_H
#define CPROF_PRELOAD_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hello {
	uint32_t pid;
	uint32_t parent_pid; // of a fork child, else 0
	uint32_t transport;  // TRANSPORT_*
	bool is_reconnect;
	uint64_t start_time_ns; // CLOCK_REALTIME
	uint64_t program_start;
	uint64_t region_bytes;	     // mapped already, 0 = none
	const char *const *warnings; // ends in NULL
};

// Writes header and message to RET (SIZE bytes). The number of bytes, or
// -EMSGSIZE. Reads conf; async-signal-safe, one
// thread at a time.
long hello_write(const struct hello *h, unsigned char *ret, size_t size);

#endif

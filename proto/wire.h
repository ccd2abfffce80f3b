// SPDX-License-Identifier: Apache-2.0
//
// Framing of the messages on the collector's Unix stream socket; what the
// messages hold is in cprof.proto. A connection whose first four bytes are not
// WIRE_MAGIC is an HTTP client.
#ifndef CPROF_PROTO_WIRE_H
#define CPROF_PROTO_WIRE_H

#include <assert.h>
#include <stdint.h>

#define WIRE_MAGIC 0x46525043u // "CPRF" in memory

enum wire_type {
	WIRE_HELLO = 1,	 // shim: Hello, with descriptors of maps and mem
	WIRE_RING = 2,	 // collector: use the region; its memfd is attached
	WIRE_SOCKET = 3, // collector: use the attached SOCK_SEQPACKET end
	WIRE_REFUSE = 4, // collector: Refuse says why; stay inert
	WIRE_BYE = 5,	 // shim: Bye, a doorbell: look at x_goodbye now
	WIRE_LISTEN = 6, // cprofctl: serve HTTP at the attached socket; no body
	WIRE_N
};

struct wire_header {
	uint32_t magic;	       // WIRE_MAGIC
	uint16_t version;      // PROTO_VERSION
	uint16_t type;	       // enum wire_type
	uint32_t length_bytes; // of the protobuf message that follows
};
static_assert(sizeof(struct wire_header) == 12, "wire header is 12 bytes");

#endif

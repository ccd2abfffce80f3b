// SPDX-License-Identifier: Apache-2.0
//
// The two version numbers. CPROF_VERSION is what people see; PROTO_VERSION is
// what the shim and the collector compare before they share anything: the
// layout of the region, the ring records and the socket messages. A collector
// refuses a shim of another PROTO_VERSION by name instead of guessing.
#ifndef CPROF_PROTO_VERSION_H
#define CPROF_PROTO_VERSION_H

#define CPROF_VERSION "0.1.0"
#define PROTO_VERSION 5

#endif

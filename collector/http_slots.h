// SPDX-License-Identifier: Apache-2.0
//
// The places of HTTP connections: so many over the Unix socket, of one process
// no more than half of them, and so many over TCP. Where all are taken, who has
// sat in one for a second without asking anything (a head that does not come to
// its end, a connection kept open, an answer that is not read) loses it to the
// newcomer; who waits for an answer keeps it, and who has gone has none.
//
// A descriptor has its place from http_slots_take() to http_slots_leave(), and
// is open all that time, or closed a moment before http_slots_leave_serial().
// Any thread.
#ifndef CPROF_COLLECTOR_HTTP_SLOTS_H
#define CPROF_COLLECTOR_HTTP_SLOTS_H

#include "proto/limits.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct http_slot {
	bool is_taken;
	bool is_tcp;
	bool is_serving; // its answer is being made
	bool is_evicted; // it is about to leave, and counts no more
	int fd;
	uint32_t pid;	   // of the peer; 0 over TCP
	uint64_t since_ns; // is_serving has been what it is
	uint64_t serial;   // no other ever has it; from 1
};

// Evicted ones are there a moment longer, and so are those whose peer has gone.
#define HTTP_SLOTS_MAX (4 * (HTTP_MAX + HTTP_TCP_MAX))

struct http_slots {
	pthread_mutex_t lock; // leaf: held for the look and the change only
	uint64_t n_taken;     // ever
	struct http_slot list[HTTP_SLOTS_MAX];
};

void http_slots_init(struct http_slots *s);
void http_slots_fini(struct http_slots *s);

// A place for FD, whose peer is process PID, or somebody over TCP (IS_TCP);
// -EUSERS: there is none.
int http_slots_take(struct http_slots *s, int fd, bool is_tcp, uint32_t pid);
void http_slots_leave(struct http_slots *s, int fd);
// The serial of FD's place, and giving that place back, if it is still taken,
// when FD may have been closed and be somebody else's by now.
uint64_t http_slots_serial(struct http_slots *s, int fd);
void http_slots_leave_serial(struct http_slots *s, uint64_t serial);
// An answer is being made from now on, or is made.
void http_slots_serve(struct http_slots *s, int fd, bool is_serving);
// True when FD came over TCP.
bool http_slots_is_tcp(struct http_slots *s, int fd);

#endif

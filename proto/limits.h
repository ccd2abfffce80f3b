// SPDX-License-Identifier: Apache-2.0
//
// Every bound that both processes rely on, in one place, with its reason.
#ifndef CPROF_PROTO_LIMITS_H
#define CPROF_PROTO_LIMITS_H

// A socket message: a hello with the longest command line and directory, twice.
#define WIRE_MESSAGE_MAX_BYTES (64u << 10)
// What is kept of argv, of a directory template and of the labels.
#define WIRE_CMDLINE_MAX_BYTES 4096u
#define WIRE_DIR_MAX_BYTES     4096u
#define WIRE_LABELS_MAX_BYTES  4096u
// Descriptors a hello carries: maps, mem.
#define WIRE_HELLO_FDS 2
// And the answer: the region, the unwind tables.
#define WIRE_RING_FDS 2
// sockaddr_un.sun_path with its final NUL is 108 bytes.
#define SOCKET_NAME_MAX_BYTES 107u

// The copy of a stack: covers 128 ordinary frames; larger ones are cut and say
// so. Bounds a record, and with it what the collector reads at once.
#define STACK_COPY_MAX_BYTES 16384u
#define STACK_DEPTH_MAX	     1024u
#define RECORD_MAX_BYTES     (STACK_COPY_MAX_BYTES + 512u)

// The region: the stripes, and the range a collector may choose from.
#define STRIPES_MAX	 64u
#define STRIPE_MIN_BYTES (64u << 10)
#define STRIPE_MAX_BYTES (16u << 20)
// What of a stripe is used while it is read in time, and how often its writers
// look for the end of a time when it isn't.
#define STRIPE_WINDOW_BYTES (32u << 10)
#define STRIPE_LOOK_BYTES   1024u
#define LIVE_BUCKETS_MAX    (1u << 20)
#define LG_SENT_MAX	    20u

// A collector that has not moved its heartbeat for this long is gone.
#define HEARTBEAT_STALE_NS 5000000000ull

// What one process may have of the collector's at once, and all together; the
// collector's README says what happens beyond each.
//
// Connections that have not said what they are: they end by themselves after
// the time-out, or a tenth of it while there are as many as there may be.
#define CONN_MAX	 64u
#define CONN_PER_PROCESS 4u
#define CONN_TIMEOUT_NS	 5000000000u
// HTTP connections; a request waits in one, so these are the open requests too.
#define HTTP_MAX	 64u
#define HTTP_PER_PROCESS 32u
// Those over TCP have places of their own; nobody can tell their processes.
#define HTTP_TCP_MAX 128u
// What is kept of a request's body, and the memory of a connection, which is as
// much as its head may have.
#define HTTP_BODY_MAX_BYTES (1u << 20)
#define HTTP_HEAD_MAX_BYTES (32u << 10)
// Sessions: profiled processes, with those that are just being written.
#define SESSIONS_MAX 4096u
// Of one session: stacks and their frames, rows of a table, live samples,
// frees that came before their allocation, threads with a name.
#define STACKS_MAX	  (1u << 18)
#define STACKS_FRAMES_MAX (1u << 22)
#define AGG_ROWS_MAX	  (1u << 19)
#define AGG_LIVE_MAX	  (5u << 19)
#define AGG_EARLY_MAX	  (1u << 20)
#define THREADS_MAX	  65536u
// Rows of threads that have ended are added up by the threads' names whenever a
// table has grown by so many, or the list of threads; so many names; and so
// many threads whose numbers are remembered for the snapshots before that.
#define AGG_FOLD_ROWS	 (1u << 16)
#define THREADS_FOLD	 (THREADS_MAX / 4)
#define THREAD_NAMES_MAX 4096u
#define FOLDED_MAX	 (1u << 22)
// Sets of labels of a process, set 0 included, and what is in one. A program
// that labels by an id of each request fills the table soon: then the labels of
// the scope outside stay.
#define LABEL_SETS_MAX	      4096u
#define LABEL_DEPTH_MAX	      16u
#define LABEL_KEY_MAX_BYTES   64u
#define LABEL_VALUE_MAX_BYTES 255u
// Profiles of a program's own, and their names. Objects in them have places in
// the live table.
#define PROFILES_MAX	       32u
#define PROFILE_NAME_MAX_BYTES 32u
// Its images, ever (a JIT whose code area grows makes a new one at each look;
// as many tries to open the file of one that has gone), and the unwinding
// tables of their files.
#define IMAGES_MAX	 16384u
#define IMAGES_MAX_BYTES (512ull << 20)
// Snapshots by signal on their way to the disk.
#define DUMPS_MAX 4u

#endif

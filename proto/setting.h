// SPDX-License-Identifier: Apache-2.0
//
// The settings as an enum and a table, from settings.def, and the parsers of
// their values. Both processes read a value the same way: the shim from its
// environment, the collector from `cprofctl set`. No allocation, no locale, no
// errno: every function here is async-signal-safe and runs in any thread.
#ifndef CPROF_PROTO_SETTING_H
#define CPROF_PROTO_SETTING_H

#include <stdint.h>

enum setting {
#define SETTING(id, env, key, type, def, help) SETTING_##id,
#include "proto/settings.def"
#undef SETTING
	SETTING_N
};

enum setting_type {
	VALUE_SWITCH,	 // 0 off, 1 on
	VALUE_STRING,	 // not parsed
	VALUE_SIZE,	 // bytes
	VALUE_HZ,	 // 0..10000
	VALUE_TIME,	 // nanoseconds
	VALUE_COUNT,	 // a whole number
	VALUE_DEPTH,	 // 1..STACK_DEPTH_MAX
	VALUE_SIGNAL,	 // signal number, 0 = none
	VALUE_QUIET,	 // the same, of one that is ignored by default
	VALUE_TRANSPORT, // 0 ring, 1 socket
	VALUE_KINDS,	 // bit set by enum kind
	VALUE_FOLLOW,	 // FOLLOW_* bits
	VALUE_LABELS,	 // checked, kept as text
	VALUE_LOG,	 // 0 off .. 3 debug
	VALUE_N
};

enum { FOLLOW_EXEC = 1, FOLLOW_FORK = 2 };
enum { TRANSPORT_RING = 0, TRANSPORT_SOCKET = 1 };
enum { LOG_OFF = 0, LOG_ERROR = 1, LOG_INFO = 2, LOG_DEBUG = 3 };

struct setting_info {
	const char *env;
	const char *key; // "" where it can't be changed while running
	enum setting_type type;
	const char *def;
	const char *help;
};

extern const struct setting_info setting_table[SETTING_N];

// Reads TEXT as a value of TYPE. Returns 0 and writes *ret_value (bytes, ns,
// a number or bits, see enum setting_type; 0 for text), or -EINVAL with nothing
// written.
int setting_parse(enum setting_type type, const char *text,
		  uint64_t *ret_value);

// What is allowed for TYPE, as a phrase for an error message. Static text.
const char *setting_allowed(enum setting_type type);

#endif

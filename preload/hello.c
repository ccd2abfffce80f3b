// SPDX-License-Identifier: Apache-2.0
//
// Hello's fields by the numbers of proto/cprof.proto.
#include "preload/hello.h"

#include "preload/conf.h"
#include "preload/sys.h"
#include "proto/limits.h"
#include "proto/version.h"
#include "proto/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum hello_field {
	HELLO_PID = 1,
	HELLO_START_TIME_NS,
	HELLO_CMDLINE,
	HELLO_DIR,
	HELLO_CWD,
	HELLO_HEAP_RATE,
	HELLO_CPU_HZ,
	HELLO_BLOCK_RATE_NS,
	HELLO_MUTEX_FRACTION,
	HELLO_STACK_DEPTH,
	HELLO_TRANSPORT,
	HELLO_EXIT_KINDS,
	HELLO_FOLLOW,
	HELLO_LABELS,
	HELLO_BAD_SETTINGS,
	HELLO_WARNINGS,
	HELLO_IS_FORK,
	HELLO_PARENT_PID,
	HELLO_PROGRAM_START,
	HELLO_ENVIRONMENT,
	HELLO_IS_RECONNECT,
	HELLO_REGION_BYTES,
	HELLO_DUMP_EVERY_NS,
	HELLO_DUMP_ALLOC_BYTES,
	HELLO_DUMP_PEAK_BYTES,
	HELLO_DUMP_KINDS,
	HELLO_KEEP,
	HELLO_MAX_DISK_BYTES,
};
enum bad_setting_field { BAD_NAME = 1, BAD_VALUE, BAD_ALLOWED };
enum wire_kind { WIRE_VARINT = 0, WIRE_BYTES = 2 };

// Buffers are static here: one thread at a time attaches, maybe in a signal
// handler on a host's small alternate stack.

// Bytes appended so far; an overflow sticks.
struct out {
	unsigned char *at;
	size_t n, size;
	bool is_full;
};

static void put_byte(struct out *o, unsigned char b)
{
	if (o->n == o->size)
		o->is_full = true;
	else
		o->at[o->n++] = b;
}

static void put_varint(struct out *o, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		put_byte(o, (unsigned char)(v | 0x80));
	put_byte(o, (unsigned char)v);
}

static void put_number(struct out *o, uint32_t field, uint64_t v)
{
	if (!v)
		return; // proto3: 0 is the default
	put_varint(o, field << 3 | WIRE_VARINT);
	put_varint(o, v);
}

static void put_bytes(struct out *o, uint32_t field, const void *bytes,
		      size_t n)
{
	if (!n)
		return;
	put_varint(o, field << 3 | WIRE_BYTES);
	put_varint(o, n);
	if (n > o->size - o->n) {
		o->is_full = true;
		return;
	}
	sys_copy(o->at + o->n, bytes, n);
	o->n += n;
}

static void put_string(struct out *o, uint32_t field, const char *s, size_t max)
{
	put_bytes(o, field, s, strnlen(s, max));
}

static void put_cmdline(struct out *o)
{
	static char bytes[WIRE_CMDLINE_MAX_BYTES];
	long fd = sys_call(SYS_openat, AT_FDCWD, "/proc/self/cmdline",
			   O_RDONLY | O_CLOEXEC);
	long n;

	if (fd < 0)
		return;
	n = sys_call(SYS_read, fd, bytes, sizeof(bytes));
	(void)sys_call(SYS_close, fd);
	if (n > 0)
		put_bytes(o, HELLO_CMDLINE, bytes, (size_t)n);
}

static void put_cwd(struct out *o)
{
	static char bytes[WIRE_DIR_MAX_BYTES];
	long n = sys_call(SYS_getcwd, bytes, sizeof(bytes));

	if (n > 0)
		put_string(o, HELLO_CWD, bytes, sizeof(bytes));
}

static void put_bad_setting(struct out *o, enum setting id)
{
	static unsigned char bytes[1024];
	struct out inner = {.at = bytes, .size = sizeof(bytes)};
	const struct setting_info *info = &setting_table[id];

	put_string(&inner, BAD_NAME, info->env, 64);
	put_string(&inner, BAD_VALUE, conf.bad[id], 256);
	put_string(&inner, BAD_ALLOWED, setting_allowed(info->type), 256);
	put_bytes(o, HELLO_BAD_SETTINGS, bytes, inner.n);
}

static void put_variable(struct out *o, const char *name, size_t n)
{
	const char *value = conf_getenv(name, n);

	if (value)
		put_string(o, HELLO_ENVIRONMENT, value - n - 1,
			   WIRE_DIR_MAX_BYTES);
}

// NAME=value for each %{NAME} in the directory's template, and gperftools'.
static void put_environment(struct out *o)
{
	const char *s = conf.texts[SETTING_DIR];

	while ((s = strstr(s, "%{"))) {
		size_t n = strcspn(s += 2, "}");

		put_variable(o, s, n);
		s += n;
	}
#define GPERF(name, help) put_variable(o, #name, sizeof(#name) - 1);
#include "proto/gperf.def"
#undef GPERF
}

static void put_dumps(struct out *o)
{
	put_number(o, HELLO_DUMP_EVERY_NS, conf.values[SETTING_DUMP_EVERY]);
	put_number(o, HELLO_DUMP_ALLOC_BYTES, conf.values[SETTING_DUMP_ALLOC]);
	put_number(o, HELLO_DUMP_PEAK_BYTES, conf.values[SETTING_DUMP_PEAK]);
	put_number(o, HELLO_DUMP_KINDS, conf.values[SETTING_DUMP_KINDS]);
	put_number(o, HELLO_KEEP, conf.values[SETTING_KEEP]);
	put_number(o, HELLO_MAX_DISK_BYTES, conf.values[SETTING_MAX_DISK]);
}

static void put_rates(struct out *o)
{
	put_number(o, HELLO_HEAP_RATE, conf.values[SETTING_HEAP_RATE]);
	put_number(o, HELLO_CPU_HZ, conf.values[SETTING_CPU_HZ]);
	put_number(o, HELLO_BLOCK_RATE_NS, conf.values[SETTING_BLOCK_RATE]);
	put_number(o, HELLO_MUTEX_FRACTION,
		   conf.values[SETTING_MUTEX_FRACTION]);
	put_number(o, HELLO_STACK_DEPTH, conf.values[SETTING_STACK_DEPTH]);
	put_number(o, HELLO_EXIT_KINDS, conf.values[SETTING_EXIT]);
	put_number(o, HELLO_FOLLOW, conf.values[SETTING_FOLLOW]);
}

static void put_process(struct out *o, const struct hello *h)
{
	put_number(o, HELLO_PID, h->pid);
	put_number(o, HELLO_START_TIME_NS, h->start_time_ns);
	put_number(o, HELLO_IS_FORK, h->parent_pid != 0);
	put_number(o, HELLO_PARENT_PID, h->parent_pid);
	put_number(o, HELLO_PROGRAM_START, h->program_start);
	put_number(o, HELLO_IS_RECONNECT, h->is_reconnect);
	put_number(o, HELLO_REGION_BYTES, h->region_bytes);
	put_number(o, HELLO_TRANSPORT, h->transport);
}

static void put_texts(struct out *o, const struct hello *h)
{
	put_cmdline(o);
	put_string(o, HELLO_DIR, conf.texts[SETTING_DIR], WIRE_DIR_MAX_BYTES);
	put_cwd(o);
	put_string(o, HELLO_LABELS, conf.texts[SETTING_LABELS],
		   WIRE_LABELS_MAX_BYTES);
	for (int id = 0; id < SETTING_N; id++)
		if (conf.bad[id])
			put_bad_setting(o, (enum setting)id);
	for (const char *const *w = h->warnings; *w; w++)
		put_string(o, HELLO_WARNINGS, *w, 256);
	put_environment(o);
}

long hello_write(const struct hello *h, unsigned char *ret, size_t size)
{
	struct wire_header header = {.magic = WIRE_MAGIC,
				     .version = PROTO_VERSION,
				     .type = WIRE_HELLO};
	struct out o = {.at = ret, .n = sizeof(header), .size = size};

	put_process(&o, h);
	put_rates(&o);
	put_dumps(&o);
	put_texts(&o, h);
	if (o.is_full)
		return -EMSGSIZE;
	header.length_bytes = (uint32_t)(o.n - sizeof(header));
	memcpy(ret, &header, sizeof(header));
	return (long)o.n;
}

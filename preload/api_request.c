// SPDX-License-Identifier: Apache-2.0
//
// cprof.h: what the collector is asked for and waited for.
#define CPROF_CALL(type, name, parameters, arguments, otherwise) \
	type name parameters;
#define CPROF_PROFILE_MAIN // only the functions
#include "preload/cprof.h"

#include "preload/request.h"
#include "preload/state.h"
#include "preload/sys.h"
#include "preload/text.h"
#include "proto/setting.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#define PATH_BYTES  192u
#define FILE_MODE   0666 // as the umask wants it
#define KIND_LENGTH 32u

// Kinds and keys go into a request as they are.
static bool is_word(const char *s)
{
	size_t n = s ? strnlen(s, KIND_LENGTH + 1) : 0;

	for (size_t i = 0; i < n; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') ||
		      (s[i] >= 'A' && s[i] <= 'Z') ||
		      (s[i] >= '0' && s[i] <= '9') || s[i] == '_' ||
		      s[i] == '-' || s[i] == '.'))
			return false;
	return n && n <= KIND_LENGTH;
}

// METHOD START + WORD + END, whose answer goes to FD.
static int ask(const char *method, const char *const parts[3], int fd)
{
	char path[PATH_BYTES];
	struct text t;
	int host_errno = errno;
	int err;

	if (!is_word(parts[1]))
		return -EINVAL;
	if (!state_control() || state_is_sandboxed())
		return -ENOTCONN;
	text_init(&t, path, sizeof(path));
	for (int i = 0; i < 3; i++)
		text_add(&t, parts[i]);
	err = request_send(method, path, fd);
	errno = host_errno;
	return err;
}

// The profile of now, or of the interval that was begun, which ends.
static int get_profile(const char *kind, bool is_begun, int fd)
{
	return is_begun ? ask("POST",
			      (const char *const[]){"/api/end?kind=", kind, ""},
			      fd)
			: ask("GET",
			      (const char *const[]){"/api/profile?kind=", kind,
						    ""},
			      fd);
}

// To PATH, which is made when there is somebody to ask; NULL: to nobody.
static int get_file(const char *kind, bool is_begun, const char *path)
{
	long fd = -1;
	int err;

	// Before the file is touched.
	if (!state_control() || state_is_sandboxed())
		return -ENOTCONN;
	if (path)
		fd = sys_call(SYS_openat, AT_FDCWD, path,
			      O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			      FILE_MODE);
	if (path && fd < 0)
		return (int)fd;
	err = get_profile(kind, is_begun, (int)fd);
	if (fd >= 0 && sys_call(SYS_close, fd) && !err)
		err = -EIO;
	return err;
}

EXPORT int cprof_write(const char *kind, const char *path)
{
	return path ? get_file(kind, false, path) : -EINVAL;
}

EXPORT int cprof_write_fd(const char *kind, int fd)
{
	return fd >= 0 ? get_profile(kind, false, fd) : -EBADF;
}

EXPORT int cprof_start(const char *kind)
{
	return ask("POST", (const char *const[]){"/api/start?kind=", kind, ""},
		   -1);
}

EXPORT int cprof_stop(const char *kind, const char *path)
{
	return get_file(kind, true, path);
}

EXPORT int cprof_stop_fd(const char *kind, int fd)
{
	return fd >= 0 ? get_profile(kind, true, fd) : -EBADF;
}

static const _Atomic uint64_t *rate_of(const struct region_control *c,
				       const char *key, bool *ret_is_time)
{
	const struct {
		enum setting setting;
		const _Atomic uint64_t *x_rate;
	} rates[] = {
		{SETTING_HEAP_RATE, &c->x_heap_rate},
		{SETTING_CPU_HZ, &c->x_cpu_hz},
		{SETTING_BLOCK_RATE, &c->x_block_rate_ns},
		{SETTING_MUTEX_FRACTION, &c->x_mutex_fraction},
	};

	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++)
		if (!strcmp(setting_table[rates[i].setting].key, key)) {
			*ret_is_time = setting_table[rates[i].setting].type ==
				       VALUE_TIME;
			return rates[i].x_rate;
		}
	return NULL;
}

EXPORT int64_t cprof_set_rate(const char *key, int64_t value)
{
	const struct region_control *c = state_control();
	const _Atomic uint64_t *x_rate;
	char end[32];
	struct text t;
	int64_t before;
	bool is_time;
	int err;

	if (!c)
		return -ENOTCONN;
	x_rate = key ? rate_of(c, key, &is_time) : NULL;
	if (!x_rate)
		return -EINVAL;
	before = (int64_t)atomic_load_explicit(x_rate, memory_order_relaxed);
	if (value < 0)
		return before;
	text_init(&t, end, sizeof(end));
	text_add(&t, "=");
	text_add_number(&t, (uint64_t)value);
	text_add(&t, is_time ? "ns" : "");
	err = ask("POST", (const char *const[]){"/api/set?", key, end}, -1);
	return err ? err : before;
}

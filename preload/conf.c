// SPDX-License-Identifier: Apache-2.0
//
// One walk over settings.def and one over the names worth keeping; the parsers
// are proto/setting.c's. Reads environ itself: a host may redefine getenv (bash
// does).
#include "preload/conf.h"

#include "preload/sys.h"
#include "proto/limits.h"

#include <string.h>
#include <unistd.h>

#define POOL_BYTES (6 * WIRE_DIR_MAX_BYTES)

struct conf conf;
static char pool[POOL_BYTES];
static size_t pool_used;

// What the collector needs to find its way, besides its arguments.
static const char *const inherited[] = {
	"PATH",		  "HOME",	 "XDG_RUNTIME_DIR",
	"XDG_CACHE_HOME", "TMPDIR",	 "DEBUGINFOD_URLS",
	"CPROF_HTTP",	  "CPROF_TOKEN", "CPROF_TLS_CERT",
	"CPROF_TLS_KEY",
#define GPERF(name, help) #name,
#include "proto/gperf.def"
#undef GPERF
};

// A copy of TEXT that stays, or NULL when it is too long or there is no room.
static const char *keep(const char *text)
{
	size_t n = strnlen(text, WIRE_DIR_MAX_BYTES) + 1;
	char *at = pool + pool_used;

	if (n > WIRE_DIR_MAX_BYTES || n > POOL_BYTES - pool_used)
		return NULL;
	sys_copy(at, text, n);
	pool_used += n;
	return at;
}

static const char *find(char *const *env, const char *name, size_t n)
{
	for (; env && *env; env++)
		if (!strncmp(*env, name, n) && (*env)[n] == '=')
			return *env;
	return NULL;
}

static void read_one(enum setting id)
{
	const struct setting_info *info = &setting_table[id];
	size_t n = strlen(info->env);
	const char *text = find(environ, info->env, n);
	const char *kept;

	conf.texts[id] = info->def;
	(void)setting_parse(info->type, info->def, &conf.values[id]);
	// gperftools' name for it, where its profiles are asked for.
	if (!text && id == SETTING_SIGNAL &&
	    find(environ, "HEAPPROFILE", sizeof("HEAPPROFILE") - 1)) {
		n = sizeof("HEAPPROFILESIGNAL") - 1;
		text = find(environ, "HEAPPROFILESIGNAL", n);
	}
	// Set to nothing means not set, as everywhere in the shell.
	if (!text || !text[n + 1])
		return;
	kept = keep(text + n + 1);
	if (kept && !setting_parse(info->type, kept, &conf.values[id]))
		conf.texts[id] = kept;
	else
		conf.bad[id] = kept ? kept : "(too long)";
}

// With CPUPROFILE: the signal that begins and ends a CPU profile.
static void read_toggle(void)
{
	const char *file =
		find(environ, "CPUPROFILE", sizeof("CPUPROFILE") - 1);
	size_t n = sizeof("CPUPROFILESIGNAL") - 1;
	const char *text = find(environ, "CPUPROFILESIGNAL", n);
	uint64_t sig;

	if (file && file[sizeof("CPUPROFILE")] && text &&
	    !setting_parse(VALUE_SIGNAL, text + n + 1, &sig))
		conf.toggle_signal = (int)sig;
}

static void keep_variable(const char *name, size_t n)
{
	const char *text = find(environ, name, n);
	size_t i = 0;

	while (conf.env[i])
		i++;
	if (text && i < CONF_ENV_MAX && !conf_getenv(name, n))
		conf.env[i] = keep(text);
}

void conf_init(void)
{
	const char *s;

	for (int id = 0; id < SETTING_N; id++)
		read_one((enum setting)id);
	read_toggle();
	for (size_t i = 0; i < sizeof(inherited) / sizeof(*inherited); i++)
		keep_variable(inherited[i], strlen(inherited[i]));
	for (s = conf.texts[SETTING_DIR]; (s = strstr(s, "%{"));) {
		size_t n = strcspn(s += 2, "}");

		keep_variable(s, n);
		s += n;
	}
}

const char *conf_getenv(const char *name, size_t n_chars)
{
	const char *text =
		find((char *const *)(uintptr_t)conf.env, name, n_chars);

	return text ? text + n_chars + 1 : NULL;
}

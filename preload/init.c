// SPDX-License-Identifier: Apache-2.0
//
// The beginning and the end: the constructor puts the modules in order and
// attaches before the host's main runs; the destructor says goodbye and frees
// nothing, since hooks go on being called after it.
#include "preload/altstack.h"
#include "preload/conf.h"
#include "preload/contention.h"
#include "preload/cputimer.h"
#include "preload/goodbye.h"
#include "preload/hook_new.h"
#include "preload/hook_thread.h"
#include "preload/launch.h"
#include "preload/real.h"
#include "preload/ring.h"
#include "preload/sample.h"
#include "preload/say.h"
#include "preload/session.h"
#include "preload/state.h"
#include "preload/sys.h"
#include "preload/text.h"
#include "preload/thread.h"
#include "preload/tick.h"
#include "preload/trim.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#define WARNINGS_MAX 4
#define SAY_BYTES    240

// For the collector to show; ends in NULL.
static const char *warnings[WARNINGS_MAX + 1];

static void warn(const char *text)
{
	for (int i = 0; i < WARNINGS_MAX; i++)
		if (!warnings[i]) {
			warnings[i] = text;
			return;
		}
}

// cprof's own programs are not to be profiled by what they serve.
static bool is_own_program(void)
{
	const char *path = (const char *)getauxval(AT_EXECFN);
	const char *slash = path ? strrchr(path, '/') : NULL;
	const char *name = slash ? slash + 1 : path;

	return name && (!strcmp(name, "cprofd") || !strcmp(name, "cprofctl"));
}

// On a libc this shim was not made for (musl), or set-user-id, it stays inert.
static bool is_supported(void)
{
	return !getauxval(AT_SECURE) &&
	       dlsym(RTLD_NEXT, "gnu_get_libc_version");
}

static void look_at_process(void)
{
	if (dlsym(RTLD_DEFAULT, "malloc") != (void *)malloc)
		warn("another malloc comes before libcprof.so: no heap "
		     "profile (preload libcprof.so first)");
	if (tick_prof.sig && tick_host(&tick_prof)->sa_handler != SIG_DFL)
		warn("the CPU timers' signal was in use before");
}

static void push_main_thread(void)
{
	struct capture c;
	struct record r = {.type = RECORD_THREAD, .flags = RECORD_MAIN};

	r.value = self.tid;
	capture_pc(&c, getauxval(AT_ENTRY));
	(void)ring_push(&r, &c);
}

// CPROF_LOG names a value that can't be read; cprofctl ps does so as well.
static void say_bad_settings(void)
{
	char line[SAY_BYTES];
	struct text t;

	for (int id = 0; id < SETTING_N; id++) {
		const struct setting_info *info = &setting_table[id];

		if (!conf.bad[id])
			continue;
		text_init(&t, line, sizeof(line));
		text_add(&t, info->env);
		text_add(&t, " '");
		text_add(&t, conf.bad[id]);
		text_add(&t, "' is not valid (");
		text_add(&t, setting_allowed(info->type));
		text_add(&t, "); the default is used");
		say_error(line);
	}
}

static void start(void)
{
	say_bad_settings();
	launch_init();
	hook_new_init();
	hook_thread_init();
	thread_init();
	tick_init();
	look_at_process();
	trim_init();
	session_init(warnings);
	session_start();
	if (!state_control()) {
		tick_fini();
		return;
	}
	thread_begin_main();
	push_main_thread();
	say_info("attached");
}

__attribute__((constructor)) static void init(void)
{
	int err = errno;

	real_init();
	conf_init();
	if (conf.values[SETTING_ENABLED] && is_supported() &&
	    !is_own_program() && !state_init() && !contention_init())
		start();
	errno = err;
}

__attribute__((destructor)) static void fini(void)
{
	int err = errno;

	thread_end(getauxval(AT_ENTRY));
	if (state_control())
		sample_sweep();
	goodbye();
	errno = err;
}

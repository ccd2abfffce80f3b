// SPDX-License-Identifier: Apache-2.0
//
// Ctrl-C does not throw away what has been waited for: the first one asks the
// collector to answer now, with what it has; a second one ends cprofctl.
#include "collector/ctl_profile.h"

#include "collector/ctl_fail.h"
#include "collector/ctl_http.h"
#include "collector/ctl_out.h"
#include "collector/ctl_progress.h"
#include "collector/ctl_render.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define CPU_SECONDS 30u

static volatile sig_atomic_t was_interrupted;

struct wait {
	struct ctl_progress progress;
	const char *socket;
	uint32_t pid;
	bool is_stopped;
};

unsigned ctl_profile_accepts(enum kind kind)
{
	return CTL_FOR_TARGET | CTL_FOR_KIND |
	       (kind == KIND_CPU ? CTL_FOR_CPU : 0) |
	       (kind == KIND_THREADS ? CTL_FOR_THREADS : 0);
}

static void on_interrupt(int signal_number)
{
	(void)signal_number;
	was_interrupted = 1;
}

static void catch_interrupt(void)
{
	struct sigaction action = {.sa_handler = on_interrupt,
				   .sa_flags = (int)SA_RESETHAND};

	(void)sigaction(SIGINT, &action, NULL); // can't fail for SIGINT
}

static void stop_early(struct wait *w)
{
	char path[64];
	struct ctl_request request = {
		.socket = w->socket, .is_post = true, .path = path};
	struct ctl_reply reply;

	w->is_stopped = true;
	w->progress.seconds = 0;
	(void)snprintf(path, sizeof(path), "/%u/api/stop", w->pid);
	// Where it fails the waiting request ends at its own time, or fails and
	// says so.
	if (!ctl_http_send(&request, &reply))
		ctl_http_free(&reply);
}

static void on_tick(void *arg)
{
	struct wait *w = arg;

	if (was_interrupted && !w->is_stopped)
		stop_early(w);
	ctl_progress_draw(&w->progress);
}

// Go's name for it, which is its path.
static const char *path_of(enum kind kind)
{
	const struct kind_info *info = &kind_table[kind];

	return *info->alias ? info->alias : info->name;
}

// Appends a parameter to PATH, which has room for all there are.
static void add_parameter(char path[128], const char *name, uint32_t value)
{
	size_t n = strlen(path);

	(void)snprintf(path + n, 128 - n, "%c%s=%u",
		       strchr(path, '?') ? '&' : '?', name, value);
}

static void print_path(const struct ctl_options *o, uint32_t pid,
		       enum kind kind, uint32_t seconds, char ret_path[128])
{
	(void)snprintf(ret_path, 128, "/%u/debug/pprof/%s", pid, path_of(kind));
	if (seconds)
		add_parameter(ret_path, "seconds", seconds);
	if (o->hz)
		add_parameter(ret_path, "hz", o->hz);
	if (o->given[CTL_OPTION_INTERRUPT])
		add_parameter(ret_path, "interrupt", 1);
}

int ctl_profile_wait(const struct ctl_options *o,
		     const struct ctl_profile_request *wanted,
		     struct ctl_reply *ret_reply)
{
	struct wait w = {.socket = o->socket, .pid = wanted->target->pid};
	struct ctl_request request = {.socket = o->socket,
				      .path = wanted->path,
				      .tick = on_tick,
				      .tick_arg = &w,
				      .wait_s = wanted->seconds};
	char what[128];
	int status;

	(void)snprintf(what, sizeof(what), "%s of %s (%u)", wanted->what,
		       wanted->target->comm, wanted->target->pid);
	ctl_fail_clean(what);
	ctl_progress_init(&w.progress, what, wanted->seconds);
	if (wanted->seconds)
		catch_interrupt();
	status = ctl_http_fetch(&request, ret_reply);
	ctl_progress_clear(&w.progress);
	return status;
}

int ctl_profile_take(const struct ctl_options *o,
		     const struct ctl_target *target, enum kind kind,
		     struct ctl_reply *ret_reply)
{
	char path[128], what[64];
	struct ctl_profile_request wanted = {.target = target,
					     .path = path,
					     .what = what,
					     .seconds = o->seconds};

	if (kind == KIND_CPU && !wanted.seconds)
		wanted.seconds = CPU_SECONDS;
	print_path(o, target->pid, kind, wanted.seconds, path);
	(void)snprintf(what, sizeof(what), "%s profile", kind_table[kind].name);
	return ctl_profile_wait(o, &wanted, ret_reply);
}

int ctl_profile_read(const struct ctl_options *options,
		     const struct ctl_target *target, enum kind kind,
		     struct ctl_render *r)
{
	struct ctl_reply reply;
	int status = ctl_profile_take(options, target, kind, &reply);

	if (status)
		return status;
	status = ctl_render_bytes(r, target->comm, reply.body, reply.n_bytes);
	ctl_http_free(&reply);
	return status;
}

// As the report that files of this name are.
static int write_report(const struct ctl_options *options,
			const struct ctl_target *target, enum kind kind,
			const struct report_format *format)
{
	struct ctl_render render;
	struct ctl_out out;
	int status = ctl_out_check_report(options->out, &out);

	if (status)
		return status;
	ctl_render_init(&render);
	status = ctl_profile_read(options, target, kind, &render);
	if (!status)
		status = ctl_render_write(&render, format, options, NULL);
	ctl_render_fini(&render);
	return status;
}

// A block of text for each thread, as Go has it for goroutines.
static int write_threads(const struct ctl_options *o,
			 const struct ctl_target *target)
{
	char path[128];
	struct ctl_request request = {.socket = o->socket, .path = path};
	struct ctl_reply reply;
	struct ctl_out out;
	int status = ctl_out_check_report(o->out, &out);

	print_path(o, target->pid, KIND_THREADS, 0, path);
	add_parameter(path, "debug", 2);
	if (!status)
		status = ctl_http_fetch(&request, &reply);
	if (status)
		return status;
	status = ctl_out_write(&out, reply.body, reply.n_bytes);
	ctl_http_free(&reply);
	return status;
}

static bool is_text(const char *name)
{
	size_t n = name ? strlen(name) : 0;

	return !name || (n > 4 && !strcmp(name + n - 4, ".txt"));
}

int ctl_profile(const struct ctl_options *options, enum kind kind)
{
	const struct report_format *format =
		options->out ? report_format_of_file(options->out) : NULL;
	struct ctl_target target;
	struct ctl_reply reply;
	struct ctl_out out;
	int status = ctl_target_only(options, &target);

	if (status)
		return status;
	if (kind == KIND_THREADS && !options->seconds && is_text(options->out))
		return write_threads(options, &target);
	if (format)
		return write_report(options, &target, kind, format);
	status = ctl_out_check(options->out, &target, kind_table[kind].name,
			       &out);
	if (!status)
		status = ctl_profile_take(options, &target, kind, &reply);
	if (status)
		return status;
	status = ctl_out_write(&out, reply.body, reply.n_bytes);
	ctl_http_free(&reply);
	return status;
}

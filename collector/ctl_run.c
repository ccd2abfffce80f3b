// SPDX-License-Identifier: Apache-2.0
//
// The program runs as cprofctl's child and not in its place, because somebody
// has to say afterwards which profiles there are, and why there are none.
#include "collector/ctl_run.h"

#include "collector/ctl_child.h"
#include "collector/ctl_elf.h"
#include "collector/ctl_fail.h"
#include "collector/ctl_follow.h"
#include "collector/ctl_gather.h"
#include "collector/ctl_http.h"
#include "collector/ctl_json.h"
#include "collector/ctl_out.h"
#include "collector/ctl_paths.h"
#include "collector/ctl_progress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// A killed process is written after its end; symbols of a large program take
// their time, and a collector that has nothing to write answers at once.
#define WRITTEN_MAX_MS 60000u
#define POLL_NS	       20000000L

// The sanitizer's runtime, the shim, and what was there already.
static int set_preload(const struct ctl_elf *elf)
{
	const char *old = getenv("LD_PRELOAD");
	char shim[PATH_MAX], *value;
	int status = ctl_paths_shim(shim), err;

	if (status)
		return status;
	if (asprintf(&value, "%s%s%s%s%s", elf->sanitizer,
		     *elf->sanitizer ? ":" : "", shim, old && *old ? ":" : "",
		     old ? old : "") < 0)
		return ctl_fail(CTL_FAILED, "no memory");
	err = setenv("LD_PRELOAD", value, 1);
	free(value);
	return err ? ctl_fail(CTL_FAILED, "no memory") : CTL_OK;
}

// What the user gave becomes the environment of the shim. CPROF_SOCKET is set
// to the very name asked later, whatever the program makes of its environment.
static int set_environment(const struct ctl_options *o,
			   const struct ctl_elf *elf)
{
	for (int i = 0; i < SETTING_N; i++)
		if (o->settings[i] &&
		    setenv(setting_table[i].env, o->settings[i], 1))
			return ctl_fail(CTL_FAILED, "no memory");
	if (setenv(setting_table[SETTING_SOCKET].env, o->socket, 1) ||
	    setenv(setting_table[SETTING_ENABLED].env, "on", 1))
		return ctl_fail(CTL_FAILED, "no memory");
	return set_preload(elf);
}

// The collector's record of the process that was PID, once it has ended; NULL
// when the collector has never seen it or can't be asked.
static json_t *ask_ended(const char *socket, pid_t pid)
{
	char path[64];
	struct ctl_request request = {.socket = socket, .path = path};
	struct ctl_reply reply;
	json_t *root = NULL;

	(void)snprintf(path, sizeof(path), "/api/ended?pid=%d", (int)pid);
	if (ctl_http_send(&request, &reply))
		return NULL;
	if (reply.http_status == 200)
		root = json_loadb(reply.body, reply.n_bytes, 0, NULL);
	ctl_http_free(&reply);
	return root;
}

static json_t *wait_ended(const char *socket, pid_t pid)
{
	const struct timespec pause = {0, POLL_NS};
	struct ctl_progress progress;
	json_t *root;

	ctl_progress_init(&progress, "profiles", 0);
	for (;;) {
		root = ask_ended(socket, pid);
		if (!root || json_is_true(json_object_get(root, "ended")) ||
		    ctl_progress_ms(&progress) > WRITTEN_MAX_MS)
			break;
		json_decref(root);
		ctl_progress_draw(&progress);
		(void)nanosleep(&pause, NULL);
	}
	ctl_progress_clear(&progress);
	return root;
}

static void say_missing(const char *prog, const struct ctl_elf *elf)
{
	if (elf->obstacle)
		ctl_fail_note("'%s' was not profiled: %s", prog, elf->obstacle);
	else
		ctl_fail_note("'%s' was not profiled: the shim was not loaded "
			      "or reached no collector; --log info says more",
			      prog);
}

// Which file to look at first: the first in the list, unless there is CPU time.
static const char *pick_file(const json_t *files)
{
	const char *first = json_string_value(json_array_get(files, 0));
	json_t *file;
	size_t i;

	json_array_foreach(
		files, i,
		file) if (strstr(json_string_value(file),
				 ".cpu.")) return json_string_value(file);
	return first;
}

// The collector's warnings of files, from dump.c; one that names another folder
// is no failure.
static bool is_failure(const char *warning)
{
	return !strncmp(warning, "can't write ", 12) &&
	       !strstr(warning, "; profiles go to ");
}

static bool has_failed(const json_t *warnings)
{
	for (size_t i = 0; i < json_array_size(warnings); i++)
		if (is_failure(json_string_value(json_array_get(warnings, i))))
			return true;
	return false;
}

// Why a program that was profiled left no file.
static void say_nothing(const char *prog, const json_t *warnings)
{
	const char *kinds = getenv(setting_table[SETTING_EXIT].env);
	uint64_t n;

	if (has_failed(warnings))
		ctl_fail_note("'%s' was profiled, but nothing could be written",
			      prog);
	else if (kinds && !setting_parse(VALUE_KINDS, kinds, &n) && !n)
		ctl_fail_note("'%s' was profiled, but %s=%s lets it write "
			      "nothing at its end",
			      prog, setting_table[SETTING_EXIT].env, kinds);
	else
		ctl_fail_note("'%s' was profiled, but took no sample; programs "
			      "that it started leave profiles of their own",
			      prog);
}

static void say_warnings(const json_t *warnings)
{
	for (size_t i = 0; i < json_array_size(warnings); i++)
		ctl_fail_note("warning: %s",
			      json_string_value(json_array_get(warnings, i)));
}

static void say_written(const char *prog, const json_t *root)
{
	const json_t *files = json_object_get(root, "files");
	const json_t *warnings = json_object_get(root, "warnings");
	json_t *text;
	size_t i;

	if (!json_array_size(files)) {
		say_nothing(prog, warnings);
		return;
	}
	json_array_foreach(files, i, text)
		ctl_fail_note("wrote %s", json_string_value(text));
	// As it was called: it may be in no PATH.
	ctl_fail_note("next: %s top '%s'", program_invocation_name,
		      pick_file(files));
	ctl_fail_note("or: go tool pprof -top '%s'", pick_file(files));
}

static int pass_on_status(const char *prog, int wait_status)
{
	if (!WIFSIGNALED(wait_status))
		return WEXITSTATUS(wait_status);
	ctl_fail_note("'%s' was ended by SIG%s", prog,
		      sigabbrev_np(WTERMSIG(wait_status))
			      ? sigabbrev_np(WTERMSIG(wait_status))
			      : "RT");
	return CTL_SIGNALLED + WTERMSIG(wait_status);
}

static int fail_start(const char *prog, int err)
{
	return ctl_fail(err == -ENOENT ? CTL_NOT_FOUND : CTL_CANNOT_RUN,
			"cannot start '%s': %s", prog, strerror(-err));
}

// What the run left, said or added up.
static void report(const struct ctl_options *o, struct ctl_gather *gather,
		   const struct ctl_elf *elf, pid_t pid)
{
	const char *prog = o->words[0];
	json_t *ended = wait_ended(o->socket, pid);

	say_warnings(json_object_get(ended, "warnings"));
	if (!ended)
		say_missing(prog, elf);
	if (gather->n_names)
		ctl_gather_end(gather, o, pid);
	else if (ended)
		say_written(prog, ended);
	json_decref(ended);
}

// A name that can't be written to is known before the run; one with a % not.
static int check_trace(const char *name)
{
	struct ctl_out out;

	if (!name || strchr(name, '%'))
		return CTL_OK;
	return ctl_out_check_report(name, &out);
}

static bool is_json(const char *name)
{
	size_t n = strlen(name);

	return n >= 5 && !strcmp(name + n - 5, ".json");
}

static void follow(const struct ctl_options *o, pid_t pid,
		   struct ctl_follow *ret)
{
	const char *name = o->given[CTL_OPTION_TRACE];
	int err;

	*ret = (struct ctl_follow){0};
	if (!name)
		return;
	err = ctl_follow_start(o->socket, pid, is_json(name), ret);
	if (err)
		ctl_fail_note("cannot trace '%s': %s", o->words[0],
			      strerror(-err));
}

static void write_trace(const struct ctl_options *o, struct ctl_follow *f,
			pid_t pid)
{
	size_t n_bytes;
	char *bytes, *name;
	struct ctl_out out;

	if (!f->helper)
		return;
	bytes = ctl_follow_end(f, &n_bytes);
	name = ctl_gather_name(o->given[CTL_OPTION_TRACE], o->words[0], pid);
	if (!bytes) {
		ctl_fail_note("no trace of '%s': it was not profiled, or ended "
			      "at once",
			      o->words[0]);
	} else if (name && !ctl_out_check_report(name, &out)) {
		out.is_quiet = true;
		if (!ctl_out_write(&out, bytes, n_bytes))
			ctl_fail_note("wrote %s", name);
	}
	free(name);
	free(bytes);
}

// CTL_OK, or a status with the reason printed.
static int start(const struct ctl_options *o, const struct ctl_elf *elf,
		 pid_t *ret_pid)
{
	int status = set_environment(o, elf);
	int err;

	if (status)
		return status;
	err = ctl_child_start(o->words, ret_pid);
	return err ? fail_start(o->words[0], err) : CTL_OK;
}

int ctl_run(const struct ctl_options *options)
{
	struct ctl_follow trace;
	struct ctl_gather gather;
	struct ctl_elf elf;
	pid_t pid;
	int status, wait_status;

	if (!options->n_words)
		return ctl_fail(CTL_USAGE,
				"run: no program given; it takes [OPTIONS] -- "
				"PROG ARGS...");
	ctl_elf_look(options->words[0], &elf);
	status = check_trace(options->given[CTL_OPTION_TRACE]);
	if (!status)
		status = ctl_gather_begin(options, &gather);
	if (status)
		return status;
	status = start(options, &elf, &pid);
	if (status) {
		ctl_gather_drop(&gather);
		return status;
	}
	follow(options, pid, &trace);
	wait_status = ctl_child_wait(pid);
	write_trace(options, &trace, pid);
	report(options, &gather, &elf, pid);
	return pass_on_status(options->words[0], wait_status);
}

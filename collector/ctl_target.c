// SPDX-License-Identifier: Apache-2.0
//
// The choice is made here and not by the collector, because the default file
// name wants the process's name before anything is asked of it, and an error
// should come before a minute of waiting.
#include "collector/ctl_target.h"

#include "collector/ctl_fail.h"
#include "collector/ctl_http.h"
#include "collector/ctl_json.h"

#include <string.h>

// What an error lists at most.
#define CANDIDATES_MAX 10
// TASK_COMM_LEN less its NUL: the kernel cuts names there.
#define COMM_LENGTH 15

static uint32_t pid_of(const json_t *process)
{
	return (uint32_t)ctl_json_number(process, "pid");
}

int ctl_target_list(const char *socket, json_t **ret_root,
		    json_t **ret_processes)
{
	struct ctl_request request = {.socket = socket, .path = "/api/ps"};
	json_t *root, *processes;
	int status = ctl_http_json(&request, &root);

	if (status)
		return status;
	processes = json_object_get(root, "processes");
	if (!json_is_array(processes)) {
		json_decref(root);
		return ctl_fail(CTL_FAILED,
				"the collector at '%s' does not list processes",
				socket);
	}
	*ret_root = root;
	*ret_processes = processes;
	return CTL_OK;
}

// By the kernel's name for it, or the program's file name, which isn't cut.
static bool is_called(const json_t *process, const char *name)
{
	const json_t *argv = json_object_get(process, "cmdline");
	const char *program = json_string_value(json_array_get(argv, 0));
	const char *slash = program ? strrchr(program, '/') : NULL;

	if (!strcmp(ctl_json_text(process, "comm"), name))
		return true;
	return program && strlen(name) > COMM_LENGTH &&
	       !strcmp(slash ? slash + 1 : program, name);
}

static bool is_meant(const json_t *process, uint32_t pid, const char *word)
{
	uint32_t number;

	if (pid)
		return pid_of(process) == pid;
	if (!word)
		return true;
	return is_called(process, word) ||
	       (!ctl_options_number(word, 1, INT32_MAX, &number) &&
		pid_of(process) == number);
}

// Those that are meant, as "12 (redis-server), 14 (redis-server)".
static void list_candidates(const json_t *processes, uint32_t pid,
			    const char *word, char *ret_list, size_t size)
{
	size_t i, n = 0, n_meant = 0;
	json_t *process;

	*ret_list = '\0';
	json_array_foreach(processes, i, process)
	{
		if (!is_meant(process, pid, word))
			continue;
		if (n_meant++ < CANDIDATES_MAX && n < size)
			n += (size_t)snprintf(ret_list + n, size - n,
					      "%s%u (%s)", n ? ", " : "",
					      pid_of(process),
					      ctl_json_text(process, "comm"));
	}
	if (n_meant > CANDIDATES_MAX && n < size)
		(void)snprintf(ret_list + n, size - n, " and %zu more",
			       n_meant - CANDIDATES_MAX);
}

static int refuse(const json_t *processes, uint32_t pid, const char *word,
		  size_t n_meant)
{
	char list[1024];

	if (!json_array_size(processes))
		return ctl_fail(CTL_FAILED,
				"no process is being profiled; start one with "
				"'cprofctl run -- PROG' or under "
				"LD_PRELOAD=libcprof.so");
	if (n_meant) {
		list_candidates(processes, pid, word, list, sizeof(list));
		return ctl_fail(CTL_FAILED,
				"%zu processes are meant, choose one by "
				"-p PID: %s",
				n_meant, list);
	}
	list_candidates(processes, 0, NULL, list, sizeof(list));
	if (pid)
		return ctl_fail(CTL_FAILED,
				"no profiled process has the pid %u; there "
				"are: %s",
				pid, list);
	return ctl_fail(CTL_FAILED,
			"no profiled process is called '%s'; there are: %s",
			word, list);
}

static int choose(const json_t *processes, uint32_t pid, const char *word,
		  struct ctl_target *ret_target)
{
	const json_t *chosen = NULL;
	size_t i, n_meant = 0;
	json_t *process;

	json_array_foreach(processes, i, process)
	{
		if (!is_meant(process, pid, word))
			continue;
		chosen = process;
		n_meant++;
	}
	if (n_meant != 1)
		return refuse(processes, pid, word, n_meant);
	ret_target->pid = pid_of(chosen);
	(void)snprintf(ret_target->comm, sizeof(ret_target->comm), "%s",
		       ctl_json_text(chosen, "comm"));
	return CTL_OK;
}

int ctl_target_choose(const struct ctl_options *options, const char *word,
		      struct ctl_target *ret_target)
{
	json_t *root, *processes;
	int status;

	if (options->pid && word)
		return ctl_fail(CTL_USAGE,
				"%s: '%s' and -p %u are two targets, but one "
				"is allowed",
				options->command, word, options->pid);
	status = ctl_target_list(options->socket, &root, &processes);
	if (status)
		return status;
	status = choose(processes, options->pid, word, ret_target);
	json_decref(root);
	return status;
}

int ctl_target_only(const struct ctl_options *options,
		    struct ctl_target *ret_target)
{
	if (options->n_words > 1)
		return ctl_fail(CTL_USAGE,
				"%s: '%s' is one word too many; one TARGET is "
				"allowed",
				options->command, options->words[1]);
	return ctl_target_choose(options,
				 options->n_words ? options->words[0] : NULL,
				 ret_target);
}

// SPDX-License-Identifier: Apache-2.0
//
// Looks at the file, at /proc/PID, and asks the collector; each look reports
// findings of ctl_doctor.def, which says what they mean and what to do.
#include "collector/ctl_doctor.h"

#include "collector/ctl_elf.h"
#include "collector/ctl_fail.h"
#include "collector/ctl_http.h"
#include "collector/ctl_paths.h"
#include "collector/ctl_proc.h"
#include "proto/arch.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum finding {
#define FINDING(id, level, text, advice) FOUND_##id,
#include "collector/ctl_doctor.def"
#undef FINDING
	FOUND_N
};

enum level { LEVEL_OK, LEVEL_NOTE, LEVEL_BAD };

static const struct {
	enum level level;
	const char *text; // up to the detail's place, and behind it
	const char *advice;
} findings[FOUND_N] = {
#define FINDING(id, level, text, advice) {LEVEL_##level, text, advice},
#include "collector/ctl_doctor.def"
#undef FINDING
};

struct doctor {
	const char *socket;
	bool is_bad;
};

// DETAIL stands in the place of the text's %s.
static void say(struct doctor *d, enum finding f, const char *detail)
{
	static const char *const marks[] = {"ok  ", "note", "BAD "};
	const char *text = findings[f].text;
	const char *at = strstr(text, "%s");

	d->is_bad |= findings[f].level == LEVEL_BAD;
	(void)printf("%s  %.*s%s%s\n", marks[findings[f].level],
		     (int)(at - text), text, detail, at + 2);
	if (*findings[f].advice)
		(void)printf("      do: %s\n", findings[f].advice);
}

static void look_at_file(struct doctor *d, const char *prog)
{
	struct ctl_elf elf;

	ctl_elf_look(prog, &elf);
	if (elf.obstacle) {
		say(d, FOUND_OBSTACLE, elf.obstacle);
		return;
	}
	if (!*elf.path) {
		say(d, FOUND_UNREADABLE, "");
		return;
	}
	if (!elf.is_elf) {
		say(d, FOUND_NO_PROGRAM, elf.path);
		return;
	}
	say(d, FOUND_PROFILABLE, elf.path);
	if (elf.own_malloc)
		say(d, FOUND_OWN_MALLOC, elf.own_malloc);
	if (*elf.allocator)
		say(d, FOUND_ALLOCATOR, elf.allocator);
	if (elf.is_dwarf_unreadable)
		say(d, FOUND_UNREADABLE_DWARF, "");
	else if (elf.has_dwarf)
		say(d, FOUND_SYMBOLS, "debug information");
	else if (*elf.debug_file)
		say(d, FOUND_DEBUG_FILE, elf.debug_file);
	else if (elf.has_symbols)
		say(d, FOUND_SYMBOLS, "names of functions, but no lines");
	else
		say(d, FOUND_STRIPPED, "");
}

static void look_at_shim(struct doctor *d)
{
	char path[PATH_MAX];

	// The reason has been printed.
	if (ctl_paths_shim(path))
		say(d, FOUND_NO_SHIM, "");
	else
		say(d, FOUND_SHIM, path);
}

// The collector's list of processes, or NULL.
static json_t *ask_collector(struct doctor *d)
{
	struct ctl_request request = {.socket = d->socket, .path = "/api/ps"};
	struct ctl_reply reply;
	json_t *root;

	if (ctl_http_send(&request, &reply)) {
		say(d, FOUND_NO_COLLECTOR, d->socket);
		return NULL;
	}
	root = json_loadb(reply.body, reply.n_bytes, 0, NULL);
	ctl_http_free(&reply);
	say(d, FOUND_COLLECTOR, d->socket);
	return root;
}

static json_t *find_process(const json_t *root, uint32_t pid)
{
	json_t *list = json_object_get(root, "processes"), *p;

	for (size_t i = 0; i < json_array_size(list); i++) {
		p = json_array_get(list, i);
		if (json_integer_value(json_object_get(p, "pid")) == pid)
			return p;
	}
	return NULL;
}

static void say_attached(struct doctor *d, const json_t *process)
{
	const json_t *warnings = json_object_get(process, "warnings");

	say(d, FOUND_ATTACHED,
	    json_string_value(json_object_get(process, "transport")));
	for (size_t i = 0; i < json_array_size(warnings); i++)
		say(d, FOUND_WARNED,
		    json_string_value(json_array_get(warnings, i)));
}

static void look_at_libraries(struct doctor *d, uint32_t pid,
			      const json_t *process)
{
	char name[PATH_MAX], number[16];

	(void)snprintf(number, sizeof(number), "%u", pid);
	// Debian has it in a folder of its own, with another name.
	if (!ctl_proc_maps(pid, "/ld-musl", name) ||
	    !ctl_proc_maps(pid, "-linux-musl/libc.so", name))
		say(d, FOUND_MUSL, name);
	if (process)
		say_attached(d, process);
	else if (ctl_proc_maps(pid, "/libcprof.so", name))
		say(d, FOUND_NOT_LOADED, number);
	else
		say(d, FOUND_NOT_ATTACHED, number);
}

static bool has_signal(uint64_t mask, int sig)
{
	return mask >> (sig - 1) & 1;
}

// Our own handler is nobody else's: of an attached process nothing is known.
static void look_at_signals(struct doctor *d, const struct ctl_proc *s,
			    bool is_attached)
{
	char number[16];

	if (has_signal(s->ignored, SIGUSR1))
		say(d, FOUND_IGNORED, "SIGUSR1");
	else if (!is_attached && has_signal(s->caught, SIGUSR1))
		say(d, FOUND_TAKEN, "SIGUSR1");
	(void)snprintf(number, sizeof(number), "%u", s->n_blocking);
	if (s->n_blocking)
		say(d, FOUND_BLOCKED, number);
}

static void look_at_status(struct doctor *d, const struct ctl_proc *s)
{
	char number[24];

	if (geteuid() && s->uid != geteuid()) {
		(void)snprintf(number, sizeof(number), "%" PRIu64, s->uid);
		say(d, FOUND_OTHER_USER, number);
	}
	(void)snprintf(number, sizeof(number), "%" PRIu64, s->seccomp);
	if (s->seccomp)
		say(d, FOUND_SECCOMP, number);
	(void)snprintf(number, sizeof(number), "%" PRIu64, s->inner_pid);
	if (s->has_inner_pid)
		say(d, FOUND_PIDS, number);
}

static int look_at_process(struct doctor *d, uint32_t pid, const json_t *root)
{
	const json_t *process = find_process(root, pid);
	char exe[64];
	struct ctl_proc status;
	int err = ctl_proc_read(pid, SIGURG, &status);

	if (err)
		return ctl_fail(CTL_FAILED, "cannot look at process %u: %s",
				pid, strerror(-err));
	(void)snprintf(exe, sizeof(exe), "/proc/%u/exe", pid);
	look_at_file(d, exe);
	look_at_libraries(d, pid, process);
	look_at_status(d, &status);
	look_at_signals(d, &status, process);
	return CTL_OK;
}

int ctl_doctor(const struct ctl_options *options)
{
	struct doctor d = {.socket = options->socket};
	const char *prog = options->n_words ? options->words[0] : NULL;
	json_t *root;
	int status = CTL_OK;

	if (!prog == !options->pid || options->n_words > 1)
		return ctl_fail(CTL_USAGE,
				"doctor takes one program, or -p PID");
	if (prog && ctl_elf_find(prog))
		return ctl_fail(CTL_FAILED, "cannot find '%s'", prog);
	look_at_shim(&d);
	root = ask_collector(&d);
	if (prog)
		look_at_file(&d, prog);
	else
		status = look_at_process(&d, options->pid, root);
	json_decref(root);
	return status ? status : d.is_bad ? CTL_FOUND : CTL_OK;
}

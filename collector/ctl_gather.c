// SPDX-License-Identifier: Apache-2.0
//
// A file that was asked for is there afterwards, an empty profile if nothing of
// its kind happened: what reads it needs no case of its own.
#include "collector/ctl_gather.h"

#include "collector/ctl_fail.h"
#include "collector/ctl_http.h"
#include "collector/ctl_out.h"
#include "collector/ctl_progress.h"
#include "collector/ctl_render.h"
#include "collector/paths.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WRITTEN_MAX_MS 60000u
#define POLL_NS	       20000000L
#define TEMPLATE       "cprof-run-XXXXXX"
#define EXTENSION      ".pb.gz"

// Which option asks for which kind. Memory is what was ever allocated, as in
// `go test`; what of it is in use at the end is in the same file.
static const struct {
	enum ctl_option option;
	enum kind kind;
} wishes[] = {
	{CTL_OPTION_CPUPROFILE, KIND_CPU},
	{CTL_OPTION_MEMPROFILE, KIND_ALLOC},
	{CTL_OPTION_BLOCKPROFILE, KIND_BLOCK},
	{CTL_OPTION_MUTEXPROFILE, KIND_MUTEX},
	{CTL_OPTION_THREADPROFILE, KIND_THREADCREATE},
};

static int read_wishes(const struct ctl_options *o, struct ctl_gather *g)
{
	for (size_t i = 0; i < sizeof(wishes) / sizeof(*wishes); i++) {
		const char *name = o->given[wishes[i].option];
		struct ctl_out out;
		int status;

		if (!name)
			continue;
		if (!*name || !strcmp(name, "-"))
			return ctl_fail(CTL_USAGE,
					"'%s' is not allowed as the file of a "
					"profile, but a name",
					name);
		// One with a % is not known yet.
		status = strchr(name, '%') ? CTL_OK
					   : ctl_out_check_report(name, &out);
		if (status)
			return status;
		g->names[wishes[i].kind] = name;
		g->n_names++;
	}
	if (g->n_names &&
	    (o->settings[SETTING_DIR] || o->settings[SETTING_EXIT]))
		return ctl_fail(CTL_USAGE,
				"--dir and --exit are not allowed beside "
				"--cpuprofile and its like, which say where "
				"and what");
	return CTL_OK;
}

// The kinds that were asked for, as CPROF_EXIT takes them.
static void list_kinds(const struct ctl_gather *g, char *ret_list, size_t size)
{
	size_t n = 0;

	for (int kind = 0; kind < KIND_N && n < size; kind++)
		if (g->names[kind])
			n += (size_t)snprintf(ret_list + n, size - n, "%s%s",
					      n ? "," : "",
					      kind_table[kind].name);
}

int ctl_gather_begin(const struct ctl_options *options,
		     struct ctl_gather *ret_gather)
{
	const char *tmp = getenv("TMPDIR");
	char kinds[128];
	int status;

	*ret_gather = (struct ctl_gather){0};
	status = read_wishes(options, ret_gather);
	if (status || !ret_gather->n_names)
		return status;
	if (snprintf(ret_gather->dir, sizeof(ret_gather->dir), "%s/" TEMPLATE,
		     tmp && *tmp == '/' ? tmp : "/tmp") >=
		    (int)sizeof(ret_gather->dir) ||
	    !mkdtemp(ret_gather->dir))
		return ctl_fail(CTL_FAILED, "cannot make the folder '%s': %s",
				ret_gather->dir, strerror(errno));
	list_kinds(ret_gather, kinds, sizeof(kinds));
	if (setenv(setting_table[SETTING_DIR].env, ret_gather->dir, 1) ||
	    setenv(setting_table[SETTING_EXIT].env, kinds, 1))
		return ctl_fail(CTL_FAILED, "no memory");
	return CTL_OK;
}

// How many of LIST's processes write to DIR; ALIVE: only those still there,
// else only those that are not.
static unsigned count(const json_t *list, const char *dir, bool alive)
{
	unsigned n = 0;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *p = json_array_get(list, i);
		const char *at = json_string_value(json_object_get(p, "dir"));
		pid_t pid =
			(pid_t)json_integer_value(json_object_get(p, "pid"));
		bool is_alive = pid > 0 && (!kill(pid, 0) || errno == EPERM);

		n += at && !strcmp(at, dir) && is_alive == alive;
	}
	return n;
}

// How many processes of the run have ended and are still to be written;
// *ret_n_alive have not. No collector has nothing to write.
static unsigned ask_unwritten(const char *socket, const char *dir,
			      unsigned *ret_n_alive)
{
	struct ctl_request request = {.socket = socket, .path = "/api/ps"};
	struct ctl_reply reply;
	json_t *root, *running, *ending;
	unsigned n;

	*ret_n_alive = 0;
	if (ctl_http_send(&request, &reply))
		return 0;
	root = json_loadb(reply.body, reply.n_bytes, 0, NULL);
	ctl_http_free(&reply);
	running = json_object_get(root, "processes");
	ending = json_object_get(root, "ending");
	*ret_n_alive = count(running, dir, true);
	n = count(running, dir, false) + count(ending, dir, true) +
	    count(ending, dir, false);
	json_decref(root);
	return n;
}

// Returns how many still run.
static unsigned wait_written(const char *socket, const char *dir)
{
	const struct timespec pause = {0, POLL_NS};
	struct ctl_progress progress;
	unsigned n_alive;

	ctl_progress_init(&progress, "profiles", 0);
	while (ask_unwritten(socket, dir, &n_alive) &&
	       ctl_progress_ms(&progress) < WRITTEN_MAX_MS) {
		ctl_progress_draw(&progress);
		(void)nanosleep(&pause, NULL);
	}
	ctl_progress_clear(&progress);
	return n_alive;
}

// The folder's names in order, so that the sum is the same each time.
static int list_files(const char *dir, struct dirent ***ret_list)
{
	int n = scandir(dir, ret_list, NULL, alphasort);

	if (n < 0)
		*ret_list = NULL;
	return n;
}

static void free_files(struct dirent **list, int n)
{
	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

// Is NAME COMM.PID.KIND.NNN.pb.gz? COMM may have dots, so from behind.
static bool is_of_kind(const char *name, enum kind kind)
{
	size_t n_kind = strlen(kind_table[kind].name);
	const char *end = name + strlen(name) - strlen(EXTENSION);

	if (end <= name || strcmp(end, EXTENSION))
		return false;
	while (--end > name && *end != '.')
		;
	return end - name > (ptrdiff_t)n_kind &&
	       end[-1 - (long)n_kind] == '.' &&
	       !strncmp(end - n_kind, kind_table[kind].name, n_kind);
}

// Reads all profiles of KIND in the folder.
static int read_kind(const struct ctl_gather *g, enum kind kind,
		     struct ctl_render *r)
{
	struct dirent **list;
	int n = list_files(g->dir, &list), status = CTL_OK;

	for (int i = 0; i < n && !status; i++) {
		char path[PATH_MAX];

		if (is_of_kind(list[i]->d_name, kind) &&
		    snprintf(path, sizeof(path), "%s/%s", g->dir,
			     list[i]->d_name) < (int)sizeof(path))
			status = ctl_render_file(r, &r->sources, path);
	}
	free_files(list, n);
	if (!status && !r->sources.n)
		ctl_render_empty(r, kind);
	return status;
}

char *ctl_gather_name(const char *file, const char *prog, pid_t pid)
{
	extern char **environ;
	char cwd[PATH_MAX];
	struct timespec now;
	struct paths_names names = {
		.pid = (uint32_t)pid,
		.comm = strrchr(prog, '/') ? strrchr(prog, '/') + 1 : prog,
		.cwd = getcwd(cwd, sizeof(cwd)),
		.environment = (const char *const *)environ,
	};

	while (environ && environ[names.n_environment])
		names.n_environment++;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	names.start_time_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	return names.cwd ? paths_expand(file, &names) : NULL;
}

// What a name's ending means is what it means everywhere.
static void write_kind(const struct ctl_gather *g, enum kind kind,
		       const struct ctl_options *o, pid_t pid)
{
	char *file = ctl_gather_name(g->names[kind], o->words[0], pid);
	const struct report_format *format =
		report_format_of_file(g->names[kind]);
	struct ctl_options options = *o;
	struct ctl_render r;
	int status;

	if (!file) {
		ctl_fail_note("cannot name the file '%s': no memory",
			      g->names[kind]);
		return;
	}
	options.out = file;
	ctl_render_init(&r);
	r.is_quiet = true;
	status = read_kind(g, kind, &r);
	if (!status && !r.n_samples)
		ctl_fail_note("no %s sample was taken: '%s' is empty",
			      kind_table[kind].name, file);
	if (!status)
		status =
			ctl_render_write(&r,
					 format ? format : &report_format_proto,
					 &options, NULL);
	if (!status)
		ctl_fail_note("wrote %s", file);
	ctl_render_fini(&r);
	free(file);
}

static void remove_folder(const char *dir)
{
	struct dirent **list;
	int n = list_files(dir, &list);

	for (int i = 0; i < n; i++) {
		char path[PATH_MAX];

		if (snprintf(path, sizeof(path), "%s/%s", dir,
			     list[i]->d_name) < (int)sizeof(path))
			(void)unlink(path); // but for . and ..
	}
	free_files(list, n);
	(void)rmdir(dir);
}

void ctl_gather_end(struct ctl_gather *g, const struct ctl_options *options,
		    pid_t pid)
{
	unsigned n_alive = wait_written(options->socket, g->dir);

	for (int kind = 0; kind < KIND_N; kind++)
		if (g->names[kind])
			write_kind(g, (enum kind)kind, options, pid);
	if (n_alive)
		ctl_fail_note("%u processes that it started still run; their "
			      "profiles will be in '%s'",
			      n_alive, g->dir);
	else
		remove_folder(g->dir);
}

void ctl_gather_drop(struct ctl_gather *g)
{
	if (g->n_names)
		remove_folder(g->dir);
}

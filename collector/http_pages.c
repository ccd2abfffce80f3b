// SPDX-License-Identifier: Apache-2.0
//
// What the root shows is what /api/ps says; what an index shows and how it is
// named is Go's, with more links.
#include "collector/http_pages.h"

#include "collector/html.h"
#include "collector/http_reply.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX_BYTES	   ((off_t)8 << 20)
#define FLAME_SECONDS	   "5"
#define DELTA_SECONDS	   "10"
#define OVERHEAD_LIMIT_PCT 1.0

// As Go's index names and describes them, in its order.
static const char flame_graph[] = "flame graph";

static const struct entry {
	const char *name;
	int kind;	     // -1: has no count
	const char *drawing; // of what can be drawn and downloaded, or NULL
	const char *query;   // to have it at all
	const char *description;
} entries[] = {
	{"allocs", KIND_ALLOC, flame_graph, "",
	 "all memory ever allocated, by who allocated it"},
	{"block", KIND_BLOCK, flame_graph, "",
	 "who waits: for mutexes, conditions, semaphores, barriers, joins"},
	{"cmdline", -1, NULL, "", "the command line"},
	{"goroutine", KIND_THREADS, flame_graph, "",
	 "where every thread is now"},
	{"heap", KIND_INUSE, flame_graph, "",
	 "memory in use, by who allocated it"},
	{"mutex", KIND_MUTEX, flame_graph, "", "who makes others wait"},
	{"profile", -1, flame_graph, "seconds=" FLAME_SECONDS,
	 "CPU time of the next seconds (30 if not said)"},
	{"threadcreate", KIND_THREADCREATE, flame_graph, "",
	 "who starts threads"},
	{"trace", -1, "timeline", "format=json",
	 "a second as a timeline; as a file for ui.perfetto.dev"},
};
#define N_ENTRIES (sizeof(entries) / sizeof(*entries))

static const struct {
	const char *suffix;
	const char *type;
} file_types[] = {
	{".html", "text/html; charset=utf-8"},
	{".js", "text/javascript; charset=utf-8"},
	{".css", "text/css; charset=utf-8"},
	{".json", "application/json"},
	{".png", "image/png"},
	{".ico", "image/x-icon"},
	{".woff2", "font/woff2"},
	{".txt", "text/plain; charset=utf-8"},
};

static int speedscope_fd = -1; // constant once requests come

void http_pages_init(void)
{
	static const char *const places[] = {"speedscope",
					     "../share/cprof/speedscope"};
	char path[PATH_MAX + 64], *slash;
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);

	if (n <= 0)
		return;
	path[n] = '\0';
	slash = strrchr(path, '/');
	for (size_t i = 0; slash && i < 2 && speedscope_fd < 0; i++) {
		strcpy(slash + 1, places[i]);
		speedscope_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
}

static bool has_speedscope(void)
{
	return speedscope_fd >= 0;
}

// The end of a link: its query, and the token, if the request's query had one.
static void put_query(struct http_request *r, struct buf *b, const char *query)
{
	const char *token = http_request_get(r, "token");

	if (*query || token)
		buf_printf(b, "?%s%s", query, *query && token ? "&" : "");
	if (token) {
		buf_puts(b, "token=");
		html_url(b, token);
	}
}

static void put_link(struct http_request *r, struct buf *b, const char *path,
		     const char *query, const char *text)
{
	buf_puts(b, "<a href='");
	html_text(b, path);
	put_query(r, b, query);
	buf_puts(b, "'>");
	html_text(b, text);
	buf_puts(b, "</a>");
}

// A drawing of the profile at PATH, which is relative to the root; UP leads
// there.
struct flame {
	const char *up;
	const char *path;
	const char *query;
	const char *title; // NULL: its own, of each of its threads
};

static void put_flame(struct http_request *r, struct buf *b,
		      const struct flame *f)
{
	struct buf url;

	buf_init(&url);
	buf_printf(&url, "../%s", f->path);
	put_query(r, &url, f->query);
	buf_printf(b, "<a href='%sspeedscope/", f->up);
	buf_puts(b, "#profileURL=");
	html_url(b, url.data ? url.data : "");
	if (f->title) {
		buf_puts(b, "&amp;title=");
		html_url(b, f->title);
	}
	buf_puts(b, "'>");
	buf_fini(&url);
}

static const char *get_text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static uint64_t get_number(const json_t *o, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(o, key));
}

static void put_cmdline(struct buf *b, const json_t *process)
{
	const json_t *list = json_object_get(process, "cmdline");

	for (size_t i = 0; i < json_array_size(list); i++) {
		buf_puts(b, i ? " " : "");
		html_text(b, json_string_value(json_array_get(list, i)));
	}
}

static void put_numbers(struct buf *b, const json_t *process)
{
	const json_t *samples = json_object_get(process, "samples");
	const json_t *rates = json_object_get(process, "rates");
	double overhead =
		json_real_value(json_object_get(process, "overhead_pct"));
	uint64_t lost = get_number(process, "lost");

	buf_puts(b, "<td class=n>");
	html_duration(b, get_number(process, "up_ns"));
	buf_printf(b,
		   "<td class=n>%" PRIu64 "<td class=n>%" PRIu64
		   "<td class=n>%" PRIu64 "<td class=n>%" PRIu64
		   "<td class='n dim'>%" PRIu64 " Hz, %" PRIu64
		   " KiB<td class='n%s'>%" PRIu64 "<td class='n%s'>%.2f%%",
		   get_number(samples, "cpu"), get_number(samples, "heap"),
		   get_number(samples, "block"), get_number(samples, "mutex"),
		   get_number(rates, "cpu.hz"),
		   get_number(rates, "heap.rate") >> 10, lost ? " bad" : "",
		   lost, overhead > OVERHEAD_LIMIT_PCT ? " bad" : "", overhead);
}

static void put_flames(struct http_request *r, struct buf *b, uint64_t pid,
		       const char *comm)
{
	char path[64];

	for (size_t i = 0; i < N_ENTRIES; i++) {
		const struct entry *e = &entries[i];

		if (!e->drawing || e->kind == KIND_THREADCREATE ||
		    e->kind == KIND_THREADS)
			continue;
		snprintf(path, sizeof(path), "%" PRIu64 "/debug/pprof/%s", pid,
			 e->name);
		put_flame(r, b, &(struct flame){"", path, e->query, comm});
		buf_printf(b, "%s</a> ", e->kind < 0 ? "cpu" : e->name);
	}
}

static void put_process(struct http_request *r, struct buf *b,
			const json_t *process)
{
	const char *comm = get_text(process, "comm");
	uint64_t pid = get_number(process, "pid");
	const json_t *warnings = json_object_get(process, "warnings");
	char number[24], path[64];

	snprintf(number, sizeof(number), "%" PRIu64, pid);
	snprintf(path, sizeof(path), "%s/debug/pprof/", number);
	buf_puts(b, "<tr><td class=n>");
	put_link(r, b, path, "", number);
	buf_puts(b, "<td>");
	put_link(r, b, path, "", comm);
	buf_puts(b, "<div class='dim cmd' title=\"");
	put_cmdline(b, process);
	buf_puts(b, "\">");
	put_cmdline(b, process);
	buf_puts(b, "</div>");
	for (size_t i = 0; i < json_array_size(warnings); i++) {
		buf_puts(b, "<div class=bad>");
		html_text(b, json_string_value(json_array_get(warnings, i)));
		buf_puts(b, "</div>");
	}
	put_numbers(b, process);
	buf_puts(b, "<td>");
	if (has_speedscope())
		put_flames(r, b, pid, comm);
	else
		buf_puts(b, "<span class=dim>-</span>");
	buf_puts(b, "\n");
}

static void put_hint(struct buf *b)
{
	if (has_speedscope())
		return;
	buf_puts(b, "<p class=dim>Flame graphs open here once <code>make web"
		    "</code> has fetched speedscope; until then <code>cprofctl "
		    "flame heap PID -o heap.html</code> draws them.</p>\n");
}

static enum MHD_Result send_page(struct http_request *r, struct buf *b)
{
	html_end(b);
	return http_reply_page(r, b, HTML_POLICY);
}

enum MHD_Result http_pages_root(struct http_request *r)
{
	json_t *o = query_ps(r->query);
	const json_t *list = json_object_get(o, "processes");
	struct buf b;

	buf_init(&b);
	html_begin(&b, "cprof");
	buf_printf(&b, "<h1>Profiled processes</h1>\n%s",
		   json_array_size(list)
			   ? "<table><thead><tr><th class=n>pid<th>command"
			     "<th class=n>up<th class=n>cpu<th class=n>heap"
			     "<th class=n>block<th class=n>mutex"
			     "<th class=n>rates<th class=n>lost"
			     "<th class=n>overhead<th>flame graph</thead>\n"
			   : "<p>No process is profiled. Start one under "
			     "<code>LD_PRELOAD=libcprof.so</code>.</p>\n");
	for (size_t i = 0; i < json_array_size(list); i++)
		put_process(r, &b, json_array_get(list, i));
	if (json_array_size(list))
		buf_puts(&b, "</table>\n");
	put_hint(&b);
	buf_puts(&b,
		 "<p class=dim>cpu, heap, block and mutex are samples taken."
		 " A cpu flame graph is of the next " FLAME_SECONDS
		 " seconds.</p>\n");
	json_decref(o);
	return send_page(r, &b);
}

// From /debug/pprof/, /PID/debug/pprof/ or /comm/NAME/debug/pprof/.
static const char *up_to_root(const struct http_request *r)
{
	static const char up[] = "../../../../";
	unsigned n_parts = 0;

	for (const char *at = r->url; *at; at++)
		n_parts += *at == '/';
	n_parts = n_parts > 5 ? 5 : n_parts < 3 ? 3 : n_parts;
	return up + 3 * (5 - n_parts);
}

static void put_entry(struct http_request *r, struct buf *b,
		      const struct entry *e, size_t count)
{
	bool is_trace = e->kind < 0 && !strcmp(e->name, "trace");
	char path[64];

	buf_printf(b, "<tr><td>%zu</td><td>", count);
	put_link(r, b, e->name, "debug=1", e->name);
	buf_puts(b, "</td><td>");
	snprintf(path, sizeof(path), "%u/debug/pprof/%s", r->proc->pid,
		 e->name);
	if (e->drawing && has_speedscope()) {
		put_flame(r, b,
			  &(struct flame){up_to_root(r), path, e->query,
					  is_trace ? NULL : r->proc->comm});
		buf_puts(b, e->drawing);
		buf_puts(b, "</a>");
	}
	buf_puts(b, "</td><td>");
	if (e->drawing)
		put_link(r, b, e->name, "", "download");
	buf_puts(b, "</td><td>");
	if (e->drawing && e->kind >= 0)
		put_link(r, b, e->name, "seconds=" DELTA_SECONDS,
			 "next " DELTA_SECONDS " s");
	buf_printf(b, "</td><td class=dim>%s</td></tr>\n", e->description);
}

static void put_own(struct http_request *r, struct buf *b)
{
	struct query_own own[PROFILES_MAX];
	size_t n = query_own_list(r->proc, own);

	for (size_t i = 0; i < n; i++)
		put_entry(r, b,
			  &(struct entry){own[i].name, KIND_N, flame_graph, "",
					  "a profile of the program's own"},
			  own[i].count);
}

// How to have a profile elsewhere, as this page is had.
static void put_command(struct http_request *r, struct buf *b)
{
	const char *host = http_request_header(r, "Host");
	const char *url = atomic_load_explicit(&r->query->x_http_url,
					       memory_order_acquire);
	bool is_tls = url && !strncmp(url, "https", 5);

	if (!host || r->is_local)
		return;
	buf_printf(b, "<h2>On the command line</h2>\n<pre>go tool pprof %s://",
		   is_tls ? "https+insecure" : "http");
	html_text(b, host);
	html_text(b, r->url);
	buf_puts(b, "heap</pre>\n");
}

enum MHD_Result http_pages_index(struct http_request *r)
{
	size_t counts[KIND_N];
	struct buf b;

	query_counts(r->proc, counts);
	buf_init(&b);
	html_begin(&b, "/debug/pprof/");
	buf_puts(&b, "<h1>");
	html_text(&b, r->proc->comm);
	buf_printf(&b,
		   " <span class=dim>%u</span></h1>\n<table>\n<thead><td>"
		   "Count</td><td>Profile</td><td></td><td></td><td></td>"
		   "<td></td></thead>\n",
		   r->proc->pid);
	for (size_t i = 0; i < N_ENTRIES; i++)
		put_entry(r, &b, &entries[i],
			  entries[i].kind < 0 ? 0 : counts[entries[i].kind]);
	put_own(r, &b);
	buf_puts(&b, "</table>\n<p>");
	put_link(r, &b, "goroutine", "debug=2", "full thread stack dump");
	buf_puts(&b, "</p>\n");
	put_hint(&b);
	put_command(r, &b);
	return send_page(r, &b);
}

static const char *type_of(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < sizeof(file_types) / sizeof(*file_types); i++) {
		size_t n_suffix = strlen(file_types[i].suffix);

		if (n > n_suffix &&
		    !strcmp(name + n - n_suffix, file_types[i].suffix))
			return file_types[i].type;
	}
	return "application/octet-stream";
}

// The whole of the plain file NAME, which may not lead out of the folder.
static int read_file(const char *name, struct buf *ret)
{
	char bytes[16384];
	struct stat st;
	ssize_t n;
	int fd;

	if (!has_speedscope() || strchr(name, '/') || *name == '.')
		return -ENOENT;
	fd = openat(speedscope_fd, name,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -ENOENT;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) ||
	    st.st_size > FILE_MAX_BYTES) {
		close(fd);
		return -ENOENT;
	}
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		buf_put(ret, bytes, (size_t)n);
	close(fd);
	return n < 0 ? -EIO : 0;
}

enum MHD_Result http_pages_speedscope(struct http_request *r)
{
	const char *name = r->path + strlen(r->route->path);
	struct buf b;

	buf_init(&b);
	name = *name ? name : "index.html";
	if (!read_file(name, &b))
		return http_reply_bytes(r, &b, type_of(name), NULL);
	buf_fini(&b);
	query_fail(&r->error, -ENOENT,
		   has_speedscope() ? "no such file"
				    : "speedscope is not installed: "
				      "'make web' fetches it");
	return http_reply_fail(r);
}

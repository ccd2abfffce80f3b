// SPDX-License-Identifier: Apache-2.0
//
// Figures of the collector and of each process in Prometheus's text form, and
// the processes as targets for those who scrape (Prometheus's http_sd form).
// A metric's lines must stand together, so what a process has is read once,
// under its lock, and printed metric by metric.
#include "collector/query.h"

#include "collector/hello_labels.h"
#include "collector/memstats.h"
#include "collector/own.h"
#include "collector/procfs.h"
#include "collector/take.h"
#include "collector/utf8.h"
#include "proto/version.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum metric {
#define METRIC(id, name, type, help, value) METRIC_##id,
#include "collector/query_metrics.def"
#undef METRIC
	METRIC_N
};

static const struct {
	const char *name;
	const char *type;
	const char *help;
} metrics[METRIC_N] = {
#define METRIC(id, name, type, help, value) {name, type, help},
#include "collector/query_metrics.def"
#undef METRIC
};

struct figures {
	uint32_t pid;
	char comm[16];
	double values[METRIC_N];
	uint64_t samples[KIND_N];
};

static uint64_t heap_sum(const struct proc *p, unsigned value)
{
	uint64_t sums[KIND_VALUES_MAX];

	memstats_heap(p, sums);
	return sums[value];
}

static void read_figures(struct proc *p, struct figures *f)
{
	proc_lock(p);
	f->pid = p->pid;
	memcpy(f->comm, p->comm, sizeof(f->comm));
#define METRIC(id, name, type, help, value) \
	f->values[METRIC_##id] = (double)(value);
#include "collector/query_metrics.def"
#undef METRIC
	for (int kind = 0; kind < KIND_N; kind++)
		f->samples[kind] = take_n_samples(p, (enum kind)kind);
	proc_unlock(p);
}

static void put_label(struct buf *b, const char *text)
{
	char name[16];

	memcpy(name, text, sizeof(name));
	name[sizeof(name) - 1] = '\0';
	utf8_mend(name);
	for (const char *c = name; *c; c++) {
		if (*c == '\n')
			buf_puts(b, "\\n");
		else if (*c == '"' || *c == '\\')
			buf_printf(b, "\\%c", *c);
		else
			buf_put(b, c, 1);
	}
}

static void put_head(struct buf *b, const char *name, const char *type,
		     const char *help)
{
	buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_process(struct buf *b, const char *name,
			const struct figures *f)
{
	buf_printf(b, "%s{pid=\"%u\",comm=\"", name, f->pid);
	put_label(b, f->comm);
	buf_puts(b, "\"");
}

static void put_processes(struct buf *b, const struct figures *list, size_t n)
{
	for (int m = 0; m < METRIC_N; m++) {
		put_head(b, metrics[m].name, metrics[m].type, metrics[m].help);
		for (size_t i = 0; i < n; i++) {
			put_process(b, metrics[m].name, &list[i]);
			buf_printf(b, "} %.17g\n", list[i].values[m]);
		}
	}
}

static void put_samples(struct buf *b, const struct figures *list, size_t n)
{
	static const char name[] = "cprof_samples_total";

	put_head(b, name, "counter", "Samples taken, by kind of profile.");
	for (size_t i = 0; i < n; i++)
		for (int kind = 0; kind < KIND_N; kind++) {
			// It has the samples of alloc.
			if (kind == KIND_INUSE)
				continue;
			put_process(b, name, &list[i]);
			buf_printf(b, ",kind=\"%s\"} %llu\n",
				   kind_table[kind].name,
				   (unsigned long long)list[i].samples[kind]);
		}
}

static void put_one(struct buf *b, const char *name, const char *type,
		    const char *help, uint64_t value)
{
	put_head(b, name, type, help);
	buf_printf(b, "%s %llu\n", name, (unsigned long long)value);
}

static uint64_t relaxed(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void put_answers(struct buf *b, const struct query *q)
{
	static const char name[] = "cprof_http_answers_total";

	put_head(b, name, "counter",
		 "Requests answered, by the first digit of the status.");
	for (int i = 2; i < QUERY_ANSWERS_N; i++)
		buf_printf(b, "%s{status=\"%dxx\"} %llu\n", name, i,
			   (unsigned long long)relaxed(&q->x_answers[i]));
}

static void put_push(struct buf *b, const struct push_status *s)
{
	put_one(b, "cprof_push_sent_total", "counter",
		"Profiles that the server of --push has taken.",
		relaxed(&s->x_sent));
	put_one(b, "cprof_push_sent_bytes_total", "counter", "Bytes of them.",
		relaxed(&s->x_sent_bytes));
	put_one(b, "cprof_push_retries_total", "counter",
		"Attempts that failed for the time being.",
		relaxed(&s->x_retries));
	put_one(b, "cprof_push_refused_total", "counter",
		"Profiles that the server refused.", relaxed(&s->x_refused));
	put_one(b, "cprof_push_dropped_total", "counter",
		"Profiles there was no room for in the spool.",
		relaxed(&s->x_dropped));
	put_one(b, "cprof_push_set_aside_total", "counter",
		"Profiles that killed the sender, kept in the spool.",
		relaxed(&s->x_set_aside));
	put_one(b, "cprof_push_missed_total", "counter",
		"Processes whose last profiles were not taken, for want of "
		"room.",
		relaxed(&s->x_missed));
	put_one(b, "cprof_push_senders", "gauge",
		"1 while there is a process that sends; without libcurl there "
		"is none.",
		relaxed(&s->x_senders));
	put_one(b, "cprof_push_spool_bytes", "gauge", "Bytes in the spool.",
		relaxed(&s->x_spool_bytes));
}

// Of the collector itself.
static void put_self(struct buf *b, const struct query *q, size_t n_processes)
{
	uint64_t rss_kib = 0;

	(void)procfs_status((uint32_t)getpid(), "VmRSS:", &rss_kib);
	put_head(b, "cprof_build_info", "gauge", "The collector's version.");
	buf_puts(b, "cprof_build_info{version=\"" CPROF_VERSION "\"} 1\n");
	put_one(b, "process_resident_memory_bytes", "gauge",
		"Memory of the collector.", rss_kib * 1024);
	put_one(b, "cprof_region_bytes", "gauge",
		"Memory shared with the processes, part of the above.",
		table_region_bytes(q->table));
	put_one(b, "cprof_processes", "gauge", "Processes that are profiled.",
		n_processes);
	put_answers(b, q);
	if (q->push)
		put_push(b, q->push);
}

// The processes that are there and attached, each with a reference in the list;
// the others are given back.
static size_t select_attached(struct proc **list, size_t n)
{
	size_t n_there = 0;

	for (size_t i = 0; i < n; i++) {
		struct proc *p = list[i];
		bool is_there;

		proc_lock(p);
		is_there = !proc_is_over(p) && proc_is_attached(p);
		proc_unlock(p);
		if (!is_there)
			continue;
		list[i] = list[n_there];
		list[n_there++] = p;
	}
	return n_there;
}

int query_metrics(struct query *q, struct buf *ret)
{
	size_t n, n_there;
	struct proc **procs = table_list(q->table, &n);
	struct figures *list;

	if (!procs)
		return -ENOMEM;
	n_there = select_attached(procs, n);
	list = calloc(n_there + 1, sizeof(*list));
	for (size_t i = 0; list && i < n_there; i++)
		read_figures(procs[i], &list[i]);
	table_unlist(procs, n);
	if (!list)
		return -ENOMEM;
	put_self(ret, q, n_there);
	put_processes(ret, list, n_there);
	put_samples(ret, list, n_there);
	free(list);
	return buf_error(ret);
}

static void set(json_t *o, const char *key, const char *value, size_t n)
{
	char *copy = strndup(value, n);

	if (copy)
		utf8_mend(copy);
	json_object_set_new(o, key, json_string(copy ? copy : ""));
	free(copy);
}

// What the process is called: its label service_name, else its command.
static void set_service(json_t *o, const struct proc *p)
{
	const char *labels = p->hello->labels;
	struct hello_label service;

	if (labels && hello_labels_service(labels, &service))
		set(o, HELLO_SERVICE, service.value, service.value_bytes);
	else
		set(o, HELLO_SERVICE, p->comm, sizeof(p->comm));
}

static json_t *target(const struct proc *p, const char *address)
{
	json_t *labels = json_object();
	char pid[16], prefix[16];

	snprintf(pid, sizeof(pid), "%u", p->pid);
	snprintf(prefix, sizeof(prefix), "/%u", p->pid);
	set(labels, "__meta_cprof_pid", pid, sizeof(pid));
	set(labels, "__meta_cprof_comm", p->comm, sizeof(p->comm));
	// Alloy puts it before the paths of the profiles.
	set(labels, "__profile_path_prefix__", prefix, sizeof(prefix));
	set(labels, "pid", pid, sizeof(pid));
	set_service(labels, p);
	return json_pack("{s:[s],s:o}", "targets", address, "labels", labels);
}

json_t *query_targets(struct query *q, const char *address)
{
	size_t n, n_there;
	struct proc **procs = table_list(q->table, &n);
	json_t *list = json_array();

	if (!procs)
		return list;
	n_there = select_attached(procs, n);
	for (size_t i = 0; i < n_there; i++)
		json_array_append_new(list, target(procs[i], address));
	table_unlist(procs, n);
	return list;
}

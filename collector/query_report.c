// SPDX-License-Identifier: Apache-2.0
//
// What there is, as JSON: the answers of API.md.
#include "collector/drain.h"
#include "collector/dump.h"
#include "collector/memstats.h"
#include "collector/own.h"
#include "collector/procfs.h"
#include "collector/query.h"
#include "collector/take.h"
#include "collector/utf8.h"
#include "proto/version.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// Names come from other processes and may be any bytes; JSON is UTF-8. Bytes
// that are not become '?'.
static json_t *text(const char *s)
{
	json_t *j = json_string(s);
	char *copy;

	if (j)
		return j;
	copy = strdup(s);
	if (copy)
		utf8_mend(copy);
	j = json_string(copy ? copy : "");
	free(copy);
	return j;
}

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *texts(const struct proc_texts *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < t->n; i++)
		json_array_append_new(list, text(t->list[i]));
	return list;
}

static json_t *rates(const struct proc *p)
{
	json_t *o = json_object();

	for (int i = 0; i < SETTING_N; i++)
		if (setting_table[i].key[0])
			json_object_set_new(
				o, setting_table[i].key,
				number(proc_rate(p, (enum setting)i)));
	return o;
}

json_t *query_rates(struct proc *p)
{
	json_t *o = json_object();

	proc_lock(p);
	json_object_set_new(o, "pid", number(p->pid));
	json_object_set_new(o, "rates", rates(p));
	proc_unlock(p);
	return o;
}

static json_t *samples(const struct proc *p)
{
	static const struct {
		const char *name;
		enum kind kind;
	} views[] = {
		{"cpu", KIND_CPU},
		{"heap", KIND_INUSE},
		{"block", KIND_BLOCK},
		{"mutex", KIND_MUTEX},
		{"threadcreate", KIND_THREADCREATE},
	};
	json_t *o = json_object();

	for (size_t i = 0; i < sizeof(views) / sizeof(*views); i++)
		json_object_set_new(o, views[i].name,
				    number(take_n_samples(p, views[i].kind)));
	return o;
}

static json_t *cmdline(const struct proc *p)
{
	json_t *list = json_array();

	for (char **arg = p->argv; arg && *arg; arg++)
		json_array_append_new(list, text(*arg));
	return list;
}

static void put_process(const struct proc *p, json_t *o)
{
	json_object_set_new(o, "pid", number(p->pid));
	json_object_set_new(o, "comm", text(p->comm));
	json_object_set_new(o, "cmdline", cmdline(p));
	json_object_set_new(o, "uid", number(p->uid));
	json_object_set_new(o, "start_time_ns",
			    number((uint64_t)p->start_time_ns));
	json_object_set_new(o, "up_ns", number(pool_now_ns() - p->attached_ns));
	json_object_set_new(o, "transport",
			    text(p->stream_fd < 0 ? "ring" : "socket"));
}

static void put_state(const struct proc *p, json_t *o)
{
	const struct ingest *in = &p->ingest;
	size_t n_stacks = p->is_started ? in->stacks.n - FRAME_PSEUDO_N : 0;

	json_object_set_new(o, "rates", rates(p));
	json_object_set_new(o, "samples", samples(p));
	json_object_set_new(o, "live_samples", number(agg_n_live(&in->agg)));
	json_object_set_new(o, "stacks", number(n_stacks));
	json_object_set_new(o, "threads", number(in->threads.n));
	json_object_set_new(o, "lost", number(own_n_lost(p)));
	json_object_set_new(o, "overhead_pct", json_real(own_overhead_pct(p)));
	json_object_set_new(o, "dir", text(p->dir ? p->dir : ""));
	json_object_set_new(o, "files", number(p->files.n));
	json_object_set_new(o, "warnings", texts(&p->warnings));
}

// A process that has ended and whose files are not all there.
static json_t *ending(const struct proc *p)
{
	json_t *o = json_object();

	json_object_set_new(o, "pid", number(p->pid));
	json_object_set_new(o, "dir", text(p->dir ? p->dir : p->hello->dir));
	return o;
}

json_t *query_ps(struct query *q)
{
	json_t *o = json_object();
	json_t *list = json_array();
	json_t *endings = json_array();
	size_t n;
	struct proc **procs = table_list(q->table, &n);
	// acquire: pairs with http_door's release
	const char *url =
		atomic_load_explicit(&q->x_http_url, memory_order_acquire);

	for (size_t i = 0; i < n; i++) {
		json_t *process;

		proc_lock(procs[i]);
		if (proc_is_over(procs[i])) {
			json_array_append_new(endings, ending(procs[i]));
		} else if (proc_is_attached(procs[i])) {
			process = json_object();
			put_process(procs[i], process);
			put_state(procs[i], process);
			json_array_append_new(list, process);
		}
		proc_unlock(procs[i]);
	}
	if (procs)
		table_unlist(procs, n);
	json_object_set_new(o, "version", text(CPROF_VERSION));
	json_object_set_new(o, "http", text(url ? url : ""));
	json_object_set_new(o, "processes", list);
	json_object_set_new(o, "ending", endings);
	return o;
}

static void put_bytes(json_t *o, const struct proc *p, const char *key,
		      const char *name)
{
	// 0 once the process has gone.
	json_object_set_new(o, key, number(procfs_status_bytes(p->pid, name)));
}

static void put_threads(json_t *o, const struct proc *p)
{
	uint64_t n = 0;

	(void)procfs_status(p->pid, "Threads:", &n);
	json_object_set_new(o, "threads", number(n));
}

static void put_heap(const struct proc *p, json_t *o)
{
	static const char *const keys[] = {"heap_alloc_objects",
					   "heap_alloc_bytes",
					   "heap_inuse_objects",
					   "heap_inuse_bytes"};
	uint64_t sums[KIND_VALUES_MAX];

	memstats_heap(p, sums);
	for (int v = 0; v < KIND_VALUES_MAX; v++)
		json_object_set_new(o, keys[v], number(sums[v]));
	json_object_set_new(o, "heap_free_objects",
			    number(sums[0] > sums[2] ? sums[0] - sums[2] : 0));
}

static json_t *memory(const struct proc *p)
{
	json_t *o = json_object();

	put_bytes(o, p, "rss_bytes", "VmRSS:");
	put_bytes(o, p, "vsize_bytes", "VmSize:");
	put_bytes(o, p, "max_rss_bytes", "VmHWM:");
	put_threads(o, p);
	put_bytes(o, p, "stacks_bytes", "VmStk:");
	put_heap(p, o);
	json_object_set_new(o, "profiler_bytes", number(proc_bytes(p)));
	return o;
}

static json_t *counters(const struct proc *p)
{
	json_t *o = json_object();

	for (int i = 0; i < COUNTER_N; i++)
		json_object_set_new(
			o, own_shim_table[i].name,
			number(own_shim_counter(p, (enum region_counter)i)));
	for (int i = 0; i < OWN_N; i++)
		json_object_set_new(
			o, own_table[i].name,
			number(own_counter(p, (enum own_counter)i)));
	return o;
}

json_t *query_stats(struct proc *p)
{
	json_t *o = json_object();

	proc_lock(p);
	(void)drain_run(p);
	json_object_set_new(o, "pid", number(p->pid));
	json_object_set_new(o, "memory", memory(p));
	json_object_set_new(o, "counters", counters(p));
	proc_unlock(p);
	return o;
}

json_t *query_dump(struct proc *p, struct query_error *ret_error)
{
	struct proc_texts files = {0};
	struct dump d = {0};
	json_t *o = NULL;
	int err;

	proc_lock(p);
	(void)drain_run(p);
	dump_take(p, (1u << KIND_N) - 1, &d);
	proc_unlock(p);
	err = dump_write(p, &d, &files);
	dump_free(&d);
	if (err) {
		query_fail(ret_error, err,
			   "the profiles of process %u can't be written: %s",
			   p->pid, strerror(-err));
	} else {
		o = json_object();
		json_object_set_new(o, "pid", number(p->pid));
		json_object_set_new(o, "files", texts(&files));
	}
	proc_free_texts(&files);
	return o;
}

// A session that lives, or has ended and is still being written.
static json_t *not_ended(uint32_t pid)
{
	json_t *o = json_object();

	json_object_set_new(o, "pid", number(pid));
	json_object_set_new(o, "ended", json_false());
	return o;
}

json_t *query_ended(struct query *q, uint32_t pid,
		    struct query_error *ret_error)
{
	struct proc *p = table_find(q->table, pid);
	struct table_ended e;
	json_t *o;

	if (p) {
		proc_unref(p);
		return not_ended(pid);
	}
	if (table_get_ended(q->table, pid, &e)) {
		query_fail(ret_error, -ENOENT,
			   "no session of pid %u has ended lately", pid);
		return NULL;
	}
	o = json_object();
	json_object_set_new(o, "pid", number(pid));
	json_object_set_new(o, "ended", json_true());
	json_object_set_new(o, "files", texts(&e.files));
	json_object_set_new(o, "warnings", texts(&e.warnings));
	table_free_ended(&e);
	return o;
}

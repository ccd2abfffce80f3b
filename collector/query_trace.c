// SPDX-License-Identifier: Apache-2.0
//
// A trace of an interval. While it runs the process's records tell the time,
// every wait of some length is told, and the memory in use is looked at every
// 10 ms. One at a time of a process, as in Go; it may run beside a CPU profile.
#include "collector/chrome.h"
#include "collector/drain.h"
#include "collector/perfetto.h"
#include "collector/procfs.h"
#include "collector/query.h"
#include "collector/take.h"

#include <errno.h>
#include <poll.h>

#define STEP_MS 10

static int begin(struct proc *p, struct trace *trace,
		 struct query_error *ret_error)
{
	int err = 0;

	proc_lock(p);
	(void)drain_run(p);
	if (p->ingest.trace)
		err = query_fail(ret_error, -EBUSY,
				 "Could not enable tracing: tracing is already "
				 "enabled: of process %u (%s)",
				 p->pid, p->comm);
	else if (!p->region)
		err = query_fail(ret_error, -EOPNOTSUPP,
				 "process %u can't be traced: it uses the "
				 "socket transport",
				 p->pid);
	if (!err) {
		trace->begin_ns = pool_now_ns();
		p->ingest.trace = trace;
		proc_set_traced(p, true);
	}
	proc_unlock(p);
	return err;
}

static void look_at_memory(struct proc *p, struct trace *trace)
{
	uint64_t rss_bytes = procfs_status_bytes(p->pid, "VmRSS:");
	double heap = p->ingest.agg.inuse_bytes;

	trace_add(trace, &(struct trace_event){.type = TRACE_HEAP,
					       .time_ns = pool_now_ns(),
					       .value = heap > 0 && heap < 9e18
								? (uint64_t)heap
								: 0});
	if (rss_bytes)
		trace_add(trace, &(struct trace_event){.type = TRACE_RSS,
						       .time_ns = pool_now_ns(),
						       .value = rss_bytes});
}

static bool has_ended_early(struct query *q, struct proc *p, uint32_t stops)
{
	return proc_is_over(p) ||
	       atomic_load_explicit(&q->x_is_ending, memory_order_relaxed) ||
	       atomic_load_explicit(&p->x_stops, memory_order_relaxed) != stops;
}

// -EPIPE: whoever asked has gone.
static int collect(struct query *q, struct proc *p, const struct query_trace *t,
		   struct trace *trace)
{
	uint32_t stops =
		atomic_load_explicit(&p->x_stops, memory_order_relaxed);
	uint64_t until_ns = trace->begin_ns + t->duration_ns;

	while (!has_ended_early(q, p, stops) && pool_now_ns() < until_ns) {
		if (t->is_abandoned && t->is_abandoned(t->context))
			return -EPIPE;
		proc_lock(p);
		(void)drain_run(p);
		look_at_memory(p, trace);
		proc_unlock(p);
		(void)poll(NULL, 0, STEP_MS);
	}
	return 0;
}

// The stacks and threads that the events refer to; NULL: no memory.
static struct snap *end(struct proc *p, struct trace *trace)
{
	struct snap *s;

	proc_lock(p);
	(void)drain_run(p);
	look_at_memory(p, trace);
	proc_set_traced(p, false);
	p->ingest.trace = NULL;
	take_thread_names(p, true);
	s = take_snap(p, KIND_THREADS);
	proc_unlock(p);
	return s;
}

int query_trace(struct query *q, struct proc *p, const struct query_trace *t,
		struct buf *ret, struct query_error *ret_error)
{
	struct trace trace = {0};
	struct snap *s;
	int err = begin(p, &trace, ret_error);

	if (err)
		return err;
	err = collect(q, p, t, &trace);
	s = end(p, &trace);
	if (err) {
		query_fail(ret_error, err, "the client has gone");
	} else if (s) {
		trace_sort(&trace);
		(t->is_json ? chrome_write : perfetto_write)(&trace, s, ret);
		err = buf_error(ret);
	}
	if (!s || err == -ENOMEM)
		err = query_fail(ret_error, -ENOMEM, "no memory for the trace");
	snap_free(s);
	trace_fini(&trace);
	return err;
}

// SPDX-License-Identifier: Apache-2.0
//
// The order matters: whether the process is over, or says goodbye, is read
// before its rings are; so what is written at the end holds all that came
// before it.
#include "collector/visit.h"

#include "collector/begun.h"
#include "collector/drain.h"
#include "collector/dump.h"
#include "collector/log.h"
#include "collector/mem.h"
#include "collector/nudge.h"
#include "collector/procfs.h"
#include "collector/regular.h"
#include "collector/take.h"

#include <sys/epoll.h>

// Visits while records come, and the longest pause between two.
#define BUSY_NS	 5000000u
#define HURRY_NS 1000000u
#define IDLE_NS	 250000000u
// The age at which a process gets all of its region.
#define GROWN_NS 4000000u
// A sandbox is looked for this often while the process is young, and later.
#define YOUNG_NS	 10000000000u
#define SANDBOX_YOUNG_NS 1000000000u
#define SANDBOX_OLD_NS	 10000000000u

// Filters the process had from its start (a container's) let it live as it is;
// one more, or the strict mode, means that it has entered a sandbox.
static void check_sandbox(struct proc *p)
{
	uint64_t now_ns = pool_now_ns();
	bool is_young = now_ns - p->attached_ns < YOUNG_NS;
	uint64_t mode, filters;

	if (!p->region ||
	    now_ns - p->sandbox_checked_ns <
		    (is_young ? SANDBOX_YOUNG_NS : SANDBOX_OLD_NS))
		return;
	p->sandbox_checked_ns = now_ns;
	if (procfs_status(p->pid, "Seccomp:", &mode))
		return;
	if (procfs_status(p->pid, "Seccomp_filters:", &filters))
		filters = p->base_filters;
	if (mode == 1 || filters > p->base_filters)
		atomic_store_explicit(&p->region->control->x_sandboxed, 1,
				      memory_order_relaxed);
}

// For want of a pidfd.
static void check_alive(struct proc *p)
{
	if (p->pid_fd < 0 && !proc_is_over(p) && proc_is_gone(p))
		proc_set_over(p);
}

void visit_walks(struct proc *p)
{
	walkindex_update(&p->walk, p->ingest.images, p->generation);
	if (!p->env->is_checking_walks || !p->walk.own)
		return;
	p->ingest.check.tables = (struct walk_tables){
		p->walk.own, walktab_arena(p->env->walktabs), WALK_ARENA_BYTES};
}

static bool is_goodbye(const struct proc *p)
{
	return p->is_goodbye || p->ingest.is_goodbye;
}

// The profile that CPUPROFILESIGNAL began ends, and is added to D.
static void end_toggled(struct proc *p, struct dump *d)
{
	d->snaps[d->n_snaps] = take_snap(p, KIND_CPU);
	if (!d->snaps[d->n_snaps])
		return;
	d->n_snaps++;
	d->since = p->toggled;
	p->toggled = NULL;
}

// CPUPROFILESIGNAL begins a profile, and the next one ends it.
static void toggle(struct proc *p)
{
	struct dump d = {0};

	if (!p->toggled) {
		p->toggled = take_snap(p, KIND_CPU);
		if (!p->toggled)
			proc_warn(p, "no memory to begin the CPU profile");
		return;
	}
	end_toggled(p, &d);
	if (d.n_snaps && dump_post(p, &d, false))
		proc_warn(p, "no memory for the CPU profile");
}

// CPUPROFILESIGNAL came N times: those that came since the last visit are
// served one after the other, so files are counted as signals were, and one
// that began and ended meanwhile is empty. What waits for the disk is bounded,
// and the rest is for the next visit.
static void toggle_times(struct proc *p, uint32_t n, bool is_over)
{
	for (; n && (is_over || !dump_is_full(p)); n--) {
		if (p->gperf.is_toggled)
			toggle(p);
		p->n_dumps_served += REGION_TOGGLE;
	}
}

// The snapshot signal came: as many files as it came times would only be
// copies of each other, so those between two visits share one.
static void serve_signal(struct proc *p, bool is_over)
{
	uint32_t n = (uint32_t)p->ingest.n_dumps;
	struct dump d = {0};
	uint32_t n_asked;

	if (p->region)
		n = atomic_load_explicit(&p->region->status->x_dump_requests,
					 memory_order_relaxed);
	if (n == p->n_dumps_served || (!is_over && dump_is_full(p)))
		return;
	toggle_times(p, (n - p->n_dumps_served) >> REGION_TOGGLE_SHIFT,
		     is_over);
	n_asked = (n - p->n_dumps_served) & (REGION_TOGGLE - 1);
	if (!n_asked || (!is_over && dump_is_full(p)))
		return;
	p->n_dumps_served += n_asked;
	dump_take(p, 1u << KIND_INUSE, &d);
	// Asked for, so an empty one is an answer too.
	if (!d.n_snaps) {
		d.snaps[0] = take_snap(p, KIND_INUSE);
		d.n_snaps = d.snaps[0] != NULL;
	}
	if (dump_post(p, &d, false))
		proc_warn(p, "no memory for the heap snapshot");
}

static void write_exit(struct proc *p, bool is_over)
{
	struct dump d = {.n_snaps = 0};

	if (!is_over && p->region)
		ingest_refresh(&p->ingest, p->generation);
	// A process that did nothing but start leaves nothing.
	if (p->ingest.n_worth)
		dump_take(p, p->hello->exit_kinds, &d);
	if (p->toggled)
		end_toggled(p, &d);
	p->exit = PROC_WRITING;
	if (!d.n_snaps)
		dump_announce(p, true);
	else if (dump_post(p, &d, true))
		dump_announce(p, false);
}

// Its end is near or past: the files of its exit, once.
static void serve_exit(struct proc *p, bool is_over)
{
	if (p->exit == PROC_RUNS && (is_over || is_goodbye(p)))
		write_exit(p, is_over);
}

void visit_finish(struct proc *p)
{
	bool is_over = proc_is_over(p);

	proc_lock(p);
	if (p->exit == PROC_RUNS) {
		drain_close(p);
		regular_visit(p, true);
		write_exit(p, is_over);
	}
	proc_unlock(p);
}

// A process that lives on gets the memory of all its stripes. Not before it has
// the region: until then the descriptor may be on its way.
static void grow(struct proc *p, uint64_t n_bytes)
{
	struct region *r = p->region;

	if (!r || r->memfd < 0 ||
	    !atomic_load_explicit(&r->status->x_attached,
				  memory_order_relaxed) ||
	    (n_bytes < r->size.stripe_bytes / 8 &&
	     pool_now_ns() - p->attached_ns < GROWN_NS))
		return;
	if (region_grow(r))
		proc_warn(p, "no memory for all of its buffer: samples may be "
			     "lost");
}

static uint64_t next_interval(struct proc *p, uint64_t n_bytes)
{
	uint64_t capacity = 1;

	if (p->region)
		capacity = (uint64_t)p->region->n_ready *
			   p->region->size.stripe_bytes;
	if (!n_bytes) {
		p->interval_ns += p->interval_ns / 4;
		if (p->interval_ns > IDLE_NS)
			p->interval_ns = IDLE_NS;
	} else if (p->region && n_bytes > capacity / 64) {
		p->interval_ns = HURRY_NS;
	} else {
		p->interval_ns = BUSY_NS;
	}
	// Nearly full: come again at once.
	if (p->region && n_bytes > capacity / 8)
		return 0;
	return p->interval_ns;
}

// A stream wakes its visitor; it is armed for one wake at a time.
static void rearm_stream(struct proc *p)
{
	if (p->stream_fd >= 0 && !p->is_stream_ended)
		// It fails only when the session is not in the loop yet; it is
		// armed then.
		(void)loop_rearm(p->env->loop, &p->stream_watch,
				 EPOLLIN | EPOLLONESHOT);
}

static bool finish_if_done(struct proc *p, bool is_over)
{
	if (!is_over || p->exit != PROC_WRITTEN || p->dumps || p->is_writing ||
	    p->is_finished)
		return false;
	p->is_finished = true;
	return true;
}

static uint64_t visit(void *context)
{
	struct proc *p = context;
	bool is_over;
	uint64_t n_bytes, pause_ns;
	bool is_done, is_finished, is_nudged;
	struct nudge nudge;

	ASSERT(p->magic == PROC_MAGIC);
	check_alive(p);
	is_over = proc_is_over(p);
	proc_lock(p);
	if (p->is_finished) {
		proc_unlock(p);
		return POOL_NEVER;
	}
	if (!p->dir)
		dump_choose_dir(p);
	drain_start(p);
	regular_start(p);
	n_bytes = drain_run(p);
	if (p->region && !is_over)
		visit_walks(p);
	drain_free_stripes(p);
	take_thread_names(p, false);
	begun_expire(p);
	if (!is_over) {
		check_sandbox(p);
		grow(p, n_bytes);
	}
	serve_signal(p, is_over || is_goodbye(p));
	regular_visit(p, is_over || is_goodbye(p));
	serve_exit(p, is_over);
	pause_ns = next_interval(p, n_bytes);
	is_done = finish_if_done(p, is_over);
	is_finished = p->is_finished;
	if (!is_finished)
		rearm_stream(p);
	is_nudged = !is_over && nudge_is_due(p, &nudge);
	proc_unlock(p);
	if (is_nudged && !nudge_send(p, &nudge) && pause_ns > BUSY_NS)
		pause_ns = BUSY_NS;
	if (is_done)
		p->env->on_finished(p->env->context, p);
	return is_finished ? POOL_NEVER : pool_now_ns() + pause_ns;
}

void visit_init(struct proc *p)
{
	pool_job_init(&p->visit_job, visit, p);
	pool_job_init(&p->write_job, dump_job, p);
}

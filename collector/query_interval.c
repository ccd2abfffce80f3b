// SPDX-License-Identifier: Apache-2.0
//
// Profiles of now and of an interval: two snapshots and their difference. The
// waiting is done without any lock, so any number of intervals overlap; only
// the cpu rate can be changed by one at a time.
#include "collector/begun.h"
#include "collector/drain.h"
#include "collector/pprof.h"
#include "collector/query.h"
#include "collector/roll.h"
#include "collector/take.h"
#include "collector/text.h"
#include "collector/threadtext.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

// How soon a stop, an end or a hang-up is noticed.
#define WAIT_STEP_NS   50000000u
#define DEFAULT_CPU_HZ 100u

// An interval that is being measured.
struct interval {
	struct query *query;
	struct proc *p;
	const struct query_profile *profile;
	uint32_t stops;
	uint64_t old_hz;
	struct snap *first;
};

// A snapshot of everything up to now. Needs the lock.
static struct snap *take_now(struct proc *p, unsigned kind)
{
	(void)drain_run(p);
	take_thread_names(p, true);
	return take_snap(p, kind);
}

static int render(struct snap *s, struct buf *ret,
		  struct query_error *ret_error)
{
	int err;

	take_comments(s);
	err = pprof_write(s, ret);
	snap_free(s);
	if (err)
		return query_fail(ret_error, err, "no memory for the profile");
	return 0;
}

static int fail_memory(struct query_error *ret_error)
{
	return query_fail(ret_error, -ENOMEM, "no memory for the profile");
}

static bool has_ended_early(const struct interval *v)
{
	return proc_is_over(v->p) ||
	       atomic_load_explicit(&v->query->x_is_ending,
				    memory_order_relaxed) ||
	       atomic_load_explicit(&v->p->x_stops, memory_order_relaxed) !=
		       v->stops;
}

// -EPIPE: whoever asked has gone.
static int wait(const struct interval *v)
{
	const struct query_profile *q = v->profile;
	uint64_t until_ns = pool_now_ns() + q->seconds * 1000000000u;

	while (!has_ended_early(v)) {
		uint64_t now_ns = pool_now_ns();
		uint64_t left_ns = until_ns - now_ns;

		if (now_ns >= until_ns)
			return 0;
		if (q->is_abandoned && q->is_abandoned(q->context))
			return -EPIPE;
		if (left_ns > WAIT_STEP_NS)
			left_ns = WAIT_STEP_NS;
		(void)poll(NULL, 0, (int)((left_ns + 999999) / 1000000));
	}
	return 0;
}

// Begins to count cpu time at the rate that is wanted. Needs the lock.
static int begin_cpu(struct interval *v, struct query_error *ret_error)
{
	struct proc *p = v->p;
	uint64_t hz = v->profile->hz;
	int err;

	if (p->is_cpu_profiled)
		return query_fail(ret_error, -EBUSY,
				  "Could not enable CPU profiling: cpu "
				  "profiling already in use");
	v->old_hz = proc_rate(p, SETTING_CPU_HZ);
	if (!hz)
		hz = v->old_hz ? v->old_hz : DEFAULT_CPU_HZ;
	err = proc_set_rate(p, SETTING_CPU_HZ, hz);
	if (err)
		return query_fail(ret_error, err,
				  "cpu.hz of process %u can't be changed: it "
				  "uses the socket transport",
				  p->pid);
	p->is_cpu_profiled = true;
	p->is_cpu_hz_set = false;
	return 0;
}

// The threads are asked by a roll call, which takes the lock by itself.
static struct snap *take_roll(struct proc *p, bool interrupts)
{
	struct snap *s;
	struct roll r;

	if (roll_call(p, interrupts, &r))
		return NULL;
	s = r.snap;
	r.snap = NULL;
	roll_free(&r);
	return s;
}

static struct snap *take(struct proc *p, const struct query_profile *q)
{
	struct snap *s;

	if (q->kind == KIND_THREADS)
		return take_roll(p, q->interrupts);
	proc_lock(p);
	s = take_now(p, q->kind);
	proc_unlock(p);
	take_finish(p, s);
	return s;
}

static int begin_cpu_profile(struct interval *v, struct query_error *ret_error)
{
	int err;

	proc_lock(v->p);
	err = begin_cpu(v, ret_error);
	if (!err) {
		v->first = take_now(v->p, KIND_CPU);
		if (!v->first) {
			err = fail_memory(ret_error);
			begun_end_cpu(v->p, v->old_hz);
		}
	}
	proc_unlock(v->p);
	if (!err)
		take_finish(v->p, v->first);
	return err;
}

static int begin(struct interval *v, struct query_error *ret_error)
{
	if (v->profile->kind == KIND_CPU)
		return begin_cpu_profile(v, ret_error);
	v->first = take(v->p, v->profile);
	return v->first ? 0 : fail_memory(ret_error);
}

static struct snap *end(struct interval *v)
{
	struct snap *last;

	if (v->profile->kind != KIND_CPU)
		return take(v->p, v->profile);
	proc_lock(v->p);
	last = take_now(v->p, KIND_CPU);
	begun_end_cpu(v->p, v->old_hz);
	proc_unlock(v->p);
	take_finish(v->p, last);
	return last;
}

static int measure(struct interval *v, struct snap **ret,
		   struct query_error *ret_error)
{
	struct snap *last;
	int err;

	err = begin(v, ret_error);
	if (err)
		return err;
	err = wait(v);
	last = end(v);
	if (err)
		query_fail(ret_error, err, "the client has gone");
	else if (!last || (err = snap_subtract(last, v->first)))
		err = fail_memory(ret_error);
	snap_free(v->first);
	if (err)
		snap_free(last);
	else
		*ret = last;
	return err;
}

int query_own_kind(struct proc *p, const char *name)
{
	int kind;

	proc_lock(p);
	// It may have been made a moment ago.
	(void)drain_run(p);
	kind = profiles_find(&p->ingest.profiles, name);
	proc_unlock(p);
	return kind;
}

static int fail_begun(struct query_error *ret_error, int err, const char *what)
{
	return query_fail(ret_error, err, "an interval of this kind %s", what);
}

int query_begin(struct query *q, struct proc *p,
		const struct query_profile *profile,
		struct query_error *ret_error)
{
	struct interval v = {.query = q, .p = p, .profile = profile};
	uint64_t until_ns = UINT64_MAX;
	bool is_other;
	int err;

	if (profile->seconds)
		until_ns = pool_now_ns() + profile->seconds * 1000000000u;
	proc_lock(p);
	is_other = p->begun[profile->kind].first != NULL;
	proc_unlock(p);
	if (is_other)
		return fail_begun(ret_error, -EBUSY, "has begun already");
	err = begin(&v, ret_error);
	if (err)
		return err;
	proc_lock(p);
	err = begun_put(p, profile->kind, v.first, until_ns);
	if (!err && profile->kind == KIND_CPU)
		p->begun_old_hz = v.old_hz;
	proc_unlock(p);
	if (!err)
		return 0;
	snap_free(v.first);
	return fail_begun(ret_error, err, "has begun already");
}

// Ends what query_begin() began.
static int end_begun(struct interval *v, struct snap **ret,
		     struct query_error *ret_error)
{
	struct proc *p = v->p;
	struct snap *last;
	int err;

	proc_lock(p);
	v->first = begun_take(p, v->profile->kind);
	v->old_hz = p->begun_old_hz;
	proc_unlock(p);
	if (!v->first)
		return fail_begun(ret_error, -EINVAL, "has not begun");
	last = end(v);
	err = last ? snap_subtract(last, v->first) : -ENOMEM;
	snap_free(v->first);
	if (!err) {
		*ret = last;
		return 0;
	}
	snap_free(last);
	return fail_memory(ret_error);
}

int query_threads(struct proc *p, enum query_form form, bool interrupts,
		  struct buf *ret, struct query_error *ret_error)
{
	struct roll r;
	int err = roll_call(p, interrupts, &r);

	if (err)
		return query_fail(ret_error, err,
				  "the threads of process %u can't be listed: "
				  "%s",
				  p->pid, strerror(-err));
	if (form == QUERY_TEXT)
		(void)text_write(r.snap, "", ret); // errors stick
	else
		threadtext_blocks(&r, ret);
	roll_free(&r);
	return buf_error(ret) ? fail_memory(ret_error) : 0;
}

int query_profile(struct query *q, struct proc *p,
		  const struct query_profile *profile, struct buf *ret,
		  struct query_error *ret_error)
{
	struct interval v = {.query = q, .p = p, .profile = profile};
	struct snap *s = NULL;
	int err;

	if (profile->is_begun) {
		err = end_begun(&v, &s, ret_error);
		return err ? err : render(s, ret, ret_error);
	}
	if (profile->seconds) {
		v.stops =
			atomic_load_explicit(&p->x_stops, memory_order_relaxed);
		err = measure(&v, &s, ret_error);
		return err ? err : render(s, ret, ret_error);
	}
	if (profile->kind == KIND_THREADS) {
		s = take(p, profile);
	} else {
		proc_lock(p);
		(void)drain_run(p);
		take_thread_names(p, true);
		s = profile->kind == KIND_INUSE ? take_aged(p)
						: take_snap(p, profile->kind);
		proc_unlock(p);
		take_finish(p, s);
	}
	return s ? render(s, ret, ret_error) : fail_memory(ret_error);
}

// SPDX-License-Identifier: Apache-2.0
//
// In two rounds over the threads. Each is looked at and, when it sleeps in a
// call that allows it, asked at once: what /proc said is some microseconds old
// then, and the answers come while the next ones are looked at; so many at a
// time that they find room. Whoever is left is looked at again, since it runs,
// or had just moved. A thread that is missing in the end is listed without a
// stack, and says why.
#include "collector/roll.h"

#include "collector/drain.h"
#include "collector/hmap.h"
#include "collector/mem.h"
#include "collector/take.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// Asked and not answered yet; a process without room for as many signals in
// its user's queue is not asked.
#define OUTSTANDING_MAX 128u
#define QUEUE_MIN	(2 * OUTSTANDING_MAX)
#define STEP_NS		200000
// One who runs may answer by a tick before it is interrupted.
#define TICK_WAIT_NS 20000000u
// The longest between two answers, and in all.
#define SILENCE_NS  50000000u
#define DEADLINE_NS 500000000u
// Another roll call of the same process is waited for.
#define TURN_NS	     2000000000u
#define TURN_STEP_NS 1000000

struct call {
	struct proc *p;
	struct roll *roll;
	DIR *tasks;
	struct askable_policy policy;
	bool interrupts;
	uint32_t request;
	struct hmap by_tid; // own tid -> index + 1
	size_t n_taken;	    // answers that are in the list
	size_t n_outstanding;
	uint64_t answered_ns;
	uint64_t until_ns; // nobody is waited for any more
};

static void pause_ns(long ns)
{
	const struct timespec t = {.tv_nsec = ns};

	(void)nanosleep(&t, NULL);
}

// Opens a request; false while another is open. Needs the lock.
static bool open_request(struct call *c)
{
	struct proc *p = c->p;

	if (p->ingest.asked.request)
		return false;
	p->n_rolls += p->n_rolls == UINT32_MAX ? 2 : 1;
	c->request = p->n_rolls;
	p->ingest.asked.request = c->request;
	p->ingest.asked.n = 0;
	if (!p->region)
		return true;
	c->policy = proc_ask_policy(p);
	c->policy.interrupts = c->interrupts;
	atomic_store_explicit(&p->region->control->x_stacks_asked, c->request,
			      memory_order_relaxed);
	return true;
}

static void close_request(struct call *c)
{
	struct proc *p = c->p;

	p->ingest.asked.request = 0;
	if (p->region)
		atomic_store_explicit(&p->region->control->x_stacks_asked, 0,
				      memory_order_relaxed);
}

static int begin(struct call *c)
{
	uint64_t until_ns = pool_now_ns() + TURN_NS;
	bool is_open;

	for (;;) {
		proc_lock(c->p);
		is_open = open_request(c);
		proc_unlock(c->p);
		if (is_open)
			break;
		if (pool_now_ns() > until_ns)
			return -EBUSY;
		pause_ns(TURN_STEP_NS);
	}
	return 0;
}

static struct roll_thread *find(struct call *c, uint32_t own_tid)
{
	const uint64_t *i = own_tid ? hmap_get(&c->by_tid, own_tid) : NULL;

	return i ? &c->roll->threads[*i - 1] : NULL;
}

static void take_answer(struct call *c, const struct ingest_stack *s)
{
	struct roll_thread *t = find(c, s->tid);

	if (!t || t->has_stack)
		return;
	t->has_stack = true;
	t->at = *s;
	c->n_outstanding -= t->is_asked;
	c->answered_ns = pool_now_ns();
}

static void take_answers(struct call *c)
{
	const struct ingest_stacks *asked = &c->p->ingest.asked;

	proc_lock(c->p);
	(void)drain_run(c->p);
	for (; c->n_taken < asked->n; c->n_taken++)
		take_answer(c, &asked->list[c->n_taken]);
	proc_unlock(c->p);
}

static void ask(struct call *c, struct roll_thread *t)
{
	if (proc_is_over(c->p) ||
	    task_ask(c->p->pid, t->task.tid, c->policy.sig, c->request))
		return;
	t->is_asked = true;
	c->n_outstanding++;
}

static bool is_silent(const struct call *c, uint64_t begun_ns)
{
	uint64_t last_ns =
		c->answered_ns > begun_ns ? c->answered_ns : begun_ns;

	return pool_now_ns() - last_ns > SILENCE_NS;
}

// Until at most MOST have not answered, or nobody does.
static void wait_answers(struct call *c, size_t most)
{
	uint64_t begun_ns = pool_now_ns();

	take_answers(c);
	while (c->n_outstanding > most && !is_silent(c, begun_ns) &&
	       pool_now_ns() < c->until_ns && !proc_is_over(c->p)) {
		pause_ns(STEP_NS);
		take_answers(c);
	}
}

static bool is_to_ask(const struct call *c, const struct roll_thread *t,
		      bool runs_too)
{
	return c->policy.sig && t->task.n_signals_left >= QUEUE_MIN &&
	       (t->askable == ASKABLE_YES ||
		(runs_too && t->askable == ASKABLE_RUNS)) &&
	       pool_now_ns() < c->until_ns;
}

static void look(struct call *c, struct roll_thread *t)
{
	if (task_read(c->tasks, t->task.tid, &t->task))
		t->task.state = 0;
	t->askable = askable_judge(&t->task, &c->policy);
}

static void ask_if(struct call *c, struct roll_thread *t, bool runs_too)
{
	if (is_to_ask(c, t, runs_too))
		ask(c, t);
	if (c->n_outstanding >= OUTSTANDING_MAX)
		wait_answers(c, OUTSTANDING_MAX / 2);
}

// 0 or -ENOMEM.
static int first_round(struct call *c)
{
	struct roll *r = c->roll;

	for (size_t i = 0; i < r->n; i++) {
		struct roll_thread *t = &r->threads[i];

		look(c, t);
		t->at.tid = t->task.own_tid;
		if (t->task.own_tid &&
		    hmap_put(&c->by_tid, t->task.own_tid, i + 1))
			return -ENOMEM;
		ask_if(c, t, false);
	}
	wait_answers(c, 0);
	// Some may have answered, by a tick, before it was known who they are.
	c->n_taken = 0;
	take_answers(c);
	return 0;
}

static bool has_runners(const struct roll *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (!r->threads[i].has_stack &&
		    r->threads[i].askable == ASKABLE_RUNS)
			return true;
	return false;
}

static void second_round(struct call *c)
{
	struct roll *r = c->roll;

	for (size_t i = 0; i < r->n; i++)
		if (!r->threads[i].has_stack && !r->threads[i].is_asked) {
			look(c, &r->threads[i]);
			ask_if(c, &r->threads[i], true);
		}
	wait_answers(c, 0);
}

static int ask_all(struct call *c)
{
	uint64_t ticks_ns;
	int err = first_round(c);

	ticks_ns = pool_now_ns() + TICK_WAIT_NS;
	while (!err && has_runners(c->roll) && pool_now_ns() < ticks_ns &&
	       !proc_is_over(c->p)) {
		pause_ns(STEP_NS);
		take_answers(c);
	}
	if (!err)
		second_round(c);
	return err;
}

// 0 or negative errno; who calls closes c->tasks.
static int list_threads(struct call *c)
{
	struct roll *r = c->roll;
	uint32_t *tids = NULL;
	size_t n = 0;
	int err = task_open(c->p->pid, &c->tasks);

	if (!err)
		err = task_list(c->tasks, THREADS_MAX, &tids, &n);
	if (err)
		return err;
	r->threads = calloc(n, sizeof(*r->threads));
	for (size_t i = 0; r->threads && i < n; i++)
		r->threads[i].task.tid = tids[i];
	r->n = r->threads ? n : 0;
	free(tids);
	return r->threads ? 0 : -ENOMEM;
}

// Those that went meanwhile were not there when the answers were in.
static void drop_ended(struct roll *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		if (r->threads[i].has_stack ||
		    r->threads[i].askable != ASKABLE_ENDED)
			r->threads[n++] = r->threads[i];
	r->n = n;
}

// Needs the lock.
static void complete(struct call *c, struct roll_thread *t)
{
	struct ingest *in = &c->p->ingest;

	threads_name(&in->threads, t->task.own_tid, t->task.name,
		     sizeof(t->task.name));
	if (!t->has_stack)
		t->at.stack =
			ingest_unasked(in, t->task.has_call ? t->task.pc : 0,
				       c->p->generation);
}

// Needs the lock.
static struct snap *make_snap(struct call *c)
{
	struct roll *r = c->roll;
	struct snap_row *rows = calloc(r->n ? r->n : 1, sizeof(*rows));
	struct snap *s = rows ? take_snap(c->p, KIND_THREADS) : NULL;

	if (!s) {
		free(rows);
		return NULL;
	}
	for (size_t i = 0; i < r->n; i++)
		rows[i] = (struct snap_row){.stack = r->threads[i].at.stack,
					    .tid = r->threads[i].at.tid,
					    .labels = r->threads[i].at.labels,
					    .values = {1}};
	free(s->rows);
	s->rows = rows;
	s->n_rows = r->n;
	return s;
}

static int finish(struct call *c)
{
	struct roll *r = c->roll;

	drop_ended(r);
	proc_lock(c->p);
	for (size_t i = 0; i < r->n; i++)
		complete(c, &r->threads[i]);
	r->time_ns = pool_now_ns();
	r->snap = make_snap(c);
	proc_unlock(c->p);
	return r->snap ? 0 : -ENOMEM;
}

int roll_call(struct proc *p, bool interrupts, struct roll *ret)
{
	struct call c = {
		.p = p,
		.roll = ret,
		.interrupts = interrupts,
	};
	int err = begin(&c);

	*ret = (struct roll){0};
	if (err)
		return err;
	c.until_ns = pool_now_ns() + DEADLINE_NS;
	hmap_init(&c.by_tid);
	err = list_threads(&c);
	if (!err)
		err = ask_all(&c);
	if (!err)
		err = finish(&c);
	if (c.tasks)
		closedir(c.tasks);
	proc_lock(p);
	close_request(&c);
	proc_unlock(p);
	hmap_fini(&c.by_tid);
	if (err)
		roll_free(ret);
	return err;
}

void roll_free(struct roll *r)
{
	free(r->threads);
	snap_free(r->snap);
	*r = (struct roll){0};
}

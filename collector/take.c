// SPDX-License-Identifier: Apache-2.0
//
// A snapshot has all stacks of the session, not only those of its kind: ids are
// then indexes, the same in every snapshot, and a delta is a subtraction.
#include "collector/take.h"

#include "collector/ages.h"
#include "collector/mem.h"
#include "collector/own.h"
#include "collector/procfs.h"
#include "collector/shared.h"
#include "proto/version.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// Names looked up in one go; the rest waits for the next.
#define NAMES_MAX      256
#define N_COUNTS       (COUNTER_N + OWN_N)
#define COMMENTS_MAX   (8 + N_COUNTS)
#define DEFAULT_CPU_HZ 100
// Copied under one hold of the lock: a fraction of a millisecond's work.
#define STEP_BYTES (1u << 20)

uint64_t take_n_samples(const struct proc *p, unsigned kind)
{
	const struct agg_rows *rows = agg_rows_of(&p->ingest.agg, kind);

	return rows ? rows->n_samples : 0;
}

bool take_has_samples(const struct proc *p, unsigned kind)
{
	return take_n_samples(p, kind) > 0;
}

static void name_thread(struct proc *p, size_t i)
{
	const struct snap_thread *t = &p->ingest.threads.list[i];
	char comm[16];

	if (!procfs_thread_comm(p->pid, t->tid, comm))
		threads_name(&p->ingest.threads, t->tid, comm, sizeof(comm));
}

void take_thread_names(struct proc *p, bool all)
{
	struct threads *t = &p->ingest.threads;
	size_t i = 0;
	int n = 0;

	if (p->has_other_pids || proc_is_over(p))
		return;
	if (p->n_threads_named > t->first_reused)
		p->n_threads_named = t->first_reused;
	t->first_reused = SIZE_MAX;
	if (!all)
		i = p->n_threads_named;
	for (; i < t->n && n < NAMES_MAX; i++) {
		if (t->ended[i])
			continue;
		name_thread(p, i);
		n++;
	}
	if (i > p->n_threads_named)
		p->n_threads_named = i;
}

static int64_t period_of(const struct proc *p, unsigned kind)
{
	uint64_t hz = p->rates.cpu_hz ? p->rates.cpu_hz : DEFAULT_CPU_HZ;

	if (kind >= KIND_N)
		return 1;
	switch (agg_table_of((enum kind)kind)) {
	case AGG_CPU:
		return (int64_t)(1000000000u / hz);
	case AGG_HEAP:
		return (int64_t)p->rates.heap_rate;
	default:
		return 1;
	}
}

void take_comment(struct snap *s, const char *format, ...)
{
	va_list args;
	char *text;

	if (!s->comments)
		return;
	va_start(args, format);
	text = mem_vprintf(format, args);
	va_end(args);
	if (!text)
		return; // a comment less: the values are right all the same
	ASSERT(s->n_comments < COMMENTS_MAX);
	s->comments[s->n_comments++] = text;
}

// The shim's counters, then the collector's own.
static void copy_counts(const struct proc *p, struct snap *s)
{
	s->counts = calloc(N_COUNTS, sizeof(*s->counts));
	if (!s->counts)
		return;
	s->n_counts = N_COUNTS;
	for (int i = 0; i < COUNTER_N; i++)
		s->counts[i] = own_shim_counter(p, (enum region_counter)i);
	for (int i = 0; i < OWN_N; i++)
		s->counts[COUNTER_N + i] = own_counter(p, (enum own_counter)i);
}

static void comment_losses(struct snap *s)
{
	for (int i = 0; i < N_COUNTS; i++) {
		const struct own_info *info =
			i < COUNTER_N ? &own_shim_table[i]
				      : &own_table[i - COUNTER_N];

		if (info->is_loss && s->counts[i])
			take_comment(s, "lost: %s=%llu (%s)", info->name,
				     (unsigned long long)s->counts[i],
				     info->help);
	}
}

static void comment_fixed(const struct proc *p, struct snap *s)
{
	s->comments = calloc(COMMENTS_MAX, sizeof(*s->comments));
	if (!s->comments)
		return;
	take_comment(s,
		     "cprof %s: heap.rate=%llu cpu.hz=%llu block.rate=%lluns "
		     "mutex.fraction=%llu",
		     CPROF_VERSION, (unsigned long long)p->rates.heap_rate,
		     (unsigned long long)p->rates.cpu_hz,
		     (unsigned long long)p->rates.block_rate_ns,
		     (unsigned long long)p->rates.mutex_fraction);
	if (p->hello->is_reconnect)
		take_comment(s,
			     "an earlier collector of this process has ended: "
			     "what it had read is in its own profiles, or lost "
			     "(gone) if it was killed");
}

void take_comments(struct snap *s)
{
	double up_ns = (double)s->duration_ns;
	double spent_ns;

	if (!s->comments || !s->counts)
		return;
	spent_ns = (double)s->counts[COUNTER_OVERHEAD_NS];
	comment_losses(s);
	take_comment(s,
		     "stacks: %llu captures cut, %llu shown with [truncated], "
		     "%llu unwindings stopped early",
		     (unsigned long long)s->counts[COUNTER_STACK_CUT],
		     (unsigned long long)s->counts[COUNTER_N + OWN_TRUNCATED],
		     (unsigned long long)s->counts[COUNTER_N + OWN_STOPPED]);
	take_comment(s, "overhead: %.4f%% of the time was spent taking samples",
		     up_ns > 0 ? 100 * spent_ns / up_ns : 0);
}

static int copy_images(const struct images *images, struct snap *s)
{
	uint32_t n = images ? images_count(images) : 0;

	s->images = calloc(n ? n : 1, sizeof(struct image *));
	if (!s->images)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		s->images[i] = image_ref(images_get(images, i + 1));
	s->n_images = n;
	return 0;
}

// Rows, which are many and change, are only begun; what else there is to copy
// has small bounds, or never changes.
static int copy_state(struct proc *p, struct snap *s)
{
	struct ingest *in = &p->ingest;

	// Without memory from the start: rows would be of no stacks.
	if (!in->stacks.list)
		return -ENOMEM;
	if (agg_rows_of(&in->agg, s->kind)) {
		s->rows_copy = agg_copy_rows(&in->agg, s->kind);
		if (!s->rows_copy)
			return -ENOMEM;
		s->n_rows = cow_count(s->rows_copy);
	}
	s->stacks = shared_ref(in->stacks.list);
	s->frames = shared_ref(in->stacks.frames);
	s->threads = threads_copy(&in->threads, &s->n_threads);
	s->fold = fold_ref(in->fold);
	s->labels = strdup(p->hello->labels);
	if (!s->threads || !s->labels || labels_copy(&in->labels, s))
		return -ENOMEM;
	s->n_stacks = in->stacks.n;
	s->n_frames = in->stacks.n_frames;
	return copy_images(in->images, s);
}

// A time while nothing is read, and how much of it the thread has run: the rest
// it waited for a CPU.
struct pause {
	uint64_t start_ns;
	uint64_t start_cpu_ns;
};

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct pause begin_pause(void)
{
	return (struct pause){pool_now_ns(), cpu_ns()};
}

static void end_pause(struct proc *p, const struct pause *pause)
{
	uint64_t ns = pool_now_ns() - pause->start_ns;
	uint64_t spent_ns = cpu_ns() - pause->start_cpu_ns;

	if (p->longest_pause_ns < ns)
		p->longest_pause_ns = ns;
	if (p->longest_pause_cpu_ns < spent_ns)
		p->longest_pause_cpu_ns = spent_ns;
}

int64_t take_realtime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

// A profile of the process's own counts objects.
static void set_kind(const struct proc *p, unsigned kind, struct snap *s)
{
	const struct kind_type type = {s->own_name, "count"};

	s->kind = kind;
	if (kind < KIND_N)
		return;
	memcpy(s->own_name, p->ingest.profiles.names[kind - KIND_N],
	       sizeof(s->own_name));
	s->own = (struct kind_info){
		.name = s->own_name,
		.alias = "",
		.n_values = 1,
		.period = type,
		.types = {type},
		.help = "objects in use",
	};
}

struct snap *take_snap(struct proc *p, unsigned kind)
{
	struct snap *s = calloc(1, sizeof(*s));
	struct pause pause = begin_pause();
	int err;

	if (!s)
		return NULL;
	s->session = p->session;
	s->pid = p->pid;
	set_kind(p, kind, s);
	memcpy(s->comm, p->comm, sizeof(s->comm));
	s->time_ns = take_realtime_ns();
	s->duration_ns = (int64_t)(pool_now_ns() - p->attached_ns);
	// Of cpu: when the interval began.
	if (kind == KIND_CPU)
		s->time_ns = p->start_time_ns;
	s->period = period_of(p, kind);
	err = copy_state(p, s);
	if (err) {
		snap_free(s);
		return NULL;
	}
	comment_fixed(p, s);
	copy_counts(p, s);
	end_pause(p, &pause);
	return s;
}

struct snap *take_aged(struct proc *p)
{
	struct snap *s = take_snap(p, KIND_INUSE);

	// Without memory for it: one without ages.
	if (s)
		s->live_copy = agg_copy_live(&p->ingest.agg);
	if (s)
		s->age_now_s = (uint32_t)(pool_now_ns() / 1000000000u);
	return s;
}

static void note_copied(struct proc *p, const struct cow *c)
{
	if (p->most_copied_bytes < cow_longest_bytes(c))
		p->most_copied_bytes = cow_longest_bytes(c);
}

// One hold of the lock. True: everything is copied.
static bool copy_more(struct proc *p, struct snap *s)
{
	struct agg *a = &p->ingest.agg;
	struct pause pause;
	bool is_whole;

	proc_lock(p);
	pause = begin_pause();
	is_whole = agg_copy_more_rows(a, s->kind, s->rows_copy, STEP_BYTES);
	if (is_whole && s->live_copy)
		is_whole = agg_copy_more_live(a, s->live_copy, STEP_BYTES);
	end_pause(p, &pause);
	note_copied(p, s->rows_copy);
	if (s->live_copy)
		note_copied(p, s->live_copy);
	proc_unlock(p);
	return is_whole;
}

static void split_ages(struct snap *s)
{
	struct ages_live live = {
		.list = cow_elements(s->live_copy),
		.n = cow_count(s->live_copy),
		.now_s = s->age_now_s,
	};

	(void)ages_split(s, &live);
	free((void *)live.list);
	cow_unref(s->live_copy);
	s->live_copy = NULL;
}

void take_finish(struct proc *p, struct snap *s)
{
	if (!s || !s->rows_copy)
		return;
	cow_populate(s->rows_copy);
	if (s->live_copy)
		cow_populate(s->live_copy);
	while (!copy_more(p, s))
		;
	s->rows = cow_elements(s->rows_copy);
	cow_unref(s->rows_copy);
	s->rows_copy = NULL;
	if (s->live_copy)
		split_ages(s);
}

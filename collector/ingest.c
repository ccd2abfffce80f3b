// SPDX-License-Identifier: Apache-2.0
//
// A table from record type to what it does, and the arithmetic that makes a
// sample's value stand for the events that were not sampled.
#include "collector/ingest.h"

#include "collector/mem.h"
#include "collector/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// An address in no image: perhaps a dlopen nobody told us of. The maps are read
// at most this often for it.
#define REFRESH_EVERY_NS 100000000u
// More CPU time than this in one tick did not happen at one place: the signal
// was blocked or the thread stopped.
#define CPU_SAMPLE_MAX_NS 1e10

// No stack's id: there are not that many.
#define STACK_TO_COME UINT32_MAX

int ingest_init(struct ingest *in, struct images *images, uint32_t max_frames)
{
	int err;

	memset(in, 0, sizeof(*in));
	in->images = images;
	in->max_frames = max_frames;
	if (!max_frames || max_frames > STACK_DEPTH_MAX)
		in->max_frames = STACK_DEPTH_MAX;
	agg_init(&in->agg);
	threads_init(&in->threads);
	labels_init(&in->labels);
	hmap_init(&in->by_hash);
	in->fold = fold_new();
	err = in->fold ? stacks_init(&in->stacks) : -ENOMEM;
	if (!err && images && !(in->unwinder = unwind_new(images)))
		err = -ENOMEM;
	if (err)
		ingest_fini(in);
	return err;
}

void ingest_fini(struct ingest *in)
{
	if (in->unwinder)
		unwind_free(in->unwinder);
	if (in->images)
		images_free(in->images);
	in->unwinder = NULL;
	in->images = NULL;
	hmap_fini(&in->by_hash);
	free(in->waiting);
	in->waiting = NULL;
	free(in->asked.list);
	in->asked = (struct ingest_stacks){0};
	threads_fini(&in->threads);
	fold_end(in->fold);
	in->fold = NULL;
	labels_fini(&in->labels);
	agg_fini(&in->agg);
	stacks_fini(&in->stacks);
}

size_t ingest_bytes(const struct ingest *in)
{
	return sizeof(*in) + stacks_bytes(&in->stacks) + agg_bytes(&in->agg) +
	       hmap_bytes(&in->by_hash) + labels_bytes(&in->labels) +
	       threads_bytes(&in->threads) +
	       in->waiting_capacity * sizeof(*in->waiting);
}

void ingest_refresh(struct ingest *in, uint32_t generation)
{
	if (!in->images)
		return;
	images_refresh(in->images, generation);
	in->refreshed_ns = pool_now_ns();
}

static bool may_refresh(const struct ingest *in)
{
	return in->images &&
	       pool_now_ns() - in->refreshed_ns >= REFRESH_EVERY_NS;
}

static const void *payload_of(const union ringread_record *r)
{
	return r->bytes + sizeof(struct record);
}

static size_t payload_bytes(const union ringread_record *r)
{
	return r->header.size_bytes - sizeof(struct record);
}

static uint32_t unwind_raw(struct ingest *in, const union ringread_record *r)
{
	const struct record_raw *raw = payload_of(r);

	const struct unwind_input input = {
		.raw = raw,
		.stack = (const uint8_t *)(raw + 1),
		.flags = r->header.flags,
		.generation = r->header.generation,
	};

	uint32_t n = unwind_capture(in->unwinder, &input, in->max_frames,
				    in->frames);

	walkcheck_compare(&in->check, in->images, &input, in->frames, n);
	return n;
}

static bool has_unknown_frame(const struct ingest *in, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (!in->frames[i].image)
			return true;
	return in->frames[n - 1].image == FRAME_PSEUDO &&
	       in->frames[n - 1].addr == FRAME_UNKNOWN;
}

// Stacks lead through these images: with tables for them the process can unwind
// by itself.
static void use_images(struct ingest *in, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (in->frames[i].image && in->frames[i].image != FRAME_PSEUDO)
			images_use(in->images, in->frames[i].image);
}

static uint32_t stack_of_raw(struct ingest *in, const union ringread_record *r)
{
	const struct frame *last;
	uint32_t n;

	if (!in->unwinder)
		return FRAME_UNKNOWN;
	n = unwind_raw(in, r);
	if (has_unknown_frame(in, n) && may_refresh(in)) {
		ingest_refresh(in, r->header.generation);
		n = unwind_raw(in, r);
	}
	use_images(in, n);
	last = &in->frames[n - 1];
	if (last->image == FRAME_PSEUDO && last->addr == FRAME_TRUNCATED)
		in->n_truncated++;
	return stacks_intern(&in->stacks, in->frames, n);
}

// The frame of a pc the shim found: a return address unless it says other.
static struct frame frame_of_pc(struct ingest *in, uint64_t pc,
				uint32_t generation)
{
	struct frame f = {.addr = pc & WALK_EXACT ? pc & ~WALK_EXACT : pc - 1};

	if (in->images)
		f.image = images_find(in->images, f.addr, generation);
	return f;
}

static bool is_shim(struct ingest *in, const struct frame *f)
{
	return f->image && in->images &&
	       images_get(in->images, f->image)->is_shim;
}

static uint32_t convert_frames(struct ingest *in, const struct record *h,
			       const uint64_t *pcs, uint32_t n_pcs)
{
	uint32_t n = 0;
	uint32_t i;
	bool is_cut;

	for (i = 0; i < n_pcs && n < in->max_frames; i++) {
		struct frame f = frame_of_pc(in, pcs[i], h->generation);

		if (n || !is_shim(in, &f))
			in->frames[n++] = f;
	}
	is_cut = i < n_pcs;
	if (n && (is_cut || h->flags & RECORD_CUT)) {
		if (n == in->max_frames)
			n--;
		in->frames[n++] = (struct frame){.addr = FRAME_TRUNCATED,
						 .image = FRAME_PSEUDO};
		in->n_truncated++;
	}
	return n;
}

static uint32_t stack_of_frames(struct ingest *in,
				const union ringread_record *r)
{
	const struct record_frames *fr = payload_of(r);
	uint32_t n = convert_frames(in, &r->header, (const uint64_t *)(fr + 1),
				    fr->n_frames);
	uint32_t stack =
		n ? stacks_intern(&in->stacks, in->frames, n) : FRAME_UNKNOWN;

	// The table of stacks is full about when this one is, and without
	// memory for the one there is none for the other.
	if (in->by_hash.count < INGEST_HASHES_MAX)
		(void)hmap_put(&in->by_hash, fr->hash | 1, stack);
	return stack;
}

// The stack of a hash; STACK_TO_COME when it has not come yet.
static uint32_t stack_of_hash(struct ingest *in, uint64_t hash)
{
	const uint64_t *stack = hmap_get(&in->by_hash, hash | 1);

	if (stack)
		return (uint32_t)*stack;
	return in->by_hash.count < INGEST_HASHES_MAX ? STACK_TO_COME
						     : FRAME_OVERFLOW;
}

// Keeps R until its stack comes: it lies in a ring that is read after this one.
// False: there is no room for it.
static bool keep_waiting(struct ingest *in, const struct ingest_waiting *r)
{
	struct ingest_waiting *list;

	if (in->is_forced || in->n_waiting >= INGEST_WAITING_MAX)
		return false;
	list = mem_grow(in->waiting, &in->waiting_capacity, in->n_waiting + 1,
			sizeof(*list));
	if (!list)
		return false;
	in->waiting = list;
	list[in->n_waiting++] = *r;
	return true;
}

static struct agg_key key_of(struct ingest *in, const union ringread_record *r)
{
	struct agg_key key = {
		FRAME_UNKNOWN,
		r->header.tid < SNAP_TID_ENDED ? r->header.tid : 0,
		r->header.labels < LABEL_SETS_MAX ? r->header.labels : 0, 0};

	if (r->header.form == FORM_RAW)
		key.stack = stack_of_raw(in, r);
	else if (r->header.form == FORM_FRAMES)
		key.stack = stack_of_frames(in, r);
	else if (r->header.form == FORM_HASH)
		key.stack = stack_of_hash(in, *(const uint64_t *)payload_of(r));
	in->n_frames += r->header.form == FORM_FRAMES;
	in->n_hashes += r->header.form == FORM_HASH;
	if (key.stack == STACK_TO_COME && r->header.form == FORM_HASH) {
		in->n_unknown_hashes++;
		key.stack = FRAME_UNKNOWN;
	}
	threads_run(&in->threads, key.tid);
	return key;
}

static void add(struct ingest *in, enum agg_table table, struct agg_key key,
		const double values[2])
{
	struct snap_row *row = agg_row(&in->agg, table, key);

	row->values[0] += values[0];
	row->values[1] += values[1];
}

// Tells the trace, if there is one, of what R is about.
static void tell(struct ingest *in, const union ringread_record *r,
		 enum trace_type type, uint32_t stack, uint64_t value)
{
	uint64_t what = r->header.id;

	if (!in->trace || !r->header.time_ns)
		return;
	trace_add(in->trace, &(struct trace_event){
				     .type = type,
				     .time_ns = r->header.time_ns,
				     .value = value,
				     .tid = r->header.tid,
				     .stack = stack,
				     .holder = (uint32_t)what & RECORD_TID_MASK,
				     .lock = (uint32_t)(what >> 32),
				     .wait = (enum record_wait)(
					     (uint32_t)what >> RECORD_TID_BITS),
			     });
}

static void look_at_peak(struct ingest *in)
{
	if (in->on_peak && in->agg.inuse_bytes >= in->peak_mark_bytes)
		in->on_peak(in->peak_context);
}

static void on_alloc(struct ingest *in, const union ringread_record *r)
{
	const struct agg_alloc al = {
		.id = r->header.id,
		.n_bytes = r->header.value,
		.rate = r->header.aux,
		.is_tracked = !(r->header.flags & RECORD_UNTRACKED),
		.born_s = in->now_s,
	};

	in->n_worth++;
	if (r->header.profile)
		agg_object(&in->agg, key_of(in, r), r->header.id,
			   r->header.profile);
	else
		agg_alloc(&in->agg, key_of(in, r), &al);
	look_at_peak(in);
}

static void on_free(struct ingest *in, const union ringread_record *r)
{
	agg_free(&in->agg, r->header.id);
}

// R as the record that it stands for.
static struct ingest_waiting in_full(const struct record_alloc *r)
{
	return (struct ingest_waiting){
		{.size_bytes = sizeof(struct ingest_waiting),
		 .type = RECORD_ALLOC,
		 .form = FORM_HASH,
		 .tid = r->tid,
		 .value = r->n_bytes,
		 .aux = 1,
		 .id = r->id},
		r->hash,
	};
}

static void on_brief_alloc(struct ingest *in, const struct record_alloc *r)
{
	struct agg_key key = {stack_of_hash(in, r->hash),
			      r->tid < SNAP_TID_ENDED ? r->tid : 0, 0, 0};
	const struct agg_alloc al = {.id = r->id,
				     .n_bytes = r->n_bytes,
				     .rate = 1,
				     .is_tracked = true,
				     .born_s = in->now_s};
	struct ingest_waiting full;

	if (key.stack == STACK_TO_COME) {
		full = in_full(r);
		if (keep_waiting(in, &full))
			return;
		in->n_unknown_hashes++;
		key.stack = FRAME_UNKNOWN;
	}
	in->n_records[RECORD_ALLOC]++;
	in->n_hashes++;
	in->n_worth++;
	threads_run(&in->threads, key.tid);
	agg_alloc(&in->agg, key, &al);
	look_at_peak(in);
}

static void on_brief(struct ingest *in, const union ringread_record *r)
{
	if (r->head.type == RECORD_ALLOC) {
		on_brief_alloc(in, &r->alloc);
	} else {
		in->n_records[RECORD_FREE]++;
		agg_free(&in->agg, r->free.id);
	}
}

static void on_cpu(struct ingest *in, const union ringread_record *r)
{
	double ticks = (double)r->header.value;
	double period_ns = (double)r->header.aux;
	double most = period_ns > 0 ? CPU_SAMPLE_MAX_NS / period_ns : ticks;
	struct agg_key key = key_of(in, r);

	// A remainder is of threads that have ended.
	if (!(r->header.flags & RECORD_REMAINDER))
		tell(in, r, TRACE_CPU, key.stack, r->header.value);
	// The remainder of a process that did nothing else is no reason for a
	// file.
	if (!(r->header.flags & RECORD_REMAINDER))
		in->n_worth++;
	// What ended threads left unsampled is a sum and may be long.
	if (ticks > most && !(r->header.flags & RECORD_REMAINDER)) {
		double late = ticks - (double)(uint64_t)most;

		ticks -= late;
		add(in, AGG_CPU,
		    (struct agg_key){FRAME_SIGNAL_BLOCKED, key.tid, key.labels,
				     0},
		    (double[]){late, late * period_ns});
	}
	add(in, AGG_CPU, key, (double[]){ticks, ticks * period_ns});
}

// The shim keeps a wait shorter than the rate with probability delay / rate.
static void on_block(struct ingest *in, const union ringread_record *r)
{
	double delay_ns = (double)r->header.value;
	double rate_ns = (double)r->header.aux;
	struct agg_key key = key_of(in, r);
	double n = 1;

	if (rate_ns > 1 && delay_ns < rate_ns) {
		n = rate_ns / (delay_ns > 0 ? delay_ns : 1);
		delay_ns = rate_ns;
	}
	in->n_worth++;
	tell(in, r, TRACE_WAIT, key.stack, r->header.value);
	add(in, AGG_BLOCK, key, (double[]){n, delay_ns});
}

static void on_mutex(struct ingest *in, const union ringread_record *r)
{
	double fraction = r->header.aux ? (double)r->header.aux : 1;
	double delay_ns = (double)r->header.value;
	struct agg_key key = key_of(in, r);

	in->n_worth++;
	tell(in, r, TRACE_UNLOCK, key.stack, r->header.value);
	add(in, AGG_MUTEX, key, (double[]){fraction, fraction * delay_ns});
}

static void on_thread(struct ingest *in, const union ringread_record *r)
{
	if (!(r->header.flags & RECORD_MAIN))
		in->n_worth++;
	add(in, AGG_THREADCREATE, key_of(in, r), (double[]){1, 0});
	if (r->header.value && r->header.value <= INT32_MAX)
		threads_see(&in->threads, (uint32_t)r->header.value);
}

static void on_thread_begin(struct ingest *in, const union ringread_record *r)
{
	threads_run(&in->threads, r->header.tid);
	tell(in, r, TRACE_BEGIN, FRAME_UNKNOWN, 0);
}

static void on_thread_end(struct ingest *in, const union ringread_record *r)
{
	tell(in, r, TRACE_END, FRAME_UNKNOWN, 0);
	if (r->header.form == FORM_TEXT)
		threads_name(&in->threads, r->header.tid, payload_of(r),
			     payload_bytes(r));
	threads_end(&in->threads, r->header.tid);
}

static void on_thread_name(struct ingest *in, const union ringread_record *r)
{
	if (r->header.value <= INT32_MAX)
		threads_name(&in->threads, (uint32_t)r->header.value,
			     payload_of(r), payload_bytes(r));
}

static void on_unload(struct ingest *in, const union ringread_record *r)
{
	char path[RECORD_MAX_BYTES + 1];

	memcpy(path, payload_of(r), payload_bytes(r));
	path[payload_bytes(r)] = '\0';
	if (in->images && path[0] == '/')
		images_unloaded(in->images, path, r->header.value,
				(uint32_t)r->header.aux);
}

static void on_labels(struct ingest *in, const union ringread_record *r)
{
	labels_put(&in->labels, r->header.value, r->header.aux, payload_of(r),
		   payload_bytes(r));
}

static void on_profile(struct ingest *in, const union ringread_record *r)
{
	profiles_put(&in->profiles, r->header.value, payload_of(r),
		     payload_bytes(r));
}

// For a trace; nothing to add up.
static void on_mark(struct ingest *in, const union ringread_record *r)
{
	struct trace_event mark = {.type = TRACE_MARK,
				   .time_ns = r->header.time_ns,
				   .tid = r->header.tid};

	threads_run(&in->threads, r->header.tid);
	if (in->trace)
		trace_add_mark(in->trace, &mark, payload_of(r),
			       payload_bytes(r));
}

static void keep_stack(struct ingest_stacks *s, const struct ingest_stack *item)
{
	struct ingest_stack *list;

	if (s->n >= THREADS_MAX)
		return;
	list = mem_grow(s->list, &s->capacity, s->n + 1, sizeof(*list));
	if (!list)
		return;
	s->list = list;
	list[s->n++] = *item;
}

// One that comes too late was for a request that is over.
static void on_stack(struct ingest *in, const union ringread_record *r)
{
	uint64_t what = r->header.value;
	struct agg_key key = key_of(in, r);
	const struct ingest_stack item = {
		.tid = key.tid,
		.stack = key.stack,
		.labels = key.labels,
		.wait = (enum record_wait)((uint32_t)what >> RECORD_TID_BITS),
		.holder = (uint32_t)what & RECORD_TID_MASK,
		.lock = r->header.id,
		.since_ns = r->header.aux,
	};

	if (in->asked.request && what >> 32 == in->asked.request)
		keep_stack(&in->asked, &item);
}

uint32_t ingest_unasked(struct ingest *in, uint64_t addr, uint32_t generation)
{
	struct frame *f = in->frames;

	f[0] = (struct frame){.addr = addr};
	if (addr && in->images)
		f[0].image = images_find(in->images, addr, generation);
	if (!f[0].image)
		return FRAME_UNASKED;
	f[1] = (struct frame){.addr = FRAME_UNASKED, .image = FRAME_PSEUDO};
	return stacks_intern(&in->stacks, f, 2);
}

static void on_dump(struct ingest *in, const union ringread_record *r)
{
	in->n_dumps += (uint32_t)r->header.value;
}

static void on_goodbye(struct ingest *in, const union ringread_record *r)
{
	(void)r;
	in->is_goodbye = true;
}

static void on_counters(struct ingest *in, const union ringread_record *r)
{
	size_t n = payload_bytes(r) / sizeof(uint64_t);

	if (n > COUNTER_N)
		n = COUNTER_N;
	memcpy(in->counters, payload_of(r), n * sizeof(uint64_t));
}

void ingest_expect(const struct ingest *in, const union ringread_record *record)
{
	bool is_brief = record->head.form == FORM_BRIEF;
	uint64_t id;

	if (record->head.type == RECORD_FREE)
		id = is_brief ? record->free.id : record->header.id;
	else if (record->head.type == RECORD_ALLOC)
		id = is_brief ? record->alloc.id : record->header.id;
	else
		return;
	hmap_expect(&in->agg.by_id, id);
}

void ingest_expect_found(const struct ingest *in,
			 const union ringread_record *record)
{
	bool is_brief = record->head.form == FORM_BRIEF;

	if (record->head.type == RECORD_FREE)
		agg_expect_free(&in->agg,
				is_brief ? record->free.id : record->header.id);
}

void ingest_record(struct ingest *in, const union ringread_record *record)
{
	typedef void (*on_fn)(struct ingest * in,
			      const union ringread_record *r);
	static const on_fn on[RECORD_N] = {
		[RECORD_ALLOC] = on_alloc,
		[RECORD_FREE] = on_free,
		[RECORD_CPU] = on_cpu,
		[RECORD_BLOCK] = on_block,
		[RECORD_MUTEX] = on_mutex,
		[RECORD_THREAD] = on_thread,
		[RECORD_THREAD_END] = on_thread_end,
		[RECORD_THREAD_NAME] = on_thread_name,
		[RECORD_UNLOAD] = on_unload,
		[RECORD_DUMP] = on_dump,
		[RECORD_GOODBYE] = on_goodbye,
		[RECORD_COUNTERS] = on_counters,
		[RECORD_LABELS] = on_labels,
		[RECORD_MARK] = on_mark,
		[RECORD_PROFILE] = on_profile,
		[RECORD_STACK] = on_stack,
		[RECORD_THREAD_BEGIN] = on_thread_begin,
	};
	uint8_t type = record->head.type;

	if (record->head.form == FORM_BRIEF) {
		on_brief(in, record);
		return;
	}
	if (type >= RECORD_N || !on[type]) {
		in->n_unknown_records++;
		return;
	}
	if (record->header.form == FORM_HASH &&
	    stack_of_hash(in, *(const uint64_t *)payload_of(record)) ==
		    STACK_TO_COME &&
	    keep_waiting(in, (const struct ingest_waiting *)record))
		return;
	in->n_records[type]++;
	on[type](in, record);
}

// Those that still wait are kept again, by the same path.
void ingest_waiting(struct ingest *in, bool is_last)
{
	union ringread_record record;
	size_t n = in->n_waiting, n_before = in->n_waited;

	in->n_waiting = 0;
	for (size_t i = 0; i < n; i++) {
		memcpy(&record, &in->waiting[i], sizeof(in->waiting[i]));
		// What waited a whole round has waited long enough.
		in->is_forced = is_last || i < n_before;
		ingest_record(in, &record);
	}
	in->is_forced = false;
	threads_round(&in->threads);
	in->n_waited = in->n_waiting;
	if (!in->n_waiting && in->waiting_capacity > INGEST_WAITING_KEPT) {
		free(in->waiting);
		in->waiting = NULL;
		in->waiting_capacity = 0;
	}
}

int ingest_fold(struct ingest *in)
{
	struct fold_thread *list;
	struct fold_step step;
	size_t n;
	int err;

	// ingest_init() found no memory.
	if (!in->fold)
		return -ENOMEM;
	err = threads_ended(&in->threads, &list, &n);
	if (err)
		return err;
	err = fold_begin(in->fold, list, n, &step);
	if (!err)
		err = agg_fold(&in->agg, list, n);
	if (!err) {
		threads_forget(&in->threads, list, n);
		fold_commit(&in->fold, &step);
	} else {
		fold_cancel(&step);
	}
	free(list);
	return err;
}

// SPDX-License-Identifier: Apache-2.0
//
// The weight of a heap sample is applied here, per sample: a block of s bytes
// is sampled at rate r with probability 1 - exp(-s/r), so each one stands for
// 1/that many. Averaging sizes first, as Go does, is 7 % off on mixed sizes.
#include "collector/agg.h"

#include "collector/mem.h"
#include "collector/size_class.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ALLOC_OBJECTS, ALLOC_BYTES, INUSE_OBJECTS, INUSE_BYTES };

void agg_init(struct agg *a)
{
	memset(a, 0, sizeof(*a));
	for (int i = 0; i < AGG_N; i++)
		hmap_init(&a->tables[i].by_key);
	for (unsigned i = 0; i < PROFILES_MAX; i++)
		hmap_init(&a->own[i].by_key);
	hmap_init(&a->by_id);
	hmap_init(&a->early);
}

static void free_rows(struct agg_rows *t)
{
	hmap_fini(&t->by_key);
	cow_end(&t->copies);
	free(t->list);
}

void agg_fini(struct agg *a)
{
	for (int i = 0; i < AGG_N; i++)
		free_rows(&a->tables[i]);
	for (unsigned i = 0; i < PROFILES_MAX; i++)
		free_rows(&a->own[i]);
	hmap_fini(&a->by_id);
	hmap_fini(&a->early);
	cow_end(&a->live_copies);
	free(a->live);
	memset(a, 0, sizeof(*a));
}

enum agg_table agg_table_of(enum kind kind)
{
	static const enum agg_table table[KIND_N] = {
		[KIND_CPU] = AGG_CPU,
		[KIND_INUSE] = AGG_HEAP,
		[KIND_ALLOC] = AGG_HEAP,
		[KIND_BLOCK] = AGG_BLOCK,
		[KIND_MUTEX] = AGG_MUTEX,
		[KIND_THREADCREATE] = AGG_THREADCREATE,
		[KIND_THREADS] = AGG_N,
	};

	ASSERT(kind < KIND_N);
	return table[kind];
}

#define LG_TIDS 23u

static uint64_t key_of(struct agg_key key)
{
	// Never 0 and never wraps.
	static_assert(STACKS_MAX < 1u << 20 && LABEL_SETS_MAX <= 1u << 12 &&
			      SIZE_CLASS_N <= 1u << 9 &&
			      SNAP_TID_ENDED + THREAD_NAMES_MAX < 1u << LG_TIDS,
		      "a key fits in 64 bits");
	return ((uint64_t)key.stack + 1) << 44 |
	       (uint64_t)(key.labels % LABEL_SETS_MAX) << 32 |
	       (uint64_t)key.size_class << LG_TIDS |
	       (key.tid & ((1u << LG_TIDS) - 1));
}

static long add_row(struct agg_rows *t, struct agg_key key)
{
	struct snap_row *list =
		mem_grow(t->list, &t->capacity, t->n + 1, sizeof(*list));

	if (!list)
		return -1;
	t->list = list;
	if (hmap_put(&t->by_key, key_of(key), t->n))
		return -1;
	list[t->n] = (struct snap_row){.stack = key.stack,
				       .tid = key.tid,
				       .labels = key.labels,
				       .size_class = key.size_class};
	return (long)t->n++;
}

// The first row of every table is that of FRAME_OVERFLOW, made before anything
// else, so that there is always one to fall back on; -1 only when even that
// found no memory.
static long find_row(struct agg_rows *t, struct agg_key key)
{
	const struct agg_key overflow = {.stack = FRAME_OVERFLOW};
	uint64_t *index = hmap_get(&t->by_key, key_of(key));
	long row = -1;

	if (index)
		return (long)*index;
	if (!t->n && add_row(t, overflow) < 0)
		return -1;
	if (t->n < AGG_ROWS_MAX)
		row = add_row(t, key);
	if (row >= 0)
		return row;
	t->n_overflow++;
	return 0;
}

static long row_index(struct agg_rows *t, struct agg_key key)
{
	t->n_samples++;
	return find_row(t, key);
}

// Row I, to be changed.
static struct snap_row *change_row(struct agg_rows *t, size_t i)
{
	cow_touch(&t->copies, t->list, i);
	return &t->list[i];
}

struct snap_row *agg_row(struct agg *a, enum agg_table table,
			 struct agg_key key)
{
	// Where values go when there is no memory for a single row.
	static __thread struct snap_row nowhere;
	struct agg_rows *t = &a->tables[table];
	long i = row_index(t, key);

	return i < 0 ? &nowhere : change_row(t, (size_t)i);
}

static struct agg_live *change_live(struct agg *a, size_t i)
{
	cow_touch(&a->live_copies, a->live, i);
	return &a->live[i];
}

static long take_live(struct agg *a)
{
	struct agg_live *live;
	uint32_t i = a->free_list;

	if (i) {
		a->free_list = a->live[i - 1].next_free;
		return (long)i - 1;
	}
	if (a->n_live_used >= AGG_LIVE_MAX)
		return -1;
	live = mem_grow(a->live, &a->live_capacity, a->n_live_used + 1,
			sizeof(*live));
	if (!live)
		return -1;
	a->live = live;
	return (long)a->n_live_used++;
}

static void put_live(struct agg *a, uint32_t i)
{
	struct agg_live *live = change_live(a, i);

	live->row = AGG_NO_ROW;
	live->next_free = a->free_list;
	a->free_list = i + 1;
}

static double weight(uint64_t n_bytes, uint64_t rate)
{
	if (rate <= 1)
		return 1;
	// A block of 0 bytes counts as one: it can't be sampled otherwise.
	return -1 / expm1(-(double)(n_bytes ? n_bytes : 1) / (double)rate);
}

// Remembers the sample until its free. A second allocation of the same id (only
// a broken or hostile process sends one) replaces the first.
static void remember(struct agg *a, uint64_t id, const struct agg_live *live)
{
	long i = take_live(a);
	uint64_t *at = NULL;
	bool is_new;

	if (i >= 0)
		at = hmap_add(&a->by_id, id, &is_new);
	if (!at) {
		if (i >= 0)
			put_live(a, (uint32_t)i);
		a->n_live_overflow++;
		return;
	}
	if (!is_new)
		put_live(a, (uint32_t)*at);
	*at = (uint64_t)i;
	*change_live(a, (size_t)i) = *live;
}

static struct agg_rows *rows_of(struct agg *a, uint32_t profile)
{
	return profile ? &a->own[profile - 1] : &a->tables[AGG_HEAP];
}

void agg_alloc(struct agg *a, struct agg_key key, const struct agg_alloc *al)
{
	double w = weight(al->n_bytes, al->rate);
	struct agg_live live = {.objects = w,
				.bytes = w * (double)al->n_bytes,
				.born_s = al->born_s};
	double *values;
	long i;

	key.size_class = size_class_of(al->n_bytes);
	i = row_index(&a->tables[AGG_HEAP], key);
	if (i < 0)
		return;
	live.row = (uint32_t)i;
	values = change_row(&a->tables[AGG_HEAP], (size_t)i)->values;
	values[ALLOC_OBJECTS] += live.objects;
	values[ALLOC_BYTES] += live.bytes;
	a->alloc_bytes += live.bytes;
	if (!al->is_tracked || hmap_remove(&a->early, al->id, NULL))
		return;
	values[INUSE_OBJECTS] += live.objects;
	values[INUSE_BYTES] += live.bytes;
	a->inuse_bytes += live.bytes;
	remember(a, al->id, &live);
}

void agg_object(struct agg *a, struct agg_key key, uint64_t id,
		uint32_t profile)
{
	struct agg_live live = {.objects = 1};
	struct agg_rows *t;
	long i;

	if (!profile || profile > PROFILES_MAX)
		return;
	t = rows_of(a, profile);
	i = row_index(t, key);
	if (i < 0 || hmap_remove(&a->early, id, NULL))
		return;
	live.row = (uint32_t)i;
	live.profile = profile;
	change_row(t, (size_t)i)->values[0] += 1;
	remember(a, id, &live);
}

void agg_free(struct agg *a, uint64_t id)
{
	struct agg_live *live;
	uint64_t i;
	double *values;

	a->n_frees++;
	if (!hmap_remove(&a->by_id, id, &i)) {
		// Its allocation lies in a stripe that is still to be read.
		if (a->early.count >= AGG_EARLY_MAX ||
		    hmap_put(&a->early, id, 1))
			a->n_live_overflow++;
		return;
	}
	live = &a->live[i];
	values = change_row(rows_of(a, live->profile), live->row)->values;
	if (live->profile) {
		values[0] -= 1;
	} else {
		values[INUSE_OBJECTS] -= live->objects;
		values[INUSE_BYTES] -= live->bytes;
		a->inuse_bytes -= live->bytes;
	}
	put_live(a, (uint32_t)i);
}

// As many live samples are in a cache anyway: it costs more than it spares.
#define CACHED_LIVE (1u << 14)

void agg_expect_free(const struct agg *a, uint64_t id)
{
	const uint64_t *i =
		a->by_id.count > CACHED_LIVE ? hmap_get(&a->by_id, id) : NULL;

	if (i)
		__builtin_prefetch(&a->live[*i], 1);
}

static struct agg_rows *rows_of_kind(struct agg *a, unsigned kind)
{
	enum agg_table table;

	if (kind >= KIND_N)
		return kind < KIND_N + PROFILES_MAX ? &a->own[kind - KIND_N]
						    : NULL;
	table = agg_table_of((enum kind)kind);
	return table < AGG_N ? &a->tables[table] : NULL;
}

const struct agg_rows *agg_rows_of(const struct agg *a, unsigned kind)
{
	return rows_of_kind((struct agg *)a, kind);
}

struct cow *agg_copy_rows(struct agg *a, unsigned kind)
{
	struct agg_rows *t = rows_of_kind(a, kind);

	return t ? cow_begin(&t->copies, t->n, sizeof(*t->list)) : NULL;
}

struct cow *agg_copy_live(struct agg *a)
{
	return cow_begin(&a->live_copies, a->n_live_used, sizeof(*a->live));
}

bool agg_copy_more_rows(struct agg *a, unsigned kind, struct cow *c,
			size_t n_bytes)
{
	struct agg_rows *t = rows_of_kind(a, kind);

	return cow_step(&t->copies, c, t->list, n_bytes);
}

bool agg_copy_more_live(struct agg *a, struct cow *c, size_t n_bytes)
{
	return cow_step(&a->live_copies, c, a->live, n_bytes);
}

// --- Folding ----------------------------------------------------------------

// What becomes of one table: where its rows go, and the index of what is left.
struct refold {
	uint32_t *to;
	struct hmap by_key;
	size_t n;
};

enum { N_TABLES = AGG_N + PROFILES_MAX };

static const struct agg_rows *nth_rows(const struct agg *a, unsigned i)
{
	return i < AGG_N ? &a->tables[i] : &a->own[i - AGG_N];
}

bool agg_has_grown(const struct agg *a)
{
	bool has = false;

	for (unsigned i = 0; i < N_TABLES; i++) {
		const struct agg_rows *t = nth_rows(a, i);

		has |= t->n >= t->n_folded + AGG_FOLD_ROWS;
	}
	return has;
}

bool agg_is_full(const struct agg *a)
{
	bool is = false;

	for (unsigned i = 0; i < N_TABLES; i++)
		is |= nth_rows(a, i)->n >= AGG_ROWS_MAX;
	return is;
}

static struct agg_key key_of_row(const struct snap_row *row)
{
	return (struct agg_key){row->stack, row->tid, row->labels,
				row->size_class};
}

// The threads whose rows are added up, and a bit for each of their numbers:
// most rows are of others, and there is one look for each.
struct gone {
	const struct fold_thread *list;
	size_t n;
	uint64_t *bits;
};

static int gone_init(struct gone *g, const struct fold_thread *list, size_t n)
{
	*g = (struct gone){list, n, calloc(SNAP_TID_ENDED / 64, 8)};
	if (!g->bits)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (list[i].tid < SNAP_TID_ENDED)
			g->bits[list[i].tid / 64] |= 1ull << list[i].tid % 64;
	return 0;
}

static bool is_gone(const struct gone *g, uint32_t tid)
{
	return tid < SNAP_TID_ENDED && g->bits[tid / 64] >> tid % 64 & 1;
}

// What TID becomes.
static uint32_t number_now(const struct gone *g, uint32_t tid)
{
	return is_gone(g, tid) ? fold_find(g->list, g->n, tid) : tid;
}

static uint64_t key_now(const struct gone *g, const struct snap_row *row)
{
	struct agg_key key = key_of_row(row);

	key.tid = number_now(g, key.tid);
	return key_of(key);
}

static int reserve(const struct agg_rows *t, const struct gone *g,
		   struct refold *ret)
{
	size_t n_stay = 0;

	hmap_init(&ret->by_key);
	ret->n = 0;
	ret->to = calloc(t->n ? t->n : 1, sizeof(*ret->to));
	if (!ret->to)
		return -ENOMEM;
	for (size_t i = 0; i < t->n; i++)
		n_stay += !is_gone(g, t->list[i].tid);
	return n_stay ? hmap_reserve(&ret->by_key, n_stay) : 0;
}

// How many rows ahead memory is asked for.
#define PLAN_AHEAD 8

// A row never moves up: rows can be moved in their order.
static int plan(const struct agg_rows *t, const struct gone *g,
		struct refold *ret)
{
	int err = reserve(t, g, ret);
	uint64_t keys[PLAN_AHEAD] = {0};

	for (size_t i = 0; i < t->n + PLAN_AHEAD && !err; i++) {
		uint64_t key = keys[i % PLAN_AHEAD], *at;
		bool is_new;

		if (i < t->n) {
			keys[i % PLAN_AHEAD] = key_now(g, &t->list[i]);
			hmap_expect(&ret->by_key, keys[i % PLAN_AHEAD]);
		}
		if (i < PLAN_AHEAD)
			continue;
		at = hmap_add(&ret->by_key, key, &is_new);
		if (!at)
			return -ENOMEM;
		if (is_new)
			*at = ret->n++;
		ret->to[i - PLAN_AHEAD] = (uint32_t)*at;
	}
	return err;
}

static struct agg_rows *rows_to_move(struct agg *a, unsigned i)
{
	return i < AGG_N ? &a->tables[i] : &a->own[i - AGG_N];
}

static void move_rows(struct agg_rows *t, const struct gone *g,
		      struct refold *plan)
{
	size_t n_moved = 0;

	for (size_t i = 0; i < t->n; i++) {
		struct snap_row *to = &t->list[plan->to[i]];

		if (plan->to[i] == n_moved) {
			*to = t->list[i];
			to->tid = number_now(g, to->tid);
			n_moved++;
			continue;
		}
		for (unsigned v = 0; v < KIND_VALUES_MAX; v++)
			to->values[v] += t->list[i].values[v];
	}
	t->n = t->n_folded = plan->n;
	hmap_fini(&t->by_key);
	t->by_key = plan->by_key;
	hmap_init(&plan->by_key);
}

static void move_live(struct agg *a, const struct refold *plans)
{
	for (size_t i = 0; i < a->n_live_used; i++) {
		struct agg_live *live = &a->live[i];
		unsigned table = live->profile ? AGG_N + live->profile - 1u
					       : (unsigned)AGG_HEAP;

		if (live->row != AGG_NO_ROW)
			live->row = plans[table].to[live->row] & AGG_NO_ROW;
	}
}

bool agg_is_being_copied(struct agg *a)
{
	bool is = cow_is_any(&a->live_copies);

	for (unsigned i = 0; i < N_TABLES; i++)
		is |= cow_is_any(&rows_to_move(a, i)->copies);
	return is;
}

int agg_fold(struct agg *a, const struct fold_thread *list, size_t n)
{
	struct refold plans[N_TABLES] = {0};
	struct gone gone;
	int err = gone_init(&gone, list, n);

	ASSERT(!agg_is_being_copied(a));
	for (unsigned i = 0; i < N_TABLES && !err; i++)
		err = plan(nth_rows(a, i), &gone, &plans[i]);
	for (unsigned i = 0; i < N_TABLES && !err; i++)
		move_rows(rows_to_move(a, i), &gone, &plans[i]);
	if (!err)
		move_live(a, plans);
	for (unsigned i = 0; i < N_TABLES; i++) {
		hmap_fini(&plans[i].by_key);
		free(plans[i].to);
	}
	free(gone.bits);
	return err;
}

size_t agg_n_live(const struct agg *a)
{
	return a->by_id.count;
}

static size_t rows_bytes_of(const struct agg_rows *t)
{
	return t->capacity * sizeof(*t->list) + hmap_bytes(&t->by_key);
}

size_t agg_bytes(const struct agg *a)
{
	size_t n = a->live_capacity * sizeof(*a->live) + hmap_bytes(&a->by_id) +
		   hmap_bytes(&a->early);

	for (int i = 0; i < AGG_N; i++)
		n += rows_bytes_of(&a->tables[i]);
	for (unsigned i = 0; i < PROFILES_MAX; i++)
		n += rows_bytes_of(&a->own[i]);
	return n;
}

static int check_rows(const struct agg_rows *t)
{
	for (size_t i = 0; i < t->n; i++) {
		uint64_t *index =
			hmap_get(&t->by_key, key_of(key_of_row(&t->list[i])));

		if (!index || *index != i)
			return -EUCLEAN;
	}
	return t->by_key.count == t->n ? hmap_check(&t->by_key) : -EUCLEAN;
}

int agg_check(const struct agg *a)
{
	size_t n_free = 0;
	int err = 0;

	for (int i = 0; i < AGG_N && !err; i++)
		err = check_rows(&a->tables[i]);
	for (unsigned i = 0; i < PROFILES_MAX && !err; i++)
		err = check_rows(&a->own[i]);
	for (uint32_t i = a->free_list; i && n_free <= a->n_live_used; n_free++)
		i = a->live[i - 1].next_free;
	if (err || n_free + a->by_id.count != a->n_live_used)
		return -EUCLEAN;
	return hmap_check(&a->by_id) | hmap_check(&a->early) ? -EUCLEAN : 0;
}

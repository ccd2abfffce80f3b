// SPDX-License-Identifier: Apache-2.0
//
// Description: rows of ended threads are added up by name: sums stay exact, and
// the difference of any two snapshots is what happened between them, however
// many folds lie there and though numbers of threads are used again. What is
// remembered for it is bounded, and forgotten with the last snapshot.
#include "collector/ingest.h"

#include "collector/mem.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N_STACKS = 5, N_TIDS = 40, N_SNAPS = 8, FIRST_STACK = 10 };

static struct ingest in;

static void give(struct record h, const char *text)
{
	static union ringread_record r;

	memset(&r, 0, sizeof(r));
	h.size_bytes = sizeof(h) + (text ? 16 : 0);
	r.header = h;
	if (text) {
		r.header.form = FORM_TEXT;
		strncpy((char *)r.bytes + sizeof(h), text, 15);
	}
	assert_int_equal(ringread_check(&r, h.size_bytes), 0);
	ingest_record(&in, &r);
}

static void end_thread(uint32_t tid, const char *name)
{
	give((struct record){.type = RECORD_THREAD_END, .tid = tid}, name);
}

static void rounds(int n)
{
	while (n--)
		ingest_waiting(&in, false);
}

static struct snap *heap_snap(void)
{
	const struct agg_rows *t = &in.agg.tables[AGG_HEAP];
	struct snap *s = calloc(1, sizeof(*s));

	s->kind = KIND_INUSE;
	s->n_stacks = FIRST_STACK + N_STACKS;
	s->rows = mem_copy(t->list, t->n, sizeof(*s->rows));
	s->n_rows = t->n;
	s->fold = fold_ref(in.fold);
	return s;
}

// --- The truth --------------------------------------------------------------

struct truth {
	double values[N_STACKS][KIND_VALUES_MAX];
};

static struct truth now;
static uint64_t last_id;
static struct {
	uint64_t id;
	unsigned stack, n_bytes;
} live[1000];
static size_t n_live;

static void allocate(uint32_t tid)
{
	unsigned stack = (unsigned)random() % N_STACKS;
	unsigned n_bytes = 1 + (unsigned)random() % 40;
	const struct agg_alloc al = {++last_id, n_bytes, 1, true, 0};

	threads_run(&in.threads, tid);
	agg_alloc(&in.agg, (struct agg_key){FIRST_STACK + stack, tid, 0, 0},
		  &al);
	for (int v = 0; v < 4; v++)
		now.values[stack][v] += v % 2 ? n_bytes : 1;
	live[n_live].id = last_id;
	live[n_live].stack = stack;
	live[n_live++].n_bytes = n_bytes;
}

static void release(void)
{
	size_t i = (size_t)random() % n_live;

	agg_free(&in.agg, live[i].id);
	now.values[live[i].stack][2] -= 1;
	now.values[live[i].stack][3] -= live[i].n_bytes;
	live[i] = live[--n_live];
}

static void check_sums(const struct snap *s, const struct truth *then)
{
	struct truth sums = {0};

	for (size_t i = 0; i < s->n_rows; i++) {
		const struct snap_row *row = &s->rows[i];

		if (row->stack < FIRST_STACK)
			continue;
		// What was allocated never gets less, in no row.
		assert_true(row->values[0] >= 0 && row->values[1] >= 0);
		for (int v = 0; v < 4; v++)
			sums.values[row->stack - FIRST_STACK][v] +=
				row->values[v];
	}
	for (int stack = 0; stack < N_STACKS; stack++)
		for (int v = 0; v < 4; v++)
			assert_true(sums.values[stack][v] ==
				    now.values[stack][v] -
					    then->values[stack][v]);
}

static void step(uint32_t tid)
{
	static const char *const names[] = {"reader", "writer", NULL};

	switch (random() % 8) {
	case 0:
		end_thread(tid, names[tid % 3]);
		break;
	case 1:
		rounds(1 + (int)random() % 4);
		break;
	case 2:
		if (random() % 4 == 0)
			assert_int_equal(ingest_fold(&in), 0);
		break;
	case 3:
	case 4:
		if (n_live)
			release();
		break;
	default:
		if (n_live < 1000)
			allocate(tid);
	}
}

// Any interval, between any two of many snapshots.
static void test_intervals(void **state)
{
	static struct truth truths[N_SNAPS];
	static struct snap *snaps[N_SNAPS];

	(void)state;
	srandom(5);
	for (int i = 0; i < 100000; i++) {
		unsigned k = (unsigned)random() % N_SNAPS;
		struct snap *later;

		step(1 + (uint32_t)random() % N_TIDS);
		if (i % 20)
			continue;
		later = heap_snap();
		check_sums(later, &(struct truth){0});
		if (snaps[k]) {
			assert_int_equal(snap_subtract(later, snaps[k]), 0);
			check_sums(later, &truths[k]);
			snap_free(later);
			snap_free(snaps[k]);
			snaps[k] = NULL;
		} else {
			snaps[k] = later;
			truths[k] = now;
		}
		assert_int_equal(agg_check(&in.agg), 0);
	}
	assert_true(in.threads.n_forgotten > 1000);
	for (int k = 0; k < N_SNAPS; k++)
		snap_free(snaps[k]);
}

static const struct snap_row *row_of(uint32_t tid)
{
	const struct agg_rows *t = &in.agg.tables[AGG_HEAP];

	for (size_t i = 1; i < t->n; i++)
		if (t->list[i].tid == tid)
			return &t->list[i];
	return NULL;
}

static void allocate_once(uint32_t tid)
{
	const struct agg_alloc al = {++last_id, 8, 1, true, 0};

	threads_run(&in.threads, tid);
	agg_alloc(&in.agg, (struct agg_key){FIRST_STACK, tid, 0, 0}, &al);
}

// Threads keep their numbers while they run, and a while longer: a record of
// theirs may lie in a ring that is read later.
static void test_names(void **state)
{
	struct snap_thread *threads;
	size_t n;

	(void)state;
	for (uint32_t tid = 1; tid <= 4; tid++)
		allocate_once(tid);
	end_thread(1, "worker");
	end_thread(2, "worker");
	end_thread(3, NULL);
	assert_int_equal(ingest_fold(&in), 0);
	assert_non_null(row_of(1));
	rounds(4);
	allocate_once(2); // another thread by now
	assert_int_equal(ingest_fold(&in), 0);
	assert_null(row_of(1));
	assert_non_null(row_of(2));
	assert_non_null(row_of(4));
	assert_true(row_of(SNAP_TID_ENDED)->values[0] == 1);
	assert_true(row_of(SNAP_TID_ENDED + 1)->values[0] == 1);
	threads = threads_copy(&in.threads, &n);
	assert_int_equal(n, 4); // 2 and 4, nameless and worker
	assert_int_equal(threads[2].tid, SNAP_TID_ENDED);
	assert_string_equal(threads[2].name, "");
	assert_string_equal(threads[3].name, "worker");
	free(threads);
	// The frees find their rows.
	for (uint64_t id = last_id - 4; id <= last_id; id++)
		agg_free(&in.agg, id);
	assert_true(row_of(SNAP_TID_ENDED)->values[2] == 0);
	assert_int_equal(agg_check(&in.agg), 0);
}

// For ever: neither rows nor threads run out, though ends get lost.
static void test_for_ever(void **state)
{
	uint32_t alive[] = {1};
	uint32_t tid = 1;

	(void)state;
	for (unsigned i = 0; i < 3 * AGG_ROWS_MAX; i++) {
		tid = 2 + i % (SNAP_TID_ENDED - 2);
		allocate_once(tid);
		if (i % 3)
			end_thread(tid, "short");
		if (i % 1024)
			continue;
		rounds(1);
		if (!agg_has_grown(&in.agg) && !threads_have_grown(&in.threads))
			continue;
		assert_int_equal(ingest_fold(&in), 0);
		threads_miss(&in.threads, alive, 1);
	}
	assert_int_equal(in.agg.tables[AGG_HEAP].n_overflow, 0);
	assert_true(in.threads.n < THREADS_MAX);
	assert_true(row_of(SNAP_TID_ENDED + 1)->values[0] > AGG_ROWS_MAX);
}

static struct fold_thread *many(uint32_t first, size_t n)
{
	struct fold_thread *list = calloc(n, sizeof(*list));

	for (size_t i = 0; i < n; i++)
		list[i] = (struct fold_thread){first + (uint32_t)i,
					       SNAP_TID_ENDED};
	return list;
}

static int fold(struct fold **last, uint32_t first)
{
	const size_t n = FOLDED_MAX / 2;
	struct fold_thread *list = many(first, n);
	struct fold_step s;
	int err = fold_begin(*last, list, n, &s);

	if (!err)
		fold_commit(last, &s);
	free(list);
	return err;
}

static void test_bound(void **state)
{
	struct fold *last = fold_new(), *first, *second;

	(void)state;
	// For nobody: nothing is kept.
	assert_int_equal(fold(&last, 1), 0);
	first = fold_ref(last);
	assert_int_equal(fold(&last, 1), 0);
	// The same numbers again, for the same snapshot: no more is kept.
	for (int i = 0; i < 5; i++)
		assert_int_equal(fold(&last, 1), 0);
	second = fold_ref(last);
	assert_int_equal(fold(&last, 1), 0);
	assert_int_equal(fold_follow(first, second, 1), SNAP_TID_ENDED);
	assert_int_equal(fold_follow(second, second, 1), 1);
	// Others: there is no room, until the snapshots are forgotten.
	assert_int_equal(fold(&last, FOLDED_MAX), -ENOSPC);
	fold_unref(first);
	fold_unref(second);
	assert_int_equal(fold(&last, FOLDED_MAX), 0);
	first = fold_ref(last);
	assert_int_equal(fold(&last, 1), 0);
	assert_int_equal(fold(&last, FOLDED_MAX), 0);
	assert_int_equal(fold_follow(first, last, FOLDED_MAX), SNAP_TID_ENDED);
	fold_end(last);
	fold_unref(first);
}

static int setup(void **state)
{
	(void)state;
	memset(&now, 0, sizeof(now));
	n_live = 0;
	return ingest_init(&in, NULL, 4);
}

static int teardown(void **state)
{
	(void)state;
	ingest_fini(&in);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_intervals, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_for_ever, setup, teardown),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

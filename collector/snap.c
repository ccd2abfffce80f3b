// SPDX-License-Identifier: Apache-2.0
//
// Rows are identified by (stack, tid, labels, size_class); a hash of the
// earlier snapshot's rows makes a difference linear in the number of rows.
#include "collector/snap.h"

#include "collector/mem.h"
#include "collector/shared.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// Sums of weights that should cancel out leave a trace of rounding; values are
// whole numbers when written, so anything this small is zero.
#define ZERO_BELOW 1e-3

// Rows of a snapshot by what identifies them: indexes + 1, open addressing.
struct index {
	uint32_t *slots;
	size_t mask;
};

#define FOUND_BIT (1u << 31) // in a slot: the row was looked up

void snap_free(struct snap *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->n_images; i++)
		image_unref(s->images[i]);
	for (size_t i = 0; i < s->n_comments; i++)
		free(s->comments[i]);
	free(s->rows);
	free(s->ages);
	cow_unref(s->rows_copy);
	cow_unref(s->live_copy);
	shared_unref(s->stacks);
	shared_unref(s->frames);
	fold_unref(s->fold);
	free(s->images);
	free(s->threads);
	free(s->label_sets);
	free(s->label_texts);
	free(s->labels);
	free(s->comments);
	free(s->counts);
	free(s);
}

static size_t hash_row(const struct snap_row *row)
{
	uint64_t h = ((uint64_t)row->stack << 32 | row->tid) ^
		     (uint64_t)row->labels << 52 ^
		     (uint64_t)row->size_class << 22;

	h *= 0x9e3779b97f4a7c15ull;
	return (size_t)(h >> 20);
}

static int index_rows(const struct snap *s, struct index *ret_index)
{
	struct index x = {.mask = 15};

	if (s->n_rows >= UINT32_MAX / 2)
		return -E2BIG;
	while (x.mask < 2 * s->n_rows)
		x.mask = 2 * x.mask + 1;
	x.slots = calloc(x.mask + 1, sizeof(*x.slots));
	if (!x.slots)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_rows; i++) {
		size_t at = hash_row(&s->rows[i]) & x.mask;
		while (x.slots[at])
			at = (at + 1) & x.mask;
		x.slots[at] = (uint32_t)i + 1;
	}
	*ret_index = x;
	return 0;
}

// The row of S that is LIKE, marked as found, or NULL.
static const struct snap_row *find_row(const struct snap *s, struct index *x,
				       const struct snap_row *like)
{
	for (size_t at = hash_row(like) & x->mask; x->slots[at];
	     at = (at + 1) & x->mask) {
		const struct snap_row *row =
			&s->rows[(x->slots[at] & ~FOUND_BIT) - 1];
		if (row->stack == like->stack && row->tid == like->tid &&
		    row->labels == like->labels &&
		    row->size_class == like->size_class) {
			x->slots[at] |= FOUND_BIT;
			return row;
		}
	}
	return NULL;
}

static bool is_zero(const struct snap_row *row)
{
	for (unsigned i = 0; i < KIND_VALUES_MAX; i++)
		if (fabs(row->values[i]) >= ZERO_BELOW)
			return false;
	return true;
}

// Takes those of OLD's values that VALUES names from ROW's.
static void subtract_row(struct snap_row *row, const struct snap_row *old,
			 unsigned values)
{
	for (unsigned v = 0; v < KIND_VALUES_MAX; v++)
		if (values >> v & 1)
			row->values[v] -= old->values[v];
}

// LATER's rows minus those of EARLIER, which is indexed by X.
static void subtract_rows(struct snap *later, const struct snap *earlier,
			  struct index *x, unsigned values)
{
	size_t n = 0;

	for (size_t i = 0; i < later->n_rows; i++) {
		struct snap_row row = later->rows[i];
		const struct snap_row *old = find_row(earlier, x, &row);
		if (old)
			subtract_row(&row, old, values);
		if (!is_zero(&row))
			later->rows[n++] = row;
	}
	later->n_rows = n;
}

// Rows that only EARLIER has: they fell to nothing meanwhile.
static int append_vanished(struct snap *later, const struct snap *earlier,
			   const struct index *x, unsigned values)
{
	struct snap_row *rows =
		realloc(later->rows,
			(later->n_rows + earlier->n_rows + 1) * sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	later->rows = rows;
	for (size_t at = 0; at <= x->mask; at++) {
		struct snap_row row;
		if (!x->slots[at] || x->slots[at] & FOUND_BIT)
			continue;
		row = earlier->rows[x->slots[at] - 1];
		memset(row.values, 0, sizeof(row.values));
		subtract_row(&row, &earlier->rows[x->slots[at] - 1], values);
		if (!is_zero(&row) && row.stack < later->n_stacks)
			rows[later->n_rows++] = row;
	}
	return 0;
}

// What was lost before the interval is not lost from it. The shim's counters
// are the process's to write: one that goes back is none.
static void subtract_counts(struct snap *later, const struct snap *earlier)
{
	for (size_t i = 0; i < later->n_counts && i < earlier->n_counts; i++)
		later->counts[i] -= later->counts[i] < earlier->counts[i]
					    ? later->counts[i]
					    : earlier->counts[i];
}

static int compare_rows(const void *a, const void *b)
{
	const struct snap_row *x = a, *y = b;

	if (x->stack != y->stack)
		return x->stack < y->stack ? -1 : 1;
	if (x->tid != y->tid)
		return x->tid < y->tid ? -1 : 1;
	if (x->labels != y->labels)
		return x->labels < y->labels ? -1 : 1;
	return (x->size_class > y->size_class) -
	       (x->size_class < y->size_class);
}

// Adds up the N rows of LIST that are the same. Returns how many are left.
static size_t merge_rows(struct snap_row *list, size_t n)
{
	size_t n_left = 0;

	qsort(list, n, sizeof(*list), compare_rows);
	for (size_t i = 0; i < n; i++) {
		if (!n_left || compare_rows(&list[n_left - 1], &list[i])) {
			list[n_left++] = list[i];
			continue;
		}
		for (unsigned v = 0; v < KIND_VALUES_MAX; v++)
			list[n_left - 1].values[v] += list[i].values[v];
	}
	return n_left;
}

// EARLIER's rows under the numbers that threads have in LATER, in *RET; where
// nothing has changed these are EARLIER's own, else they are to be freed.
static int follow_folds(const struct snap *earlier, const struct snap *later,
			struct snap *ret)
{
	struct snap_row *rows;

	*ret = *earlier;
	if (earlier->fold == later->fold)
		return 0;
	rows = mem_copy(earlier->rows, earlier->n_rows, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < earlier->n_rows; i++)
		rows[i].tid =
			fold_follow(earlier->fold, later->fold, rows[i].tid);
	ret->rows = rows;
	ret->n_rows = merge_rows(rows, earlier->n_rows);
	return 0;
}

struct snap *snap_copy_rows(const struct snap *s)
{
	struct snap *copy = calloc(1, sizeof(*copy));

	ASSERT(!s->rows_copy);
	if (!copy)
		return NULL;
	copy->session = s->session;
	copy->kind = s->kind;
	copy->time_ns = s->time_ns;
	copy->duration_ns = s->duration_ns;
	copy->fold = fold_ref(s->fold);
	copy->rows = mem_copy(s->rows, s->n_rows, sizeof(*s->rows));
	copy->counts = mem_copy(s->counts, s->n_counts, sizeof(*s->counts));
	if (!copy->rows || !copy->counts) {
		snap_free(copy);
		return NULL;
	}
	copy->n_rows = s->n_rows;
	copy->n_counts = s->n_counts;
	return copy;
}

int snap_subtract(struct snap *later, const struct snap *earlier)
{
	return snap_subtract_values(later, earlier, ~0u);
}

int snap_subtract_values(struct snap *later, const struct snap *earlier,
			 unsigned values)
{
	struct index x = {0};
	struct snap old;
	int error;

	ASSERT(!later->rows_copy && !earlier->rows_copy);
	if (later->session != earlier->session || later->kind != earlier->kind)
		return -EINVAL;
	error = follow_folds(earlier, later, &old);
	if (error < 0)
		return error;
	error = index_rows(&old, &x);
	if (!error) {
		subtract_rows(later, &old, &x, values);
		error = append_vanished(later, &old, &x, values);
	}
	free(x.slots);
	if (old.rows != earlier->rows)
		free(old.rows);
	if (error < 0)
		return error;
	subtract_counts(later, earlier);
	// As in Go, cpu tells the beginning of its interval, which is where
	// EARLIER ended; the others tell when they were taken.
	if (later->kind == KIND_CPU)
		later->time_ns = earlier->time_ns + earlier->duration_ns;
	later->duration_ns -= earlier->duration_ns;
	return error;
}

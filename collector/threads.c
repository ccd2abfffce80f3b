// SPDX-License-Identifier: Apache-2.0
//
// A list in order of appearance with an index by tid.
#include "collector/threads.h"

#include "collector/mem.h"
#include "collector/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS_TO_WAIT 4

void threads_init(struct threads *t)
{
	memset(t, 0, sizeof(*t));
	hmap_init(&t->by_tid);
	hmap_init(&t->by_name);
	t->first_reused = SIZE_MAX;
	t->round = 1;
}

void threads_fini(struct threads *t)
{
	hmap_fini(&t->by_tid);
	hmap_fini(&t->by_name);
	free(t->list);
	free(t->ended);
	free(t->ended_names);
	memset(t, 0, sizeof(*t));
}

// The index of TID, added when it is new; -1 when there is no room.
static long find_or_add(struct threads *t, uint32_t tid)
{
	uint64_t *index = hmap_get(&t->by_tid, tid);
	void *p;

	if (index)
		return (long)*index;
	if (!tid || tid >= SNAP_TID_ENDED || t->n >= THREADS_MAX)
		return -1;
	p = mem_grow(t->list, &t->list_capacity, t->n + 1, sizeof(*t->list));
	if (!p)
		return -1;
	t->list = p;
	p = mem_grow(t->ended, &t->ended_capacity, t->n + 1, sizeof(*t->ended));
	if (!p)
		return -1;
	t->ended = p;
	if (hmap_put(&t->by_tid, tid, t->n))
		return -1;
	t->list[t->n] = (struct snap_thread){.tid = tid};
	t->ended[t->n] = 0;
	return (long)t->n++;
}

bool threads_see(struct threads *t, uint32_t tid)
{
	size_t n = t->n;

	return find_or_add(t, tid) >= 0 && t->n > n;
}

void threads_run(struct threads *t, uint32_t tid)
{
	long i = find_or_add(t, tid);

	if (i < 0 || !t->ended[i])
		return;
	t->ended[i] = 0;
	if (t->first_reused > (size_t)i)
		t->first_reused = (size_t)i;
}

void threads_name(struct threads *t, uint32_t tid, const void *name,
		  size_t n_bytes)
{
	long i = find_or_add(t, tid);
	size_t n = strnlen(name, n_bytes);
	char *to;

	if (i < 0 || !n)
		return;
	to = t->list[i].name;
	if (n >= sizeof(t->list[i].name))
		n = sizeof(t->list[i].name) - 1;
	memset(to, 0, sizeof(t->list[i].name));
	memcpy(to, name, n);
	for (; *to; to++)
		if ((unsigned char)*to < ' ' || *to == 0x7f)
			*to = '_';
	utf8_mend(t->list[i].name);
}

void threads_end(struct threads *t, uint32_t tid)
{
	long i = find_or_add(t, tid);

	if (i >= 0)
		t->ended[i] = t->round;
}

void threads_round(struct threads *t)
{
	t->round += t->round < UINT32_MAX - ROUNDS_TO_WAIT;
}

bool threads_have_grown(const struct threads *t)
{
	return t->n >= t->n_folded + THREADS_FOLD;
}

bool threads_are_full(const struct threads *t)
{
	return t->n >= THREADS_MAX;
}

static bool is_long_gone(const struct threads *t, size_t i)
{
	return t->ended[i] && t->round - t->ended[i] >= ROUNDS_TO_WAIT;
}

static long add_name(struct threads *t, const char *name)
{
	void *p = mem_grow(t->ended_names, &t->ended_names_capacity,
			   t->n_ended_names + 1, sizeof(*t->ended_names));

	if (!p)
		return -1;
	t->ended_names = p;
	memcpy(t->ended_names[t->n_ended_names], name, sizeof(*t->ended_names));
	return (long)t->n_ended_names++;
}

// The number that stands for ended threads called NAME, padded with NULs.
static uint32_t number_of(struct threads *t, const char name[16])
{
	static const char nameless[16];
	uint64_t key = hmap_hash(name, sizeof(nameless)) | 1;
	uint64_t *number = hmap_get(&t->by_name, key);
	long i;

	if (number)
		return SNAP_TID_ENDED + (uint32_t)*number;
	if (!t->n_ended_names && add_name(t, nameless) < 0)
		return SNAP_TID_ENDED;
	if (!*name || t->n_ended_names >= THREAD_NAMES_MAX)
		return SNAP_TID_ENDED;
	i = add_name(t, name);
	if (i < 0 || hmap_put(&t->by_name, key, (uint64_t)i))
		return SNAP_TID_ENDED;
	return SNAP_TID_ENDED + (uint32_t)i;
}

static int compare_folds(const void *a, const void *b)
{
	const struct fold_thread *x = a, *y = b;

	return (x->tid > y->tid) - (x->tid < y->tid);
}

int threads_ended(struct threads *t, struct fold_thread **ret, size_t *ret_n)
{
	struct fold_thread *list = calloc(t->n ? t->n : 1, sizeof(*list));
	size_t n = 0;

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < t->n; i++)
		if (is_long_gone(t, i))
			list[n++] = (struct fold_thread){
				t->list[i].tid, number_of(t, t->list[i].name)};
	qsort(list, n, sizeof(*list), compare_folds);
	*ret = list;
	*ret_n = n;
	return 0;
}

void threads_forget(struct threads *t, const struct fold_thread *list, size_t n)
{
	size_t n_left = 0;

	for (size_t i = 0; i < t->n; i++) {
		uint32_t tid = t->list[i].tid;

		if (fold_find(list, n, tid) != tid) {
			hmap_remove(&t->by_tid, tid, NULL);
			continue;
		}
		*hmap_get(&t->by_tid, tid) = n_left;
		t->ended[n_left] = t->ended[i];
		t->list[n_left++] = t->list[i];
	}
	t->n_forgotten += t->n - n_left;
	t->n = t->n_folded = n_left;
	t->first_reused = 0;
}

static int compare_numbers(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void threads_miss(struct threads *t, uint32_t *tids, size_t n)
{
	qsort(tids, n, sizeof(*tids), compare_numbers);
	for (size_t i = 0; i < t->n; i++)
		if (!t->ended[i] && !bsearch(&t->list[i].tid, tids, n,
					     sizeof(*tids), compare_numbers))
			t->ended[i] = t->round;
}

static int compare_tids(const void *a, const void *b)
{
	const struct snap_thread *x = a, *y = b;

	return (x->tid > y->tid) - (x->tid < y->tid);
}

struct snap_thread *threads_copy(const struct threads *t, size_t *ret_n)
{
	size_t n = t->n + t->n_ended_names;
	struct snap_thread *copy = calloc(n ? n : 1, sizeof(*copy));

	if (!copy)
		return NULL;
	if (t->n) {
		memcpy(copy, t->list, t->n * sizeof(*copy));
		qsort(copy, t->n, sizeof(*copy), compare_tids);
	}
	for (size_t i = 0; i < t->n_ended_names; i++) {
		copy[t->n + i].tid = SNAP_TID_ENDED + (uint32_t)i;
		memcpy(copy[t->n + i].name, t->ended_names[i],
		       sizeof(copy->name));
	}
	*ret_n = n;
	return copy;
}

size_t threads_bytes(const struct threads *t)
{
	return t->list_capacity * sizeof(*t->list) +
	       t->ended_capacity * sizeof(*t->ended) +
	       t->ended_names_capacity * sizeof(*t->ended_names) +
	       hmap_bytes(&t->by_tid) + hmap_bytes(&t->by_name);
}

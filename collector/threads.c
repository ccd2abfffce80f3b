// SPDX-License-Identifier: Apache-2.0
//
// A list in order of appearance with an index by tid.
#include "collector/threads.h"

#include "collector/mem.h"
#include "collector/utf8.h"

#include <stdlib.h>
#include <string.h>

void threads_init(struct threads *t)
{
	memset(t, 0, sizeof(*t));
	hmap_init(&t->by_tid);
	t->first_reused = SIZE_MAX;
}

void threads_fini(struct threads *t)
{
	hmap_fini(&t->by_tid);
	free(t->list);
	free(t->is_ended);
	memset(t, 0, sizeof(*t));
}

// The index of TID, added when it is new; -1 when there is no room.
static long find_or_add(struct threads *t, uint32_t tid)
{
	uint64_t *index = hmap_get(&t->by_tid, tid);
	void *p;

	if (index)
		return (long)*index;
	if (!tid || t->n >= THREADS_MAX)
		return -1;
	p = mem_grow(t->list, &t->list_capacity, t->n + 1, sizeof(*t->list));
	if (!p)
		return -1;
	t->list = p;
	p = mem_grow(t->is_ended, &t->ended_capacity, t->n + 1,
		     sizeof(*t->is_ended));
	if (!p)
		return -1;
	t->is_ended = p;
	if (hmap_put(&t->by_tid, tid, t->n))
		return -1;
	t->list[t->n] = (struct snap_thread){.tid = tid};
	t->is_ended[t->n] = false;
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

	if (i < 0 || !t->is_ended[i])
		return;
	t->is_ended[i] = false;
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
		t->is_ended[i] = true;
}

static int compare_tids(const void *a, const void *b)
{
	const struct snap_thread *x = a, *y = b;

	return (x->tid > y->tid) - (x->tid < y->tid);
}

struct snap_thread *threads_copy(const struct threads *t)
{
	struct snap_thread *copy = mem_copy(t->list, t->n, sizeof(*copy));

	if (copy && t->n)
		qsort(copy, t->n, sizeof(*copy), compare_tids);
	return copy;
}

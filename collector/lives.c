// SPDX-License-Identifier: Apache-2.0
//
// A library that is unloaded leaves its addresses to the next one. Records that
// were captured before and are read after must keep their meaning, so lives of
// mappings are remembered after they ended, and of several that may have held
// an address the one that ended first holds it: nothing else can have been
// there before it went.
#include "collector/lives.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void lives_fini(struct lives *l)
{
	free(l->open);
	free(l->closed);
	*l = (struct lives){0};
}

void lives_begin(struct lives *l)
{
	for (size_t i = 0; i < l->n_open; i++)
		l->open[i].is_kept = false;
	l->n_added = 0;
}

// The last of the sorted open lives that starts at or before ADDR, or NULL.
static struct life *floor_open(const struct lives *l, uint64_t addr)
{
	size_t low = 0, high = l->n_open - l->n_added;

	while (low < high) {
		size_t middle = (low + high) / 2;
		if (l->open[middle].start <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? &l->open[low - 1] : NULL;
}

struct life *lives_at(struct lives *l, uint64_t start, uint64_t limit)
{
	struct life *life = floor_open(l, start);

	return life && life->start == start && life->limit == limit ? life
								    : NULL;
}

void lives_keep(struct life *life, uint32_t generation)
{
	life->is_kept = true;
	if (life->last_seen < generation)
		life->last_seen = generation;
	// Announced, but still there: somebody else holds the library.
	if (life->is_exact && generation > life->until) {
		life->is_exact = false;
		life->until = LIFE_OPEN;
	}
}

int lives_add(struct lives *l, const struct life *life)
{
	if (l->n_open == l->open_capacity) {
		size_t capacity = l->open_capacity ? 2 * l->open_capacity : 64;
		struct life *open = realloc(l->open, capacity * sizeof(*open));
		if (!open)
			return -ENOMEM;
		l->open = open;
		l->open_capacity = capacity;
	}
	l->open[l->n_open] = *life;
	l->open[l->n_open].is_kept = true;
	l->n_open++;
	l->n_added++;
	return 0;
}

int lives_add_closed(struct lives *l, const struct life *life)
{
	if (!l->closed) {
		l->closed = calloc(LIVES_CLOSED_MAX, sizeof(*l->closed));
		if (!l->closed)
			return -ENOMEM;
	}
	l->closed[l->n_closed++ % LIVES_CLOSED_MAX] = *life;
	if (l->last_until < life->until)
		l->last_until = life->until;
	return 0;
}

static int compare_start(const void *a, const void *b)
{
	const struct life *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

size_t lives_end(struct lives *l)
{
	size_t n = 0, n_gone = 0;

	for (size_t i = 0; i < l->n_open; i++) {
		struct life *life = &l->open[i];
		if (life->is_kept) {
			l->open[n++] = *life;
			continue;
		}
		// Not announced: it may have gone any time after it was seen,
		// for all we know in the dlclose that ran next.
		if (!life->is_exact)
			life->until = life->last_seen | 1;
		// No memory: its old records become unknown, no more.
		(void)lives_add_closed(l, life);
		n_gone++;
	}
	l->n_open = n;
	l->n_added = 0;
	if (n > 1)
		qsort(l->open, n, sizeof(*l->open), compare_start);
	return n_gone;
}

static size_t closed_count(const struct lives *l)
{
	return l->n_closed < LIVES_CLOSED_MAX ? l->n_closed : LIVES_CLOSED_MAX;
}

bool lives_unload(struct lives *l, uint32_t image, uint32_t generation)
{
	bool is_found = false;

	for (size_t i = 0; i < l->n_open; i++) {
		struct life *life = &l->open[i];
		if (life->image != image || life->first_seen > generation)
			continue;
		is_found = true;
		if (life->last_seen > generation)
			continue; // seen since: it stayed
		life->is_exact = true;
		life->until = generation;
	}
	for (size_t i = 0; i < closed_count(l); i++) {
		struct life *life = &l->closed[i];
		if (life->image != image || life->first_seen > generation ||
		    life->last_seen > generation)
			continue;
		is_found |= !life->is_exact || life->until == generation;
		if (!life->is_exact) {
			life->is_exact = true;
			life->until = generation;
		}
		if (l->last_until < life->until)
			l->last_until = life->until;
	}
	return is_found;
}

static bool may_hold(const struct life *life, uint64_t addr,
		     uint32_t generation)
{
	return addr >= life->start && addr < life->limit &&
	       generation >= life->first_seen && generation <= life->until;
}

uint32_t lives_find(const struct lives *l, uint64_t addr, uint32_t generation)
{
	const struct life *best = floor_open(l, addr);
	size_t n_closed = generation <= l->last_until ? closed_count(l) : 0;
	bool is_contested = false;

	if (best && !may_hold(best, addr, generation))
		best = NULL;
	for (size_t i = 0; i < n_closed; i++) {
		const struct life *life = &l->closed[i];
		if (!may_hold(life, addr, generation))
			continue;
		if (best && best->image != life->image)
			is_contested = true;
		if (!best || life->until < best->until)
			best = life;
	}
	if (!best)
		return 0;
	if (is_contested && !best->is_exact && generation >= best->last_seen)
		return 0;
	return best->image;
}

bool lives_check(const struct lives *l)
{
	for (size_t i = 0; i < l->n_open; i++) {
		const struct life *life = &l->open[i];
		if (life->start >= life->limit ||
		    life->first_seen > life->last_seen)
			return false;
		if (i > 0 && l->open[i - 1].limit > life->start)
			return false;
		if (!life->is_exact && life->until != LIFE_OPEN)
			return false;
	}
	return true;
}

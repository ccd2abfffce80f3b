// SPDX-License-Identifier: Apache-2.0
//
// Frames lie one stack behind the other in one array; a hash finds the stack
// and a comparison makes sure of it, since two stacks of one hash must not
// become one.
#include "collector/stacks.h"

#include "collector/mem.h"
#include "collector/shared.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int stacks_init(struct stacks *s)
{
	memset(s, 0, sizeof(*s));
	hmap_init(&s->by_hash);
	s->list = shared_new(STACKS_MAX * sizeof(*s->list));
	s->frames = shared_new(STACKS_FRAMES_MAX * sizeof(*s->frames));
	if (!s->list || !s->frames) {
		stacks_fini(s);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < FRAME_PSEUDO_N; i++) {
		struct frame f = {.addr = i, .image = FRAME_PSEUDO};

		if (stacks_intern(s, &f, 1) != i || s->n != i + 1) {
			stacks_fini(s);
			return -ENOMEM;
		}
	}
	return 0;
}

void stacks_fini(struct stacks *s)
{
	hmap_fini(&s->by_hash);
	shared_unref(s->list);
	free(s->next);
	shared_unref(s->frames);
	memset(s, 0, sizeof(*s));
}

static bool is_stack(const struct stacks *s, uint32_t id,
		     const struct frame *frames, size_t n)
{
	const struct snap_stack *st = &s->list[id];

	return st->n == n &&
	       !memcmp(s->frames + st->first, frames, n * sizeof(*frames));
}

static int make_room(struct stacks *s, size_t n)
{
	void *p;

	if (s->n >= STACKS_MAX || s->n_frames + n > STACKS_FRAMES_MAX)
		return -ENOSPC;
	// stacks_init() found no memory.
	if (!s->list || !s->frames)
		return -ENOMEM;
	p = mem_grow(s->next, &s->next_capacity, s->n + 1, sizeof(*s->next));
	if (!p)
		return -ENOMEM;
	// Whatever fails next, the former one has gone.
	s->next = p;
	if (shared_grow(s->list, (s->n + 1) * sizeof(*s->list)) ||
	    shared_grow(s->frames, (s->n_frames + n) * sizeof(*s->frames)))
		return -ENOMEM;
	return 0;
}

static uint32_t add(struct stacks *s, uint64_t hash, const struct frame *frames,
		    size_t n)
{
	uint64_t *first = hmap_get(&s->by_hash, hash);
	uint32_t next = first ? (uint32_t)*first : 0;
	uint32_t id = (uint32_t)s->n;

	if (make_room(s, n) || hmap_put(&s->by_hash, hash, id + 1)) {
		s->n_overflow++;
		return FRAME_OVERFLOW;
	}
	s->list[id] = (struct snap_stack){(uint32_t)s->n_frames, (uint32_t)n};
	s->next[id] = next;
	memcpy(s->frames + s->n_frames, frames, n * sizeof(*frames));
	s->n_frames += n;
	s->n++;
	return id;
}

uint32_t stacks_intern(struct stacks *s, const struct frame *frames, size_t n)
{
	uint64_t hash = hmap_hash(frames, n * sizeof(*frames)) | 1;
	uint64_t *first = hmap_get(&s->by_hash, hash);

	ASSERT(n && n <= STACKS_FRAMES_MAX);
	for (uint32_t i = first ? (uint32_t)*first : 0; i; i = s->next[i - 1])
		if (is_stack(s, i - 1, frames, n))
			return i - 1;
	return add(s, hash, frames, n);
}

size_t stacks_bytes(const struct stacks *s)
{
	return s->n * sizeof(*s->list) + s->next_capacity * sizeof(*s->next) +
	       s->n_frames * sizeof(*s->frames) + hmap_bytes(&s->by_hash);
}

int stacks_check(const struct stacks *s)
{
	size_t n_frames = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct snap_stack *st = &s->list[i];

		if (st->first != n_frames || !st->n || s->next[i] > i)
			return -EUCLEAN;
		n_frames += st->n;
	}
	if (n_frames != s->n_frames || s->n < FRAME_PSEUDO_N)
		return -EUCLEAN;
	return hmap_check(&s->by_hash);
}

// SPDX-License-Identifier: Apache-2.0
//
// A frame is found by its parent and its node.
#include "collector/report_stacks.h"

#include "collector/hmap.h"
#include "collector/report_mem.h"

#include <stdlib.h>
#include <string.h>

struct building {
	struct report_stacks *s;
	struct hmap children; // parent and node to frame
};

static uint32_t add_frame(struct report_stacks *s, uint32_t parent,
			  uint32_t node)
{
	struct report_frame *f;

	s->frames = report_mem_grow(s->frames, &s->frames_capacity,
				    s->n_frames + 1, sizeof(*s->frames));
	f = &s->frames[s->n_frames];
	*f = (struct report_frame){.node = node,
				   .parent = parent,
				   .first_child = REPORT_NONE,
				   .next = REPORT_NONE,
				   .is_inlined = true};
	return (uint32_t)s->n_frames++;
}

static uint32_t child(struct building *b, uint32_t parent, uint32_t node,
		      bool is_inlined)
{
	uint64_t key = ((uint64_t)parent << 32 | node) + 1;
	uint64_t *known = hmap_get(&b->children, key);
	uint32_t at;

	if (known) {
		at = (uint32_t)*known;
	} else {
		at = add_frame(b->s, parent, node);
		if (hmap_put(&b->children, key, at))
			report_mem_fail();
	}
	b->s->frames[at].is_inlined &= is_inlined;
	return at;
}

static uint32_t descend(struct building *b, uint32_t at, uint32_t location)
{
	const struct report_nodes *x = &b->s->nodes;
	const struct report_location *l =
		&x->report->profile->locations[location];

	if (!l->n_lines)
		return child(b, at, x->of_location[location], false);
	for (uint32_t k = l->n_lines; k; k--)
		at = child(b, at, x->of_line[l->first_line + k - 1],
			   k != l->n_lines);
	return at;
}

// Those of a base are negative in a difference.
static void add_sample(struct building *b, size_t i)
{
	const struct report *r = b->s->nodes.report;
	const struct report_sample *s = &r->profile->samples[i];
	int64_t value = report_value(r, i);
	struct report_frame *f;
	uint32_t at = 0;

	if (!value || !s->n_frames)
		return;
	for (uint32_t k = s->n_frames; k; k--)
		at = descend(b, at, r->profile->stack[s->first_frame + k - 1]);
	f = &b->s->frames[at];
	if (r->is_diff && report_profile_is_base(r->profile, i))
		f->self_before -= value;
	else
		f->self += value;
}

static void add_totals(struct report_stacks *s)
{
	for (size_t i = s->n_frames; i; i--) {
		struct report_frame *f = &s->frames[i - 1];

		f->total += f->self;
		f->total_before += f->self_before;
		if (f->parent == REPORT_NONE)
			continue;
		s->frames[f->parent].total += f->total;
		s->frames[f->parent].total_before += f->total_before;
	}
}

static int compare_frames(const void *a, const void *b, void *arg)
{
	const struct report_stacks *s = arg;
	const struct report_frame *x = &s->frames[*(const uint32_t *)a];
	const struct report_frame *y = &s->frames[*(const uint32_t *)b];
	const struct report_node *nodes = s->nodes.list;

	return strcmp(nodes[x->node].printable, nodes[y->node].printable);
}

// Links the frames to their parents, the last name first, so that the first
// name ends up in front.
static void link_children(struct report_stacks *s)
{
	size_t n = s->n_frames - 1;
	uint32_t *order = report_mem_zero(n, sizeof(*order));

	for (size_t i = 0; i < n; i++)
		order[i] = (uint32_t)i + 1;
	qsort_r(order, n, sizeof(*order), compare_frames, s);
	for (size_t i = n; i; i--) {
		struct report_frame *f = &s->frames[order[i - 1]];
		struct report_frame *parent = &s->frames[f->parent];

		f->next = parent->first_child;
		parent->first_child = order[i - 1];
	}
	free(order);
}

void report_stacks_open(struct report_stacks *s, struct report *r)
{
	struct building b = {.s = s};

	*s = (struct report_stacks){0};
	report_node_make(&s->nodes, r, true);
	(void)add_frame(s, REPORT_NONE, REPORT_NONE);
	hmap_init(&b.children);
	for (size_t i = 0; i < r->profile->n_samples; i++)
		add_sample(&b, i);
	hmap_fini(&b.children);
	add_totals(s);
	link_children(s);
}

void report_stacks_close(struct report_stacks *s)
{
	report_node_free(&s->nodes);
	free(s->frames);
	*s = (struct report_stacks){0};
}

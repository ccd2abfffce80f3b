// SPDX-License-Identifier: Apache-2.0
//
// Made in private memory first: nothing is read back from the region.
#include "collector/walkindex.h"

#include <stdlib.h>
#include <string.h>

void walkindex_init(struct walkindex *w, struct walktabs *tabs)
{
	memset(w, 0, sizeof(*w));
	w->tabs = tabs;
}

// What takes so long to make (7 ms) is not waited for.
#define SOON_FDES_MAX 10000u

static void drop_refs(struct walkindex *w)
{
	while (w->n_refs)
		walktab_unref(w->tabs, w->refs[--w->n_refs]);
}

static void set(_Atomic uint64_t *x, uint64_t value)
{
	atomic_store_explicit(x, value, memory_order_relaxed);
}

static void set32(_Atomic uint32_t *x, uint32_t value)
{
	atomic_store_explicit(x, value, memory_order_relaxed);
}

static void copy(struct walk_index *to, const struct walk_index *from)
{
	uint32_t n = from->x_n_images;

	for (uint32_t i = 0; i < n; i++) {
		const struct walk_image *im = &from->images[i];

		set(&to->images[i].x_start, im->x_start);
		set(&to->images[i].x_limit, im->x_limit);
		set(&to->images[i].x_base, im->x_base);
		set(&to->images[i].x_table, im->x_table);
		set32(&to->images[i].x_n_blocks, im->x_n_blocks);
		set32(&to->images[i].x_n_rows, im->x_n_rows);
	}
	set32(&to->x_n_images, n);
	set32(&to->x_tables_bytes, from->x_tables_bytes);
	set32(&to->x_generation, from->x_generation);
}

// A reader in the process that saw the count before sees another after, or an
// odd one.
static void publish(struct walkindex *w)
{
	uint32_t changes = w->own->x_changes;

	w->own->x_changes = changes + 2;
	if (!w->shared)
		return;
	set32(&w->shared->x_changes, changes + 1);
	// What follows comes after the odd count.
	atomic_thread_fence(memory_order_release);
	copy(w->shared, w->own);
	// release: pairs with the walk's acquire
	atomic_store_explicit(&w->shared->x_changes, changes + 2,
			      memory_order_release);
}

void walkindex_empty(struct walkindex *w)
{
	if (!w->own)
		return;
	w->own->x_n_images = 0;
	publish(w);
}

void walkindex_fini(struct walkindex *w)
{
	drop_refs(w);
	free(w->own);
	w->own = NULL;
	w->shared = NULL;
}

static void add(struct walkindex *w, const struct image *im)
{
	struct walk_image *to = &w->own->images[w->own->x_n_images];
	struct walktab *tab = walktab_ref(w->tabs, im->file);
	struct walktab_place place;
	bool is_wanted;

	if (!tab)
		return;
	w->refs[w->n_refs++] = tab;
	is_wanted = walktab_is_wanted(w->tabs, tab);
	if (!walktab_place(w->tabs, tab, &place)) {
		w->n_wanted += is_wanted && im->file->n_fdes <= SOON_FDES_MAX;
		return;
	}
	to->x_start = im->start;
	to->x_limit = im->limit;
	to->x_base = im->bias + place.base_vaddr;
	to->x_table = place.offset;
	to->x_n_blocks = place.n_blocks;
	to->x_n_rows = place.n_rows;
	if (w->own->x_tables_bytes < place.limit)
		w->own->x_tables_bytes = (uint32_t)place.limit;
	w->own->x_n_images++;
}

static void make(struct walkindex *w, const struct images *images)
{
	struct image *list[WALK_IMAGES_MAX];
	uint32_t n = images_mapped(images, WALK_IMAGES_MAX, list);

	w->n_refs = 0;
	w->n_wanted = 0;
	w->own->x_n_images = 0;
	w->own->x_tables_bytes = 0;
	for (uint32_t i = 0; i < n; i++)
		if (list[i]->file && list[i]->file->n_fdes)
			add(w, list[i]);
}

// The count starts anywhere: the region of a later collector, mapped over this
// one, has another.
static bool has_own(struct walkindex *w)
{
	if (!w->own) {
		w->own = calloc(1, sizeof(*w->own));
		if (w->own)
			w->own->x_changes =
				(uint32_t)(pool_now_ns() >> 8) & ~1u;
	}
	return w->own;
}

static bool is_current(const struct walkindex *w, const struct images *images,
		       uint32_t generation)
{
	return w->own && w->image_changes == images_changes(images) &&
	       w->tab_changes == walktab_changes(w->tabs) &&
	       w->generation == generation;
}

void walkindex_use(struct walkindex *w, struct walk_index *shared)
{
	w->shared = shared;
	if (w->own && shared)
		publish(w);
}

void walkindex_update(struct walkindex *w, const struct images *images,
		      uint32_t generation)
{
	struct walktab *old[WALK_IMAGES_MAX];
	uint32_t n_old = w->n_refs;

	if (!w->tabs || !images || is_current(w, images, generation) ||
	    !has_own(w))
		return;
	w->image_changes = images_changes(images);
	w->tab_changes = walktab_changes(w->tabs);
	w->generation = generation;
	memcpy(old, w->refs, n_old * sizeof(*old));
	make(w, images);
	w->own->x_generation = generation;
	publish(w);
	// Only now may the room of a table be given to another one.
	while (n_old)
		walktab_unref(w->tabs, old[--n_old]);
}

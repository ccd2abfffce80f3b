// SPDX-License-Identifier: Apache-2.0
//
// Texts are offsets into one growing piece, so that a snapshot copies two
// arrays.
#include "collector/labels.h"

#include "collector/mem.h"
#include "collector/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void labels_init(struct labels *l)
{
	memset(l, 0, sizeof(*l));
}

void labels_fini(struct labels *l)
{
	free(l->sets);
	free(l->texts);
	labels_init(l);
}

// Appends TEXT of N characters, made UTF-8; its offset, 0 without memory.
static uint32_t add_text(struct labels *l, const char *text, size_t n)
{
	size_t at = l->n_bytes ? l->n_bytes : 1;
	char *texts = mem_grow(l->texts, &l->texts_capacity, at + n + 1, 1);

	if (!texts)
		return 0;
	l->texts = texts;
	texts[0] = '\0';
	memcpy(texts + at, text, n);
	texts[at + n] = '\0';
	utf8_mend(texts + at);
	l->n_bytes = at + n + 1;
	return (uint32_t)at;
}

// Makes room for the numbers up to SET.
static int reach(struct labels *l, size_t set)
{
	struct snap_labels *sets;

	if (set < l->n)
		return 0;
	sets = mem_grow(l->sets, &l->sets_capacity, set + 1, sizeof(*sets));
	if (!sets)
		return -ENOMEM;
	l->sets = sets;
	memset(sets + l->n, 0, (set + 1 - l->n) * sizeof(*sets));
	l->n = set + 1;
	return 0;
}

void labels_put(struct labels *l, uint64_t set, uint64_t parent,
		const char *text, size_t n_bytes)
{
	size_t n_key = strnlen(text, n_bytes);
	size_t n_value =
		n_key < n_bytes ? strnlen(text + n_key + 1, n_bytes - n_key - 1)
				: 0;
	struct snap_labels *s;

	if (!set || set >= LABEL_SETS_MAX || parent >= LABEL_SETS_MAX ||
	    !n_key || n_key > LABEL_KEY_MAX_BYTES ||
	    n_value > LABEL_VALUE_MAX_BYTES || reach(l, set))
		return;
	s = &l->sets[set];
	if (s->key)
		return;
	s->parent = (uint32_t)parent;
	s->value = add_text(l, text + n_key + 1, n_value);
	s->key = add_text(l, text, n_key);
}

int labels_copy(const struct labels *l, struct snap *s)
{
	s->label_sets = mem_copy(l->sets, l->n, sizeof(*l->sets));
	s->label_texts = mem_copy(l->texts, l->n_bytes, 1);
	if (!s->label_sets || !s->label_texts)
		return -ENOMEM;
	s->n_label_sets = l->n;
	return 0;
}

size_t labels_bytes(const struct labels *l)
{
	return l->sets_capacity * sizeof(*l->sets) + l->texts_capacity;
}

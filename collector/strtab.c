// SPDX-License-Identifier: Apache-2.0
//
// Open addressing over indexes; profiles have some thousand texts.
#include "collector/strtab.h"

#include "collector/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 256u

static uint32_t hash(const char *text)
{
	uint64_t h = 14695981039346656037ull;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 1099511628211ull;
	return (uint32_t)(h ^ h >> 32);
}

static uint32_t find_slot(const struct strtab *t, const uint32_t *slots,
			  uint32_t n_slots, const char *text)
{
	uint32_t at = hash(text) & (n_slots - 1);

	while (slots[at] && strcmp(t->texts[slots[at] - 1], text) != 0)
		at = (at + 1) & (n_slots - 1);
	return at;
}

static int grow_slots(struct strtab *t)
{
	uint32_t n = t->n_slots ? 2 * t->n_slots : SLOTS_MIN;
	uint32_t *slots = calloc(n, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->n_texts; i++)
		slots[find_slot(t, slots, n, t->texts[i])] = i + 1;
	free(t->slots);
	t->slots = slots;
	t->n_slots = n;
	return 0;
}

static int reserve(struct strtab *t)
{
	uint32_t capacity = t->texts_capacity ? 2 * t->texts_capacity : 128;
	char **texts;

	if (2 * (t->n_texts + 1) > t->n_slots && grow_slots(t) < 0)
		return -ENOMEM;
	if (t->n_texts < t->texts_capacity)
		return 0;
	texts = realloc(t->texts, capacity * sizeof(*texts));
	if (!texts)
		return -ENOMEM;
	t->texts = texts;
	t->texts_capacity = capacity;
	return 0;
}

static int64_t add(struct strtab *t, const char *text)
{
	size_t n = strlen(text) + 1;
	char *copy;
	uint32_t at;

	if (reserve(t) < 0) {
		t->arena->error = -ENOMEM;
		return 0;
	}
	at = find_slot(t, t->slots, t->n_slots, text);
	if (t->slots[at])
		return t->slots[at] - 1;
	copy = arena_get(t->arena, n, 1);
	if (!copy)
		return 0;
	t->texts[t->n_texts++] = memcpy(copy, text, n);
	t->slots[at] = t->n_texts;
	return t->n_texts - 1;
}

void strtab_init(struct strtab *t, struct arena *arena)
{
	*t = (struct strtab){.arena = arena};
	(void)add(t, ""); // an error sticks in the arena
}

void strtab_fini(struct strtab *t)
{
	free(t->texts);
	free(t->slots);
	*t = (struct strtab){0};
}

// A symbol, a path or a name with bytes that no reader of a profile takes.
static int64_t add_mended(struct strtab *t, const char *text)
{
	size_t n = strlen(text) + 1;
	char *copy = arena_get(t->arena, n, 1);

	if (!copy)
		return 0;
	utf8_mend(memcpy(copy, text, n));
	return add(t, copy);
}

int64_t strtab_index(struct strtab *t, const char *text)
{
	if (!text || !*text)
		return 0;
	return utf8_is_valid(text) ? add(t, text) : add_mended(t, text);
}

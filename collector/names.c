// SPDX-License-Identifier: Apache-2.0
//
// A hash of pointers into blocks that are never freed.
#include "collector/names.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES ((size_t)64 << 10)
#define SLOTS_MIN   ((size_t)1024)

static const char **slots; // open addressing, at most half full
static size_t n_slots, n_names;
static char *block;
static size_t block_left;

static size_t hash(const char *text)
{
	uint64_t h = 14695981039346656037ull;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 1099511628211ull;
	return (size_t)(h ^ h >> 32);
}

static size_t find_slot(const char **table, size_t n, const char *text)
{
	size_t at = hash(text) & (n - 1);

	while (table[at] && strcmp(table[at], text) != 0)
		at = (at + 1) & (n - 1);
	return at;
}

static int grow(void)
{
	size_t n = n_slots ? 2 * n_slots : SLOTS_MIN;
	const char **more = calloc(n, sizeof(*more));

	if (!more)
		return -1;
	for (size_t i = 0; i < n_slots; i++)
		if (slots[i])
			more[find_slot(more, n, slots[i])] = slots[i];
	free(slots);
	slots = more;
	n_slots = n;
	return 0;
}

static char *copy(const char *text)
{
	size_t n = strlen(text) + 1;
	char *kept;

	if (n > BLOCK_BYTES / 4)
		return strdup(text);
	if (n > block_left) {
		kept = malloc(BLOCK_BYTES);
		if (!kept)
			return NULL;
		block = kept;
		block_left = BLOCK_BYTES;
	}
	kept = memcpy(block, text, n);
	block += n;
	block_left -= n;
	return kept;
}

const char *names_keep(const char *text)
{
	size_t at;

	if (!text || !*text)
		return "";
	if (2 * (n_names + 1) > n_slots && grow() < 0)
		return "";
	at = find_slot(slots, n_slots, text);
	if (!slots[at]) {
		slots[at] = copy(text);
		n_names += slots[at] != NULL;
	}
	return slots[at] ? slots[at] : "";
}

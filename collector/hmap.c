// SPDX-License-Identifier: Apache-2.0
//
// Open addressing with linear probing: one cache line a lookup. Removal moves
// later keys back instead of leaving tombstones, since live heap samples come
// and go for as long as the process lives.
#include "collector/hmap.h"

#include "collector/mem.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define FIRST_SLOTS 64
// How many slots ahead memory is asked for while a map grows.
#define GROW_AHEAD 8

// The finaliser of MurmurHash3: every input bit reaches every output bit.
static uint64_t mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdull;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ull;
	x ^= x >> 33;
	return x;
}

uint64_t hmap_hash(const void *bytes, size_t n_bytes)
{
	const unsigned char *p = bytes;
	uint64_t h = mix(n_bytes + 1);
	uint64_t word;

	for (; n_bytes >= sizeof(word); p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		h = mix(h ^ word) + 0x9e3779b97f4a7c15ull;
		n_bytes -= sizeof(word);
	}
	word = 0;
	memcpy(&word, p, n_bytes);
	return mix(h ^ word);
}

// Drawn once: a session has dozens of maps, and begins while a process waits.
static uint64_t next_seed(void)
{
	static _Atomic uint64_t x_state; // 0: none was drawn yet
	uint64_t drawn, none = 0;

	if (!atomic_load_explicit(&x_state, memory_order_relaxed)) {
		// Without randomness a map still works, only an attack by a
		// process on its own collector gets cheaper.
		if (getrandom(&drawn, sizeof(drawn), GRND_NONBLOCK) < 0)
			drawn = (uint64_t)(uintptr_t)&drawn;
		(void)atomic_compare_exchange_strong_explicit(
			&x_state, &none, drawn | 1, memory_order_relaxed,
			memory_order_relaxed);
	}
	return mix(atomic_fetch_add_explicit(&x_state, 0x9e3779b97f4a7c15ull,
					     memory_order_relaxed));
}

void hmap_init(struct hmap *m)
{
	memset(m, 0, sizeof(*m));
	m->seed = next_seed();
}

void hmap_fini(struct hmap *m)
{
	free(m->slots);
	m->slots = NULL;
	m->n_slots = m->count = 0;
}

static size_t home(const struct hmap *m, uint64_t key)
{
	return mix(key ^ m->seed) & (m->n_slots - 1);
}

// The slot that holds KEY, or the free one where it belongs.
static struct hmap_slot *find(const struct hmap *m, uint64_t key)
{
	size_t i = home(m, key);

	while (m->slots[i].key && m->slots[i].key != key)
		i = (i + 1) & (m->n_slots - 1);
	return &m->slots[i];
}

uint64_t *hmap_get(const struct hmap *m, uint64_t key)
{
	struct hmap_slot *slot;

	if (!m->n_slots || !key)
		return NULL;
	slot = find(m, key);
	return slot->key ? &slot->value : NULL;
}

void hmap_expect(const struct hmap *m, uint64_t key)
{
	if (m->n_slots)
		__builtin_prefetch(&m->slots[home(m, key)]);
}

// To N slots, a power of two.
static int grow(struct hmap *m, size_t n)
{
	struct hmap old = *m;
	struct hmap_slot *slots = mem_zeroed(n, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	m->slots = slots;
	m->n_slots = n;
	for (size_t i = 0; i < old.n_slots; i++) {
		hmap_expect(
			m, old.slots[(i + GROW_AHEAD) & (old.n_slots - 1)].key);
		if (old.slots[i].key)
			*find(m, old.slots[i].key) = old.slots[i];
	}
	free(old.slots);
	return 0;
}

int hmap_reserve(struct hmap *m, size_t n)
{
	size_t n_slots = m->n_slots ? m->n_slots : FIRST_SLOTS;

	while (n / 3 >= n_slots / 4)
		n_slots *= 2;
	return n_slots > m->n_slots ? grow(m, n_slots) : 0;
}

uint64_t *hmap_add(struct hmap *m, uint64_t key, bool *ret_is_new)
{
	struct hmap_slot *slot;

	ASSERT(key);
	if (4 * (m->count + 1) > 3 * m->n_slots &&
	    grow(m, m->n_slots ? 2 * m->n_slots : FIRST_SLOTS))
		return NULL;
	slot = find(m, key);
	*ret_is_new = !slot->key;
	m->count += *ret_is_new;
	slot->key = key;
	return &slot->value;
}

int hmap_put(struct hmap *m, uint64_t key, uint64_t value)
{
	bool is_new;
	uint64_t *at = hmap_add(m, key, &is_new);

	if (!at)
		return -ENOMEM;
	*at = value;
	return 0;
}

// True when J lies cyclically in (HOLE, I]: a key at I whose home is J may
// stay.
static bool may_stay(size_t hole, size_t j, size_t i)
{
	return hole <= i ? hole < j && j <= i : hole < j || j <= i;
}

bool hmap_remove(struct hmap *m, uint64_t key, uint64_t *ret_value)
{
	struct hmap_slot *slot;
	size_t hole, i;

	if (!m->count || !key)
		return false;
	slot = find(m, key);
	if (!slot->key)
		return false;
	if (ret_value)
		*ret_value = slot->value;
	hole = (size_t)(slot - m->slots);
	for (i = (hole + 1) & (m->n_slots - 1); m->slots[i].key;
	     i = (i + 1) & (m->n_slots - 1)) {
		if (may_stay(hole, home(m, m->slots[i].key), i))
			continue;
		m->slots[hole] = m->slots[i];
		hole = i;
	}
	m->slots[hole].key = 0;
	m->count--;
	return true;
}

size_t hmap_bytes(const struct hmap *m)
{
	return m->n_slots * sizeof(*m->slots);
}

int hmap_check(const struct hmap *m)
{
	size_t n = 0;

	if (m->n_slots & (m->n_slots - 1) || 4 * m->count > 3 * m->n_slots)
		return -EUCLEAN;
	for (size_t i = 0; i < m->n_slots; i++) {
		if (!m->slots[i].key)
			continue;
		n++;
		if (find(m, m->slots[i].key) != &m->slots[i])
			return -EUCLEAN;
	}
	return n == m->count ? 0 : -EUCLEAN;
}

// SPDX-License-Identifier: Apache-2.0
//
// An open-addressed table whose entries are claimed once by their hash and
// filled in before they are marked ready; the index of an entry, + 1, is the
// number of its set. Two threads that add the same label at once, or a signal
// handler that comes in between, may make two sets of it: they mean the same.
#include "preload/labels.h"

#include "preload/sys.h"

#include <stdatomic.h>
#include <string.h>

#define N_SETS	    (LABEL_SETS_MAX - 1) // set 0 has no entry
#define PROBES_MAX  64u
#define ARENA_BYTES (512u << 10)

struct entry {
	_Atomic uint64_t x_hash; // 0 = free; CAS, never freed
	// 1 once the rest is there, which is constant from then on. Release
	// pairs with find's acquire.
	_Atomic uint32_t x_is_ready;
	_Atomic uint32_t x_sent; // token of the collector that knows it
	uint32_t parent;
	uint32_t depth; // labels, this one included
	uint32_t at;	// of the text in the arena
	uint32_t n_bytes;
};

// Inherited by fork children as they are: a set means the same there.
static struct entry entries[N_SETS];
static char arena[ARENA_BYTES];
static _Atomic uint32_t x_arena_used;

__thread uint32_t labels_now;

// The text of a label, in two pieces that each end in a NUL.
struct label {
	const char *key, *value;
	uint32_t key_bytes, value_bytes;
};

static uint64_t hash_bytes(uint64_t h, const char *bytes, uint32_t n)
{
	uint64_t word;

	for (; n >= 8; n -= 8, bytes += 8) {
		__builtin_memcpy(&word, bytes, 8);
		h = (h ^ word) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 32;
	}
	while (n--)
		h = (h ^ (unsigned char)*bytes++) * 0x100000001b3ull;
	return h;
}

static uint64_t hash_of(uint32_t parent, const struct label *l)
{
	uint64_t h = hash_bytes(parent + 1ull, l->key, l->key_bytes);

	h = hash_bytes(h, l->value, l->value_bytes);
	h = (h ^ h >> 29) * 0xc2b2ae3d27d4eb4full;
	return (h ^ h >> 32) | 1;
}

static bool is_same(const char *a, const char *b, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

static bool is_entry(struct entry *e, uint32_t parent, const struct label *l)
{
	const char *text;

	// acquire: pairs with fill's release
	if (!atomic_load_explicit(&e->x_is_ready, memory_order_acquire) ||
	    e->parent != parent || e->n_bytes != l->key_bytes + l->value_bytes)
		return false;
	text = arena + e->at;
	return is_same(text, l->key, l->key_bytes) &&
	       is_same(text + l->key_bytes, l->value, l->value_bytes);
}

static bool fill(struct entry *e, uint32_t parent, const struct label *l)
{
	uint32_t n = l->key_bytes + l->value_bytes;
	uint32_t at = atomic_load_explicit(&x_arena_used, memory_order_relaxed);

	do {
		if (ARENA_BYTES - at < n)
			return false; // and stays unready
	} while (!atomic_compare_exchange_weak_explicit(
		&x_arena_used, &at, at + n, memory_order_relaxed,
		memory_order_relaxed));
	sys_copy(arena + at, l->key, l->key_bytes);
	sys_copy(arena + at + l->key_bytes, l->value, l->value_bytes);
	e->parent = parent;
	e->depth = parent ? entries[parent - 1].depth + 1 : 1;
	e->at = at;
	e->n_bytes = n;
	// release: pairs with is_entry's acquire
	atomic_store_explicit(&e->x_is_ready, 1, memory_order_release);
	return true;
}

static uint32_t intern(uint32_t parent, const struct label *l)
{
	uint64_t hash = hash_of(parent, l);

	for (uint32_t i = 0; i < PROBES_MAX; i++) {
		uint32_t at = (uint32_t)((hash >> 1) + i) % N_SETS;
		struct entry *e = &entries[at];
		uint64_t seen =
			atomic_load_explicit(&e->x_hash, memory_order_relaxed);

		if (!seen &&
		    atomic_compare_exchange_strong_explicit(
			    &e->x_hash, &seen, hash, memory_order_relaxed,
			    memory_order_relaxed))
			return fill(e, parent, l) ? at + 1 : 0;
		if (seen == hash && is_entry(e, parent, l))
			return at + 1;
	}
	return 0;
}

uint32_t labels_add(uint32_t set, const char *key, const char *value)
{
	struct label l = {.key = key, .value = value};

	if (!key || !value || set > N_SETS)
		return 0;
	l.key_bytes = (uint32_t)strnlen(key, LABEL_KEY_MAX_BYTES + 1) + 1;
	l.value_bytes = (uint32_t)strnlen(value, LABEL_VALUE_MAX_BYTES + 1) + 1;
	if (l.key_bytes == 1 || l.key_bytes > LABEL_KEY_MAX_BYTES + 1 ||
	    l.value_bytes > LABEL_VALUE_MAX_BYTES + 1 ||
	    (set && entries[set - 1].depth >= LABEL_DEPTH_MAX))
		return 0;
	return intern(set, &l);
}

bool labels_get(uint32_t set, struct labels_set *ret)
{
	struct entry *e;

	if (!set || set > N_SETS)
		return false;
	e = &entries[set - 1];
	if (!atomic_load_explicit(&e->x_is_ready, memory_order_acquire))
		return false;
	ret->parent = e->parent;
	ret->text = arena + e->at;
	ret->n_bytes = e->n_bytes;
	return true;
}

bool labels_is_sent(uint32_t set, uint32_t token)
{
	return atomic_load_explicit(&entries[set - 1].x_sent,
				    memory_order_relaxed) == token;
}

void labels_set_sent(uint32_t set, uint32_t token)
{
	atomic_store_explicit(&entries[set - 1].x_sent, token,
			      memory_order_relaxed);
}

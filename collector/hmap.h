// SPDX-License-Identifier: Apache-2.0
//
// A hash map from 64-bit keys to 64-bit values: what every table of a process
// is built on. Keys come from profiled processes, so the hash is seeded at
// random per map: nobody can choose keys that collide. Key 0 is not allowed.
// It shrinks never and is bounded by its users. One thread at a time.
#ifndef CPROF_COLLECTOR_HMAP_H
#define CPROF_COLLECTOR_HMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hmap_slot {
	uint64_t key; // 0: free
	uint64_t value;
};

// n_slots is 0 or a power of two; 4 * count <= 3 * n_slots; a key stands at its
// home slot or behind it with no free slot between.
struct hmap {
	struct hmap_slot *slots;
	size_t n_slots;
	size_t count;
	uint64_t seed;
};

// An empty map; allocates nothing.
void hmap_init(struct hmap *m);
void hmap_fini(struct hmap *m);

// The value of KEY, or NULL. Valid until the next put or remove.
uint64_t *hmap_get(const struct hmap *m, uint64_t key);

// KEY is going to be asked for in a moment: its memory comes meanwhile.
void hmap_expect(const struct hmap *m, uint64_t key);

// The value of KEY, which is added if it is not there: then its value is to be
// set. NULL: no memory, and nothing is changed.
uint64_t *hmap_add(struct hmap *m, uint64_t key, bool *ret_is_new);

// Gets memory for N keys, those that are there included. 0, or -ENOMEM with
// nothing changed.
int hmap_reserve(struct hmap *m, size_t n);

// Sets the value of KEY. 0, or -ENOMEM with nothing changed.
int hmap_put(struct hmap *m, uint64_t key, uint64_t value);

// Takes KEY out. True when it was there; then *ret_value (may be NULL) is its
// value.
bool hmap_remove(struct hmap *m, uint64_t key, uint64_t *ret_value);

// Bytes the map has allocated.
size_t hmap_bytes(const struct hmap *m);

// A well-mixed hash of N_BYTES; for making keys. Any thread.
uint64_t hmap_hash(const void *bytes, size_t n_bytes);

// 0, or -EUCLEAN when an invariant does not hold.
int hmap_check(const struct hmap *m);

#endif

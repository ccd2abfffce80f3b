// SPDX-License-Identifier: Apache-2.0
//
// Above the small ones a class is the exponent and the next three bits of the
// size less one.
#include "collector/size_class.h"

#define LG_STEP	 4u
#define LG_SMALL 10u // the largest of the small ones
#define N_SMALL	 (1u << (LG_SMALL - LG_STEP))
#define LG_SPLIT 3u
#define LARGEST	 (1ull << 62)

unsigned size_class_of(uint64_t n_bytes)
{
	uint64_t last;
	unsigned lg;

	if (n_bytes <= 1u << LG_SMALL)
		return n_bytes ? (unsigned)((n_bytes - 1) >> LG_STEP) + 1 : 1;
	last = (n_bytes < LARGEST ? n_bytes : LARGEST) - 1;
	lg = 63u - (unsigned)__builtin_clzll(last);
	return N_SMALL + ((lg - LG_SMALL) << LG_SPLIT) +
	       (unsigned)(last >> (lg - LG_SPLIT) & ((1u << LG_SPLIT) - 1)) + 1;
}

uint64_t size_class_bytes(unsigned size_class)
{
	unsigned lg, part;

	if (size_class <= N_SMALL)
		return (uint64_t)size_class << LG_STEP;
	lg = LG_SMALL + ((size_class - N_SMALL - 1) >> LG_SPLIT);
	part = (size_class - N_SMALL - 1) & ((1u << LG_SPLIT) - 1);
	return ((1ull << LG_SPLIT) + part + 1) << (lg - LG_SPLIT);
}

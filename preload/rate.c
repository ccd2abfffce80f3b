// SPDX-License-Identifier: Apache-2.0
//
// Sampling mathematics. The logarithm is our own, since libm is not ours to
// load into a host: ln(m · 2^e) = e · ln 2 + ln m, and ln m by the series of
// atanh, whose error (below 1e-9 relative) is far under what a gap's rounding
// to bytes costs.
#include "preload/rate.h"

#include <string.h>

#define LN2	0.69314718055994530942
#define GAP_MAX ((int64_t)1 << 60)

uint64_t rate_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * 0x2545f4914f6cdd1dull;
}

// splitmix64's finalizer: every bit of the entropy reaches every bit.
uint64_t rate_seed(uint64_t entropy)
{
	uint64_t z = entropy + 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	z ^= z >> 31;
	return z ? z : 1;
}

// ln(x) for a normal x > 0.
static double natural_log(double x)
{
	uint64_t bits;
	double m, z, z2, sum = 0;
	int e;

	memcpy(&bits, &x, sizeof(bits));
	e = (int)(bits >> 52) - 1023;
	bits = (bits & 0xfffffffffffffull) | 0x3ff0000000000000ull;
	memcpy(&m, &bits, sizeof(m));
	// m in [sqrt 1/2, sqrt 2): |z| < 0.172, twelve digits in eight terms
	if (m > 1.41421356237309504880) {
		m *= 0.5;
		e++;
	}
	z = (m - 1) / (m + 1);
	z2 = z * z;
	for (int k = 15; k > 0; k -= 2)
		sum = sum * z2 + 1.0 / k;
	return e * LN2 + 2 * z * sum;
}

int64_t rate_gap(uint64_t *state, uint64_t mean)
{
	// (0, 1]: never ln 0
	double u = (double)((rate_random(state) >> 11) + 1) * 0x1p-53;
	double gap = -natural_log(u) * (double)mean;

	if (gap >= (double)GAP_MAX)
		return GAP_MAX;
	// The next whole number: an allocation of s bytes reaches the gap with
	// exactly 1 - exp(-s / mean).
	return (int64_t)gap + 1;
}

uint64_t rate_uniform(uint64_t *state, uint64_t n)
{
	return 1 +
	       (uint64_t)(((unsigned __int128)rate_random(state) * n) >> 64);
}

bool rate_keep(uint64_t *state, uint64_t value, uint64_t rate)
{
	return value >= rate || rate_uniform(state, rate) <= value;
}

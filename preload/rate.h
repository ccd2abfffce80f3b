// SPDX-License-Identifier: Apache-2.0
//
// The mathematics of sampling: pure functions of a generator's state. README.md
// says why they are unbiased. Any thread (each with its own state),
// async-signal-safe, no floating-point library.
#ifndef CPROF_PRELOAD_RATE_H
#define CPROF_PRELOAD_RATE_H

#include <stdbool.h>
#include <stdint.h>

// The next 64 bits of a xorshift64* generator; *STATE must not be 0.
uint64_t rate_random(uint64_t *state);

// A fresh state from anything that differs between threads. Never 0.
uint64_t rate_seed(uint64_t entropy);

// An exponentially distributed gap with mean MEAN, at least 1: the distance to
// the next sample of a Poisson process.
int64_t rate_gap(uint64_t *state, uint64_t mean);

// Uniform in 1..n. N > 0.
uint64_t rate_uniform(uint64_t *state, uint64_t n);

// True with probability value / rate; always when value >= rate.
bool rate_keep(uint64_t *state, uint64_t value, uint64_t rate);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Sampling mathematics: gaps are exponential (mean, variance, memorylessness by
// the share of allocations hit), uniform draws and keep-probabilities are what
// they claim, all within four standard errors of the truth.
#include "preload/rate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define N_DRAWS 1000000

static void assert_near(double got, double want, double tolerance)
{
	if (fabs(got - want) > tolerance)
		fail_msg("got %g, want %g within %g", got, want, tolerance);
}

static void test_gap_is_exponential(void **unused)
{
	uint64_t state = rate_seed(1);
	double sum = 0, squares = 0, mean = 524288;

	(void)unused;
	for (int i = 0; i < N_DRAWS; i++) {
		double gap = (double)rate_gap(&state, (uint64_t)mean);

		sum += gap;
		squares += gap * gap;
	}
	// standard error of the mean: mean / sqrt(n); E[x^2] = 2 mean^2
	assert_near(sum / N_DRAWS, mean, 4 * mean / sqrt(N_DRAWS));
	assert_near(squares / N_DRAWS / (mean * mean), 2, 0.03);
}

// An allocation of size s is hit with probability 1 - exp(-s/rate), and the
// weight 1/p makes the estimate of bytes unbiased.
static void test_countdown_is_unbiased(void **unused)
{
	static const uint64_t sizes[] = {16,	100,	 4096,
					 65536, 1 << 20, 3 << 20};
	uint64_t state = rate_seed(2), rate = 65536, truth = 0;
	int64_t left = rate_gap(&state, rate);
	double estimate = 0;

	(void)unused;
	for (int i = 0; i < N_DRAWS; i++) {
		uint64_t n = sizes[rate_uniform(&state, 6) - 1];

		truth += n;
		left -= (int64_t)n;
		if (left > 0)
			continue;
		estimate += (double)n / (1 - exp(-(double)n / (double)rate));
		left = rate_gap(&state, rate);
	}
	assert_near(estimate / (double)truth, 1, 0.005);
}

struct sampler {
	int64_t (*gap)(uint64_t *state, uint64_t mean);
	double (*bytes)(double n, double rate); // that a sample stands for
	bool is_drawn_at_start; // of a thread, or a full interval
};

// Threads, one after the other, that allocate as many blocks of one size, every
// NTH of them by the function in question.
struct workload {
	int n_threads, n_blocks, nth;
	double size_bytes, rate;
};

// The sampler's estimate of the function's bytes, in parts of the truth.
static double estimate(const struct sampler *s, const struct workload *w)
{
	uint64_t state = rate_seed(5), rate = (uint64_t)w->rate;
	double seen = 0, truth = 0;

	for (int thread = 0; thread < w->n_threads; thread++) {
		int64_t left = s->is_drawn_at_start ? s->gap(&state, rate)
						    : (int64_t)rate;

		for (int i = 1; i <= w->n_blocks; i++) {
			bool is_its = i % w->nth == 0;

			truth += is_its ? w->size_bytes : 0;
			left -= (int64_t)w->size_bytes;
			if (left > 0)
				continue;
			seen += is_its ? s->bytes(w->size_bytes, w->rate) : 0;
			left = s->gap(&state, rate);
		}
	}
	return seen / truth;
}

static int64_t fixed_gap(uint64_t *unused, uint64_t mean)
{
	(void)unused;
	return (int64_t)mean;
}

static double bytes_unsampled(double n, double rate)
{
	return n / (1 - exp(-n / rate));
}

static double bytes_of_interval(double n, double rate)
{
	(void)n;
	return rate;
}

// Three ways to sample that are known to lie, each beside the program that
// shows it and the right way, which doesn't.
static void test_naive_samplers_lie(void **unused)
{
	static const struct sampler right = {rate_gap, bytes_unsampled, true},
				    fixed = {fixed_gap, bytes_unsampled, true},
				    restarted = {rate_gap, bytes_unsampled,
						 false},
				    unweighted = {rate_gap, bytes_of_interval,
						  true};
	static const struct workload periodic = {1, N_DRAWS, 8, 1024, 8192},
				     short_threads = {10000, 100, 1, 1024,
						      524288},
				     large_blocks = {1, N_DRAWS, 1, 3 << 20,
						     1 << 20};

	(void)unused;
	assert_near(estimate(&right, &periodic), 1, 0.04);
	assert_true(fabs(estimate(&fixed, &periodic) - 1) > 0.5);
	assert_near(estimate(&right, &short_threads), 1, 0.1);
	assert_true(estimate(&restarted, &short_threads) < 0.5);
	assert_near(estimate(&right, &large_blocks), 1, 0.01);
	assert_true(estimate(&unweighted, &large_blocks) < 0.5);
}

static void test_uniform_covers_its_range(void **unused)
{
	uint64_t state = rate_seed(3), counts[8] = {0};

	(void)unused;
	for (int i = 0; i < N_DRAWS; i++) {
		uint64_t v = rate_uniform(&state, 7);

		assert_in_range(v, 1, 7);
		counts[v]++;
	}
	for (int v = 1; v <= 7; v++)
		assert_near((double)counts[v], N_DRAWS / 7.0, 1600);
	assert_int_equal(rate_uniform(&state, 1), 1);
}

static void test_keep_probability(void **unused)
{
	uint64_t state = rate_seed(4);
	int kept = 0;

	(void)unused;
	assert_true(rate_keep(&state, 100, 100));
	assert_true(rate_keep(&state, 5, 1));
	for (int i = 0; i < N_DRAWS; i++)
		kept += rate_keep(&state, 25, 100);
	assert_near(kept, N_DRAWS / 4.0, 4 * sqrt(N_DRAWS * 0.25 * 0.75));
}

static void test_extremes(void **unused)
{
	uint64_t state = rate_seed(0);

	(void)unused;
	assert_int_not_equal(state, 0);
	for (int i = 0; i < 1000; i++) {
		assert_true(rate_gap(&state, 1) >= 1);
		assert_true(rate_gap(&state, UINT64_MAX) > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gap_is_exponential),
		cmocka_unit_test(test_countdown_is_unbiased),
		cmocka_unit_test(test_naive_samplers_lie),
		cmocka_unit_test(test_uniform_covers_its_range),
		cmocka_unit_test(test_keep_probability),
		cmocka_unit_test(test_extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

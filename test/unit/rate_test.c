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
		cmocka_unit_test(test_uniform_covers_its_range),
		cmocka_unit_test(test_keep_probability),
		cmocka_unit_test(test_extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

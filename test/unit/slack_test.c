// SPDX-License-Identifier: Apache-2.0
//
// Description: what a burst has used of a stripe is given back after a quiet
// time, by whoever comes along, with nothing lost of what is in it; not in a
// sandbox.
#include "preload/slack.h"
#include "preload/state.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define STRIPE_BYTES (256u << 10)
#define STEP	     (sizeof(struct stripe) + STRIPE_BYTES)
#define N_STRIPES    4u
#define N_BYTES	     (N_STRIPES * STEP)
#define N_PAGES	     (STRIPE_BYTES / REGION_PAGE)
// What stays of a stripe in pages, its first and last included.
#define N_KEPT 13u

static struct region_control control;
static struct region_status status;

static struct stripe *stripe_at(uint32_t i)
{
	return (struct stripe *)(state.stripes + i * STEP);
}

// All stripes' pages are resident.
static int set_up(void **unused)
{
	int fd = memfd_create("slack", MFD_CLOEXEC);

	(void)unused;
	memset(&state, 0, sizeof(state));
	if (fd < 0 || ftruncate(fd, N_BYTES))
		return -1;
	control.x_n_ready = N_STRIPES;
	state.status = &status;
	state.n_stripes = N_STRIPES;
	state.stripe_step_bytes = STEP;
	state.stripes =
		mmap(NULL, N_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	state.x_control = &control;
	close(fd);
	if (state.stripes == MAP_FAILED)
		return -1;
	for (uint32_t i = 0; i < N_STRIPES; i++)
		memset(stripe_at(i)->data, (int)i + 1, STRIPE_BYTES);
	return 0;
}

static int tear_down(void **unused)
{
	(void)unused;
	return munmap(state.stripes, N_BYTES);
}

// Those of stripe I that lie in it as a whole.
static unsigned n_resident(uint32_t i)
{
	uintptr_t from =
		((uintptr_t)stripe_at(i)->data + REGION_PAGE - 1) / REGION_PAGE;
	uint64_t entries[N_PAGES - 1];
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	unsigned n = 0;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, entries, sizeof(entries),
			       (off_t)(from * sizeof(*entries))),
			 sizeof(entries));
	close(fd);
	for (unsigned k = 0; k < N_PAGES - 1; k++)
		n += entries[k] >> 63;
	return n;
}

static void expect_kept(uint32_t i)
{
	assert_in_range(n_resident(i), 1, N_KEPT);
	for (uint32_t k = 0; k < STRIPE_BYTES; k++)
		assert_int_equal(stripe_at(i)->data[k], i + 1);
}

static void test_a_quiet_time_gives_back(void **unused)
{
	(void)unused;
	slack_note(stripe_at(1), STRIPE_BYTES);
	assert_int_equal(n_resident(1), N_PAGES - 1);
	// Too short a time tells nothing.
	slack_note(stripe_at(1), STRIPE_WINDOW_BYTES / 4);
	assert_int_equal(n_resident(1), N_PAGES - 1);
	slack_note(stripe_at(1), STRIPE_WINDOW_BYTES);
	expect_kept(1);
	assert_int_equal(n_resident(0), N_PAGES - 1);
	assert_int_equal(n_resident(2), N_PAGES - 1);
}

// Stripe 0 is in use, the others not any more.
static void test_others_have_their_turn(void **unused)
{
	(void)unused;
	for (uint32_t i = 1; i < N_STRIPES; i++)
		slack_note(stripe_at(i), STRIPE_BYTES - i * REGION_PAGE);
	for (uint32_t i = 0; i < N_STRIPES; i++) {
		stripe_at(0)->x_head += STRIPE_WINDOW_BYTES;
		slack_note(stripe_at(0), STRIPE_WINDOW_BYTES);
	}
	for (uint32_t i = 1; i < N_STRIPES; i++)
		assert_in_range(n_resident(i), 1, N_KEPT + i + 1);
	expect_kept(1);
}

static void test_not_in_a_sandbox(void **unused)
{
	(void)unused;
	state_set_sandboxed(true);
	slack_note(stripe_at(0), STRIPE_BYTES);
	slack_note(stripe_at(0), STRIPE_WINDOW_BYTES);
	assert_int_equal(n_resident(0), N_PAGES - 1);
	state_set_sandboxed(false);
	slack_note(stripe_at(0), STRIPE_WINDOW_BYTES);
	expect_kept(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_quiet_time_gives_back,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_others_have_their_turn,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_not_in_a_sandbox, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

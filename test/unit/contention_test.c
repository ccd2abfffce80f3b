// SPDX-License-Identifier: Apache-2.0
//
// The contention table: exact against a model, also across the wrap of its
// clock; nothing lost or paid twice between threads; bounded when full, stale,
// or forked. The clock is the test's own.
#include "preload/contention.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define UNIT_NS	      1024u
#define WRAP_UNITS    (1ull << 36)
#define WAITERS_MAX   4095
#define N_LOCKS	      24
#define N_WAITS	      64
#define N_STEPS	      200000
#define N_THREADS     4
#define N_ROUNDS      20000
#define MORE_THAN_ALL 2000

// Every reading is STEP later than the last.
static _Atomic uint64_t x_now_ns;
static uint64_t step_ns;

int clock_gettime(clockid_t clock, struct timespec *t)
{
	uint64_t now_ns = atomic_fetch_add(&x_now_ns, step_ns) + step_ns;

	(void)clock;
	t->tv_sec = (time_t)(now_ns / 1000000000u);
	t->tv_nsec = (long)(now_ns % 1000000000u);
	return 0;
}

// Addresses only: nothing is ever read there.
static const void *lock_at(unsigned i)
{
	return (const void *)(uintptr_t)(0x7f1234560000ull + i * 40ull);
}

static uint64_t random_below(uint64_t *state, uint64_t n)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (*state >> 33) % n;
}

static int reset(void **state)
{
	(void)state;
	step_ns = 0;
	atomic_store(&x_now_ns, (WRAP_UNITS - 1000000) * UNIT_NS);
	return 0;
}

struct model {
	struct contention_wait wait;
	uint64_t since_units; // not charged before this time
	unsigned lock;
	bool is_used;
};

static uint64_t units(void)
{
	return atomic_load(&x_now_ns) / UNIT_NS;
}

static void model_toggle(struct model *m, unsigned lock)
{
	if (m->is_used) {
		assert_int_equal(contention_leave(&m->wait), 0);
		m->is_used = false;
		return;
	}
	m->lock = lock;
	m->since_units = units();
	m->is_used = true;
	assert_int_equal(contention_enter(lock_at(lock), false, &m->wait), 0);
	assert_int_equal(m->wait.start_ns, atomic_load(&x_now_ns));
}

static uint64_t model_charge(struct model *all, unsigned lock)
{
	uint64_t sum = 0;

	for (struct model *m = all; m < all + N_WAITS; m++)
		if (m->is_used && m->lock == lock) {
			sum += units() - m->since_units;
			m->since_units = units();
		}
	return sum * UNIT_NS;
}

static bool model_is_waited(const struct model *all, unsigned lock)
{
	for (const struct model *m = all; m < all + N_WAITS; m++)
		if (m->is_used && m->lock == lock)
			return true;
	return false;
}

static void agrees_with_model(void **state)
{
	static struct model all[N_WAITS];
	uint64_t random = 1;

	(void)state;
	for (int i = 0; i < N_STEPS; i++) {
		unsigned lock = (unsigned)random_below(&random, N_LOCKS);

		atomic_fetch_add(&x_now_ns, random_below(&random, 20000));
		if (random_below(&random, 3))
			model_toggle(all + random_below(&random, N_WAITS),
				     lock);
		else
			assert_int_equal(contention_charge(lock_at(lock)),
					 model_charge(all, lock));
		assert_int_equal(contention_is_waited(lock_at(lock)),
				 model_is_waited(all, lock));
	}
	assert_true(units() > WRAP_UNITS);
	for (int i = 0; i < N_WAITS; i++)
		if (all[i].is_used)
			model_toggle(all + i, 0);
	for (unsigned i = 0; i < N_LOCKS; i++)
		assert_false(contention_is_waited(lock_at(i)));
}

static void many_waiters_are_counted_up_to_the_limit(void **state)
{
	static struct contention_wait waits[WAITERS_MAX + 1];

	(void)state;
	for (int i = 0; i < WAITERS_MAX; i++)
		assert_int_equal(contention_enter(lock_at(0), false, &waits[i]),
				 0);
	assert_int_equal(contention_enter(lock_at(0), false,
					  &waits[WAITERS_MAX]),
			 -ENOSPC);
	atomic_fetch_add(&x_now_ns, 3600ull * 1000000000);
	assert_int_equal(contention_charge(lock_at(0)),
			 WAITERS_MAX * (3600ull * 1000000000 / UNIT_NS) *
				 UNIT_NS);
	for (int i = 0; i <= WAITERS_MAX; i++)
		assert_int_equal(contention_leave(&waits[i]), 0);
	assert_false(contention_is_waited(lock_at(0)));
}

static void a_full_table_refuses_and_recovers(void **state)
{
	static struct contention_wait waits[MORE_THAN_ALL];
	unsigned n_refused = 0;

	(void)state;
	for (unsigned i = 0; i < MORE_THAN_ALL; i++)
		n_refused += contention_enter(lock_at(i), false, &waits[i]) ==
			     -ENOSPC;
	assert_in_range(n_refused, MORE_THAN_ALL - 1024, MORE_THAN_ALL - 900);
	for (unsigned i = 0; i < MORE_THAN_ALL; i++)
		assert_int_equal(contention_leave(&waits[i]), 0);
	for (unsigned i = 0; i < MORE_THAN_ALL; i++)
		assert_false(contention_is_waited(lock_at(i)));
}

static void what_was_left_behind_is_dropped(void **state)
{
	struct contention_wait lost, late, next;

	(void)state;
	contention_enter(lock_at(1), true, &lost);
	// Young: it may be a waiter who has not marked the lock yet.
	atomic_fetch_add(&x_now_ns, 1000000);
	contention_enter(lock_at(1), true, &next);
	contention_leave(&next);
	assert_true(contention_is_waited(lock_at(1)));
	// Old, but by its word the lock is waited for.
	atomic_fetch_add(&x_now_ns, 2000000000);
	contention_enter(lock_at(1), false, &next);
	contention_leave(&next);
	assert_true(contention_is_waited(lock_at(1)));
	// Old, and nobody waits.
	contention_enter(lock_at(1), true, &late);
	atomic_fetch_add(&x_now_ns, 10 * UNIT_NS);
	assert_int_equal(contention_charge(lock_at(1)), 10 * UNIT_NS);
	contention_leave(&late);
	assert_false(contention_is_waited(lock_at(1)));
	// And should it come back after all: nothing happens.
	assert_int_equal(contention_leave(&lost), 0);
	assert_false(contention_is_waited(lock_at(1)));
}

// qemu-user accepts MADV_WIPEONFORK and does nothing.
static bool is_wiped_on_fork(void)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int status = -1;
	pid_t child;

	assert_ptr_not_equal(page, MAP_FAILED);
	*page = 1;
	assert_int_equal(madvise(page, 4096, MADV_WIPEONFORK), 0);
	child = fork();
	if (child == 0)
		_exit(*page);
	assert_int_equal(waitpid(child, &status, 0), child);
	munmap(page, 4096);
	return status == 0;
}

static void a_fork_child_has_an_empty_table(void **state)
{
	struct contention_wait wait;
	int status = -1;
	pid_t child;

	(void)state;
	if (!is_wiped_on_fork())
		skip();
	assert_int_equal(contention_init(), 0);
	contention_enter(lock_at(2), false, &wait);
	child = fork();
	if (child == 0) {
		int is_bad = contention_is_waited(lock_at(2)) ||
			     contention_leave(&wait) ||
			     contention_is_waited(lock_at(2));

		_exit(is_bad);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_true(contention_is_waited(lock_at(2)));
	contention_leave(&wait);
}

// What one thread saw: the charges it made, and bounds of what the waits it
// made must have cost somebody.
struct hammer {
	pthread_t thread;
	uint64_t random;
	uint64_t charged_units, least_units, most_units, n_errors;
};

static void hammer_once(struct hammer *h)
{
	const void *lock = lock_at((unsigned)random_below(&h->random, 3));
	struct contention_wait wait;
	uint64_t start_units, entered_units;

	h->n_errors += contention_enter(lock, false, &wait) != 0;
	// A thread that loses its CPU in there has begun to wait, and nobody
	// who charges then knows of it.
	entered_units = units();
	start_units = wait.start_ns / UNIT_NS;
	atomic_fetch_add(&x_now_ns, UNIT_NS * random_below(&h->random, 5000));
	h->least_units += units() - entered_units;
	h->charged_units += contention_charge(lock) / UNIT_NS;
	h->n_errors += contention_leave(&wait) != 0;
	h->most_units += units() - start_units;
}

static void *hammer(void *arg)
{
	for (int i = 0; i < N_ROUNDS; i++)
		hammer_once(arg);
	return NULL;
}

static void threads_lose_nothing_and_pay_once(void **state)
{
	static struct hammer all[N_THREADS];
	uint64_t charged = 0, least = 0, most = 0;

	(void)state;
	step_ns = UNIT_NS;
	for (unsigned i = 0; i < N_THREADS; i++) {
		all[i].random = i + 1;
		assert_int_equal(pthread_create(&all[i].thread, NULL, hammer,
						&all[i]),
				 0);
	}
	for (unsigned i = 0; i < N_THREADS; i++) {
		pthread_join(all[i].thread, NULL);
		assert_int_equal(all[i].n_errors, 0);
		charged += all[i].charged_units;
		least += all[i].least_units;
		most += all[i].most_units;
	}
	assert_in_range(charged, least, most);
	for (unsigned i = 0; i < 3; i++)
		assert_false(contention_is_waited(lock_at(i)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(agrees_with_model, reset),
		cmocka_unit_test_setup(many_waiters_are_counted_up_to_the_limit,
				       reset),
		cmocka_unit_test_setup(a_full_table_refuses_and_recovers,
				       reset),
		cmocka_unit_test_setup(what_was_left_behind_is_dropped, reset),
		cmocka_unit_test_setup(a_fork_child_has_an_empty_table, reset),
		cmocka_unit_test_setup(threads_lose_nothing_and_pay_once,
				       reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

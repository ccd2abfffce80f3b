// SPDX-License-Identifier: Apache-2.0
//
// The last of two threads to unlock an object's mutex unmaps the object, which
// POSIX allows: after an unlock the mutex may be gone. Good: nobody reads it
// then. Ends early when the machine is too busy for all rounds.
#include "test/lib/host.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>

enum { N_ROUNDS = 10000, OBJECT_BYTES = 4096, N_SPINS = 10000, LIMIT_S = 5 };

struct object {
	pthread_mutex_t lock;
	int n_refs;
};

static _Atomic(struct object *) current;
static atomic_int round_begun, round_done, n_rounds = N_ROUNDS;

// Spins, so that both threads are as close together as can be; but where there
// is one CPU for both, that one must get it.
static void await(atomic_int *round, int i)
{
	for (unsigned n = 0; *round < i; n++)
		if (n > N_SPINS)
			sched_yield();
}

static void put_locked(struct object *o)
{
	int n_left = --o->n_refs;

	pthread_mutex_unlock(&o->lock);
	if (n_left == 0)
		munmap(o, OBJECT_BYTES);
}

static void *other(void *arg)
{
	for (int i = 1; i <= n_rounds; i++) {
		struct object *o;

		await(&round_begun, i);
		o = current;
		while (pthread_mutex_trylock(&o->lock))
			;
		put_locked(o);
		atomic_store(&round_done, i);
	}
	return arg;
}

int main(void)
{
	double end_s = host_now_s() + LIMIT_S;
	pthread_t thread;

	pthread_create(&thread, NULL, other, NULL);
	for (int i = 1; i <= n_rounds; i++) {
		struct object *o =
			mmap(NULL, OBJECT_BYTES, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		pthread_mutex_init(&o->lock, NULL);
		o->n_refs = 2;
		if (host_now_s() > end_s)
			n_rounds = i;
		atomic_store(&current, o);
		atomic_store(&round_begun, i);
		pthread_mutex_lock(&o->lock);
		put_locked(o);
		await(&round_done, i);
	}
	pthread_join(thread, NULL);
	return host_verdict(0, "rounds=%d", n_rounds);
}

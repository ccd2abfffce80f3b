// SPDX-License-Identifier: Apache-2.0
//
// Thread creation: a trampoline registers the new thread (its stack's bounds
// need no call: they are where the trampoline stands and the size asked for)
// and the creator's stack is recorded once the thread exists.
//
// What the trampoline needs travels in a static pool, not on the host's heap;
// when the pool is empty the thread starts without it and registers at its
// first sample.
#include "preload/hook_thread.h"

#include "preload/cputimer.h"
#include "preload/labels.h"
#include "preload/rate.h"
#include "preload/real.h"
#include "preload/ring.h"
#include "preload/sample.h"
#include "preload/state.h"
#include "preload/sys.h"
#include "preload/thread.h"
#include "preload/tick.h"

#include <string.h>
#include <sys/resource.h>

#define N_STARTS 1024u
// start_thread's frame and libc's thread block lie above the trampoline, so
// this much is mapped; it shows the frames below the start routine.
#define ABOVE_BYTES	    512u
#define DEFAULT_STACK_BYTES (8u << 20)
#define NAME_BYTES	    16u

struct start {
	// 1 from taking to the trampoline's copy. CAS acquire, store release.
	_Atomic uint32_t x_used;
	uint32_t flags;	    // of the creator: the mask is inherited
	uint32_t labels;    // of the creator: so are its labels
	bool is_mask_known; // unless there are attributes, say
	void *(*routine)(void *);
	thrd_start_t c11_routine;
	void *arg;
	uint64_t stack_bytes;
	uint64_t seed; // not 0
};

static struct start starts[N_STARTS];
static _Atomic uint32_t x_next_start; // where to look first
static _Atomic uint64_t x_default_stack_bytes;

static void read_default_stack(void)
{
	pthread_attr_t attr;
	size_t bytes;

	if (pthread_getattr_default_np(&attr))
		return;
	if (!pthread_attr_getstacksize(&attr, &bytes))
		atomic_store_explicit(&x_default_stack_bytes, bytes,
				      memory_order_relaxed);
	(void)pthread_attr_destroy(&attr);
}

void hook_thread_init(void)
{
	atomic_store_explicit(&x_default_stack_bytes, DEFAULT_STACK_BYTES,
			      memory_order_relaxed);
	read_default_stack();
}

static struct start *take_start(void)
{
	uint32_t first = atomic_fetch_add_explicit(&x_next_start, 1,
						   memory_order_relaxed);

	for (uint32_t i = 0; i < N_STARTS; i++) {
		struct start *s = &starts[(first + i) % N_STARTS];
		uint32_t unused = 0;

		// acquire: pairs with the release in begin(): copied out
		if (atomic_compare_exchange_strong_explicit(
			    &s->x_used, &unused, 1, memory_order_acquire,
			    memory_order_relaxed))
			return s;
	}
	return NULL;
}

static void give_start(struct start *s)
{
	atomic_store_explicit(&s->x_used, 0, memory_order_release);
}

static uint64_t stack_bytes_of(const pthread_attr_t *attr)
{
	size_t bytes;

	if (attr && !pthread_attr_getstacksize(attr, &bytes))
		return bytes;
	return atomic_load_explicit(&x_default_stack_bytes,
				    memory_order_relaxed);
}

// The first thing a new thread does, from the trampoline whose frame is FRAME.
static struct start begin(struct start *s, void *frame)
{
	struct start copy;
	uintptr_t pc;

	memcpy(&copy, s, sizeof(copy));
	give_start(s);
	if (copy.is_mask_known)
		state_set_flags(copy.flags & THREAD_BLOCKS_PROF);
	else if (!tick_inherit_block())
		cputimer_unblock();
	labels_now = copy.labels;
	pc = copy.routine ? (uintptr_t)copy.routine
			  : (uintptr_t)copy.c11_routine;
	thread_begin((uintptr_t)frame + ABOVE_BYTES, copy.stack_bytes, pc,
		     copy.seed);
	return copy;
}

static void *trampoline(void *p)
{
	struct start s = begin(p, __builtin_frame_address(0));

	return s.routine(s.arg);
}

static int c11_trampoline(void *p)
{
	struct start s = begin(p, __builtin_frame_address(0));

	return s.c11_routine(s.arg);
}

// A prepared start, or NULL: call the real function as it is.
static struct start *prepare(const pthread_attr_t *attr, void *arg)
{
	struct start *s;

	if (!sample_ready() || !(s = take_start()))
		return NULL;
	s->routine = NULL;
	s->c11_routine = NULL;
	s->arg = arg;
	s->flags = self.flags;
	s->labels = labels_now;
	s->is_mask_known = !attr && !(self.flags & THREAD_PARKED);
	s->stack_bytes = stack_bytes_of(attr);
	s->seed = rate_random(&self.random) | 1;
	return s;
}

EXPORT int pthread_create(pthread_t *t, const pthread_attr_t *attr,
			  void *(*routine)(void *), void *arg)
{
	struct start *s = prepare(attr, arg);
	int err;

	if (!s) {
		err = real.pthread_create(t, attr, routine, arg);
	} else {
		s->routine = routine;
		err = real.pthread_create(t, attr, trampoline, s);
		if (err)
			give_start(s);
	}
	if (!err)
		sample_thread(0);
	return err;
}

EXPORT int thrd_create(thrd_t *t, thrd_start_t routine, void *arg)
{
	struct start *s = prepare(NULL, arg);
	int err;

	if (!s) {
		err = real.thrd_create(t, routine, arg);
	} else {
		s->c11_routine = routine;
		err = real.thrd_create(t, c11_trampoline, s);
		if (err != thrd_success)
			give_start(s);
	}
	if (err == thrd_success)
		sample_thread(0);
	return err;
}

EXPORT int pthread_setattr_default_np(const pthread_attr_t *attr)
{
	int err = real.pthread_setattr_default_np(attr);

	if (!err)
		read_default_stack();
	return err;
}

void hook_thread_renamed(const char *name)
{
	char bytes[NAME_BYTES] = "";
	struct record r = {.type = RECORD_THREAD_NAME, .value = self.tid};

	if (!state_control() || self.serial != state.serial)
		return;
	sys_copy(bytes, name, strnlen(name, NAME_BYTES - 1));
	(void)ring_push_text(&r, bytes, NAME_BYTES);
}

EXPORT int pthread_setname_np(pthread_t t, const char *name)
{
	int err = real.pthread_setname_np(t, name);

	if (!err && pthread_equal(t, pthread_self()))
		hook_thread_renamed(name);
	return err;
}

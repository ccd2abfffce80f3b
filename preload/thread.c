// SPDX-License-Identifier: Apache-2.0
//
// Registration, and the CPU time that no tick saw. A thread is sampled at
// random instants of its CPU time, so what its samples stand for differs from
// what it used by a remainder of either sign. Ended threads pay theirs into a
// common account, and whenever that holds a period or more, the thread that
// made it so gets the samples: 1,500 threads of 2 ms then show the 3 s they
// used, and the total of all ended threads is exact to a period.
#include "preload/thread.h"

#include "preload/altstack.h"
#include "preload/cputimer.h"
#include "preload/exact.h"
#include "preload/rate.h"
#include "preload/ring.h"
#include "preload/state.h"
#include "preload/sys.h"
#include "preload/unwind.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define PROBE_NS	    1000000u // a child that execs at once never gets there
#define SMALL_BYTES	    (64u << 10)
#define SLACK_BYTES	    (32u << 10)
#define MAIN_STACK_BYTES    (8u << 20)
#define NAME_BYTES	    16u
#define SHORT_NS	    200000u
#define START_NS	    20000u
#define KEYS_WITHOUT_MALLOC 32u

// Not in every libc (musl): then the main thread's stack counts as foreign.
extern void *__libc_stack_end __attribute__((weak));

static pthread_key_t key;
static bool has_key;
// Relaxed: it only goes up, and who forbids the TSC does so in its own thread.
static _Atomic bool x_is_tsc_forbidden;
// What the thread runs, 0 = not known; and when one that had a timer from the
// first began, 0 = not known.
static __thread uintptr_t started_pc __attribute__((tls_model("initial-exec")));
static __thread uint64_t begun_ns __attribute__((tls_model("initial-exec")));

static void end_by_key(void *start_pc)
{
	thread_end((uintptr_t)start_pc);
}

// A thread that began past us has the program's entry for a start.
static void set_key(void)
{
	uintptr_t pc = started_pc ? started_pc : getauxval(AT_ENTRY);

	if (has_key)
		(void)pthread_setspecific(key, (void *)pc);
}

void thread_init(void)
{
	int tsc = 0;

	// Beyond the first 32 keys setting one may allocate, which a signal
	// handler must not.
	has_key = !pthread_key_create(&key, end_by_key) &&
		  key < KEYS_WITHOUT_MALLOC;
	// Inherited from who started the program.
	if (!sys_call(SYS_prctl, PR_GET_TSC, &tsc) && tsc == PR_TSC_SIGSEGV)
		thread_forbid_tsc();
}

void thread_forbid_tsc(void)
{
	atomic_store_explicit(&x_is_tsc_forbidden, true, memory_order_relaxed);
}

static bool is_tsc_forbidden(void)
{
	return atomic_load_explicit(&x_is_tsc_forbidden, memory_order_relaxed);
}

uint16_t thread_wanted_hz(void)
{
	const struct region_control *c = state_control();

	return c ? (uint16_t)atomic_load_explicit(&c->x_cpu_hz,
						  memory_order_relaxed)
		 : 0;
}

static void count(void)
{
	if (!(self.flags & THREAD_BEGUN))
		state_count(COUNTER_THREADS, 1);
	state_set_flags(THREAD_BEGUN);
}

// Coming from no rate, the time until now was nobody's to sample. A vfork child
// must not spend the rate, or take its own timer for its parent's.
static void take_rate(void)
{
	uint16_t hz = thread_wanted_hz();

	if (hz == self.hz || state_is_sandboxed() || !state_is_own_process())
		return;
	if (!self.hz)
		self.sampled_ns = cputimer_thread_ns();
	if (self.timer)
		cputimer_rearm(hz);
	else
		cputimer_start(hz);
}

void thread_take_rate(void)
{
	if (self.flags & THREAD_CHANGING || !cputimer_signal)
		return;
	state_set_flags(THREAD_CHANGING);
	take_rate();
	state_clear_flags(THREAD_CHANGING);
}

// SEED 0: nobody gave one, so the clock does.
static void identify(uint64_t seed)
{
	self.tid = (uint32_t)sys_call(SYS_gettid);
	self.serial = state.serial;
	self.random = rate_seed((uint64_t)self.tid << 40 ^ (uintptr_t)&self ^
				(seed ? seed : sys_slow_now_ns()));
	state_clear_flags(THREAD_ENDED | THREAD_SEEN);
	count();
}

static void start_sampling(bool is_new)
{
	if (!cputimer_signal)
		return;
	altstack_install(is_new);
	cputimer_start(thread_wanted_hz());
}

// The lower bound errs upwards: bytes at the stack's top belong to libc's
// thread block, and a wrong bound could span a neighbouring stack's guard page.
static void set_bounds(uintptr_t high, uint64_t bytes)
{
	uint64_t usable = bytes < SMALL_BYTES ? bytes / 2 : bytes - SLACK_BYTES;

	self.stack_high = bytes ? high : 0;
	self.stack_low = bytes && usable < high ? high - usable : high;
}

static void push_begin(void)
{
	struct record r = {.type = RECORD_THREAD_BEGIN};

	if (UNLIKELY(atomic_load_explicit(&state_control()->x_is_traced,
					  memory_order_relaxed)))
		(void)ring_push(&r, NULL);
}

// A new thread of which nothing is asked yet, but can be: it registers at its
// first sample, or when the collector tells it that CPU samples were switched
// on. On a small stack it needs another for that signal.
static bool may_wait(uint64_t stack_bytes)
{
	return !thread_wanted_hz() && state_has_ask_signal() &&
	       stack_bytes >= SMALL_BYTES &&
	       !atomic_load_explicit(&state_control()->x_is_traced,
				     memory_order_relaxed);
}

static void start(uint64_t seed)
{
	identify(seed);
	set_key();
	self.sampled_ns = 0;
	push_begin();
	start_sampling(seed != 0);
	if (seed && self.timer && !is_tsc_forbidden())
		begun_ns = sys_now_ns();
}

// SEED is 0 when the thread is not new.
static void begin(uintptr_t stack_high, uint64_t stack_bytes,
		  uintptr_t start_pc, uint64_t seed)
{
	set_bounds(stack_high, stack_bytes);
	if (!state_control() || state_is_sandboxed())
		return;
	started_pc = start_pc;
	if (seed && may_wait(stack_bytes)) {
		count();
		return;
	}
	state_set_flags(THREAD_CHANGING);
	if (self.serial == state.serial && self.tid) {
		// A request for its stack came first.
		set_key();
		push_begin();
	} else {
		start(seed);
	}
	state_clear_flags(THREAD_CHANGING);
}

void thread_begin(uintptr_t stack_high, uint64_t stack_bytes,
		  uintptr_t start_pc, uint64_t seed)
{
	begin(stack_high, stack_bytes, start_pc, seed);
}

void thread_begin_main(void)
{
	struct rlimit limit = {0, 0};
	uint64_t bytes = MAIN_STACK_BYTES;

	// The stack may grow down to the limit in force when it grows.
	if (!sys_call(SYS_prlimit64, 0, RLIMIT_STACK, 0, &limit) &&
	    limit.rlim_cur != RLIM_INFINITY)
		bytes = limit.rlim_cur;
	if (&__libc_stack_end && __libc_stack_end)
		begin((uintptr_t)__libc_stack_end, bytes, getauxval(AT_ENTRY),
		      0);
	else
		begin(0, 0, getauxval(AT_ENTRY), 0);
}

static void adopt(void)
{
	bool is_forked = self.tid && self.serial;

	if (self.flags & THREAD_PROBE)
		cputimer_stop();
	state_clear_flags(THREAD_PROBE);
	if (is_forked)
		state_clear_flags(THREAD_BEGUN); // the parent has counted it
	identify(0);
	// Any other timer it had is the parent's: not ours to delete.
	self.timer = 0;
	self.hz = 0;
	self.sampled_ns = 0;
	if (state_is_sandboxed())
		return;
	if (!is_forked) {
		// Threads that libc made for itself begin with all blocked.
		if (!(self.flags & THREAD_IN_HANDLER))
			cputimer_unblock();
		self.sampled_ns = cputimer_thread_ns();
	}
	start_sampling(false);
	set_key();
}

void thread_adopt(void)
{
	state_set_flags(THREAD_CHANGING);
	adopt();
	state_clear_flags(THREAD_CHANGING);
}

void thread_forked(void)
{
	self.timer = 0;
	self.hz = 0;
	self.sampled_ns = 0;
	self.random = rate_seed(self.random ^ sys_slow_now_ns());
	// A gap has no memory; a fresh one keeps siblings from sharing theirs.
	if (self.heap_rate > 1)
		self.heap_left =
			(uint64_t)rate_gap(&self.random, self.heap_rate);
	state_clear_flags(THREAD_BEGUN | THREAD_CHANGING);
	state_set_flags(THREAD_PROBE);
	self.tid = (uint32_t)sys_call(SYS_gettid);
	altstack_forked();
	cputimer_start_probe(PROBE_NS);
}

// Whole periods the common account now holds, taken out of it.
static uint64_t bank(int64_t remainder_ns, uint64_t period_ns)
{
	int64_t have = atomic_load_explicit(&state.x_cpu_bank_ns,
					    memory_order_relaxed);
	int64_t sum, whole;

	do {
		sum = have + remainder_ns;
		whole = sum > 0 ? sum / (int64_t)period_ns : 0;
	} while (!atomic_compare_exchange_weak_explicit(
		&state.x_cpu_bank_ns, &have, sum - whole * (int64_t)period_ns,
		memory_order_relaxed, memory_order_relaxed));
	return (uint64_t)whole;
}

// What the thread used beyond its samples. To ask for that is dear (0.5 us), so
// of threads that lived so short that no tick came, one in some is asked, the
// likelier the longer it lived, and stands for the others. It may have used
// more than it lived: some of its start comes before its first instruction.
static int64_t remainder_ns(void)
{
	uint64_t lived_ns = SHORT_NS;

	if (begun_ns && !self.sampled_ns && !is_tsc_forbidden())
		lived_ns = sys_now_ns() - begun_ns + START_NS;
	if (lived_ns >= SHORT_NS)
		return (int64_t)(cputimer_thread_ns() - self.sampled_ns);
	if (!rate_keep(&self.random, lived_ns, SHORT_NS))
		return 0;
	return (int64_t)(cputimer_thread_ns() * SHORT_NS / lived_ns);
}

static void account_remainder(uintptr_t start_pc)
{
	uint64_t period = cputimer_period_ns(self.hz);
	struct capture c;
	struct record r = {
		.type = RECORD_CPU, .flags = RECORD_REMAINDER, .aux = period};

	if (!self.timer || !period)
		return;
	r.value = bank(remainder_ns(), period);
	if (!r.value)
		return;
	capture_pc(&c, start_pc);
	(void)ring_push(&r, &c);
}

// Its last name, for a thread that named itself after it was first seen.
static void push_name(void)
{
	char name[NAME_BYTES] = "";
	struct record r = {.type = RECORD_THREAD_END};

	if (!sys_call(SYS_prctl, PR_GET_NAME, name))
		(void)ring_push_text(&r, name, NAME_BYTES);
}

void thread_end(uintptr_t start_pc)
{
	int err = errno;

	if (state_control() && self.serial == state.serial &&
	    !(self.flags & THREAD_ENDED) && !state_is_sandboxed()) {
		state_set_flags(THREAD_ENDED);
		account_remainder(start_pc);
		if (self.flags & THREAD_SEEN)
			push_name();
		cputimer_stop();
		altstack_remove();
		unwind_forget();
		exact_forget();
	}
	errno = err;
}

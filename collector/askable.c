// SPDX-License-Identifier: Apache-2.0
//
// The kernel restarts a system call after a handler with SA_RESTART only where
// it can be begun anew: not where it had a time-out.
#include "collector/askable.h"

#include "proto/region.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <seccomp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

typedef bool test_fn(const struct task *t, uint32_t eintr);

static bool is_patient_socket(const struct task *t, uint32_t eintr)
{
	(void)t;
	return !(eintr & REGION_EINTR_SOCKETS);
}

// With MSG_WAITALL a part may have come.
static bool is_plain_receive(const struct task *t, uint32_t eintr)
{
	return is_patient_socket(t, eintr) && !(t->args[3] & MSG_WAITALL);
}

static bool is_plain_message(const struct task *t, uint32_t eintr)
{
	return is_patient_socket(t, eintr) && !(t->args[2] & MSG_WAITALL);
}

// libc's own waits with a time-out go on by themselves, but for sem_timedwait.
static bool is_patient_futex(const struct task *t, uint32_t eintr)
{
	switch (t->args[1] & FUTEX_CMD_MASK) {
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
		return !t->args[3] || !(eintr & REGION_EINTR_SEMAPHORES);
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		return true;
	default:
		return false;
	}
}

static bool is_lock(const struct task *t, uint32_t eintr)
{
	(void)eintr;
	return t->args[1] == F_SETLKW || t->args[1] == F_OFD_SETLKW;
}

static bool is_askable_call(const struct task *t, uint32_t eintr)
{
	static const struct {
		int64_t call;
		test_fn *test;
	} calls[] = {
#define ASKABLE(name)		{SYS_##name, NULL},
#define ASKABLE_IF(name, check) {SYS_##name, check},
#include "collector/askable.def"
#undef ASKABLE
#undef ASKABLE_IF
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (calls[i].call == t->call)
			return !calls[i].test || calls[i].test(t, eintr);
	return false;
}

// Where the call can't be read (ptrace's rules): the kernel's function, which
// doesn't tell a time-out.
static bool is_askable_place(const struct task *t, uint32_t eintr)
{
	if (!strncmp(t->place, "futex_wait", 10))
		return !(eintr & REGION_EINTR_SEMAPHORES);
	return !strcmp(t->place, "do_wait");
}

static enum askable judge_sleeper(const struct task *t,
				  const struct askable_policy *policy)
{
	bool is_askable = t->has_call ? is_askable_call(t, policy->eintr)
				      : is_askable_place(t, policy->eintr);

	// What it takes from there it would take ours for.
	if (t->has_call && t->call == SYS_rt_sigtimedwait)
		return ASKABLE_SLEEPS;
	return is_askable || policy->interrupts ? ASKABLE_YES : ASKABLE_SLEEPS;
}

enum askable askable_judge(const struct task *t,
			   const struct askable_policy *policy)
{
	uint64_t bit = policy->sig ? 1ull << (policy->sig - 1) : 0;

	if (!t->state || strchr("ZXx", t->state))
		return ASKABLE_ENDED;
	if (!(t->caught & bit))
		return ASKABLE_UNHANDLED;
	if (t->blocked & bit)
		return ASKABLE_BLOCKS;
	if (t->seccomp_mode == 1 || t->seccomp_filters > policy->base_filters)
		return ASKABLE_SANDBOXED;
	if (t->state == 'R')
		return ASKABLE_RUNS;
	if (t->state != 'S')
		return ASKABLE_STOPPED;
	return judge_sleeper(t, policy);
}

const char *askable_reason(enum askable a)
{
	static const char *const reasons[] = {
		[ASKABLE_YES] = "it did not answer in time",
		[ASKABLE_RUNS] = "it did not answer in time",
		[ASKABLE_SLEEPS] = "a signal would end its call",
		[ASKABLE_BLOCKS] = "it blocks the signal",
		[ASKABLE_SANDBOXED] = "it is in a seccomp sandbox",
		[ASKABLE_STOPPED] = "it is stopped",
		[ASKABLE_UNHANDLED] = "nobody handles the signal",
		[ASKABLE_ENDED] = "it has ended",
	};

	return reasons[a];
}

// SPDX-License-Identifier: Apache-2.0
//
// The process: forks, ends, sandboxes, and libraries that go. None of these
// does more than leave a mark, but for _exit, which says goodbye first, as exit
// does. vfork is not hooked, nor can it be from C: its child shares the
// session, which is right, since it shares everything.
#include "preload/cputimer.h"
#include "preload/goodbye.h"
#include "preload/hook_thread.h"
#include "preload/real.h"
#include "preload/ring.h"
#include "preload/sample.h"
#include "preload/session.h"
#include "preload/state.h"
#include "preload/sys.h"
#include "preload/thread.h"
#include "preload/tick.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <linux/seccomp.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

// Only children of a profiled process (or of a fork child that never did
// anything worth profiling) are. The collector's word that this is a sandbox
// is in the region, which a child does not have.
static bool before_fork(void)
{
	if (state_is_sandboxed())
		state_set_sandboxed(true);
	else
		session_before_fork();
	return state_control() || (self.flags & THREAD_PROBE);
}

// An atfork handler of the host's may have attached the child already.
static pid_t after_fork(pid_t pid, bool is_followed)
{
	int err = errno;

	if (!pid && is_followed && !state_control() && !state_is_sandboxed()) {
		session_forked();
		thread_forked();
	}
	errno = err;
	return pid;
}

EXPORT pid_t fork(void)
{
	bool is_followed = before_fork();

	return after_fork(real.fork(), is_followed);
}

EXPORT pid_t _Fork(void)
{
	bool is_followed = before_fork();

	return after_fork(real._Fork(), is_followed);
}

EXPORT pid_t forkpty(int *amaster, char *name, const struct termios *t,
		     const struct winsize *w)
{
	bool is_followed = before_fork();

	return after_fork(real.forkpty(amaster, name, t, w), is_followed);
}

// Returns in the child only; the parent has ended inside.
EXPORT int daemon(int nochdir, int noclose)
{
	bool is_followed = before_fork();
	int ret = real.daemon(nochdir, noclose);

	if (!ret)
		(void)after_fork(0, is_followed);
	return ret;
}

EXPORT void _exit(int status)
{
	if (state_control() && state_is_own_process())
		sample_sweep();
	goodbye();
	for (;;)
		(void)sys_call(SYS_exit_group, status);
}

EXPORT void _Exit(int status)
{
	_exit(status);
}

// In a sandbox a system call may kill, so from the moment it is being built the
// shim makes none; and the return from a signal handler is one, which the
// strict mode allows but a filter may not, so this thread's ticks end with it,
// or those of all if it comes over all. A call that fails has built nothing.
static void sandbox_begin(bool is_filter, bool is_for_all)
{
	if (is_filter && !state_is_sandboxed()) {
		cputimer_stop();
		if (is_for_all)
			tick_silence();
	}
	state_set_sandboxed(true);
}

static void sandbox_failed(void)
{
	int err = errno;

	state_set_sandboxed(false);
	if (tick_prof.is_silent)
		tick_install(&tick_prof);
	if (state_control() && self.serial == state.serial && !self.timer)
		cputimer_start(self.hz);
	errno = err;
}

static COLD int enter_seccomp(unsigned long mode, unsigned long arg)
{
	bool was = state_is_sandboxed();
	int ret;

	sandbox_begin(mode == SECCOMP_MODE_FILTER, false);
	ret = real.prctl(PR_SET_SECCOMP, mode, arg, 0, 0);
	if (ret && !was)
		sandbox_failed();
	return ret;
}

// libc declares these two with "...": ours take what every caller may have
// passed, in registers and at worst one stack slot, under another C name.
EXPORT int hook_prctl(int option, unsigned long a, unsigned long b,
		      unsigned long c, unsigned long d) __asm__("prctl");
EXPORT long hook_syscall(long nr, long a, long b, long c, long d, long e,
			 long f) __asm__("syscall");

EXPORT int hook_prctl(int option, unsigned long a, unsigned long b,
		      unsigned long c, unsigned long d)
{
	int ret;

	if (option == PR_SET_SECCOMP)
		return enter_seccomp(a, b);
	if (option == PR_SET_TSC)
		thread_forbid_tsc();
	ret = real.prctl(option, a, b, c, d);
	if (option == PR_SET_NAME && !ret && state_is_own_process())
		hook_thread_renamed((const char *)a);
	return ret;
}

static COLD long enter_seccomp_call(long op, long flags, long arg)
{
	bool was = state_is_sandboxed();
	bool is_entry =
		op == SECCOMP_SET_MODE_STRICT || op == SECCOMP_SET_MODE_FILTER;
	long ret;

	if (is_entry)
		sandbox_begin(op == SECCOMP_SET_MODE_FILTER,
			      flags & SECCOMP_FILTER_FLAG_TSYNC);
	ret = real.syscall(SYS_seccomp, op, flags, arg, 0, 0, 0);
	// With flags success may be a descriptor or a thread's id.
	if (is_entry && ret < 0 && !was)
		sandbox_failed();
	return ret;
}

// Only watched for the call libseccomp makes; all others pass by a jump.
EXPORT long hook_syscall(long nr, long a, long b, long c, long d, long e,
			 long f)
{
	if (UNLIKELY(nr == SYS_seccomp))
		return enter_seccomp_call(a, b, c);
	return real.syscall(nr, a, b, c, d, e, f);
}

// A library's path and place while they can still be told.
static void push_unload(void *handle, uint32_t generation)
{
	struct link_map *map;
	struct record r = {.type = RECORD_UNLOAD, .aux = generation};

	if (!handle || dlinfo(handle, RTLD_DI_LINKMAP, &map) || !map->l_name)
		return;
	r.value = map->l_addr;
	(void)ring_push_text(&r, map->l_name,
			     (uint32_t)strnlen(map->l_name, 4096));
}

EXPORT int dlclose(void *handle)
{
	bool is_own = state_control() && state_is_own_process();
	int ret, err;

	if (!is_own)
		return real.dlclose(handle);
	push_unload(handle, state_unload_begin());
	ret = real.dlclose(handle);
	err = errno;
	state_unload_end();
	errno = err;
	return ret;
}

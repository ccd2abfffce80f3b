// SPDX-License-Identifier: Apache-2.0
//
// The process: forks, ends, sandboxes, and libraries that go. None of these
// does more than leave a mark, but for _exit, which says goodbye first, as exit
// does. vfork is not hooked, nor can it be from C: its child shares the
// session, which is right, since it shares everything.
#include "preload/hook_thread.h"
#include "preload/real.h"
#include "preload/ring.h"
#include "preload/session.h"
#include "preload/state.h"
#include "preload/sys.h"
#include "preload/thread.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <linux/seccomp.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static pid_t own_pid(void)
{
	return (pid_t)sys_call(SYS_getpid);
}

// PARENT is our caller's pid before the fork; 0 while not attached.
static pid_t after_fork(pid_t pid, pid_t parent)
{
	int err = errno;

	if (!pid && parent) {
		session_forked((uint32_t)parent);
		thread_forked();
	}
	errno = err;
	return pid;
}

// Only children of a profiled process (or of a fork child that never did
// anything worth profiling) are.
static pid_t parent_of_fork(void)
{
	return state_control() || (self.flags & THREAD_PROBE) ? own_pid() : 0;
}

EXPORT pid_t fork(void)
{
	pid_t parent = parent_of_fork();

	return after_fork(real.fork(), parent);
}

EXPORT pid_t _Fork(void)
{
	pid_t parent = parent_of_fork();

	return after_fork(real._Fork(), parent);
}

EXPORT pid_t forkpty(int *amaster, char *name, const struct termios *t,
		     const struct winsize *w)
{
	pid_t parent = parent_of_fork();

	return after_fork(real.forkpty(amaster, name, t, w), parent);
}

// Returns in the child only; the parent has ended inside.
EXPORT int daemon(int nochdir, int noclose)
{
	pid_t parent = parent_of_fork();
	int ret = real.daemon(nochdir, noclose);

	if (!ret)
		(void)after_fork(0, parent);
	return ret;
}

EXPORT void _exit(int status)
{
	session_goodbye();
	for (;;)
		(void)sys_call(SYS_exit_group, status);
}

EXPORT void _Exit(int status)
{
	_exit(status);
}

// In a sandbox a system call may kill, so from the moment it is being built the
// shim makes none. A call that fails has built nothing.
static COLD int enter_seccomp(unsigned long mode, unsigned long arg)
{
	bool was = state_is_sandboxed();
	int ret;

	state_set_sandboxed();
	ret = real.prctl(PR_SET_SECCOMP, mode, arg, 0, 0);
	if (ret && !was)
		atomic_store_explicit(&state.x_sandboxed, 0,
				      memory_order_relaxed);
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
	ret = real.prctl(option, a, b, c, d);
	if (option == PR_SET_NAME && !ret)
		hook_thread_renamed((const char *)a);
	return ret;
}

static COLD long enter_seccomp_call(long op, long flags, long arg)
{
	bool was = state_is_sandboxed();
	long ret;

	if (op == SECCOMP_SET_MODE_STRICT || op == SECCOMP_SET_MODE_FILTER)
		state_set_sandboxed();
	ret = real.syscall(SYS_seccomp, op, flags, arg, 0, 0, 0);
	if (ret && !was)
		atomic_store_explicit(&state.x_sandboxed, 0,
				      memory_order_relaxed);
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
	bool is_on = state_control() && self.serial == state.serial;
	int ret, err;

	if (!is_on)
		return real.dlclose(handle);
	// release: pairs with the collector's acquire. Odd: while the library
	// goes nobody can tell what its addresses mean.
	push_unload(handle,
		    atomic_fetch_add_explicit(&state.status->x_generation, 1,
					      memory_order_release));
	ret = real.dlclose(handle);
	err = errno;
	atomic_fetch_add_explicit(&state.status->x_generation, 1,
				  memory_order_release);
	errno = err;
	return ret;
}

// SPDX-License-Identifier: Apache-2.0
//
// Every way to set a signal's handler, to ask for it, to block, hold, wait for
// and send the signal, on the signals a profiler may use and one that it
// doesn't. The transcript is the same with and without a shim.
#include "test/lib/host.h"
#include "test/lib/matrix.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

#define BIT(sig) (1 << ((sig)-1))

// In libc, but not in its headers any more.
extern sighandler_t bsd_signal(int sig, sighandler_t handler);
extern sighandler_t __sysv_signal(int sig, sighandler_t handler);

static const int signals[] = {SIGURG, SIGUSR1, SIGUSR2};
static volatile sig_atomic_t n_got, is_blocked_inside, last_code;

static void on_signal(int sig)
{
	sigset_t mask;

	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	is_blocked_inside = sigismember(&mask, sig);
	n_got++;
}

static void on_info(int sig, siginfo_t *si, void *uc)
{
	(void)uc;
	last_code = si->si_code;
	on_signal(sig);
}

static const char *name_of(sighandler_t handler)
{
	return handler == SIG_DFL			  ? "default"
	       : handler == SIG_IGN			  ? "ignore"
	       : handler == SIG_ERR			  ? "error"
	       : handler == SIG_HOLD			  ? "hold"
	       : handler == on_signal			  ? "ours"
	       : handler == (sighandler_t)(void *)on_info ? "info"
							  : "foreign";
}

// Flags and mask as the caller sees them, and whether it is blocked.
static void view(const char *after, int sig)
{
	struct sigaction act;
	sigset_t mask, pending;

	sigaction(sig, NULL, &act);
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	sigpending(&pending);
	printf("  %s: %s, flags %x, mask %d%d, blocked %d, pending %d\n", after,
	       name_of(act.sa_handler), (unsigned)act.sa_flags & ~0x4000000u,
	       sigismember(&act.sa_mask, sig),
	       sigismember(&act.sa_mask, SIGALRM), sigismember(&mask, sig),
	       sigismember(&pending, sig));
}

static void set_default(int sig)
{
	struct sigaction act = {.sa_handler = SIG_IGN};
	sigset_t mask;

	// Ignoring it drops what is pending.
	sigaction(sig, &act, NULL);
	act.sa_handler = SIG_DFL;
	sigaction(sig, &act, NULL);
	sigemptyset(&mask);
	sigaddset(&mask, sig);
	pthread_sigmask(SIG_UNBLOCK, &mask, NULL);
	n_got = 0;
}

static void set_flags(int sig, int flags)
{
	struct sigaction act = {.sa_flags = flags};

	if (flags & SA_SIGINFO)
		act.sa_sigaction = on_info;
	else
		act.sa_handler = on_signal;
	sigaddset(&act.sa_mask, SIGALRM);
	sigaction(sig, &act, NULL);
}

static void send(const char *after, int sig)
{
	n_got = 0;
	is_blocked_inside = -1;
	raise(sig);
	kill(getpid(), sig);
	printf("  %s: sent twice, got %d, blocked inside %d\n", after,
	       (int)n_got, (int)is_blocked_inside);
}

typedef sighandler_t set_fn(int sig, sighandler_t handler);

static sighandler_t by_sigset(int sig, sighandler_t handler)
{
	return sigset(sig, handler);
}

static void one_way(const char *name, set_fn *set, int sig)
{
	puts(name);
	printf("  first: %s\n", name_of(set(sig, on_signal)));
	view("set", sig);
	if (set != sysv_signal && set != __sysv_signal)
		send("set", sig);
	view("sent", sig);
	printf("  second: %s\n", name_of(set(sig, SIG_IGN)));
	view("ignored", sig);
	send("ignored", sig);
	printf("  third: %s\n", name_of(set(sig, SIG_DFL)));
	view("default", sig);
	printf("  invalid: %s\n", name_of(set(65, SIG_DFL)));
	set_default(sig);
}

// sysv_signal: the default is back with the first signal.
static void once(int sig)
{
	puts("once");
	sysv_signal(sig, on_signal);
	view("sysv_signal", sig);
	n_got = 0;
	raise(sig);
	printf("  got %d\n", (int)n_got);
	view("sent", sig);
	set_flags(sig, (int)SA_RESETHAND);
	raise(sig);
	printf("  got %d\n", (int)n_got);
	view("reset", sig);
	set_default(sig);
}

static void flags(int sig)
{
	static const int all[] = {0,	      SA_RESTART,
				  SA_NODEFER, SA_SIGINFO,
				  SA_ONSTACK, SA_SIGINFO | SA_NODEFER};

	puts("flags");
	for (unsigned i = 0; i < MATRIX_N(all); i++) {
		set_flags(sig, all[i]);
		view("sigaction", sig);
		send("sigaction", sig);
	}
	printf("  code of kill %d\n", (int)last_code);
	siginterrupt(sig, 1);
	view("siginterrupt 1", sig);
	send("siginterrupt 1", sig);
	siginterrupt(sig, 0);
	view("siginterrupt 0", sig);
	signal(sig, on_signal);
	view("signal", sig);
	siginterrupt(sig, 1);
	signal(sig, on_signal);
	view("signal after siginterrupt 1", sig);
	siginterrupt(sig, 0);
	set_default(sig);
}

static void holding(int sig)
{
	puts("holding");
	set_flags(sig, 0);
	printf("  sighold %d\n", sighold(sig));
	view("held", sig);
	send("held", sig);
	view("sent", sig);
	printf("  sigrelse %d, got %d\n", sigrelse(sig), (int)n_got);
	view("released", sig);
	printf("  sigset hold: %s\n", name_of(sigset(sig, SIG_HOLD)));
	view("hold", sig);
	send("hold", sig);
	printf("  sigset: %s, got %d\n", name_of(sigset(sig, on_signal)),
	       (int)n_got);
	view("set", sig);
	printf("  sigignore %d\n", sigignore(sig));
	view("sigignore", sig);
	set_default(sig);
}

static void old_masks(int sig)
{
	int old;

	puts("old masks");
	set_flags(sig, 0);
	old = sigblock(BIT(sig));
	printf("  sigblock: was blocked %d\n", !!(old & BIT(sig)));
	send("sigblock", sig);
	view("sigblock", sig);
	old = sigsetmask(0);
	printf("  sigsetmask: was blocked %d, got %d\n", !!(old & BIT(sig)),
	       (int)n_got);
	view("sigsetmask", sig);
	set_default(sig);
}

static int block(int how, int sig)
{
	sigset_t set, old;

	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(how, &set, &old);
	return sigismember(&old, sig);
}

static void masks(int sig)
{
	sigset_t full, old;

	puts("masks");
	set_flags(sig, 0);
	printf("  was blocked %d", block(SIG_BLOCK, sig));
	printf(" %d", block(SIG_BLOCK, sig));
	printf(" %d", block(SIG_SETMASK, sig));
	printf(" %d", block(SIG_UNBLOCK, sig));
	printf(" %d\n", block(SIG_UNBLOCK, sig));
	sigfillset(&full);
	sigprocmask(SIG_SETMASK, &full, &old);
	view("full", sig);
	send("full", sig);
	view("full", sig);
	sigprocmask(SIG_SETMASK, &old, NULL);
	printf("  got %d\n", (int)n_got);
	view("restored", sig);
	errno = 0;
	printf("  bad how: %d", sigprocmask(77, &old, NULL));
	printf(" %d\n", errno);
	set_default(sig);
}

// What is sent while it is blocked waits for who asks.
static void waits(int sig, int has_handler)
{
	const struct timespec soon = {0, MATRIX_SOON_NS};
	siginfo_t si = {0};
	sigset_t set;
	int got = 0, ret;

	printf("waits, handler %d\n", has_handler);
	if (has_handler)
		set_flags(sig, 0);
	sigemptyset(&set);
	sigaddset(&set, sig);
	block(SIG_BLOCK, sig);
	raise(sig);
	view("sent", sig);
	ret = sigwait(&set, &got);
	printf("  sigwait %d: %d\n", ret, got == sig);
	kill(getpid(), sig);
	ret = sigwaitinfo(&set, &si);
	printf("  sigwaitinfo %d, code %d\n", ret == sig, si.si_code);
	kill(getpid(), sig);
	ret = sigtimedwait(&set, &si, &soon);
	printf("  sigtimedwait %d, code %d\n", ret == sig, si.si_code);
	ret = sigtimedwait(&set, &si, &soon);
	printf("  nothing: %d\n", ret);
	view("waited", sig);
	raise(sig);
	n_got = 0;
	if (has_handler || sig == SIGURG)
		block(SIG_UNBLOCK, sig);
	printf("  got %d\n", (int)n_got);
	set_default(sig);
}

static void by_descriptor(int sig)
{
	struct signalfd_siginfo si = {0};
	struct pollfd p = {.events = POLLIN};
	sigset_t set;

	puts("signalfd");
	sigemptyset(&set);
	sigaddset(&set, sig);
	block(SIG_BLOCK, sig);
	p.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	printf("  poll %d\n", poll(&p, 1, 0));
	kill(getpid(), sig);
	printf("  poll %d\n", poll(&p, 1, 1000));
	printf("  read %d", read(p.fd, &si, sizeof(si)) == (long)sizeof(si));
	printf(" %d code %d\n", (int)si.ssi_signo == sig, si.ssi_code);
	printf("  poll %d\n", poll(&p, 1, 0));
	close(p.fd);
	set_default(sig);
}

static int in_sigsuspend(const sigset_t *mask)
{
	return sigsuspend(mask);
}

static int in_ppoll(const sigset_t *mask)
{
	return ppoll(NULL, 0, NULL, mask);
}

static int in_pselect(const sigset_t *mask)
{
	return pselect(0, NULL, NULL, NULL, NULL, mask);
}

static int in_epoll(const sigset_t *mask)
{
	struct epoll_event event;
	int fd = epoll_create1(EPOLL_CLOEXEC);
	int ret = epoll_pwait(fd, &event, 1, -1, mask), err = errno;

	close(fd);
	errno = err;
	return ret;
}

// The mask is another one for the time of the call.
static void with_mask(int sig)
{
	static const struct {
		const char *name;
		int (*wait)(const sigset_t *mask);
	} all[] = {{"sigsuspend", in_sigsuspend},
		   {"ppoll", in_ppoll},
		   {"pselect", in_pselect},
		   {"epoll_pwait", in_epoll}};
	sigset_t open;

	puts("with a mask");
	set_flags(sig, 0);
	for (unsigned i = 0; i < MATRIX_N(all); i++) {
		block(SIG_BLOCK, sig);
		sigprocmask(SIG_BLOCK, NULL, &open);
		sigdelset(&open, sig);
		n_got = 0;
		raise(sig);
		MATRIX_CALL("sent before", all[i].name, all[i].wait(&open));
		printf("  got %d\n", (int)n_got);
		view(all[i].name, sig);
		block(SIG_UNBLOCK, sig);
	}
	set_default(sig);
}

static void *look(void *arg)
{
	int sig = *(int *)arg;

	view("in the thread", sig);
	raise(sig);
	view("in the thread, raised", sig);
	return NULL;
}

static void run(const char *name, const pthread_attr_t *attr, int *sig)
{
	pthread_t t;
	int error;

	puts(name);
	n_got = 0;
	error = pthread_create(&t, attr, look, sig);
	pthread_join(t, NULL);
	printf("  create %d, got %d\n", error, (int)n_got);
}

static void threads(int sig)
{
	pthread_attr_t attr;
	sigset_t set;

	set_flags(sig, 0);
	run("a thread", NULL, &sig);
	block(SIG_BLOCK, sig);
	run("a thread of one that blocks it", NULL, &sig);
	pthread_attr_init(&attr);
	run("a thread with attributes", &attr, &sig);
	sigemptyset(&set);
	pthread_attr_setsigmask_np(&attr, &set);
	run("a thread with an empty mask", &attr, &sig);
	block(SIG_UNBLOCK, sig);
	run("and of one that lets it", &attr, &sig);
	sigaddset(&set, sig);
	pthread_attr_setsigmask_np(&attr, &set);
	run("a thread with a mask", &attr, &sig);
	pthread_attr_destroy(&attr);
	set_default(sig);
}

static pid_t child_that_sends(int sig)
{
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child)
		_exit(kill(getppid(), sig));
	return child;
}

static void report_end(pid_t child)
{
	int status = -1;

	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	printf("  status %d, got %d, code %d\n", status, (int)n_got,
	       (int)last_code);
}

static void from_outside(int sig)
{
	siginfo_t si;
	sigset_t set;
	pid_t child;

	puts("from outside");
	set_flags(sig, SA_SIGINFO);
	report_end(child_that_sends(sig));
	block(SIG_BLOCK, sig);
	child = child_that_sends(sig);
	sigemptyset(&set);
	sigaddset(&set, sig);
	printf("  sigwaitinfo %d", sigwaitinfo(&set, &si) == sig);
	printf(" from the child %d\n", si.si_pid == child);
	report_end(child);
	fflush(stdout);
	child = fork();
	if (!child) {
		view("in a fork child", sig);
		send("in a fork child", sig);
		view("in a fork child", sig);
		fflush(stdout);
		_exit(0);
	}
	report_end(child);
	set_default(sig);
}

int main(void)
{
	for (unsigned i = 0; i < MATRIX_N(signals); i++) {
		int sig = signals[i];

		printf("signal %d\n", sig);
		view("at first", sig);
		one_way("signal", signal, sig);
		one_way("bsd_signal", bsd_signal, sig);
		one_way("ssignal", ssignal, sig);
		one_way("sysv_signal", sysv_signal, sig);
		one_way("__sysv_signal", __sysv_signal, sig);
		one_way("sigset", by_sigset, sig);
		once(sig);
		flags(sig);
		holding(sig);
		old_masks(sig);
		masks(sig);
		waits(sig, 0);
		waits(sig, 1);
		by_descriptor(sig);
		with_mask(sig);
		threads(sig);
		from_outside(sig);
	}
	return host_verdict(0, "%u signals", (unsigned)MATRIX_N(signals));
}

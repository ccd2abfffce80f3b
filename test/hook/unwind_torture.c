// SPDX-License-Identifier: Apache-2.0
//
// Usage: unwind_torture CASE... Each case burns some tenths of a second of CPU
// in a place that is hard to unwind or has little stack, so that a sampling
// signal lands there. Good: it comes back.
#include "test/lib/host.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#define N_SPINS	   300000000L
#define PAGE_BYTES 4096
#define BURN_S	   0.25

// spin_badrbp: rbp holds junk. spin_nocfi: no unwind table, registers moved.
// spin_stackless: rsp is no stack pointer at all. spin_elsewhere(stack, n):
// rsp points to other memory, whose top words are junk.
__asm__(".text\n"
	".type spin_badrbp,@function\n"
	"spin_badrbp: push %rbp; mov $0x123456789a,%rbp\n"
	"1: dec %rdi; jnz 1b\n"
	"pop %rbp; ret\n"
	".size spin_badrbp,.-spin_badrbp\n"
	".type spin_nocfi,@function\n"
	"spin_nocfi: push %rbx; push %r12; sub $40,%rsp; xor %ebp,%ebp\n"
	"1: dec %rdi; jnz 1b\n"
	"add $40,%rsp; pop %r12; pop %rbx; ret\n"
	".size spin_nocfi,.-spin_nocfi\n"
	".type spin_stackless,@function\n"
	"spin_stackless: mov %rsp,%r8; mov %rbp,%r9\n"
	"xor %esp,%esp; mov $8,%ebp\n"
	"1: dec %rdi; jnz 1b\n"
	"mov %r8,%rsp; mov %r9,%rbp; ret\n"
	".size spin_stackless,.-spin_stackless\n"
	".type spin_elsewhere,@function\n"
	"spin_elsewhere: push %rbx; push %rbp; mov %rsp,%rbp; mov %rdi,%rsp\n"
	"xor %edi,%edi; push %rdi; mov $0x4141414141414141,%rbx; push %rbx\n"
	"1: dec %rsi; jnz 1b\n"
	"mov %rbp,%rsp; pop %rbp; pop %rbx; ret\n"
	".size spin_elsewhere,.-spin_elsewhere\n");
// nocfi clobbers rbp, a callee-saved register: its caller must not need it.
void spin_badrbp(long n), spin_stackless(long n);
void spin_nocfi(long n), spin_elsewhere(void *stack, long n);

static ucontext_t main_context, coroutine;

static void badrbp(void)
{
	spin_badrbp(N_SPINS);
}

static void nocfi(void)
{
	register unsigned long rbp __asm__("r15");

	__asm__ volatile("mov %%rbp, %0" : "=r"(rbp));
	spin_nocfi(N_SPINS);
	__asm__ volatile("mov %0, %%rbp" ::"r"(rbp));
}

static void stackless(void)
{
	spin_stackless(N_SPINS);
}

static void jit(void)
{
	// push rbp; mov junk,rbp; 1: dec rdi; jnz 1b; pop rbp; ret
	static const unsigned char code[] = {0x55, 0x48, 0xbd, 1,    2,
					     3,	   4,	 5,    6,    7,
					     8,	   0x48, 0xff, 0xcf, 0x75,
					     0xfb, 0x5d, 0xc3};
	void *page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void (*spin)(long);

	memcpy(page, code, sizeof(code));
	*(void **)&spin = page;
	spin(N_SPINS);
	munmap(page, PAGE_BYTES);
}

static void heap_stack(void)
{
	char *stack = malloc(65536);

	spin_elsewhere(stack + 65536 - 16, N_SPINS);
	free(stack);
}

// A stack of N_BYTES with an inaccessible page on each side.
static char *guarded(size_t n_bytes)
{
	char *m = mmap(NULL, n_bytes + 2 * PAGE_BYTES, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(m + PAGE_BYTES, n_bytes, PROT_READ | PROT_WRITE);
	return m + PAGE_BYTES;
}

static void release(char *stack, size_t n_bytes)
{
	munmap(stack - PAGE_BYTES, n_bytes + 2 * PAGE_BYTES);
}

// At the very top of a mapping: nothing above rsp is readable.
static void top_of_stack(void)
{
	char *stack = guarded(65536);

	spin_elsewhere(stack + 65536, N_SPINS);
	release(stack, 65536);
}

static void in_coroutine(void)
{
	host_burn_s(BURN_S);
}

static void run_coroutine(size_t n_bytes)
{
	char *stack = guarded(n_bytes);

	getcontext(&coroutine);
	coroutine.uc_stack.ss_sp = stack;
	coroutine.uc_stack.ss_size = n_bytes;
	coroutine.uc_link = &main_context;
	makecontext(&coroutine, in_coroutine, 0);
	swapcontext(&main_context, &coroutine);
	release(stack, n_bytes);
}

static void coroutine_16k(void)
{
	run_coroutine(16384);
}

static void coroutine_8k(void)
{
	run_coroutine(8192);
}

__attribute__((noinline)) static void junk_return(void)
{
	volatile unsigned long *frame = __builtin_frame_address(0);
	unsigned long rbp = frame[0], pc = frame[1];

	frame[0] = 0xdeadbeefcafe;
	frame[1] = 0x6b6b6b6b6b6b;
	host_burn_s(BURN_S);
	frame[0] = rbp;
	frame[1] = pc;
}

static void burn_handler(int s)
{
	(void)s;
	host_burn_s(BURN_S / 2);
}

static void nested_handler(int s)
{
	if (s == SIGUSR1)
		raise(SIGUSR2);
	host_burn_cpu_s(BURN_S / 4);
}

static void alternate_stack(void)
{
	stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
	const struct sigaction action = {.sa_handler = burn_handler,
					 .sa_flags = SA_ONSTACK};

	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	raise(SIGUSR1);
}

static void nested(void)
{
	signal(SIGUSR1, nested_handler);
	signal(SIGUSR2, nested_handler);
	for (int i = 0; i < 2; i++)
		raise(SIGUSR1);
}

static void vdso(void)
{
	double end_s = host_clock_s(CLOCK_THREAD_CPUTIME_ID) + BURN_S;

	while (host_clock_s(CLOCK_THREAD_CPUTIME_ID) < end_s)
		for (int i = 0; i < 10000; i++)
			(void)host_now_s();
}

// NOLINTNEXTLINE: recursion is the point
__attribute__((noinline)) static void descend(int depth)
{
	char pad[64];

	memset(pad, depth, sizeof(pad));
	__asm__ volatile("" ::"r"(pad) : "memory");
	if (depth)
		descend(depth - 1);
	else
		host_burn_s(BURN_S);
	__asm__ volatile("" ::"r"(pad) : "memory");
}

static void deep(void)
{
	descend(40000);
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {{"badrbp", badrbp},
	     {"nocfi", nocfi},
	     {"jit", jit},
	     {"heap_stack", heap_stack},
	     {"top_of_stack", top_of_stack},
	     {"coroutine_16k", coroutine_16k},
	     {"coroutine_8k", coroutine_8k},
	     {"junk_return", junk_return},
	     {"alternate_stack", alternate_stack},
	     {"vdso", vdso},
	     {"nested", nested},
	     {"deep", deep},
	     {"stackless", stackless}};

int main(int argc, char **argv)
{
	int n_run = 0;

	for (int a = 1; a < argc; a++)
		for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
			if (!strcmp(argv[a], cases[i].name)) {
				cases[i].run();
				n_run++;
			}
	return host_verdict(n_run != argc - 1, "cases=%d", n_run);
}

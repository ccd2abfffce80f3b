// SPDX-License-Identifier: Apache-2.0
//
// Usage: killed FILE [HOW ROUNDS]. Allocates, a little at a time, in keep() and
// in drop(), and counts before and after each in FILE, which it shares:
// keep_done <= the true number <= keep_begun. Without HOW for ever, meant to be
// killed; with "slow" so as well, a fortieth as fast, and besides each round
// borrows a block that is given back N_HELD rounds later; else it ends itself
// after ROUNDS, in the way HOW says: one of the table below.
#include "test/lib/host.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_HELD = 100 };

// As the tests read it: 64-bit words.
struct counts {
	_Atomic uint64_t x_keep_begun;
	_Atomic uint64_t x_keep_done;
	_Atomic uint64_t x_drop_begun;
	_Atomic uint64_t x_drop_done;
	_Atomic uint64_t x_rounds; // slow ones
};

void *keep(void), *borrow(void), drop(void);

__attribute__((noinline)) void *keep(void)
{
	void *p = malloc(1000);

	__asm__ volatile("");
	return p;
}

__attribute__((noinline)) void *borrow(void)
{
	void *p = malloc(300);

	__asm__ volatile("");
	return p;
}

__attribute__((noinline)) void drop(void)
{
	free(malloc(500));
	__asm__ volatile("");
}

static struct counts *map_counts(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	void *m;

	if (fd < 0 || ftruncate(fd, sizeof(struct counts)))
		return NULL;
	m = mmap(NULL, sizeof(struct counts), PROT_READ | PROT_WRITE,
		 MAP_SHARED, fd, 0);
	close(fd);
	return m == MAP_FAILED ? NULL : m;
}

static void end_exit(void)
{
	_exit(0);
}

static void end_quick_exit(void)
{
	quick_exit(0);
}

static struct counts *counts;

static void work(struct counts *c);

// As fast as it can.
static void end_burst(void)
{
	for (int i = 0; i < 30000; i++)
		work(counts);
	_exit(0);
}

static void end_exec(void)
{
	execl("/bin/true", "true", (char *)NULL);
}

// Returns into nowhere, with nothing left to unwind by.
__attribute__((noinline)) static void end_smash(void)
{
	volatile char here[16];

	for (int i = -64; i < 512; i++)
		((volatile char *)here)[i] = 0x41;
}

// Takes memory that is not malloc's until the kernel kills it, which must be
// soon.
static void end_oom(void)
{
	const size_t n = 1 << 20;

	for (int i = 0; i < 1000; i++) {
		char *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p != MAP_FAILED)
			memset(p, 1, n);
	}
}

static void work(struct counts *c)
{
	for (int i = 0; i < 20; i++) {
		c->x_keep_begun++;
		if (!keep())
			_exit(3);
		c->x_keep_done++;
		c->x_drop_begun++;
		drop();
		c->x_drop_done++;
	}
}

// Goes on until there is no address space left; keep() ends it.
static void end_limit(void)
{
	struct rlimit r = {0, RLIM_INFINITY};
	unsigned long n_pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%lu", &n_pages) != 1)
		return;
	fclose(f);
	r.rlim_cur = n_pages * 4096 + (16 << 20);
	setrlimit(RLIMIT_AS, &r);
	for (;; usleep(500))
		work(counts);
}

static void end_slowly(void)
{
	static void *held[N_HELD];

	for (size_t i = 0;; i = (i + 1) % N_HELD) {
		work(counts);
		free(held[i]);
		held[i] = borrow();
		counts->x_rounds++;
		usleep(20000);
	}
}

// A child goes on slowly; and the parent waits for its end.
static void end_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		end_slowly();
	waitpid(pid, NULL, 0);
	_exit(0);
}

static const struct {
	const char *how;
	void (*end)(void);
} ends[] = {
	{"abort", abort},
	{"_exit", end_exit},
	{"quick_exit", end_quick_exit},
	{"exec", end_exec},
	{"smash", end_smash},
	{"oom", end_oom},
	{"limit", end_limit},
	{"slow", end_slowly},
	{"burst", end_burst},
	{"fork", end_fork},
};

static void end_by(const char *how)
{
	const struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		if (!strcmp(ends[i].how, how))
			ends[i].end();
}

int main(int argc, char **argv)
{
	long n_rounds = argc > 3 ? atol(argv[3]) : -1;

	counts = argc > 1 ? map_counts(argv[1]) : NULL;
	if (!counts)
		return 2;
	for (; n_rounds; n_rounds -= n_rounds > 0) {
		work(counts);
		usleep(500);
	}
	end_by(argv[2]);
	return 4;
}

// SPDX-License-Identifier: Apache-2.0
//
// Usage: soak FILE. Until SIGTERM: threads that exchange the blocks of a pool
// of constant size for new ones, under one lock; besides a short thread every
// 200 ms and a short child every second. Counts in FILE, which it shares:
// blocks allocated, blocks live, threads begun.
#include "test/lib/host.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_BLOCKS = 20000, N_THREADS = 3, BLOCK_BYTES = 500, TURN = 200 };

// As the test reads it: 64-bit words.
struct counts {
	_Atomic uint64_t x_n_allocs;
	_Atomic uint64_t x_n_live;
	_Atomic uint64_t x_n_threads;
};

static struct counts *counts;
static _Atomic uint64_t *x_n_allocs;
static void *blocks[N_BLOCKS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static volatile sig_atomic_t is_over;

void *fill(void);

static void on_term(int sig)
{
	(void)sig;
	is_over = 1;
}

__attribute__((noinline)) void *fill(void)
{
	void *p = malloc(BLOCK_BYTES);

	__asm__ volatile("");
	*x_n_allocs += 1;
	return p;
}

static void exchange(unsigned *seed)
{
	pthread_mutex_lock(&lock);
	for (int i = 0; i < TURN; i++) {
		void **p = &blocks[rand_r(seed) % N_BLOCKS];

		free(*p);
		*p = fill();
	}
	pthread_mutex_unlock(&lock);
}

static void *work(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;

	while (!is_over) {
		exchange(&seed);
		usleep(10000);
	}
	return NULL;
}

static void *work_once(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;

	exchange(&seed);
	return NULL;
}

static void begin(pthread_t *t, void *(*run)(void *), uintptr_t seed)
{
	if (pthread_create(t, NULL, run, (void *)seed))
		abort();
	counts->x_n_threads++;
}

// Forked with the lock held, so that the child has it.
static void have_child(void)
{
	static _Atomic uint64_t nowhere;
	unsigned seed = 1;
	pid_t pid;

	pthread_mutex_lock(&lock);
	pid = fork();
	pthread_mutex_unlock(&lock);
	if (!pid) {
		x_n_allocs = &nowhere;
		exchange(&seed);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void map_counts(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	void *m = MAP_FAILED;

	if (fd >= 0 && !ftruncate(fd, sizeof(*counts)))
		m = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE,
			 MAP_SHARED, fd, 0);
	if (m == MAP_FAILED)
		_exit(2);
	close(fd);
	counts = m;
	x_n_allocs = &counts->x_n_allocs;
}

int main(int argc, char **argv)
{
	pthread_t threads[N_THREADS], once;

	map_counts(argc > 1 ? argv[1] : "");
	signal(SIGTERM, on_term);
	for (int i = 0; i < N_BLOCKS; i++)
		blocks[i] = fill();
	counts->x_n_live = N_BLOCKS;
	for (uintptr_t i = 0; i < N_THREADS; i++)
		begin(&threads[i], work, i + 1);
	for (unsigned n = 0; !is_over; n++) {
		begin(&once, work_once, n);
		pthread_join(once, NULL);
		if (n % 5 == 0)
			have_child();
		usleep(200000);
	}
	for (int i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

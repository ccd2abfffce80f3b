// SPDX-License-Identifier: Apache-2.0
//
// Profiles of a program's own, from several threads, and a heap of its own: how
// much is in each is known.
#include "preload/cprof.h"

#include "test/lib/host.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_THREADS   4
#define ADDED	    1000
#define REMOVED	    900
#define CHUNK_BYTES 65536
#define BLOCK_BYTES 64

static int conns, pool;
static int n_bad;

static void want(const char *what, long got, long wanted)
{
	if (got == wanted)
		return;
	printf("BAD %s: %ld, not %ld\n", what, got, wanted);
	n_bad++;
}

static __attribute__((noinline)) void open_conn(uint64_t key)
{
	want("add", cprof_profile_add(conns, key), 0);
}

static __attribute__((noinline)) void open_in_thread(uint64_t key)
{
	want("add in a thread", cprof_profile_add(conns, key), 0);
}

static void *work(void *arg)
{
	uint64_t first = (uint64_t)(uintptr_t)arg * ADDED;

	cprof_label("worker", "yes");
	for (uint64_t i = 0; i < ADDED; i++)
		open_in_thread(first + i);
	for (uint64_t i = 0; i < REMOVED; i++)
		want("remove", cprof_profile_remove(conns, first + i), 0);
	return arg;
}

static void profile(void)
{
	pthread_t t[N_THREADS];

	conns = cprof_profile("conns");
	want("the same", cprof_profile("conns"), conns);
	want("a kind's name", cprof_profile("heap"), -EINVAL);
	want("no name", cprof_profile("../x"), -EINVAL);
	for (uint64_t i = 1; i <= 10; i++)
		open_conn(i);
	for (uint64_t i = 1; i <= 3; i++)
		want("remove", cprof_profile_remove(conns, i), 0);
	want("twice", cprof_profile_add(conns, 5), -EEXIST);
	want("missing", cprof_profile_remove(conns, 3), -ENOENT);
	want("no profile", cprof_profile_add(conns + 1, 5), -EBADF);
	want("no profile", cprof_profile_add(-1, 5), -EBADF);
	for (uintptr_t i = 0; i < N_THREADS; i++)
		pthread_create(&t[i], NULL, work, (void *)(i + 1));
	for (int i = 0; i < N_THREADS; i++)
		pthread_join(t[i], NULL);
	want("count", cprof_profile_count(conns),
	     7 + N_THREADS * (ADDED - REMOVED));
}

static __attribute__((noinline)) char *make_chunk(void)
{
	int was_paused = cprof_heap_pause(1);
	char *chunk = malloc(CHUNK_BYTES);

	want("paused", cprof_heap_pause(was_paused), 1);
	return chunk;
}

static __attribute__((noinline)) void give_out(char *p)
{
	want("alloc", cprof_heap_alloc(pool, p, BLOCK_BYTES), 0);
}

// The first block begins where the chunk does, and all but it are odd.
static void heap(void)
{
	char *chunk = make_chunk();

	pool = cprof_register_heap("pool");
	for (int i = 0; i < 20; i++)
		give_out(chunk + i * (BLOCK_BYTES + 1));
	for (int i = 0; i < 5; i++)
		cprof_heap_free(pool, chunk + i * (BLOCK_BYTES + 1));
	want("no heap", cprof_heap_alloc(pool + 1, chunk, 1), -EBADF);
}

int main(void)
{
	pid_t child;

	if (!cprof_is_active())
		return puts("ok inert"), 0;
	profile();
	heap();
	child = fork();
	if (!child) {
		want("in the child", cprof_profile_count(conns), 0);
		open_conn(1);
		open_conn(2);
		exit(n_bad);
	}
	waitpid(child, &n_bad, 0);
	printf("child %d\n", child);
	return n_bad;
}

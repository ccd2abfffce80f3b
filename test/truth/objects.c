// SPDX-License-Identifier: Apache-2.0
//
// Profiles of a program's own, from several threads, and a heap of its own: how
// much is in each is known; and profiles and rates that it asks for itself.
#include "preload/cprof.h"

#include "test/lib/host.h"

#include <fcntl.h>
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

static __attribute__((noinline)) void phase(int n)
{
	while (n--)
		if (!malloc(77))
			abort();
}

static void stop_fd(void)
{
	int fd = open("other.pb.gz", O_RDWR | O_CREAT | O_TRUNC, 0600);

	want("start again", cprof_start("allocs"), 0);
	phase(4);
	want("stop to nowhere", cprof_stop_fd("allocs", -1), -EBADF);
	want("stop", cprof_stop_fd("allocs", fd), 0);
	want("stop twice", cprof_stop_fd("allocs", fd), -EINVAL);
	close(fd);
}

static void requests(void)
{
	int fd = open("conns.pb.gz", O_RDWR | O_CREAT | O_TRUNC, 0600);

	want("write", cprof_write_fd("conns", fd), 0);
	close(fd);
	phase(5);
	want("start", cprof_start("allocs"), 0);
	want("twice", cprof_start("alloc"), -EBUSY);
	want("start cpu", cprof_start("cpu"), 0);
	phase(9);
	host_burn_cpu_s(0.3);
	want("stop", cprof_stop("allocs", "phase.pb.gz"), 0);
	want("stop cpu", cprof_stop("cpu", "cpu.pb.gz"), 0);
	stop_fd();
	want("no interval", cprof_stop("allocs", NULL), -EINVAL);
	phase(3);
	want("unknown", cprof_write("nonsense", "x.pb.gz"), -ENOENT);
	want("nowhere", cprof_write("heap", "/nowhere/x"), -ENOENT);
	want("rate", cprof_set_rate("mutex.fraction", -1), 1);
	want("rate", cprof_set_rate("mutex.fraction", 7), 1);
	want("rate", cprof_set_rate("mutex.fraction", 1), 7);
	want("rate", cprof_set_rate("block.rate", 5000), 1);
	want("rate", cprof_set_rate("block.rate", 1), 5000);
	want("no rate", cprof_set_rate("socket", 1), -EINVAL);
	want("no value", cprof_set_rate("cpu.hz", 10001), -EINVAL);
}

// The collector has been killed meanwhile: requests fail at once, the rest goes
// on.
static int after_its_death(void)
{
	conns = cprof_profile("conns");
	want("add", cprof_profile_add(conns, 1), 0);
	printf("ready\n");
	fflush(stdout);
	while (access("killed", F_OK))
		usleep(10000);
	want("write", cprof_write("heap", "x.pb.gz"), -ENOTCONN);
	want("start", cprof_start("cpu"), -ENOTCONN);
	want("rate", cprof_set_rate("cpu.hz", 5), -ENOTCONN);
	want("remove", cprof_profile_remove(conns, 1), 0);
	(void)cprof_label("k", "v");
	cprof_heap_free(cprof_register_heap("pool"), &conns);
	return n_bad;
}

// Until stdin ends.
static int serve(void)
{
	profile();
	want("dump", cprof_dump(), 0);
	printf("ready\n");
	fflush(stdout);
	(void)!getchar();
	return n_bad;
}

int main(int argc, char **argv)
{
	pid_t child;

	if (argc > 1 && !strcmp(argv[1], "serve"))
		return serve();
	if (argc > 1)
		return after_its_death();

	if (!cprof_is_active())
		return puts("ok inert"), cprof_write("heap", "x") != -ENOTCONN;
	profile();
	heap();
	requests();
	child = fork();
	if (!child) {
		want("in the child", cprof_profile_count(conns), 0);
		open_conn(1);
		open_conn(2);
		exit(n_bad);
	}
	waitpid(child, &n_bad, 0);
	printf("child %d\nloaded: %s\n", child, cprof_version());
	return n_bad;
}

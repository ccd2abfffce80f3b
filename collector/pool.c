// SPDX-License-Identifier: Apache-2.0
//
// A binary heap of due times under one mutex. The queue is short (one job a
// process) and jobs take microseconds to milliseconds, so one lock is enough.
#include "collector/pool.h"

#include "collector/mem.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#define POOL_THREADS_MAX 16
// libiberty takes 400 KiB for a mangled name of a thousand characters; only
// what is touched costs memory.
#define STACK_BYTES (4u << 20)

struct pool {
	pthread_mutex_t lock; // rank 40: below nothing; fn runs without it
	pthread_cond_t changed;
	struct pool_job **heap; // heap[0] is due first
	size_t n_jobs;
	size_t capacity;
	bool is_ending;
	const char *name;
	unsigned n_max;	 // of threads
	unsigned n_idle; // of them wait for a job, or are about to take one
	unsigned n_threads;
	pthread_t threads[POOL_THREADS_MAX];
};

uint64_t pool_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void place(struct pool *p, size_t i, struct pool_job *job)
{
	p->heap[i] = job;
	job->heap_index = i + 1;
}

static void sift_up(struct pool *p, size_t i)
{
	struct pool_job *job = p->heap[i];

	while (i && p->heap[(i - 1) / 2]->due_ns > job->due_ns) {
		place(p, i, p->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	place(p, i, job);
}

static void sift_down(struct pool *p, size_t i)
{
	struct pool_job *job = p->heap[i];
	size_t child;

	while ((child = 2 * i + 1) < p->n_jobs) {
		if (child + 1 < p->n_jobs &&
		    p->heap[child + 1]->due_ns < p->heap[child]->due_ns)
			child++;
		if (p->heap[child]->due_ns >= job->due_ns)
			break;
		place(p, i, p->heap[child]);
		i = child;
	}
	place(p, i, job);
}

static int push(struct pool *p, struct pool_job *job, uint64_t due_ns)
{
	struct pool_job **heap =
		mem_grow(p->heap, &p->capacity, p->n_jobs + 1, sizeof(*heap));

	if (!heap)
		return -ENOMEM;
	p->heap = heap;
	job->due_ns = due_ns;
	p->heap[p->n_jobs++] = job;
	sift_up(p, p->n_jobs - 1);
	return 0;
}

static struct pool_job *pop(struct pool *p)
{
	struct pool_job *job = p->heap[0];

	job->heap_index = 0;
	if (--p->n_jobs) {
		p->heap[0] = p->heap[p->n_jobs];
		sift_down(p, 0);
	}
	return job;
}

// Waits for a job that is due. NULL: the pool ends. Called with the lock.
static struct pool_job *next_job(struct pool *p)
{
	while (!p->is_ending) {
		uint64_t due_ns;
		struct timespec until;

		if (!p->n_jobs) {
			p->n_idle++;
			pthread_cond_wait(&p->changed, &p->lock);
			p->n_idle--;
			continue;
		}
		due_ns = p->heap[0]->due_ns;
		if (due_ns <= pool_now_ns())
			return pop(p);
		until.tv_sec = (time_t)(due_ns / 1000000000u);
		until.tv_nsec = (long)(due_ns % 1000000000u);
		p->n_idle++;
		pthread_cond_timedwait(&p->changed, &p->lock, &until);
		p->n_idle--;
	}
	return NULL;
}

// Runs JOB without the lock and queues it again if it or someone else wants so.
static void run(struct pool *p, struct pool_job *job)
{
	uint64_t again_ns;

	job->is_running = true;
	job->due_ns = POOL_NEVER;
	pthread_mutex_unlock(&p->lock);
	again_ns = job->fn(job->context);
	// POOL_NOW means behind those that are due already.
	if (again_ns == POOL_NOW)
		again_ns = pool_now_ns();
	pthread_mutex_lock(&p->lock);
	job->is_running = false;
	if (job->due_ns < again_ns)
		again_ns = job->due_ns;
	// There is room: this job had a place before it ran, unless others took
	// it; then it is as lost as a post without memory.
	if (again_ns != POOL_NEVER)
		(void)push(p, job, again_ns);
}

static void make_thread(struct pool *p);

// Whoever takes a job wakes another for the next one: the others may sleep
// without knowing of it, as a post wakes only one, and only for what is due
// first. Called with the lock.
static void wake_another(struct pool *p)
{
	if (p->n_jobs && p->n_idle)
		pthread_cond_signal(&p->changed);
	if (p->n_jobs > p->n_idle)
		make_thread(p);
}

static void *thread_main(void *context)
{
	struct pool *p = context;
	struct pool_job *job;

	(void)prctl(PR_SET_NAME, p->name);
	pthread_mutex_lock(&p->lock);
	while ((job = next_job(p))) {
		wake_another(p);
		run(p, job);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

int pool_thread(pthread_t *ret, void *(*fn)(void *), void *context)
{
	pthread_attr_t attr;
	int err = -pthread_attr_init(&attr);

	if (err)
		return err;
	err = -pthread_attr_setstacksize(&attr, STACK_BYTES);
	if (!err)
		err = -pthread_create(ret, &attr, fn, context);
	pthread_attr_destroy(&attr);
	return err;
}

// It starts with every signal blocked: signals are the main thread's. Called
// with the lock.
static int start_thread(struct pool *p)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	err = pool_thread(&p->threads[p->n_threads], thread_main, p);
	p->n_threads += !err;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
}

// Another thread, if there may be one. One that can't be had now is tried again
// later; there is another, which comes to all jobs. Called with the lock.
static void make_thread(struct pool *p)
{
	if (p->n_threads < p->n_max && !p->is_ending)
		(void)start_thread(p);
}

struct pool *pool_new(const char *name, unsigned n_threads)
{
	struct pool *p = calloc(1, sizeof(*p));
	pthread_condattr_t attr;
	int err;

	ASSERT(n_threads <= POOL_THREADS_MAX);
	if (!p)
		return NULL;
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->changed, &attr);
	pthread_condattr_destroy(&attr);
	p->name = name;
	p->n_max = n_threads;
	pthread_mutex_lock(&p->lock);
	err = start_thread(p);
	pthread_mutex_unlock(&p->lock);
	if (!err)
		return p;
	pool_free(p);
	return NULL;
}

void pool_stop(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->is_ending = true;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->n_threads; i++)
		pthread_join(p->threads[i], NULL);
	p->n_threads = 0;
}

void pool_free(struct pool *p)
{
	pool_stop(p);
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
	free(p->heap);
	free(p);
}

void pool_job_init(struct pool_job *job, pool_fn fn, void *context)
{
	*job = (struct pool_job){.fn = fn, .context = context};
}

int pool_post(struct pool *p, struct pool_job *job, uint64_t due_ns)
{
	int err = 0;

	pthread_mutex_lock(&p->lock);
	if (job->is_running) {
		if (due_ns < job->due_ns)
			job->due_ns = due_ns;
	} else if (!job->heap_index) {
		err = push(p, job, due_ns);
	} else if (due_ns < job->due_ns) {
		job->due_ns = due_ns;
		sift_up(p, job->heap_index - 1);
	}
	if (p->n_jobs && p->heap[0] == job)
		pthread_cond_signal(&p->changed);
	// Else whoever takes the first one wakes another.
	if (!p->n_idle)
		make_thread(p);
	pthread_mutex_unlock(&p->lock);
	return err;
}

bool pool_is_idle(struct pool *p, const struct pool_job *job)
{
	bool is_idle;

	pthread_mutex_lock(&p->lock);
	is_idle = !job->is_running && !job->heap_index;
	pthread_mutex_unlock(&p->lock);
	return is_idle;
}

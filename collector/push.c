// SPDX-License-Identifier: Apache-2.0
//
// What a session had when it was last looked at is kept, rows only: the next
// profile is the difference. What is in use (heap) is not a difference: it goes
// as it is.
#include "collector/push.h"

#include "collector/drain.h"
#include "collector/hmap.h"
#include "collector/log.h"
#include "collector/mem.h"
#include "collector/pprof.h"
#include "collector/push_item.h"
#include "collector/push_keep.h"
#include "collector/take.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

// Ended sessions that wait for their last profile: each holds its memory.
#define FINISHED_MAX 256u
// The longest an ending collector waits for its sender.
#define END_MS 3000
// alloc_objects and alloc_space; what is in use is of a moment.
#define HEAP_COUNTERS 0x3u

static const enum kind kinds[] = {KIND_CPU, KIND_ALLOC, KIND_BLOCK, KIND_MUTEX,
				  KIND_THREADCREATE};
#define N_KINDS (sizeof(kinds) / sizeof(*kinds))

// A session that has been looked at.
struct seen {
	uint64_t session;
	int64_t until_ns;
	struct snap *last[N_KINDS];
	bool is_there; // found in the present round
};

struct push {
	struct push_config config;
	struct push_status *status; // mapped by the sender too
	struct push_spool spool;
	int wake_fd;
	char host[256];
	pthread_t thread;
	bool is_serving;
	struct table *table;
	// The thread's.
	struct seen *seen;
	struct hmap by_session; // session -> index in seen
	size_t n_seen;
	size_t capacity;
	pthread_mutex_t lock; // a leaf: rank 45
	pthread_cond_t wake;
	struct proc *finished[FINISHED_MAX]; // each a reference
	size_t n_finished;
	bool is_ending;
};

const struct push_status *push_status(const struct push *p)
{
	return p->status;
}

static void tell(struct push *p, char what)
{
	// Full: it has enough to wake up for.
	(void)send(p->wake_fd, &what, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

// NULL: it has not been looked at.
static struct seen *get_seen(struct push *p, const struct proc *session)
{
	const uint64_t *i = hmap_get(&p->by_session, session->session);

	return i ? &p->seen[*i] : NULL;
}

// NULL: no memory.
static struct seen *find_seen(struct push *p, const struct proc *session)
{
	struct seen *seen = get_seen(p, session);

	if (seen)
		return seen;
	seen = mem_grow(p->seen, &p->capacity, p->n_seen + 1, sizeof(*seen));
	if (!seen)
		return NULL;
	p->seen = seen;
	if (hmap_put(&p->by_session, session->session, p->n_seen))
		return NULL;
	seen += p->n_seen++;
	*seen = (struct seen){.session = session->session,
			      .until_ns = session->start_time_ns};
	return seen;
}

static void forget(struct push *p, struct seen *seen)
{
	for (size_t k = 0; k < N_KINDS; k++)
		snap_free(seen->last[k]);
	(void)hmap_remove(&p->by_session, seen->session, NULL);
	*seen = p->seen[--p->n_seen];
	// Its key is there, so this needs no memory.
	if (seen != &p->seen[p->n_seen])
		(void)hmap_put(&p->by_session, seen->session,
			       (uint64_t)(seen - p->seen));
}

static void take_all(struct proc *session, struct snap **ret)
{
	proc_lock(session);
	(void)drain_run(session);
	take_thread_names(session, true);
	for (size_t k = 0; k < N_KINDS; k++)
		ret[k] = take_has_samples(session, kinds[k])
				 ? take_snap(session, kinds[k])
				 : NULL;
	proc_unlock(session);
	for (size_t k = 0; k < N_KINDS; k++)
		take_finish(session, ret[k]);
}

static void put(struct push *p, const struct push_item *i, struct snap *s)
{
	struct buf b;

	buf_init(&b);
	push_item_write(i, s->kind, &b);
	take_comments(s);
	if (!buf_error(&b) && !pprof_write(s, &b)) {
		int err = push_spool_put(&p->spool, &b);

		if (err)
			log_error("push: a %s profile of process %u is lost: "
				  "can't write it to the spool: %s",
				  kind_table[s->kind].name, s->pid,
				  strerror(-err));
		else
			tell(p, PUSH_WAKE);
	}
	buf_fini(&b);
}

// S becomes what is to be sent of it, and *LAST what the next one is compared
// with. False: there is nothing to send.
static bool prepare(struct snap *s, struct snap **last)
{
	struct snap *rows = snap_copy_rows(s);
	unsigned counters = s->kind == KIND_ALLOC ? HEAP_COUNTERS : ~0u;
	int err = 0;

	if (!rows)
		return false; // the next one has it
	if (*last)
		err = snap_subtract_values(s, *last, counters);
	if (err) {
		snap_free(rows);
		return false;
	}
	snap_free(*last);
	*last = rows;
	return s->n_rows > 0;
}

static void push_session(struct push *p, struct proc *session)
{
	struct seen *seen = find_seen(p, session);
	struct push_source source = {session->comm, session->pid, p->host,
				     session->hello->labels};
	struct snap *snaps[N_KINDS];
	struct push_item i = {.cpu_hz = (int64_t)session->rates.cpu_hz};

	if (!seen)
		return;
	seen->is_there = true;
	take_all(session, snaps);
	i.from_ns = seen->until_ns;
	i.until_ns = take_realtime_ns();
	i.name = push_item_name(&source);
	for (size_t k = 0; k < N_KINDS; k++) {
		if (snaps[k] && i.name && prepare(snaps[k], &seen->last[k]))
			put(p, &i, snaps[k]);
		snap_free(snaps[k]);
	}
	seen->until_ns = i.until_ns;
	free(i.name);
}

// It comes by push_finished().
static bool is_finished(struct proc *session)
{
	bool is;

	proc_lock(session);
	is = session->is_finished;
	proc_unlock(session);
	return is;
}

static void mark_there(struct push *p, const struct proc *session)
{
	struct seen *seen = get_seen(p, session);

	if (seen)
		seen->is_there = true;
}

// What those that wait for their last profile are compared with is kept.
static void keep_finished(struct push *p)
{
	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < p->n_finished; i++)
		mark_there(p, p->finished[i]);
	pthread_mutex_unlock(&p->lock);
}

static void push_all(struct push *p)
{
	size_t n;
	struct proc **list = table_list(p->table, &n);

	if (!list)
		return;
	for (size_t i = 0; i < p->n_seen; i++)
		p->seen[i].is_there = false;
	for (size_t i = 0; i < n; i++) {
		if (is_finished(list[i]))
			mark_there(p, list[i]);
		else
			push_session(p, list[i]);
	}
	table_unlist(list, n);
	keep_finished(p);
	// Those that ended when there was no room for another.
	for (size_t i = p->n_seen; i; i--)
		if (!p->seen[i - 1].is_there)
			forget(p, &p->seen[i - 1]);
}

// The last profiles of sessions that are over.
static void push_ended(struct push *p)
{
	struct proc *session;

	pthread_mutex_lock(&p->lock);
	while (p->n_finished) {
		struct seen *seen;

		session = p->finished[--p->n_finished];
		pthread_mutex_unlock(&p->lock);
		push_session(p, session);
		seen = find_seen(p, session);
		if (seen)
			forget(p, seen);
		proc_unref(session);
		pthread_mutex_lock(&p->lock);
	}
	pthread_mutex_unlock(&p->lock);
}

// True at the end.
static bool wait_until(struct push *p, uint64_t due_ns)
{
	struct timespec until = {(time_t)(due_ns / 1000000000u),
				 (long)(due_ns % 1000000000u)};
	bool is_ending;
	int err = 0;

	pthread_mutex_lock(&p->lock);
	while (!p->is_ending && !p->n_finished && err != ETIMEDOUT)
		err = pthread_cond_clockwait(&p->wake, &p->lock,
					     CLOCK_MONOTONIC, &until);
	is_ending = p->is_ending;
	pthread_mutex_unlock(&p->lock);
	return is_ending;
}

static void *run(void *context)
{
	struct push *p = context;
	uint64_t interval_ns = p->config.interval_s * 1000000000u;
	uint64_t due_ns = pool_now_ns() + interval_ns;
	bool is_ending;

	(void)prctl(PR_SET_NAME, "cprofd-push");
	do {
		is_ending = wait_until(p, due_ns);
		push_ended(p);
		if (!is_ending && pool_now_ns() < due_ns)
			continue;
		push_all(p);
		due_ns = pool_now_ns() + interval_ns;
	} while (!is_ending);
	return NULL;
}

void push_finished(struct push *p, struct proc *session)
{
	pthread_mutex_lock(&p->lock);
	if (p->n_finished < FINISHED_MAX)
		p->finished[p->n_finished++] = proc_ref(session);
	else
		atomic_fetch_add_explicit(&p->status->x_missed, 1,
					  memory_order_relaxed);
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
}

static int open_parts(struct push *p)
{
	int err;

	p->status = mmap(NULL, sizeof(*p->status), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p->status == MAP_FAILED)
		return -errno;
	err = push_spool_open(p->config.spool_dir, p->config.spool_bytes,
			      p->status, &p->spool);
	if (!err) {
		p->wake_fd = push_keep_start(&p->config.server, &p->spool,
					     p->config.is_sandboxed);
		err = p->wake_fd < 0 ? p->wake_fd : 0;
		if (err)
			push_spool_close(&p->spool);
	}
	if (err)
		(void)munmap(p->status, sizeof(*p->status));
	return err;
}

struct push *push_start(const struct push_config *config, int *ret_err)
{
	struct push *p = calloc(1, sizeof(*p));

	*ret_err = -ENOMEM;
	if (!p)
		return NULL;
	p->config = *config;
	(void)gethostname(p->host, sizeof(p->host) - 1);
	*ret_err = open_parts(p);
	if (*ret_err) {
		free(p);
		return NULL;
	}
	hmap_init(&p->by_session);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	return p;
}

int push_serve(struct push *p, struct table *table)
{
	int err;

	p->table = table;
	err = pool_thread(&p->thread, run, p);
	p->is_serving = !err;
	return err;
}

// Until it closes its end.
static void await_sender(struct push *p)
{
	struct pollfd fd = {.fd = p->wake_fd, .events = 0};

	tell(p, PUSH_END);
	(void)poll(&fd, 1, END_MS);
}

void push_stop(struct push *p)
{
	if (p->is_serving) {
		pthread_mutex_lock(&p->lock);
		p->is_ending = true;
		pthread_cond_signal(&p->wake);
		pthread_mutex_unlock(&p->lock);
		pthread_join(p->thread, NULL);
	}
	await_sender(p);
	close(p->wake_fd);
	while (p->n_seen)
		forget(p, &p->seen[0]);
	while (p->n_finished)
		proc_unref(p->finished[--p->n_finished]);
	push_spool_close(&p->spool);
	hmap_fini(&p->by_session);
	free(p->seen);
	free(p);
}

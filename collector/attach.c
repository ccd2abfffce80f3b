// SPDX-License-Identifier: Apache-2.0
//
// The process waits for the answer in its constructor, so nothing slow comes
// before it but the reading of its maps, which are short then, and of the files
// they name, and the making of unwind tables of files that are new. A disk may
// be slow and a region not ready: other threads do all this while the loop goes
// on, and only the process itself waits.
#include "collector/attach.h"

#include "collector/admit.h"
#include "collector/drain.h"
#include "collector/log.h"
#include "collector/procfs.h"
#include "collector/visit.h"
#include "proto/version.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// Kept for those that are here: images, files, requests.
#define FDS_RESERVED 16u
// What the stream of the socket transport may hold on its way.
#define STREAM_BYTES (4 << 20)
// Processes that may wait for a large region to be made for them, and how long
// the last of them may have to: a fraction of a fork child's patience, which
// is a second.
#define QUEUE_MAX    4
#define QUEUE_MAX_NS 300000000u
// The longest a process waits for unwind tables, and how often they are looked
// for meanwhile. libc's takes 3 ms to make, more on a busy machine, and each
// file's is made once.
#define TABLES_WAIT_NS 400000000u
#define TABLES_LOOK_NS 500000u
// Rates at which a program may fill its rings meanwhile; below them (at the
// defaults) it need not wait.
#define OFTEN_HEAP_BYTES (64u << 10)
#define OFTEN_BLOCK_NS	 10000u
#define OFTEN_MUTEX	 10u

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void refuse(int fd, const char *reason)
{
	Cprof__Refuse r = CPROF__REFUSE__INIT;
	unsigned char body[256];
	struct conn_message m = {.type = WIRE_REFUSE, .body = body};

	r.reason = (char *)(uintptr_t)reason;
	m.n_bytes = (uint32_t)cprof__refuse__pack(&r, body);
	// Whoever does not hear it stays inert as well.
	(void)conn_send(fd, &m);
}

static void drop_hello(struct conn_hello *h)
{
	close_fd(h->fd);
	close_fd(h->maps_fd);
	close_fd(h->mem_fd);
	cprof__hello__free_unpacked(h->hello, NULL);
}

// The descriptors could be anything, something that blocks a reader too.
static void check_files(const struct attach *a, struct conn_hello *h)
{
	if (!a->env->is_emulated && !procfs_is_file(h->maps_fd, "maps")) {
		close_fd(h->maps_fd);
		h->maps_fd = procfs_open(h->peer.pid, "maps");
	}
	if (h->maps_fd < 0)
		h->maps_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	// For collectors that read memory; to this one it could only be a way
	// to make it wait.
	close_fd(h->mem_fd);
	h->mem_fd = -1;
}

// The pid begins anew: exec, or a process that lost sight of us. Its session of
// before is over.
static void end_former(struct table *t, uint32_t pid)
{
	struct proc *p = table_find(t, pid);

	if (!p)
		return;
	proc_set_over(p);
	proc_unref(p);
}

static void on_pid(void *context, uint32_t events)
{
	struct proc *p = context;

	(void)events;
	proc_set_over(p);
}

static void on_stream(void *context, uint32_t events)
{
	struct proc *p = context;

	(void)events;
	proc_poke(p);
}

static int answer(struct proc *p, const struct conn_message *m)
{
	int err = conn_send(p->answer_fd, m);

	close_fd(p->answer_fd);
	p->answer_fd = -1;
	if (err)
		log_info("process %u: did not wait for its answer: %s", p->pid,
			 strerror(-err));
	return err;
}

// Nothing came of it: the visit ends the session.
static void give_up(struct proc *p, const char *reason)
{
	log_error("process %u: %s", p->pid, reason);
	refuse(p->answer_fd, reason);
	close_fd(p->answer_fd);
	p->answer_fd = -1;
	proc_set_over(p);
}

// A process that did not wait comes again: then its region is ready.
static void use_region(struct attach *a, struct proc *p, struct region *r)
{
	struct conn_message m = {
		.type = WIRE_RING, .n_fds = 1, .fds = {r->memfd}};

	if (a->env->walktabs)
		m.fds[m.n_fds++] = walktab_fd(a->env->walktabs);
	proc_lock(p);
	proc_use_region(p, r);
	proc_unlock(p);
	if (!answer(p, &m)) {
		proc_poke(p);
		return;
	}
	proc_lock(p);
	proc_drop_region(p);
	proc_unlock(p);
	spare_put(a->spare, r);
	proc_set_over(p);
}

static int make_stream(int ret_fds[2])
{
	const int n_bytes = STREAM_BYTES;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds))
		return -errno;
	// Only root may have more than the system's limit; less is not an
	// error: what finds no room is counted.
	if (setsockopt(ret_fds[1], SOL_SOCKET, SO_SNDBUFFORCE, &n_bytes,
		       sizeof(n_bytes)))
		(void)setsockopt(ret_fds[1], SOL_SOCKET, SO_SNDBUF, &n_bytes,
				 sizeof(n_bytes));
	return 0;
}

static void use_stream(struct attach *a, struct proc *p)
{
	struct conn_message m = {.type = WIRE_SOCKET, .n_fds = 1};
	int fds[2];

	if (make_stream(fds)) {
		give_up(p, "no socket for the stream");
		return;
	}
	proc_lock(p);
	proc_use_stream(p, fds[0]);
	proc_unlock(p);
	p->stream_watch = (struct loop_watch){fds[0], on_stream, p};
	if (loop_add(a->env->loop, &p->stream_watch, EPOLLIN | EPOLLONESHOT))
		log_error("process %u: its stream can't be watched", p->pid);
	// A process that did not wait has no other end: its stream is at its
	// end.
	m.fds[0] = fds[1];
	(void)answer(p, &m);
	close_fd(fds[1]);
	proc_poke(p);
}

// A makers' job: the region was not ready.
static uint64_t make_region(void *context)
{
	struct proc *p = context;
	struct attach *a = p->attach;
	struct region *r;
	uint64_t start_ns = pool_now_ns();
	int err = region_new(p->attach_size, &r);

	if (p->attach_size == &region_exact)
		atomic_store_explicit(&a->x_make_ns, pool_now_ns() - start_ns,
				      memory_order_relaxed);
	// Relaxed: it says how long the queue is, roughly.
	atomic_fetch_sub_explicit(&a->x_n_making, 1, memory_order_relaxed);
	if (err)
		give_up(p, "no memory for a region");
	else
		use_region(a, p, r);
	return POOL_NEVER;
}

// True where one more that waits for a large region would wait for long. Half
// of what it takes is forgotten each time, so that another is tried some time.
static bool is_queue_long(struct attach *a)
{
	unsigned n = atomic_load_explicit(&a->x_n_making, memory_order_relaxed);
	uint64_t make_ns =
		atomic_load_explicit(&a->x_make_ns, memory_order_relaxed);

	if (n < QUEUE_MAX && (n + 1) * make_ns < QUEUE_MAX_NS)
		return false;
	atomic_store_explicit(&a->x_make_ns, make_ns / 2, memory_order_relaxed);
	return true;
}

// A large region takes tens of milliseconds to make, and more on a busy
// machine: behind others that wait for theirs, the process would lose patience
// and not be profiled at all.
static bool is_behind(struct attach *a, struct proc *p)
{
	if (p->attach_size != &region_exact || p->hello->is_reconnect ||
	    !is_queue_long(a))
		return false;
	proc_lock(p);
	proc_warn(p, "many processes began at once: this one got a buffer of "
		     "the default size; at its heap.rate samples may be lost");
	proc_unlock(p);
	return true;
}

static void choose_transport(struct attach *a, struct proc *p)
{
	struct region *r;

	if (p->hello->transport == TRANSPORT_SOCKET) {
		use_stream(a, p);
		return;
	}
	p->attach_size = admit_size(a->table, p->hello);
	r = spare_take(a->spare, p->attach_size);
	if (!r && is_behind(a, p)) {
		p->attach_size = &region_default;
		r = spare_take(a->spare, p->attach_size);
	}
	if (r) {
		use_region(a, p, r);
		return;
	}
	pool_job_init(&p->attach_job, make_region, p);
	atomic_fetch_add_explicit(&a->x_n_making, 1, memory_order_relaxed);
	// Behind those that wait already.
	if (!pool_post(a->env->makers, &p->attach_job, pool_now_ns()))
		return;
	atomic_fetch_sub_explicit(&a->x_n_making, 1, memory_order_relaxed);
	give_up(p, "no memory");
}

static int watch_process(struct attach *a, struct proc *p)
{
	p->pid_watch = (struct loop_watch){p->pid_fd, on_pid, p};
	// Without a pidfd the visits look whether it is still there.
	if (p->pid_fd < 0)
		return 0;
	return loop_add(a->env->loop, &p->pid_watch, EPOLLIN | EPOLLONESHOT);
}

// Descriptors are given out from the lowest number: one this high means that
// there would soon be none left to write the files of those that are here.
static bool is_among_last(int fd)
{
	struct rlimit r;

	return fd >= 0 && !getrlimit(RLIMIT_NOFILE, &r) &&
	       (rlim_t)fd + FDS_RESERVED >= r.rlim_cur;
}

// Its parent is profiled as well: files of the same name would be the parent's.
static bool has_parent(struct attach *a, const struct proc *p)
{
	uint64_t parent_pid;
	struct proc *parent;

	if (!table_count(a->table) ||
	    procfs_status(p->pid, "PPid:", &parent_pid))
		return false;
	parent = admit_find(a->table, (uint32_t)parent_pid);
	if (parent)
		proc_unref(parent);
	return parent != NULL;
}

// Takes over everything in H but its descriptor.
static int new_session(struct attach *a, struct conn_hello *h,
		       struct proc **ret)
{
	struct proc_start start = {
		.env = a->env,
		.pid = h->peer.pid,
		.uid = h->peer.uid,
		.maps_fd = h->maps_fd,
		.hello = h->hello,
	};
	struct proc *p;
	int err;

	start.pid_fd = (int)syscall(SYS_pidfd_open, h->peer.pid, 0);
	// Some sandboxes (and valgrind) do not have the call; any other failure
	// means that the process is gone.
	err = start.pid_fd < 0 && errno != ENOSYS && errno != EPERM ? -errno
								    : 0;
	if (is_among_last(start.pid_fd))
		err = -EMFILE;
	h->maps_fd = -1;
	h->hello = NULL;
	if (!err)
		err = proc_new(&start, &p);
	else
		proc_drop_start(&start);
	if (err)
		return err;
	p->gperf.is_child |= has_parent(a, p);
	visit_init(p);
	err = table_add(a->table, p);
	if (err)
		proc_unref(p);
	else
		*ret = p;
	return err;
}

static bool is_sampled_often(const struct proc_rates *r)
{
	return (r->heap_rate && r->heap_rate < OFTEN_HEAP_BYTES) ||
	       (r->block_rate_ns && r->block_rate_ns < OFTEN_BLOCK_NS) ||
	       (r->mutex_fraction && r->mutex_fraction < OFTEN_MUTEX);
}

// True while P does better to wait: without tables its stacks travel as copies,
// which on a busy machine fill its rings before anybody looks at them.
static bool is_waiting_for_tables(struct proc *p)
{
	if (p->hello->transport == TRANSPORT_SOCKET)
		return false;
	visit_walks(p);
	return p->walk.n_wanted && is_sampled_often(&p->rates) &&
	       !proc_is_over(p) &&
	       pool_now_ns() - p->attached_ns < TABLES_WAIT_NS;
}

// A starters' job: the maps are read before the answer, since the process may
// be gone a moment after it.
static uint64_t start(void *context)
{
	struct proc *p = context;
	bool is_waiting;

	proc_lock(p);
	drain_start(p);
	is_waiting = is_waiting_for_tables(p);
	proc_unlock(p);
	if (is_waiting)
		return pool_now_ns() + TABLES_LOOK_NS;
	choose_transport(p->attach, p);
	return POOL_NEVER;
}

static void begin(struct attach *a, struct proc *p)
{
	p->attach = a;
	// A process that comes back waits a millisecond only; it was not about
	// to end, so its maps can wait for the first visit.
	if (p->hello->is_reconnect) {
		choose_transport(a, p);
		return;
	}
	pool_job_init(&p->start_job, start, p);
	if (pool_post(a->env->starters, &p->start_job, POOL_NOW))
		give_up(p, "no memory");
}

void attach_hello(struct attach *a, struct conn_hello *h)
{
	const char *reason = admit_check(a->table, h->peer.pid, h->hello);
	struct proc *p;
	int err;

	if (reason) {
		log_info("process %u: refused: %s", h->peer.pid, reason);
		refuse(h->fd, reason);
		drop_hello(h);
		return;
	}
	check_files(a, h);
	end_former(a->table, h->peer.pid);
	err = new_session(a, h, &p);
	if (err) {
		log_error("process %u: no session: %s", h->peer.pid,
			  strerror(-err));
		refuse(h->fd, "the collector has no room for it");
		drop_hello(h);
		return;
	}
	p->answer_fd = h->fd;
	log_info("process %u: '%s' begins", p->pid, p->comm);
	if (watch_process(a, p))
		give_up(p, "its end can't be watched");
	else
		begin(a, p);
}

// SPDX-License-Identifier: Apache-2.0
//
// Everything is made in order and given back in the opposite one. The loop's
// thread accepts, answers hellos and buries what has ended; it never reads
// rings, looks up symbols or writes files.
#include "collector/server.h"

#include "collector/attach.h"
#include "collector/conn.h"
#include "collector/fetch.h"
#include "collector/http_door.h"
#include "collector/http_pages.h"
#include "collector/listen.h"
#include "collector/log.h"
#include "collector/mem.h"
#include "collector/paths.h"
#include "collector/push.h"
#include "collector/sandbox.h"
#include "collector/sigbus.h"
#include "collector/spare.h"
#include "collector/visit.h"

#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define READERS	 2u
#define WRITERS	 2u
#define MAKERS	 1u
#define STARTERS 2u
// Accepted in one go; then the others that wait for the loop have their turn.
#define ACCEPTS_MAX 64u
// How often the loop looks around when nothing happens.
#define TICK_MS	     1000
#define BUSY_TICK_MS 50
// Who starts a collector needs a moment to say hello.
#define FIRST_LINGER_NS 10000000000ull
// By then who started it has his answer.
#define HTTP_DELAY_MS 25
// The longest an ending collector waits for its requests, and for files.
#define HTTP_MAX_S     3
#define FINISH_MAX_NS  10000000000ull
#define FINISH_STEP_MS 10

struct server {
	const struct opts *opts;
	struct loop loop;
	struct listener listener;
	struct loop_watch listen_watch;
	struct loop_watch signal_watch;
	struct conn_handler conn_handler;
	struct conns conns;
	struct proc_env env;
	struct table table;
	struct spare spare;
	struct attach attach;
	struct query query;
	struct http_access access;
	struct http_door door;
	struct http *http;
	struct push *push;	   // NULL: nothing is pushed
	pthread_mutex_t dead_lock; // rank 36
	struct proc *dead;
	struct pool_job free_job;
	uint64_t looked_ns; // after the socket's name
	uint64_t began_ns;
	bool has_http; // or is about to
	struct pool_job sandbox_job;
	sem_t sandbox_ready; // posted by the job
	bool is_confined;    // constant once it serves
	bool is_ending;
	bool is_full; // as many unknown connections as there may be
};

static void on_hello(void *context, struct conn_hello *h)
{
	struct server *s = context;

	attach_hello(&s->attach, h);
}

static void on_bye(void *context, const struct conn_peer *peer)
{
	struct server *s = context;
	struct proc *p = table_find(&s->table, peer->pid);

	if (!p)
		return;
	proc_poke(p);
	proc_unref(p);
}

// http.h's thread: no library is loaded from now on.
static void on_http_loaded(void *context)
{
	struct server *s = context;
	int err = s->is_confined ? sandbox_seal() : 0;

	if (err)
		log_info("its sandbox still allows libraries: %s",
			 strerror(-err));
}

// Now that it is wanted, or nobody waits for anything else.
static void begin_http(struct server *s)
{
	if (s->has_http)
		return;
	s->has_http = true;
	http_start_soon(s->http, on_http_loaded, s);
}

static void on_http(void *context, int fd)
{
	struct server *s = context;

	table_touch(&s->table);
	begin_http(s);
	http_add(s->http, fd);
}

// cprofctl web. Whoever sent it looks afterwards whether it is served.
static void on_listen(void *context, int fd)
{
	struct server *s = context;
	int err = http_door_take(&s->door, fd, &s->access);

	begin_http(s);
	if (!err)
		err = http_door_serve(&s->door, &s->loop, s->http, &s->query);
	if (err)
		log_info("a socket to serve was refused: %s", strerror(-err));
	else
		log_info("serving at %s", s->door.url);
}

static void accept_all(struct server *s)
{
	int fd = 0;

	for (unsigned i = 0; i < ACCEPTS_MAX && conns_have_room(&s->conns);
	     i++) {
		fd = listen_accept(&s->listener);
		if (fd < 0)
			break;
		conns_add(&s->conns, fd);
	}
	// Without descriptors the connection stays in the queue and wakes us
	// again and again: wait until some are given back.
	if (fd == -EMFILE || fd == -ENFILE)
		(void)poll(NULL, 0, BUSY_TICK_MS);
}

// While there are as many as there may be, the rest wait in the queue.
static void on_connection(void *context, uint32_t events)
{
	struct server *s = context;

	(void)events;
	accept_all(s);
	s->is_full = !conns_have_room(&s->conns);
	if (s->is_full)
		loop_remove(&s->loop, &s->listen_watch);
}

static void on_signal(void *context, uint32_t events)
{
	struct server *s = context;

	(void)events;
	log_info("told to end");
	s->is_ending = true;
}

// A visit's thread: the session is over and written.
static void on_finished(void *context, struct proc *p)
{
	struct server *s = context;

	log_info("process %u: '%s' has ended", p->pid, p->comm);
	if (s->push)
		push_finished(s->push, p);
	table_end(&s->table, p);
	loop_wake(&s->loop);
}

// A makers' job: giving a region back takes the kernel a millisecond, which a
// hello should not have to wait for.
static uint64_t free_dead(void *context)
{
	struct server *s = context;
	struct proc *p, *next;

	pthread_mutex_lock(&s->dead_lock);
	p = s->dead;
	s->dead = NULL;
	pthread_mutex_unlock(&s->dead_lock);
	for (; p; p = next) {
		next = p->next_dead;
		proc_unref(p);
	}
	if (!table_count(&s->table))
		spare_trim(&s->spare);
	return POOL_NEVER;
}

static void give_up(struct server *s, struct proc *p)
{
	pthread_mutex_lock(&s->dead_lock);
	p->next_dead = s->dead;
	s->dead = p;
	pthread_mutex_unlock(&s->dead_lock);
	// Behind those that wait for a region. Without memory for the job the
	// next death asks again.
	(void)pool_post(s->env.makers, &s->free_job, pool_now_ns());
}

static void bury(struct server *s)
{
	struct proc *p;

	while ((p = table_exhume(&s->table))) {
		if (p->pid_fd >= 0)
			loop_remove(&s->loop, &p->pid_watch);
		if (p->stream_fd >= 0)
			loop_remove(&s->loop, &p->stream_watch);
		give_up(s, p);
	}
}

// Where no process waits for its start, HTTP comes before anybody is accepted.
static bool has_http_first(const struct server *s)
{
	return !s->opts->is_auto || http_door_is_open(&s->door);
}

static enum sandbox_needs sandbox_needs(const struct server *s)
{
	return has_http_first(s) ? SANDBOX_NOTHING : SANDBOX_LOADING;
}

// A starters' job, while there is nobody to be started.
static uint64_t prepare_sandbox(void *context)
{
	struct server *s = context;

	sandbox_prepare(sandbox_needs(s));
	(void)sem_post(&s->sandbox_ready);
	return POOL_NEVER;
}

// Without memory for the job the filter is made when it is needed.
static void begin_sandbox(struct server *s)
{
	pool_job_init(&s->sandbox_job, prepare_sandbox, s);
	(void)sem_init(&s->sandbox_ready, 0, 0);
	if (!s->opts->is_sandboxed ||
	    pool_post(s->env.starters, &s->sandbox_job, POOL_NOW))
		(void)sem_post(&s->sandbox_ready);
}

static int make_pools(struct server *s)
{
	s->env.starters = pool_new("cprofd-hello", STARTERS);
	if (!s->env.starters)
		return -ENOMEM;
	begin_sandbox(s);
	s->env.readers = pool_new("cprofd-read", READERS);
	s->env.writers = pool_new("cprofd-write", WRITERS);
	s->env.makers = pool_new("cprofd-make", MAKERS);
	if (!s->env.readers || !s->env.writers || !s->env.makers)
		return -ENOMEM;
	s->env.walktabs = walktab_new(s->env.writers);
	s->env.is_checking_walks = s->opts->is_checking_walks;
	s->env.is_emulated = s->opts->is_emulated;
	s->env.loop = &s->loop;
	s->env.on_finished = on_finished;
	s->env.context = s;
	return 0;
}

static int watch_signals(struct server *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	// Before any thread is there: all of them inherit it.
	if (pthread_sigmask(SIG_BLOCK, &set, NULL))
		return -errno;
	s->signal_watch = (struct loop_watch){
		signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), on_signal, s};
	if (s->signal_watch.fd < 0)
		return -errno;
	return loop_add(&s->loop, &s->signal_watch, EPOLLIN);
}

static int watch_listener(struct server *s)
{
	s->listen_watch = (struct loop_watch){s->listener.fd, on_connection, s};
	return loop_add(&s->loop, &s->listen_watch, EPOLLIN);
}

// Accepts again when a connection has gone. 0 or negative errno.
static int accept_more(struct server *s)
{
	if (!s->is_full || !conns_have_room(&s->conns))
		return 0;
	s->is_full = false;
	return watch_listener(s);
}

static void unwatch_listener(struct server *s)
{
	if (!s->is_full)
		loop_remove(&s->loop, &s->listen_watch);
	s->is_full = false;
}

static void init_parts(struct server *s)
{
	table_init(&s->table);
	spare_init(&s->spare, s->env.makers);
	s->attach = (struct attach){
		.env = &s->env, .table = &s->table, .spare = &s->spare};
	s->query.table = &s->table;
	s->conn_handler =
		(struct conn_handler){on_hello, on_bye, on_listen, on_http, s};
	conns_init(&s->conns, &s->loop, &s->conn_handler);
	pthread_mutex_init(&s->dead_lock, NULL);
	pool_job_init(&s->free_job, free_dead, s);
}

// Whoever waits for a collector to start waits for its first answer: what
// serves HTTP, two milliseconds' worth of libraries, comes after that. One
// that nobody waits for, or whose certificate may be wrong, has it at once.
static int start_http(struct server *s)
{
	s->http = http_new(&s->query, &s->access);
	if (!s->http)
		return -ENOMEM;
	if (!has_http_first(s))
		return 0;
	s->has_http = true;
	return http_start(s->http);
}

// Everything but the listening socket, which comes before, so that of two
// collectors that start at once one stops early. Parts that were made are given
// back by the end of the process when this fails.
static int start(struct server *s)
{
	int err = loop_init(&s->loop);

	if (!err)
		err = watch_signals(s);
	if (!err)
		err = make_pools(s);
	if (err)
		return err;
	init_parts(s);
	err = start_http(s);
	if (!err && http_door_is_open(&s->door))
		err = http_door_serve(&s->door, &s->loop, s->http, &s->query);
	if (!err && s->push) {
		s->query.push = push_status(s->push);
		err = push_serve(s->push, &s->table);
	}
	return err ? err : watch_listener(s);
}

static bool is_idle(struct server *s)
{
	uint64_t linger_ns = s->opts->linger_ns;
	uint64_t now_ns = pool_now_ns();

	if (table_count(&s->table) || s->conns.n || http_n_requests(s->http))
		return false;
	if (!table_has_ended(&s->table) && linger_ns < FIRST_LINGER_NS)
		linger_ns = FIRST_LINGER_NS;
	return now_ns - table_active_ns(&s->table) >= linger_ns;
}

// Takes who waits at the socket that has lost its name, and makes another.
static int listen_again(struct server *s)
{
	int err;

	accept_all(s);
	unwatch_listener(s);
	err = listen_restore(&s->listener);
	if (err)
		log_error("can't listen at '%s' again: %s", s->listener.path,
			  strerror(-err));
	return watch_listener(s) ? -ENOMEM : err;
}

// Ends an idle collector, unless somebody connected in the last moment.
static void try_end(struct server *s)
{
	if (!listen_retire(&s->listener) || listen_again(s))
		s->is_ending = true;
}

// Once a second; a folder that can't be written to may be better the next time.
static void look_after_name(struct server *s)
{
	uint64_t now_ns = pool_now_ns();

	if (now_ns - s->looked_ns < TICK_MS * 1000000ull)
		return;
	s->looked_ns = now_ns;
	if (listen_is_lost(&s->listener))
		(void)listen_again(s);
}

// The longest until the loop looks around.
static int tick_ms(struct server *s)
{
	if (!s->has_http)
		return HTTP_DELAY_MS;
	return s->conns.n || table_has_graves(&s->table) ||
			       (s->opts->is_auto && !table_count(&s->table))
		       ? BUSY_TICK_MS
		       : TICK_MS;
}

static void serve(struct server *s)
{
	s->began_ns = pool_now_ns();
	while (!s->is_ending) {
		int err = loop_wait(&s->loop, tick_ms(s));

		if (pool_now_ns() - s->began_ns >= HTTP_DELAY_MS * 1000000ull)
			begin_http(s);
		(void)conns_expire(&s->conns);
		if (!err)
			err = accept_more(s);
		if (err) {
			log_error("waiting failed: %s", strerror(-err));
			return;
		}
		bury(s);
		look_after_name(s);
		if (s->opts->is_auto && is_idle(s))
			try_end(s);
	}
}

static bool is_writing(struct server *s)
{
	size_t n;
	struct proc **list = table_list(&s->table, &n);
	bool is = false;

	for (size_t i = 0; i < n; i++) {
		proc_lock(list[i]);
		is |= list[i]->is_writing || list[i]->dumps;
		proc_unlock(list[i]);
	}
	if (list)
		table_unlist(list, n);
	return is;
}

// What was recorded until now becomes files, as at an exit. The pools still
// run: the writers write while the next session is read.
static void finish_sessions(struct server *s, uint64_t until_ns)
{
	size_t n;
	struct proc **list = table_list(&s->table, &n);

	for (size_t i = 0; i < n && pool_now_ns() < until_ns; i++)
		visit_finish(list[i]);
	if (list)
		table_unlist(list, n);
}

// The processes go on without us and look for another collector.
static void close_regions(struct server *s)
{
	size_t n;
	struct proc **list = table_list(&s->table, &n);

	for (size_t i = 0; i < n; i++) {
		proc_lock(list[i]);
		if (list[i]->region)
			atomic_store_explicit(
				&list[i]->region->control->x_closed, 1,
				memory_order_relaxed);
		proc_unlock(list[i]);
	}
	if (list)
		table_unlist(list, n);
}

static void *free_http(void *context)
{
	http_free(context);
	return NULL;
}

// False: a request does not come to its end; its thread may use everything.
static bool stop_http(struct server *s)
{
	struct timespec until;
	pthread_t thread;

	if (pool_thread(&thread, free_http, s->http))
		return false;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += HTTP_MAX_S;
	if (!pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &until))
		return true;
	log_error("requests did not end; going without them");
	return false;
}

static void stop(struct server *s)
{
	uint64_t until_ns = pool_now_ns() + FINISH_MAX_NS;
	bool has_requests;

	atomic_store_explicit(&s->query.x_is_ending, 1, memory_order_relaxed);
	unwatch_listener(s);
	listen_close(&s->listener);
	http_door_close(&s->door);
	has_requests = !stop_http(s);
	conns_fini(&s->conns);
	finish_sessions(s, until_ns);
	while (is_writing(s) && pool_now_ns() < until_ns)
		(void)poll(NULL, 0, FINISH_STEP_MS);
	close_regions(s);
	if (s->push)
		push_stop(s->push);
	// What others may still use ends with the process.
	if (has_requests || is_writing(s))
		return;
	// Jobs of one pool post to the others.
	pool_stop(s->env.starters);
	pool_stop(s->env.readers);
	pool_stop(s->env.writers);
	pool_stop(s->env.makers);
	(void)free_dead(s);
	table_fini(&s->table);
	spare_fini(&s->spare);
	walktab_free(s->env.walktabs);
	pool_free(s->env.starters);
	pool_free(s->env.readers);
	pool_free(s->env.writers);
	pool_free(s->env.makers);
	close(s->signal_watch.fd);
	loop_fini(&s->loop);
}

static int listen_or_say(struct server *s)
{
	char path[SOCKET_NAME_MAX_BYTES + 1];
	char log[SOCKET_NAME_MAX_BYTES + 8];
	int err = paths_socket(s->opts->socket, path);

	if (err) {
		log_error("the socket's name is longer than %u bytes",
			  SOCKET_NAME_MAX_BYTES);
		return err;
	}
	err = listen_open(&s->listener, path);
	if (err == -EADDRINUSE && s->opts->is_auto)
		return err;
	if (err == -EADDRINUSE)
		log_error("another collector serves at '%s'", path);
	else if (err == -EPERM)
		log_error("the folder of '%s', or a file in it, is not this "
			  "user's alone",
			  path);
	else if (err)
		log_error("can't listen at '%s': %s", path, strerror(-err));
	if (err || !s->opts->is_auto)
		return err;
	// The name ends in the folder of the socket.
	snprintf(log, sizeof(log), "%.*scprofd.log",
		 (int)(strrchr(path, '/') ? strrchr(path, '/') + 1 - path : 0),
		 path);
	if (log_open(log))
		log_set_level(LOG_OFF);
	return 0;
}

static void say_door(const struct opts *o, int err)
{
	if (err == -EINVAL)
		log_error("--http '%s' is not valid: ADDRESS:PORT, or a PORT",
			  o->http);
	else if (err == -EACCES)
		log_error("--http '%s' is not allowed without --token or "
			  "--tls-cert: others can reach that address",
			  o->http);
	else if (err == -ENOENT)
		log_error("--http '%s': no such address", o->http);
	else
		log_error("can't listen at '%s': %s", o->http, strerror(-err));
}

// The door for TCP, if there is to be one; before the sandbox, which has none.
// One that a shim started serves without where this fails.
static int open_door(struct server *s)
{
	const struct opts *o = s->opts;
	const char *file;
	int err = 0;

	http_door_init(&s->door);
	http_pages_init();
	s->access.token = o->token;
	if (o->tls_cert)
		err = http_access_load(&s->access, o->tls_cert, o->tls_key,
				       &file);
	if (err) {
		log_error("can't read '%s': %s", file, strerror(-err));
	} else if (o->http) {
		err = http_door_open(&s->door, o->http, &s->access);
		if (err)
			say_door(o, err);
		else
			log_info("serving at %s", s->door.url);
	}
	if (!err || !o->is_auto)
		return err;
	http_access_fini(&s->access);
	s->access.token = o->token;
	return 0;
}

// Its sender is a process; so before there are threads.
static int start_push(struct server *s)
{
	static char dir[SOCKET_NAME_MAX_BYTES + sizeof("push")];
	const struct opts *o = s->opts;
	const struct push_config config = {
		.server = {o->push, o->push_headers},
		.interval_s = o->push_interval_s,
		.spool_dir = dir,
		.spool_bytes = o->push_spool_bytes,
		.is_sandboxed = o->is_sandboxed,
	};
	const char *path = s->listener.path;
	const char *name = strrchr(path, '/');
	int err;

	snprintf(dir, sizeof(dir), "%.*spush",
		 (int)(name ? name + 1 - path : 0), path);
	s->push = push_start(&config, &err);
	if (!s->push)
		log_error("can't keep what --push sends in '%s': %s", dir,
			  err == -EPERM ? "it must be this user's alone (0700)"
					: strerror(-err));
	return err;
}

static void raise_limits(void)
{
	struct rlimit r;

	// Three descriptors a process; what can't be had shows as refusals.
	if (!getrlimit(RLIMIT_NOFILE, &r)) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r);
	}
	signal(SIGPIPE, SIG_IGN);
	// Without it a file that is cut ends us: unlikely, not impossible.
	(void)sigbus_init();
}

// Serving without it is better than not serving.
static void confine(struct server *s)
{
	int err;

	while (sem_wait(&s->sandbox_ready) && errno == EINTR)
		;
	err = sandbox_enter(sandbox_needs(s));
	s->is_confined = !err;
	if (err)
		log_info("runs without its sandbox: %s", strerror(-err));
}

int server_run(const struct opts *o)
{
	static struct server s; // large tables
	int err;

	s.opts = o;
	log_set_level(o->log_level);
	raise_limits();
	err = listen_or_say(&s);
	if (err)
		return err == -EADDRINUSE && o->is_auto ? EXIT_SUCCESS
							: EXIT_FAILURE;
	fetch_start(); // there are no threads yet
	err = open_door(&s);
	if (!err && o->push)
		err = start_push(&s);
	if (err) {
		listen_close(&s.listener);
		return EXIT_FAILURE;
	}
	err = start(&s);
	if (err) {
		log_error("can't start: %s", strerror(-err));
		listen_close(&s.listener);
		return EXIT_FAILURE;
	}
	if (o->is_sandboxed)
		confine(&s);
	log_info("serving at '%s'", s.listener.path);
	serve(&s);
	stop(&s);
	return EXIT_SUCCESS;
}

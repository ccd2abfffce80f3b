// SPDX-License-Identifier: Apache-2.0
//
// Identity and life of a session, and its counters. How its rings are read is
// in drain.c.
#include "collector/proc.h"

#include "collector/mem.h"
#include "collector/procfs.h"
#include "collector/utf8.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// The first visits come this close together; see visit.c.
#define FIRST_INTERVAL_NS 5000000u
// The least a trace wants.
#define TRACE_CPU_HZ	     100u
#define TRACE_BLOCK_RATE_NS  10000u
#define TRACE_MUTEX_FRACTION 10u

void proc_add_text(struct proc_texts *t, char *text, size_t max)
{
	char **list;

	if (!text)
		return;
	if (t->n == max) {
		free(t->list[0]);
		t->n--;
		memmove(t->list, t->list + 1, t->n * sizeof(*t->list));
	}
	list = mem_grow(t->list, &t->capacity, t->n + 1, sizeof(*list));
	if (!list) {
		free(text);
		return;
	}
	t->list = list;
	t->list[t->n++] = text;
}

void proc_free_texts(struct proc_texts *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->list[i]);
	free(t->list);
	*t = (struct proc_texts){0};
}

void proc_free_kept(struct proc_kept *kept)
{
	free(kept->ids);
	proc_free_texts(&kept->files);
	*kept = (struct proc_kept){0};
}

void proc_warn(struct proc *p, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = mem_vprintf(format, args);
	va_end(args);
	if (!text)
		return;
	for (size_t i = 0; i < p->warnings.n; i++)
		if (!strcmp(p->warnings.list[i], text)) {
			free(text);
			return;
		}
	proc_add_text(&p->warnings, text, PROC_WARNINGS_MAX);
}

// Splits the command line, whose arguments end in NULs.
static char **split(const ProtobufCBinaryData *cmdline)
{
	const char *text = (const char *)cmdline->data;
	size_t n = 0, n_args = 0;
	char **argv = calloc(cmdline->len + 1, sizeof(*argv));

	while (argv && n < cmdline->len) {
		size_t n_bytes = strnlen(text + n, cmdline->len - n);

		argv[n_args] = strndup(text + n, n_bytes);
		if (!argv[n_args])
			break;
		n_args++;
		n += n_bytes + 1;
	}
	return argv;
}

static void set_comm(struct proc *p)
{
	const char *name;

	if (!procfs_comm(p->pid, p->comm) && p->comm[0])
		return;
	name = p->argv && p->argv[0] ? p->argv[0] : "unknown";
	if (strrchr(name, '/'))
		name = strrchr(name, '/') + 1;
	snprintf(p->comm, sizeof(p->comm), "%s", name);
}

// It becomes a part of files' names, and is asked for by clients.
static void set_clean_comm(struct proc *p)
{
	set_comm(p);
	utf8_mend(p->comm);
}

static void set_warnings(struct proc *p)
{
	for (size_t i = 0; i < p->hello->n_warnings; i++)
		proc_warn(p, "%s", p->hello->warnings[i]);
	for (size_t i = 0; i < p->hello->n_bad_settings; i++) {
		const Cprof__BadSetting *b = p->hello->bad_settings[i];

		proc_warn(p, "%s '%s' is not valid (%s); the default is used",
			  b->name, b->value, b->allowed);
	}
}

static void set_identity(struct proc *p)
{
	struct timespec now;
	struct procfs_stat st;

	p->argv = split(&p->hello->cmdline);
	set_clean_comm(p);
	if (!procfs_stat(p->pid, &st))
		p->start_ticks = st.start_ticks;
	(void)procfs_status(p->pid, "Seccomp_filters:", &p->base_filters);
	p->has_other_pids = p->hello->pid != p->pid;
	p->attached_ns = pool_now_ns();
	clock_gettime(CLOCK_REALTIME, &now);
	p->start_time_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	gperf_apply(p->hello, &p->gperf);
	p->rates = (struct proc_rates){
		.heap_rate = p->hello->heap_rate,
		.cpu_hz = p->hello->cpu_hz,
		.block_rate_ns = p->hello->block_rate_ns,
		.mutex_fraction = p->hello->mutex_fraction,
	};
	set_warnings(p);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void proc_drop_start(const struct proc_start *start)
{
	close_fd(start->maps_fd);
	close_fd(start->pid_fd);
	cprof__hello__free_unpacked(start->hello, NULL);
}

int proc_new(const struct proc_start *start, struct proc **ret)
{
	static _Atomic uint64_t x_session;
	struct proc *p = calloc(1, sizeof(*p));

	if (!p) {
		proc_drop_start(start);
		return -ENOMEM;
	}
	p->magic = PROC_MAGIC;
	p->env = start->env;
	p->session =
		atomic_fetch_add_explicit(&x_session, 1, memory_order_relaxed) +
		1;
	p->pid = start->pid;
	p->uid = start->uid;
	p->hello = start->hello;
	p->maps_fd = start->maps_fd;
	p->pid_fd = start->pid_fd;
	p->stream_fd = p->answer_fd = -1;
	p->interval_ns = FIRST_INTERVAL_NS;
	atomic_init(&p->x_n_refs, 1);
	for (int i = 0; i < PROC_SHARES; i++)
		share_init(&p->shares[i]);
	pthread_mutex_init(&p->turnstile, NULL);
	pthread_mutex_init(&p->lock, NULL);
	walkindex_init(&p->walk, start->env->walktabs);
	set_identity(p);
	*ret = p;
	return 0;
}

struct proc *proc_ref(struct proc *p)
{
	ASSERT(p->magic == PROC_MAGIC);
	atomic_fetch_add_explicit(&p->x_n_refs, 1, memory_order_relaxed);
	return p;
}

static void free_proc(struct proc *p)
{
	p->magic = 0;
	if (p->is_started)
		ingest_fini(&p->ingest);
	// The process may live, and go on with this region for a while: with
	// these tables only if they stay, since the collector ends.
	if (!p->is_closed)
		walkindex_empty(&p->walk);
	walkindex_fini(&p->walk);
	region_free(p->region);
	close_fd(p->stream_fd);
	close_fd(p->answer_fd);
	close_fd(p->pid_fd);
	close_fd(p->maps_fd);
	cprof__hello__free_unpacked(p->hello, NULL);
	for (size_t i = 0; p->argv && p->argv[i]; i++)
		free(p->argv[i]);
	free(p->argv);
	proc_free_texts(&p->files);
	proc_free_texts(&p->warnings);
	for (size_t i = 0; i < p->n_kept; i++)
		proc_free_kept(&p->kept[i]);
	free(p->kept);
	snap_free(p->regular.peak);
	snap_free(p->toggled);
	for (unsigned i = 0; i < KIND_N + PROFILES_MAX; i++)
		snap_free(p->begun[i].first);
	free(p->dir);
	pthread_mutex_destroy(&p->lock);
	for (int i = 0; i < PROC_SHARES; i++)
		share_fini(&p->shares[i]);
	pthread_mutex_destroy(&p->turnstile);
	free(p);
}

void proc_unref(struct proc *p)
{
	// Release: what this thread did comes before the free in another;
	// acquire: the freeing thread sees it.
	if (atomic_fetch_sub_explicit(&p->x_n_refs, 1, memory_order_acq_rel) ==
	    1)
		free_proc(p);
}

// Those in force: a trace raises some.
static struct proc_rates effective_rates(const struct proc *p)
{
	struct proc_rates r = p->rates;

	if (!p->is_traced)
		return r;
	if (!r.cpu_hz)
		r.cpu_hz = TRACE_CPU_HZ;
	if (!r.block_rate_ns || r.block_rate_ns > TRACE_BLOCK_RATE_NS)
		r.block_rate_ns = TRACE_BLOCK_RATE_NS;
	if (!r.mutex_fraction)
		r.mutex_fraction = TRACE_MUTEX_FRACTION;
	return r;
}

// CPU samples are switched on or off: see nudge.h.
static void note_switch(struct proc *p, uint64_t old_hz, uint64_t hz)
{
	if (hz && old_hz)
		return;
	p->nudge_ns = hz ? pool_now_ns() : 0;
	p->nudge_step_ns = 0;
	p->nudge_from_tid = 0;
	if (hz)
		proc_poke(p);
}

static void store_rates(struct proc *p)
{
	struct region_control *c;
	struct proc_rates rates = effective_rates(p);

	if (!p->region)
		return;
	c = p->region->control;
	note_switch(p, atomic_load_explicit(&c->x_cpu_hz, memory_order_relaxed),
		    rates.cpu_hz);
	atomic_store_explicit(&c->x_heap_rate, rates.heap_rate,
			      memory_order_relaxed);
	atomic_store_explicit(&c->x_cpu_hz, rates.cpu_hz, memory_order_relaxed);
	atomic_store_explicit(&c->x_block_rate_ns, rates.block_rate_ns,
			      memory_order_relaxed);
	atomic_store_explicit(&c->x_mutex_fraction, rates.mutex_fraction,
			      memory_order_relaxed);
}

void proc_use_region(struct proc *p, struct region *region)
{
	p->region = region;
	atomic_store_explicit(&p->x_region_bytes, region->size_bytes,
			      memory_order_relaxed);
	for (uint32_t i = 0; i < region->size.n_stripes; i++)
		ringread_init(&p->rings[i], region_stripe(region, i),
			      region->size.stripe_bytes);
	atomic_store_explicit(&region->control->x_heartbeat_ns, pool_now_ns(),
			      memory_order_relaxed);
	walkindex_use(&p->walk, region_walk_index(region));
	store_rates(p);
	// Its threads have seen no other rate, or none.
	if (!p->hello->is_reconnect)
		p->nudge_ns = 0;
}

void proc_drop_region(struct proc *p)
{
	// It will be another process's: nothing of this one stays in it.
	walkindex_empty(&p->walk);
	walkindex_use(&p->walk, NULL);
	atomic_store_explicit(&p->region->control->x_written, 0,
			      memory_order_relaxed);
	p->region = NULL;
	atomic_store_explicit(&p->x_region_bytes, 0, memory_order_relaxed);
}

void proc_use_stream(struct proc *p, int fd)
{
	p->stream_fd = fd;
}

void proc_lock(struct proc *p)
{
	// Whoever waits for the lock stands in the turnstile, so that a visitor
	// that comes again at once has to queue behind.
	pthread_mutex_lock(&p->turnstile);
	pthread_mutex_lock(&p->lock);
	pthread_mutex_unlock(&p->turnstile);
}

void proc_unlock(struct proc *p)
{
	pthread_mutex_unlock(&p->lock);
}

void proc_poke(struct proc *p)
{
	// Without memory for it the next visit that is planned does it.
	if (p->env->readers)
		(void)pool_post(p->env->readers, &p->visit_job, POOL_NOW);
}

void proc_set_over(struct proc *p)
{
	atomic_store_explicit(&p->x_is_over, 1, memory_order_release);
	proc_poke(p);
}

bool proc_is_over(struct proc *p)
{
	return atomic_load_explicit(&p->x_is_over, memory_order_acquire);
}

bool proc_is_gone(const struct proc *p)
{
	struct pollfd end = {.fd = p->pid_fd, .events = POLLIN};
	struct procfs_stat st;

	if (p->pid_fd >= 0)
		return poll(&end, 1, 0) > 0;
	return procfs_stat(p->pid, &st) || st.start_ticks != p->start_ticks;
}

bool proc_is_attached(const struct proc *p)
{
	if (!p->region)
		return p->stream_fd >= 0;
	return atomic_load_explicit(&p->region->status->x_attached,
				    memory_order_relaxed);
}

static uint64_t *rate_of(struct proc_rates *r, enum setting setting)
{
	switch (setting) {
	case SETTING_HEAP_RATE:
		return &r->heap_rate;
	case SETTING_CPU_HZ:
		return &r->cpu_hz;
	case SETTING_BLOCK_RATE:
		return &r->block_rate_ns;
	case SETTING_MUTEX_FRACTION:
		return &r->mutex_fraction;
	default:
		return NULL;
	}
}

int proc_set_rate(struct proc *p, enum setting setting, uint64_t value)
{
	uint64_t *rate = rate_of(&p->rates, setting);

	if (!rate)
		return -EINVAL;
	if (!p->region)
		return *rate == value ? 0 : -EOPNOTSUPP;
	*rate = value;
	store_rates(p);
	return 0;
}

struct askable_policy proc_ask_policy(const struct proc *p)
{
	const struct region_status *status = p->region->status;
	struct askable_policy policy = {.base_filters = p->base_filters};

	policy.sig = (int)atomic_load_explicit(&status->x_ask_signal,
					       memory_order_relaxed);
	policy.eintr =
		atomic_load_explicit(&status->x_eintr, memory_order_relaxed);
	// Any other the sandbox would refuse.
	if (policy.sig != SIGURG && policy.sig != SIGWINCH)
		policy.sig = 0;
	return policy;
}

void proc_set_traced(struct proc *p, bool is_traced)
{
	p->is_traced = is_traced;
	store_rates(p);
	atomic_store_explicit(&p->region->control->x_is_traced, is_traced,
			      memory_order_relaxed);
}

uint64_t proc_rate(const struct proc *p, enum setting setting)
{
	struct proc_rates rates = p->rates;
	uint64_t *rate = rate_of(&rates, setting);

	return rate ? *rate : 0;
}

size_t proc_bytes(const struct proc *p)
{
	return sizeof(*p) + (p->region ? p->region->size_bytes : 0) +
	       ingest_bytes(&p->ingest);
}

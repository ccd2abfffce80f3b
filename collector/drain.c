// SPDX-License-Identifier: Apache-2.0
//
// One pass takes the heads as they are when it begins, so that it ends however
// fast the process writes.
#include "collector/drain.h"

#include "collector/ended.h"
#include "collector/log.h"
#include "collector/own.h"
#include "collector/procfs.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

// Messages read in one pass: a process that sends without end is visited again.
#define DRAIN_MESSAGES_MAX 8192

void drain_start(struct proc *p)
{
	struct images *images;
	int err;

	if (p->is_started)
		return;
	images = images_new(p->maps_fd, p->pid, p->hello->program_start);
	p->maps_fd = -1;
	p->is_started = true;
	if (!images)
		proc_warn(p, "no memory for the process's mappings");
	err = ingest_init(&p->ingest, images, p->hello->stack_depth);
	if (err) {
		log_error("process %u: no memory", p->pid);
		proc_warn(p, "no memory to begin with: it is not profiled");
	}
	threads_name(&p->ingest.threads, p->hello->pid, p->comm,
		     sizeof(p->comm));
}

// A dlclose is over: what was mapped has changed. While one is running (odd)
// the maps say nothing certain.
static void check_generation(struct proc *p)
{
	uint32_t generation;

	if (!p->region)
		return;
	// Pairs with the shim's release around dlclose.
	generation = atomic_load_explicit(&p->region->status->x_generation,
					  memory_order_acquire);
	if (generation == p->generation || generation & 1)
		return;
	p->generation = generation;
	if (!proc_is_over(p))
		ingest_refresh(&p->ingest, generation);
}

// Read some records ahead: what a process's heap adds up to lies in more memory
// than caches hold, and most of a record's cost is to wait for that. First for
// where its id stands in the table, then, halfway, for what that tells of.
#define AHEAD 8u // a power of two

static uint64_t drain_ring(struct proc *p, struct ringread *r, uint64_t head)
{
	static __thread union ringread_record records[AHEAD];
	uint64_t tail = r->tail;
	uint32_t n_read = 0;

	for (uint32_t n = 0;; n++) {
		while (n_read - n < AHEAD &&
		       ringread_next(r, head, &records[n_read % AHEAD]))
			ingest_expect(&p->ingest, &records[n_read++ % AHEAD]);
		if (n == n_read)
			break;
		if (n_read - n > AHEAD / 2)
			ingest_expect_found(&p->ingest,
					    &records[(n + AHEAD / 2) % AHEAD]);
		ingest_record(&p->ingest, &records[n % AHEAD]);
	}
	return r->tail - tail;
}

static uint64_t drain_rings(struct proc *p)
{
	uint64_t heads[STRIPES_MAX];
	uint32_t n = p->region->n_ready;
	uint64_t n_bytes = 0;

	for (uint32_t i = 0; i < n; i++)
		heads[i] = ringread_head(&p->rings[i]);
	for (uint32_t i = 0; i < n; i++)
		n_bytes += drain_ring(p, &p->rings[i], heads[i]);
	return n_bytes;
}

// Frees whose record found no room wait in the live table.
static void sweep_bucket(struct proc *p, uint32_t i)
{
	struct live_bucket *b = region_bucket(p->region, i);

	for (uint32_t slot = 0; slot < LIVE_SLOTS; slot++) {
		// Acquire pairs with the shim's release: the id is valid.
		uint64_t v = atomic_load_explicit(&b->x_slots[slot],
						  memory_order_acquire);
		uint64_t id;

		if ((v & LIVE_STATE) != LIVE_FREED)
			continue;
		id = atomic_load_explicit(region_id(p->region, i, slot),
					  memory_order_relaxed);
		// Release: the id was read before the shim may reuse the slot.
		if (atomic_compare_exchange_strong_explicit(
			    &b->x_slots[slot], &v, 0, memory_order_release,
			    memory_order_relaxed) &&
		    id)
			agg_free(&p->ingest.agg, id);
	}
}

static void sweep_live_table(struct proc *p)
{
	uint64_t n = own_shim_counter(p, COUNTER_FREES_DEFERRED);

	// One may have been counted before and be marked only now; at the end
	// all are. A process that never had one is spared the look.
	if (proc_is_over(p) ? !n : n == p->frees_deferred)
		return;
	p->frees_deferred = n;
	for (uint32_t i = 0; i < region_n_buckets(p->region); i++)
		sweep_bucket(p, i);
}

// False: the stream is empty or at its end.
static bool read_message(struct proc *p, uint64_t *n_bytes)
{
	static __thread union ringread_record record;
	ssize_t n = recv(p->stream_fd, &record, sizeof(record),
			 MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		p->is_stream_ended = true;
		return false;
	}
	*n_bytes += (uint64_t)n;
	if ((size_t)n > sizeof(record) || ringread_check(&record, (size_t)n))
		p->n_bad_messages++;
	else
		ingest_record(&p->ingest, &record);
	return true;
}

static uint64_t drain_stream(struct proc *p)
{
	uint64_t n_bytes = 0;

	for (int i = 0; i < DRAIN_MESSAGES_MAX && !p->is_stream_ended; i++)
		if (!read_message(p, &n_bytes))
			break;
	return n_bytes;
}

void drain_close(struct proc *p)
{
	(void)drain_run(p);
	ingest_waiting(&p->ingest, true);
	for (int i = 0; i < COUNTER_N; i++)
		p->closed_counters[i] =
			own_shim_counter(p, (enum region_counter)i);
	p->is_closed = p->region && !p->is_goodbye && !proc_is_over(p);
}

uint64_t drain_run(struct proc *p)
{
	uint64_t n_bytes;
	bool is_last;

	drain_start(p);
	check_generation(p);
	p->ingest.now_s = (uint32_t)(pool_now_ns() / 1000000000u);
	if (!p->region) {
		n_bytes = p->stream_fd >= 0 ? drain_stream(p) : 0;
		// A stream has no order but its own.
		ingest_waiting(&p->ingest, true);
		ended_fold(p);
		return n_bytes;
	}
	atomic_store_explicit(&p->region->control->x_heartbeat_ns,
			      pool_now_ns(), memory_order_relaxed);
	if (p->is_closed)
		return 0;
	// Pairs with the shim's release: all records pushed before the goodbye
	// are visible to what follows.
	p->is_goodbye |= atomic_load_explicit(&p->region->status->x_goodbye,
					      memory_order_acquire) != 0;
	is_last = p->is_goodbye || proc_is_over(p);
	n_bytes = drain_rings(p);
	ingest_waiting(&p->ingest, is_last);
	sweep_live_table(p);
	ended_fold(p);
	return n_bytes;
}

void drain_free_stripes(struct proc *p)
{
	if (!p->region || p->has_other_pids || proc_is_over(p))
		return;
	for (uint32_t i = 0; i < p->region->n_ready; i++) {
		struct stripe *s = p->rings[i].stripe;
		uint32_t owner = atomic_load_explicit(&s->x_owner_tid,
						      memory_order_relaxed);
		uint64_t head =
			atomic_load_explicit(&s->x_head, memory_order_relaxed);

		if (owner && owner == p->owners[i] &&
		    head == p->owner_heads[i] &&
		    !procfs_thread_exists(p->pid, owner) &&
		    atomic_compare_exchange_strong_explicit(
			    &s->x_owner_tid, &owner, 0, memory_order_release,
			    memory_order_relaxed))
			p->n_stripes_freed++;
		p->owners[i] = owner;
		p->owner_heads[i] = head;
	}
}

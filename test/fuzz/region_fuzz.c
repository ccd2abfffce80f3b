// SPDX-License-Identifier: Apache-2.0
//
// Description: whatever a process does to its region, and while the collector
// reads it: visits, snapshots and profiles neither crash nor break an
// invariant, and no ring is left behind a reader that went astray.
//
// The input is a list of writes (struct poke and its bytes). All are made once,
// then over and over by a second thread while the collector's code visits.
// fuzz: -max_len=4096
#include "collector/region.h"

#include "test/fuzz/session.h"

#include <pthread.h>
#include <stdatomic.h>

#define POKES_MAX 64u
#define N_VISITS  4

enum poke_where {
	POKE_ANYWHERE,
	POKE_CONTROL,
	POKE_STATUS,
	POKE_STRIPE,  // its header, then its data
	POKE_DATA,    // of the first stripe, by its end
	POKE_BUCKETS, // of the live table
	POKE_IDS,
	POKE_HEADS, // all heads by as much
	POKE_WALK,  // the index of unwind tables
	POKE_SENT,  // sent stacks, and their frames
	POKE_LOG,
	POKE_N
};

struct poke {
	uint8_t where;
	uint8_t n_bytes;
	uint16_t at; // in units of 8
};

struct pokes {
	struct region *region;
	struct {
		unsigned char *to;
		uint8_t n_bytes;
		const uint8_t *bytes;
	} list[POKES_MAX];
	unsigned n;
	_Atomic bool x_is_over;
};

static const struct region_size size = {.n_stripes = 2,
					.n_first = 1,
					.stripe_bytes = 64 << 10,
					.lg_live_buckets = 3,
					.lg_sent = 4,
					.lg_log = LG_LOG_MIN};

// Of all inputs: seeds that aren't understood any more are worth nothing.
static uint64_t n_records, n_swept;

static size_t offset_of(const struct region *r, const struct poke *p)
{
	size_t at = (size_t)p->at * 8;

	switch (p->where % POKE_N) {
	case POKE_CONTROL:
		return at % REGION_PAGE;
	case POKE_STATUS:
		return REGION_PAGE + at % REGION_PAGE;
	case POKE_STRIPE:
		return r->stripes_offset + at;
	case POKE_DATA:
		return r->stripes_offset + sizeof(struct stripe) +
		       size.stripe_bytes - 512 + at % 512;
	case POKE_BUCKETS:
		return r->live_offset + at % 512;
	case POKE_IDS:
		return r->ids_offset + at % 512;
	case POKE_HEADS:
		return r->stripes_offset + offsetof(struct stripe, x_head) +
		       p->at % 2 * (sizeof(struct stripe) + size.stripe_bytes);
	case POKE_WALK:
		return r->walk_offset + at;
	case POKE_SENT:
		return r->sent_offset + at % 256;
	case POKE_LOG:
		return r->log_offset + at % (2u << LG_LOG_MIN);
	default:
		return at;
	}
}

static void read_pokes(struct pokes *pokes, const uint8_t *data, size_t n_bytes)
{
	struct fuzz_input in = {data, n_bytes};
	struct poke p;

	while (pokes->n < POKES_MAX && fuzz_take(&in, &p, sizeof(p))) {
		size_t at = offset_of(pokes->region, &p);
		size_t n = p.n_bytes;

		if (n > in.n_bytes)
			n = in.n_bytes;
		if (at + n > pokes->region->size_bytes)
			continue;
		pokes->list[pokes->n].to =
			(unsigned char *)pokes->region->control + at;
		pokes->list[pokes->n].n_bytes = (uint8_t)n;
		pokes->list[pokes->n++].bytes = in.data;
		in.data += n;
		in.n_bytes -= n;
	}
}

static void poke_all(const struct pokes *pokes)
{
	for (unsigned i = 0; i < pokes->n; i++)
		memcpy(pokes->list[i].to, pokes->list[i].bytes,
		       pokes->list[i].n_bytes);
}

// Puts things back now and then, or all would be decided by the first pass.
static void *scribble(void *context)
{
	struct pokes *pokes = context;

	while (!atomic_load_explicit(&pokes->x_is_over, memory_order_relaxed)) {
		poke_all(pokes);
		for (unsigned i = 0; i < pokes->n; i++)
			memset(pokes->list[i].to, 0, pokes->list[i].n_bytes);
	}
	return NULL;
}

static void visit(struct proc *p)
{
	proc_lock(p);
	(void)drain_run(p);
	drain_free_stripes(p);
	for (uint32_t i = 0; i < p->region->n_ready; i++)
		REQUIRE(p->rings[i].tail % 8 == 0);
	proc_unlock(p);
}

static struct proc *new_session(struct region **ret_region)
{
	struct proc *p = session_new(session_hello(), -1);

	REQUIRE(!region_new(&size, ret_region));
	p->hello->pid = p->pid;
	proc_use_region(p, *ret_region);
	// As drain_start() would, but nothing is mapped anywhere.
	REQUIRE(!ingest_init(&p->ingest, NULL, 16));
	p->is_started = true;
	return p;
}

// A trace runs through some of the visits.
static void trace(struct proc *p, struct trace *t_or_null)
{
	proc_lock(p);
	proc_set_traced(p, t_or_null != NULL);
	p->ingest.trace = t_or_null;
	proc_unlock(p);
}

// The collector is told to end: what it has not read is for the next one.
static void close_session(struct proc *p)
{
	proc_lock(p);
	drain_close(p);
	for (int i = 0; i < COUNTER_N; i++)
		(void)own_shim_counter(p, (enum region_counter)i);
	proc_unlock(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
	struct pokes pokes = {0};
	struct trace events = {0};
	struct proc *p = new_session(&pokes.region);
	pthread_t scribbler;

	read_pokes(&pokes, data, n_bytes);
	poke_all(&pokes);
	visit(p);
	poke_all(&pokes);
	n_records += p->ingest.n_records[RECORD_ALLOC];
	n_swept += p->ingest.agg.n_frees;
	REQUIRE(!region_grow(pokes.region));
	REQUIRE(!pthread_create(&scribbler, NULL, scribble, &pokes));
	trace(p, &events);
	for (int i = 0; i < N_VISITS; i++)
		visit(p);
	trace(p, NULL);
	trace_fini(&events);
	session_use(p);
	close_session(p);
	visit(p);
	atomic_store(&p->x_is_over, 1);
	visit(p);
	atomic_store(&pokes.x_is_over, true);
	pthread_join(scribbler, NULL);
	poke_all(&pokes);
	visit(p);
	REQUIRE(!agg_check(&p->ingest.agg));
	REQUIRE(!stacks_check(&p->ingest.stacks));
	proc_unref(p);
	return 0;
}

struct writer {
	uint8_t bytes[4096];
	size_t n;
};

static void put(struct writer *w, enum poke_where where, size_t at_bytes,
		const void *bytes, size_t n_bytes)
{
	struct poke p = {(uint8_t)where, (uint8_t)n_bytes,
			 (uint16_t)(at_bytes / 8)};

	memcpy(w->bytes + w->n, &p, sizeof(p));
	memcpy(w->bytes + w->n + sizeof(p), bytes, n_bytes);
	w->n += sizeof(p) + n_bytes;
}

static void put_records(struct writer *w)
{
	struct record r = {.size_bytes = sizeof(r), .tid = 7, .aux = 1};
	uint64_t head = 3 * sizeof(r);

	for (uint64_t id = 1; id <= 3; id++) {
		r.type = id == 3 ? RECORD_FREE : RECORD_ALLOC;
		r.id = id == 3 ? 1 : id;
		r.value = 100;
		put(w, POKE_STRIPE,
		    sizeof(struct stripe) + (id - 1) * sizeof(r), &r,
		    sizeof(r));
	}
	put(w, POKE_HEADS, 0, &head, sizeof(head));
}

static void write_seeds(void)
{
	const uint64_t slot = 0x1000 | LIVE_FREED, one = 1, id = 2;
	struct writer w = {.n = 0};

	put_records(&w);
	fuzz_seed("records", w.bytes, w.n);
	LLVMFuzzerTestOneInput(w.bytes, w.n);
	REQUIRE(n_records == 2 && n_swept == 1);
	put(&w, POKE_BUCKETS, 8, &slot, sizeof(slot));
	put(&w, POKE_IDS, 8, &id, sizeof(id));
	put(&w, POKE_STATUS,
	    offsetof(struct region_status, x_counters) +
		    COUNTER_FREES_DEFERRED * 8,
	    &one, sizeof(one));
	fuzz_seed("deferred", w.bytes, w.n);
	LLVMFuzzerTestOneInput(w.bytes, w.n);
	REQUIRE(n_records == 4 && n_swept == 3);
	put(&w, POKE_STATUS, offsetof(struct region_status, x_goodbye), &one,
	    sizeof(one));
	put(&w, POKE_CONTROL, offsetof(struct region_control, x_heap_rate),
	    &one, sizeof(one));
	fuzz_seed("goodbye", w.bytes, w.n);
}

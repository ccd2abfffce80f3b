// SPDX-License-Identifier: Apache-2.0
//
// A peak may come and go between two visits, so its snapshot is taken at the
// very record that makes it, while rings are read. Until it is written a higher
// one takes its place: a program that only grows leaves some peaks, not one a
// step. Rings are read one after the other, so where a process filled several
// between two visits a peak between them looks lower than it was.
#include "collector/regular.h"

#include "collector/dump.h"
#include "collector/take.h"

#include <math.h>

// Two dumps of one process are never closer together than this.
#define PAUSE_NS	100000000u
#define PEAK_PAUSE_NS	1000000000u
#define PEAKS_PER_VISIT 64u

static void on_peak(void *context)
{
	struct proc *p = context;
	struct agg *a = &p->ingest.agg;
	struct snap *s;

	// The rest of them at the visit's end: a process that allocates nothing
	// but peaks does not hold the others up.
	if (p->regular.n_peaks == PEAKS_PER_VISIT)
		return;
	p->regular.n_peaks++;
	s = take_snap(p, KIND_INUSE);
	p->ingest.peak_mark_bytes =
		a->inuse_bytes + (double)p->hello->dump_peak_bytes;
	if (!s)
		return;
	take_comment(s, "dump: a peak, %.0f bytes in use", a->inuse_bytes);
	snap_free(p->regular.peak);
	p->regular.peak = s;
	p->regular.peak_bytes = a->inuse_bytes;
}

void regular_start(struct proc *p)
{
	const Cprof__Hello *h = p->hello;

	if (p->regular.is_started)
		return;
	p->regular.is_started = true;
	p->regular.next_ns = pool_now_ns() + h->dump_every_ns;
	p->regular.next_alloc_bytes = (double)h->dump_alloc_bytes;
	if (!h->dump_peak_bytes)
		return;
	p->ingest.peak_mark_bytes = (double)h->dump_peak_bytes;
	p->ingest.on_peak = on_peak;
	p->ingest.peak_context = p;
}

// Posts a dump of the kinds that were asked for, with the reason in each.
static void post(struct proc *p, const char *why)
{
	struct dump d = {.is_regular = true};

	dump_take(p, p->hello->dump_kinds, &d);
	for (unsigned i = 0; i < d.n_snaps; i++)
		take_comment(d.snaps[i], "dump: %s", why);
	if (d.n_snaps && dump_post(p, &d, false))
		proc_warn(p, "no memory for a regular dump");
}

static void visit_peak(struct proc *p, uint64_t now_ns, bool is_over)
{
	struct proc_regular *r = &p->regular;
	struct dump d = {.is_regular = true, .peak_bytes = r->peak_bytes};

	if (!r->peak || (!is_over && now_ns - r->peak_ns < PEAK_PAUSE_NS))
		return;
	d.snaps[d.n_snaps++] = r->peak;
	r->peak = NULL;
	r->peak_ns = now_ns;
	if (dump_post(p, &d, false))
		proc_warn(p, "no memory for a peak's dump");
}

static void visit_time(struct proc *p, uint64_t now_ns)
{
	uint64_t every_ns = p->hello->dump_every_ns;

	if (!every_ns || now_ns < p->regular.next_ns)
		return;
	// Those that a busy disk has let pass are not made up for.
	p->regular.next_ns += every_ns;
	if (p->regular.next_ns < now_ns + PAUSE_NS)
		p->regular.next_ns =
			now_ns + (every_ns > PAUSE_NS ? every_ns : PAUSE_NS);
	post(p, "it was time");
}

static void visit_alloc(struct proc *p, uint64_t now_ns)
{
	struct proc_regular *r = &p->regular;
	double step = (double)p->hello->dump_alloc_bytes;
	double bytes = p->ingest.agg.alloc_bytes;

	if (!(step > 0) || bytes < r->next_alloc_bytes ||
	    now_ns - r->alloc_ns < PAUSE_NS)
		return;
	r->alloc_ns = now_ns;
	r->next_alloc_bytes = (floor(bytes / step) + 1) * step;
	post(p, "so much was allocated");
}

void regular_visit(struct proc *p, bool is_over)
{
	uint64_t now_ns = pool_now_ns();

	p->regular.n_peaks = 0;
	if (p->ingest.on_peak &&
	    p->ingest.agg.inuse_bytes >= p->ingest.peak_mark_bytes)
		on_peak(p);
	if (is_over || !dump_is_full(p))
		visit_peak(p, now_ns, is_over);
	// The files of its end say all that another one would.
	if (is_over || p->exit != PROC_RUNS)
		return;
	if (!dump_is_full(p))
		visit_time(p, now_ns);
	if (!dump_is_full(p))
		visit_alloc(p, now_ns);
}

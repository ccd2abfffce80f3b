// SPDX-License-Identifier: Apache-2.0
//
// glibc's own figures (mallinfo2) can be had in the process only, under the
// locks of its allocator; nobody's snapshot is worth those. So the heap is what
// the samples stand for, and what is writable and private beyond it is idle.
#include "collector/memstats.h"

#include "collector/procfs.h"

#include <inttypes.h>
#include <string.h>

// Go's PauseNs and PauseEnd have so many numbers.
#define PAUSES 256

enum { ALLOC_OBJECTS, ALLOC_BYTES, INUSE_OBJECTS, INUSE_BYTES };

static uint64_t status_bytes(const struct proc *p, const char *name)
{
	return procfs_status_bytes(p->pid, name); // 0 once it has gone
}

// What a process claims may add up to anything.
static uint64_t rounded(double value)
{
	const double limit = 9e18;

	if (!(value > 0))
		return 0;
	return (uint64_t)(value < limit ? value + 0.5 : limit);
}

void memstats_heap(const struct proc *p, uint64_t ret_sums[KIND_VALUES_MAX])
{
	const struct agg_rows *t = &p->ingest.agg.tables[AGG_HEAP];
	double sums[KIND_VALUES_MAX] = {0};

	for (size_t i = 0; i < t->n; i++)
		for (int v = 0; v < KIND_VALUES_MAX; v++)
			sums[v] += t->list[i].values[v];
	for (int v = 0; v < KIND_VALUES_MAX; v++)
		ret_sums[v] = rounded(sums[v]);
}

static void put(struct buf *ret, const char *name, uint64_t value)
{
	buf_printf(ret, "# %s = %" PRIu64 "\n", name, value);
}

static void put_pauses(struct buf *ret, const char *name)
{
	buf_printf(ret, "# %s = [", name);
	for (int i = 0; i < PAUSES; i++)
		buf_puts(ret, i ? " 0" : "0");
	buf_puts(ret, "]\n");
}

static void put_collector(struct buf *ret)
{
	put(ret, "NextGC", 0);
	put(ret, "LastGC", 0);
	put_pauses(ret, "PauseNs");
	put_pauses(ret, "PauseEnd");
	put(ret, "NumGC", 0);
	put(ret, "NumForcedGC", 0);
	put(ret, "GCCPUFraction", 0);
	buf_puts(ret, "# DebugGC = false\n");
}

static void put_heap(struct buf *ret, uint64_t heap_sys,
		     const uint64_t sums[KIND_VALUES_MAX])
{
	uint64_t inuse = sums[INUSE_BYTES];

	put(ret, "HeapAlloc", inuse);
	put(ret, "HeapSys", heap_sys > inuse ? heap_sys : inuse);
	put(ret, "HeapIdle", heap_sys > inuse ? heap_sys - inuse : 0);
	put(ret, "HeapInuse", inuse);
	put(ret, "HeapReleased", 0);
	put(ret, "HeapObjects", sums[INUSE_OBJECTS]);
}

void memstats_write(const struct proc *p, struct buf *ret)
{
	uint64_t sums[KIND_VALUES_MAX], stack = status_bytes(p, "VmStk:");

	memstats_heap(p, sums);
	buf_puts(ret, "\n# runtime.MemStats\n");
	put(ret, "Alloc", sums[INUSE_BYTES]);
	put(ret, "TotalAlloc", sums[ALLOC_BYTES]);
	put(ret, "Sys", status_bytes(p, "VmSize:"));
	put(ret, "Lookups", 0);
	put(ret, "Mallocs", sums[ALLOC_OBJECTS]);
	put(ret, "Frees",
	    sums[ALLOC_OBJECTS] > sums[INUSE_OBJECTS]
		    ? sums[ALLOC_OBJECTS] - sums[INUSE_OBJECTS]
		    : 0);
	put_heap(ret, status_bytes(p, "VmData:"), sums);
	buf_printf(ret, "# Stack = %" PRIu64 " / %" PRIu64 "\n", stack, stack);
	buf_puts(ret, "# MSpan = 0 / 0\n# MCache = 0 / 0\n");
	put(ret, "BuckHashSys", proc_bytes(p));
	put(ret, "GCSys", 0);
	put(ret, "OtherSys", 0);
	put_collector(ret);
	put(ret, "MaxRSS", status_bytes(p, "VmHWM:"));
}

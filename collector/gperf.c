// SPDX-License-Identifier: Apache-2.0
//
// Values that can't be read leave gperftools' default in force, as there.
#include "collector/gperf.h"

#include "proto/setting.h"

#include <stdio.h>
#include <string.h>

#define KINDS_ALL	 ((1u << KIND_N) - 1)
#define HZ_MAX		 4000u
#define ALLOC_STEP_BYTES (1024ull << 20)
#define INUSE_STEP_BYTES (100ull << 20)
#define NS_PER_SECOND	 1000000000ull
#define SECONDS_MAX	 (10ull * 365 * 86400)

// The value of NAME in the hello's environment, or NULL. Set to nothing is not
// set.
static const char *find(const Cprof__Hello *h, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < h->n_environment; i++)
		if (!strncmp(h->environment[i], name, n) &&
		    h->environment[i][n] == '=' && h->environment[i][n + 1])
			return h->environment[i] + n + 1;
	return NULL;
}

static uint64_t number(const Cprof__Hello *h, const char *name, uint64_t def,
		       uint64_t max)
{
	const char *text = find(h, name);
	uint64_t v;

	// A plain number, whose unit is the variable's.
	if (!text || text[strspn(text, "0123456789")] ||
	    setting_parse(VALUE_SIZE, text, &v))
		return def;
	return v < max ? v : max;
}

static void apply_heap(Cprof__Hello *h)
{
	if (!h->dump_alloc_bytes)
		h->dump_alloc_bytes =
			number(h, "HEAP_PROFILE_ALLOCATION_INTERVAL",
			       ALLOC_STEP_BYTES, UINT64_MAX);
	if (!h->dump_peak_bytes)
		h->dump_peak_bytes = number(h, "HEAP_PROFILE_INUSE_INTERVAL",
					    INUSE_STEP_BYTES, UINT64_MAX);
	if (!h->dump_every_ns)
		h->dump_every_ns =
			NS_PER_SECOND *
			number(h, "HEAP_PROFILE_TIME_INTERVAL", 0, SECONDS_MAX);
}

void gperf_apply(Cprof__Hello *hello, struct gperf *ret_gperf)
{
	struct gperf g = {.cpu_file = find(hello, "CPUPROFILE"),
			  .heap_prefix = find(hello, "HEAPPROFILE"),
			  .is_child = hello->is_fork};

	g.is_toggled = g.cpu_file && find(hello, "CPUPROFILESIGNAL");
	*ret_gperf = g;
	if (!g.cpu_file && !g.heap_prefix)
		return;
	if (g.cpu_file)
		hello->cpu_hz = number(hello, "CPUPROFILE_FREQUENCY",
				       hello->cpu_hz, HZ_MAX);
	if (g.heap_prefix)
		apply_heap(hello);
	// Only what was asked for, unless something was asked for by name.
	if (hello->exit_kinds == KINDS_ALL)
		hello->exit_kinds =
			(g.cpu_file && !g.is_toggled ? 1u << KIND_CPU : 0) |
			(g.heap_prefix ? 1u << KIND_INUSE : 0);
}

static char *print_name(const struct gperf *g, const Cprof__Hello *h,
			const char *base, const char *end)
{
	char child[16] = "", *name;

	if (*base != '/' && *h->cwd != '/')
		return NULL; // the folder that it began in is gone
	if (g->is_child)
		(void)snprintf(child, sizeof(child), "_%u", h->pid);
	if (asprintf(&name, "%s%s%s%s%s", *base == '/' ? "" : h->cwd,
		     *base == '/' ? "" : "/", base, child, end) < 0)
		return NULL;
	return name;
}

char *gperf_name(struct gperf *g, const Cprof__Hello *hello, enum kind kind)
{
	char end[24] = "";

	if (kind == KIND_CPU && g->cpu_file) {
		if (g->is_toggled)
			(void)snprintf(end, sizeof(end), ".%u", g->n_cpus++);
		return print_name(g, hello, g->cpu_file, end);
	}
	if (kind != KIND_INUSE || !g->heap_prefix)
		return NULL;
	(void)snprintf(end, sizeof(end), ".%04u.heap", ++g->n_heaps);
	return print_name(g, hello, g->heap_prefix, end);
}

// SPDX-License-Identifier: Apache-2.0
//
// Usage: hostile SEED. Finds the region that the shim has mapped into it and
// writes into it for ever: random bytes anywhere, and things that nearly make
// sense (heads, records, slots of the live table, requests, counters). Meant
// to be killed; prints "ready" once it has begun.
#include "proto/region.h"
#include "test/lib/host.h"

#include <stdlib.h>
#include <unistd.h>

// A file that the collector must not open, or must not wait for.
static const char *const paths[] = {
	"/dev/zero",
	"/dev/tty",
	"/proc/self/mem",
	"/proc/kmsg",
	"/etc/shadow",
	"/bin/sh",
	"/",
	"/dev/watchdog",
	"/bin/ls/no",
	"/proc/self/fd/0",
};

struct target {
	unsigned char *region;
	size_t n_bytes;
	const struct region_control *control; // a copy: the region is attacked
	uint64_t random;
};

static uint64_t draw(struct target *t)
{
	// xorshift64
	t->random ^= t->random << 13;
	t->random ^= t->random >> 7;
	t->random ^= t->random << 17;
	return t->random;
}

static int find_region(struct target *t)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned long start, limit;
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		if (!strstr(line, "/memfd:") || !strstr(line, " rw-s ") ||
		    sscanf(line, "%lx-%lx", &start, &limit) != 2)
			continue;
		t->region = (unsigned char *)start;
		t->n_bytes = limit - start;
		fclose(f);
		return 0;
	}
	return -1;
}

static struct stripe *stripe_of(const struct target *t, uint64_t i)
{
	const struct region_control *c = t->control;

	return (struct stripe *)(t->region + c->stripes_offset +
				 i % c->n_stripes *
					 (sizeof(struct stripe) +
					  c->stripe_bytes));
}

static struct region_status *status_of(const struct target *t)
{
	return (struct region_status *)(t->region + REGION_PAGE);
}

static void scribble(struct target *t)
{
	uint64_t at = draw(t) % (t->n_bytes - 64), n = draw(t) % 64;

	for (uint64_t i = 0; i < n; i++)
		t->region[at + i] = (unsigned char)draw(t);
}

static void bend_heads(struct target *t)
{
	struct stripe *s = stripe_of(t, draw(t));

	switch (draw(t) % 5) {
	case 0:
		s->x_head = draw(t);
		break;
	case 1:
		s->x_tail = draw(t);
		break;
	case 2:
		s->x_owner_tid = (uint32_t)draw(t);
		break;
	case 3:
		s->x_base = draw(t);
		break;
	default:
		s->x_head = s->x_tail + draw(t) % 65536 * 8;
	}
}

// A record as it should be, but for what it says.
static void lie(struct target *t)
{
	struct stripe *s = stripe_of(t, draw(t));
	const uint32_t size = t->control->stripe_bytes;
	uint64_t head = s->x_tail & ~7ull;
	uint32_t at = (uint32_t)(head - s->x_base) & (size - 1) & ~7u;
	struct record r = {.tid = (uint32_t)(draw(t) % 70000),
			   .type = (uint8_t)(draw(t) % (RECORD_N + 1)),
			   .form = (uint8_t)(draw(t) % (FORM_N + 1)),
			   .flags = (uint16_t)draw(t),
			   .value = draw(t) >> draw(t) % 64,
			   .aux = draw(t) >> draw(t) % 64,
			   .id = draw(t) % 1000};

	r.size_bytes = (uint32_t)(sizeof(r) + draw(t) % 256 * 8);
	if (at + r.size_bytes > size)
		return;
	for (uint32_t i = sizeof(r); i < r.size_bytes; i++)
		s->data[at + i] = (unsigned char)draw(t);
	if (r.type == RECORD_UNLOAD && r.size_bytes > sizeof(r) + 32) {
		r.form = FORM_TEXT;
		strcpy((char *)s->data + at + sizeof(r),
		       paths[draw(t) % (sizeof(paths) / sizeof(*paths))]);
	}
	memcpy(s->data + at, &r, sizeof(r));
	s->x_head = head + r.size_bytes;
}

static void free_what_never_was(struct target *t)
{
	const struct region_control *c = t->control;
	uint64_t i = draw(t) % (8ull << c->lg_live_buckets);

	((uint64_t *)(t->region + c->ids_offset))[i] = draw(t) % 1000;
	((uint64_t *)(t->region + c->live_offset))[i] =
		(draw(t) & ~LIVE_STATE) | LIVE_FREED;
	status_of(t)->x_counters[draw(t) % COUNTER_N] = draw(t);
}

static void ask(struct target *t)
{
	struct region_status *s = status_of(t);

	if (draw(t) % 64)
		return;
	s->x_generation = (uint32_t)draw(t);
	s->x_dump_requests++;
	s->x_attached = 1;
}

int main(int argc, char **argv)
{
	static struct region_control copy;
	struct target t = {.control = &copy};

	t.random = argc > 1 ? strtoull(argv[1], NULL, 0) + 1 : 1;
	if (find_region(&t)) {
		puts("no region");
		return 1;
	}
	memcpy(&copy, t.region, sizeof(copy));
	puts("ready");
	fflush(stdout);
	for (uint64_t n = 0;; n++) {
		lie(&t);
		lie(&t);
		bend_heads(&t);
		free_what_never_was(&t);
		scribble(&t);
		ask(&t);
		// Let honest ones run as well: the machine may have one core.
		if (n % 256 == 255)
			usleep(1000);
	}
}

// SPDX-License-Identifier: Apache-2.0
//
// Description: the code of a stripe's writers and that of its reader, stepped
// through their interleavings: what was pushed is read once, whole, whatever
// the place in the ring. With a broken compare-and-swap it is not.
#include "collector/ringread.h"
#include "preload/ring.h"
#include "preload/state.h"

#include "test/model/step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRIPE_BYTES 256u
#define N_PUSHES     2u
#define N_WRITERS    2u
#define N_RECORDS    (N_PUSHES * N_WRITERS)

static struct {
	_Alignas(REGION_PAGE) struct region_control control;
	_Alignas(REGION_PAGE) struct region_status status;
	struct stripe stripe;
	unsigned char data[STRIPE_BYTES];
} region;

static struct ringread reader;
// At the start: head and tail, and how much may be written without a look.
static uint64_t first_byte;
static uint32_t to_limit;
static bool is_pushed[N_RECORDS + 1];
static unsigned n_read[N_RECORDS + 1];

static void begin(void)
{
	memset(&region, 0, sizeof(region));
	memset(&state, 0, sizeof(state));
	memset(is_pushed, 0, sizeof(is_pushed));
	memset(n_read, 0, sizeof(n_read));
	region.control.stripe_bytes = STRIPE_BYTES;
	region.stripe.x_head = region.stripe.x_tail = first_byte;
	region.stripe.x_limit = first_byte + to_limit;
	state.status = &region.status;
	state.stripes = (unsigned char *)&region.stripe;
	state.stripe_step_bytes = sizeof(region.stripe) + STRIPE_BYTES;
	state.n_stripes = 1;
	state.x_control = &region.control;
	ringread_init(&reader, &region.stripe, STRIPE_BYTES);
	reader.tail = first_byte;
}

// Records of two sizes, so that the ring's end comes in every way: every word
// of each is its number.
static void push(uint64_t id)
{
	struct record r = {
		.type = RECORD_UNLOAD, .value = id, .aux = id, .id = id};
	char text[16];

	memset(text, (int)id, sizeof(text));
	is_pushed[id] = !ring_push_text(&r, text, id % 2 ? 16 : 0);
}

static void write_records(void)
{
	uint32_t first = (self.tid - 1) * N_PUSHES + 1;

	for (uint32_t id = first; id < first + N_PUSHES; id++)
		push(id);
}

static void check_record(const union ringread_record *r)
{
	const struct record *h = &r->header;
	uint64_t id = h->id;

	if (!id || id > N_RECORDS || h->value != id || h->aux != id ||
	    h->size_bytes != sizeof(*h) + (id % 2 ? 16 : 0)) {
		step_fail("a record is torn");
		return;
	}
	for (uint32_t i = sizeof(*h); i < h->size_bytes; i++)
		if (r->bytes[i] != id)
			step_fail("a text is torn");
	n_read[id]++;
}

static void read_pass(void)
{
	static union ringread_record record;
	uint64_t head = ringread_head(&reader);

	while (ringread_next(&reader, head, &record))
		check_record(&record);
}

static void read_records(void)
{
	read_pass();
	read_pass();
}

static bool is_right(void)
{
	read_pass();
	for (unsigned id = 1; id <= N_RECORDS; id++)
		if (n_read[id] != is_pushed[id])
			return false;
	return !reader.n_resets && !reader.n_bad && !region.stripe.x_owner_tid;
}

// With N_BYTES that may be written before the first look.
static unsigned long explore(const struct step_plan *plan, uint32_t n_bytes)
{
	unsigned long n;

	to_limit = n_bytes;
	n = step_explore(plan);
	if (!n)
		exit(1);
	return n;
}

int main(void)
{
	static const struct step_plan plan = {
		.begin = begin,
		.n_threads = 3,
		.threads = {write_records, write_records, read_records},
		.is_right = is_right,
		.n_preemptions = 3,
	};
	unsigned long n = 0;

	step_watch(&region.stripe, sizeof(region.stripe) + STRIPE_BYTES);
	for (first_byte = 0; first_byte < STRIPE_BYTES; first_byte += 16)
		n += explore(&plan, STRIPE_BYTES - first_byte);
	first_byte = STRIPE_BYTES / 2;
	n += explore(&plan, 0);
	n += explore(&plan, 80);
	printf("%lu interleavings are right\n", n);
	step_breaks = true;
	first_byte = 0;
	to_limit = STRIPE_BYTES;
	if (step_explore(&plan)) {
		printf("a broken ring is not noticed\n");
		return 1;
	}
	return 0;
}

// SPDX-License-Identifier: Apache-2.0
//
// Description: one region takes the place of another: what was counted in the
// one, up to the last moment, is counted in the other but for what a collector
// has said; a hash that nobody has read is told with its frames; nobody is in
// the middle of a push.
#include "collector/region.h"
#include "collector/ringread.h"
#include "preload/former.h"
#include "preload/labels.h"
#include "preload/mapping.h"
#include "preload/names.h"
#include "preload/ring.h"
#include "preload/sent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define N_FRAMES   20u
#define GENERATION 6u

// The collector's side of both.
static struct region *regions[2];
static struct ringread readers[2][STRIPES_MAX];

struct sample {
	struct record head;
	struct record_frames frames;
	uint64_t pcs[N_FRAMES];
};

static int set_up(void **unused)
{
	const struct region_control *c;

	(void)unused;
	memset(&state, 0, sizeof(state));
	memset(&self, 0, sizeof(self));
	memset(readers, 0, sizeof(readers));
	state.pid = (uint32_t)getpid();
	self.tid = (uint32_t)gettid();
	state.serial = self.serial = 1;
	if (region_new(&region_small, &regions[0]) ||
	    region_new(&region_small, &regions[1]))
		return -1;
	c = mapping_make(regions[0]->memfd);
	if (!c)
		return -1;
	mapping_use(c);
	state.x_control = c;
	return 0;
}

static int tear_down(void **unused)
{
	(void)unused;
	former_drop();
	munmap((void *)(uintptr_t)state_control(), regions[0]->size_bytes);
	region_free(regions[0]);
	region_free(regions[1]);
	return 0;
}

static void replace_region(void)
{
	assert_true(former_hold(false));
	assert_non_null(mapping_make(regions[1]->memfd));
	former_carry();
}

static uint64_t counter(enum region_counter i)
{
	return state.status->x_counters[i];
}

static uint64_t hash_of(uint64_t i)
{
	return (i + 1) * 0x9e3779b97f4a7c15ull;
}

static struct sample sample_of(uint64_t i)
{
	struct sample s = {.head = {.size_bytes = sizeof(s),
				    .type = RECORD_CPU,
				    .form = FORM_FRAMES,
				    .value = i},
			   .frames = {hash_of(i), N_FRAMES, GENERATION}};

	for (uint32_t k = 0; k < N_FRAMES; k++)
		s.pcs[k] = i * 1000 + k;
	return s;
}

static void push_stack(uint64_t i)
{
	struct sample s = sample_of(i);

	assert_int_equal(ring_move((struct record_head *)&s.head, &state.sent),
			 0);
	state_count(COUNTER_PUSHED, 1);
}

// As the shim does: in full unless it was sent before.
static void push_sample(uint64_t i)
{
	struct {
		struct record head;
		uint64_t hash;
	} s = {{.size_bytes = sizeof(s),
		.type = RECORD_CPU,
		.form = FORM_HASH,
		.value = i},
	       hash_of(i)};
	struct sent_stack sent;

	if (!sent_has(s.hash, &sent)) {
		push_stack(i);
		return;
	}
	assert_int_equal(ring_move((struct record_head *)&s.head, &state.sent),
			 0);
	state_count(COUNTER_PUSHED, 1);
}

static struct ringread *reader_of(uint32_t r, uint32_t i)
{
	struct ringread *reader = &readers[r][i];

	if (reader->stripe != region_stripe(regions[r], i))
		ringread_init(reader, region_stripe(regions[r], i),
			      regions[r]->size.stripe_bytes);
	return reader;
}

// As a round that ends behind that record.
static bool read_record(uint32_t r, union ringread_record *ret)
{
	for (uint32_t i = 0; i < regions[r]->n_ready; i++) {
		struct ringread *reader = reader_of(r, i);

		if (ringread_next(reader, ringread_head(reader), ret))
			return !ringread_next(reader, reader->tail, ret);
	}
	return false;
}

static void expect_stack(const union ringread_record *r, uint64_t i)
{
	const struct sample *s = (const struct sample *)r->bytes;

	assert_int_equal(s->head.form, FORM_FRAMES);
	assert_int_equal(s->head.value, i);
	assert_int_equal(s->frames.hash, hash_of(i));
	assert_int_equal(s->frames.n_frames, N_FRAMES);
	for (uint32_t k = 0; k < N_FRAMES; k++)
		assert_int_equal(s->pcs[k], i * 1000 + k);
}

static void test_a_killed_collector_had_said_nothing(void **unused)
{
	(void)unused;
	push_stack(1);
	state_count(COUNTER_RING_FULL, 3);
	state_count(COUNTER_FREES_DEFERRED, 2);
	replace_region();
	assert_int_equal(counter(COUNTER_RING_FULL), 3);
	assert_int_equal(counter(COUNTER_FREES_DEFERRED), 2);
	assert_int_equal(counter(COUNTER_PUSHED), 1);
	assert_int_equal(counter(COUNTER_GONE), 1);
	assert_true(former_move());
	assert_int_equal(counter(COUNTER_GONE), 0);
}

static void test_a_told_collector_has_said_some(void **unused)
{
	struct region_control *c = regions[0]->control;
	union ringread_record r;

	(void)unused;
	push_stack(1);
	state_count(COUNTER_RING_FULL, 3);
	state_count(COUNTER_FREES_DEFERRED, 2);
	assert_true(read_record(0, &r));
	c->x_said[COUNTER_PUSHED] = 1;
	c->x_said[COUNTER_RING_FULL] = 3;
	c->x_said[COUNTER_FREES_DEFERRED] = 2;
	c->x_closed = 1;
	push_sample(1);
	state_count(COUNTER_RING_FULL, 4);
	replace_region();
	assert_int_equal(counter(COUNTER_RING_FULL), 4);
	// the table has them still
	assert_int_equal(counter(COUNTER_FREES_DEFERRED), 2);
	assert_int_equal(counter(COUNTER_PUSHED), 1);
	assert_int_equal(counter(COUNTER_GONE), 1);
	assert_true(former_move());
	assert_int_equal(counter(COUNTER_GONE), 0);
	assert_true(read_record(1, &r));
	expect_stack(&r, 1);
}

// The numbers mean nothing to the next collector before it is told.
static void test_numbers_are_told_again(void **unused)
{
	struct sample s = sample_of(1);
	uint32_t set = labels_add(labels_add(0, "outer", "1"), "inner", "2");
	int profile = names_add(NAMES_PROFILES, "connections");
	static const uint8_t types[] = {RECORD_LABELS, RECORD_LABELS,
					RECORD_PROFILE, RECORD_CPU};
	union ringread_record r;

	(void)unused;
	assert_true(set && profile == 1);
	s.head.labels = set;
	s.head.profile = (uint32_t)profile;
	assert_int_equal(ring_move((struct record_head *)&s.head, &state.sent),
			 0);
	for (int i = 0; i < 3; i++)
		assert_true(read_record(0, &r));
	assert_int_equal(r.header.type, RECORD_PROFILE);
	replace_region();
	assert_true(former_move());
	for (int i = 0; i < 4; i++) {
		assert_true(read_record(1, &r));
		assert_int_equal(r.header.type, types[i]);
	}
	assert_int_equal(r.header.labels, set);
	assert_false(read_record(1, &r));
}

// Between the look at the old page and the moment when nobody sees it any more.
static void test_counted_meanwhile(void **unused)
{
	const struct region_control *c = state_control();

	(void)unused;
	assert_true(former_hold(false));
	former_keep(regions[1]->status);
	state_count(COUNTER_RING_FULL, 2);
	state_count(COUNTER_FREES_DEFERRED, 1);
	assert_ptr_not_equal(mmap((void *)(uintptr_t)c, c->live_offset,
				  PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_FIXED, regions[1]->memfd, 0),
			     MAP_FAILED);
	former_carry();
	assert_int_equal(counter(COUNTER_RING_FULL), 2);
	assert_int_equal(counter(COUNTER_FREES_DEFERRED), 1);
}

static void test_unread_hashes_are_told(void **unused)
{
	union ringread_record r;

	(void)unused;
	push_sample(1);
	push_sample(2);
	assert_true(read_record(0, &r));
	assert_true(read_record(0, &r));
	push_sample(2);
	push_sample(1);
	push_sample(2);
	replace_region();
	assert_true(former_move());
	assert_true(read_record(1, &r));
	expect_stack(&r, 2);
	assert_true(read_record(1, &r));
	expect_stack(&r, 1);
	assert_true(read_record(1, &r));
	assert_int_equal(r.header.form, FORM_HASH);
	assert_int_equal(*(uint64_t *)(&r.header + 1), hash_of(2));
	assert_false(read_record(1, &r));
}

// Brief records, too: a stack that was read is told with all else they say.
static void test_brief_records_are_told(void **unused)
{
	const struct record_alloc a = {.size_bytes = sizeof(a),
				       .type = RECORD_ALLOC,
				       .form = FORM_BRIEF,
				       .tid = 77,
				       .n_bytes = 100,
				       .id = 5,
				       .hash = hash_of(1)};
	const struct record_free f = {.size_bytes = sizeof(f),
				      .type = RECORD_FREE,
				      .form = FORM_BRIEF,
				      .id = 5};
	union ringread_record r;
	struct sample *s = (struct sample *)&r;

	(void)unused;
	push_sample(1);
	assert_true(read_record(0, &r));
	for (int i = 0; i < 2; i++)
		assert_int_equal(ring_move((const struct record_head *)&a,
					   &state.sent),
				 0);
	assert_int_equal(ring_move((const struct record_head *)&f, &state.sent),
			 0);
	replace_region();
	assert_true(former_move());
	assert_true(read_record(1, &r));
	assert_int_equal(s->head.type, RECORD_ALLOC);
	assert_int_equal(s->head.form, FORM_FRAMES);
	assert_int_equal(s->head.tid, 77);
	assert_int_equal(s->head.value, 100);
	assert_int_equal(s->head.aux, 1);
	assert_int_equal(s->head.id, 5);
	assert_int_equal(s->head.generation, GENERATION);
	assert_int_equal(s->frames.hash, hash_of(1));
	assert_int_equal(s->pcs[N_FRAMES - 1], 1000 + N_FRAMES - 1);
	assert_true(read_record(1, &r));
	assert_memory_equal(&r, &a, sizeof(a));
	assert_true(read_record(1, &r));
	assert_memory_equal(&r, &f, sizeof(f));
	assert_false(read_record(1, &r));
}

// The hashes between tail and head, of all stripes, name stacks that are there.
static void expect_all_found(void)
{
	for (uint32_t i = 0; i < state.n_stripes; i++) {
		struct ringread copy = *reader_of(0, i);
		struct stripe *s = region_stripe(regions[0], i);
		uint64_t tail = s->x_tail;
		uint64_t head = ringread_head(&copy);
		union ringread_record r;

		while (ringread_next(&copy, head, &r))
			if (r.header.form == FORM_HASH)
				assert_non_null(sent_find(
					&state.sent,
					*(uint64_t *)(&r.header + 1)));
		s->x_tail = tail;
	}
}

// Whatever the order of pushes and reads, and however often the log goes round.
static void test_the_log_keeps_what_is_unread(void **unused)
{
	union ringread_record r;
	uint32_t n_halves;

	(void)unused;
	srandom(1);
	for (int i = 0; i < 20000; i++) {
		if (random() % 3)
			push_sample((uint64_t)(random() % (1 + i / 50)));
		for (int n = (int)(random() % 40) - 38; n > 0; n--)
			(void)read_record(0, &r);
		if (i % 500 == 0)
			expect_all_found();
		if (i % 4000 == 0)
			while (read_record(0, &r))
				;
	}
	n_halves = state.status->x_log_end >> state.sent.lg_units;
	assert_in_range(n_halves, 3, 1000); // it went round
}

// One that ends the process before it had an event of its own.
static void test_an_unregistered_thread_moves_as_well(void **unused)
{
	(void)unused;
	push_stack(1);
	replace_region();
	self.serial = 0;
	self.tid = 0;
	assert_true(former_move());
	assert_int_equal(self.tid, gettid());
}

static void test_a_writer_is_waited_for(void **unused)
{
	struct stripe *s = region_stripe(regions[0], 1);

	(void)unused;
	s->x_owner_tid = self.tid; // an interrupted push
	assert_false(former_hold(false));
	assert_false(former_hold(true));
	self.tid++;
	assert_false(former_hold(false));
	assert_int_equal(region_stripe(regions[0], 0)->x_owner_tid, 0);
	assert_true(former_hold(true));
	former_release();
	s->x_owner_tid = 0x7ffffffe; // nobody
	assert_true(former_hold(false));
	former_release();
	assert_int_equal(region_stripe(regions[0], 0)->x_owner_tid, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(test_a_killed_collector_had_said_nothing),
		T(test_a_told_collector_has_said_some),
		T(test_numbers_are_told_again),
		T(test_counted_meanwhile),
		T(test_unread_hashes_are_told),
		T(test_brief_records_are_told),
		T(test_the_log_keeps_what_is_unread),
		T(test_an_unregistered_thread_moves_as_well),
		T(test_a_writer_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

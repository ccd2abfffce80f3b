// SPDX-License-Identifier: Apache-2.0
//
// The shim's side of the region, without hooks: what is pushed can be read back
// from the stripes as proto/record.h says, full and busy stripes drop and
// count, and the live table follows pointers through every way out of it.
//
// asan: no, a capture copies the stack with all that ASan guards in it.
#include "preload/altstack.h"
#include "preload/live.h"
#include "preload/ring.h"
#include "preload/state.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define N_STRIPES    2u
#define STRIPE_BYTES STRIPE_MIN_BYTES
#define LG_BUCKETS   4u
#define N_BUCKETS    (1u << LG_BUCKETS)
#define STEP	     (sizeof(struct stripe) + STRIPE_BYTES)

static struct {
	_Alignas(REGION_PAGE) struct region_control control;
	_Alignas(REGION_PAGE) struct region_status status;
	_Alignas(REGION_PAGE) unsigned char stripes[N_STRIPES * STEP];
	_Alignas(REGION_PAGE) struct live_bucket buckets[N_BUCKETS];
	_Atomic uint64_t x_ids[N_BUCKETS * LIVE_SLOTS];
} region;

static int set_up(void **unused)
{
	(void)unused;
	memset(&region, 0, sizeof(region));
	memset(&state, 0, sizeof(state));
	memset(&self, 0, sizeof(self));
	live_clear();
	region.control.stripe_bytes = STRIPE_BYTES;
	region.control.stack_bytes = STACK_COPY_MAX_BYTES;
	state.status = &region.status;
	state.stripes = region.stripes;
	state.stripe_step_bytes = STEP;
	state.n_stripes = N_STRIPES;
	state.buckets = region.buckets;
	state.x_ids = region.x_ids;
	state.live_mask = N_BUCKETS - 1;
	state.x_control = &region.control;
	self.tid = 42;
	return 0;
}

static struct stripe *stripe_at(uint32_t i)
{
	return (struct stripe *)(region.stripes + i * STEP);
}

// The one record pushed so far.
static const struct record *only_record(void)
{
	for (uint32_t i = 0; i < N_STRIPES; i++)
		if (stripe_at(i)->x_head)
			return (const struct record *)stripe_at(i)->data;
	return NULL;
}

static void test_text_record(void **unused)
{
	struct record head = {.type = RECORD_THREAD_NAME, .value = 7};
	const struct record *r;

	(void)unused;
	region.status.x_generation = 5;
	assert_int_equal(ring_push_text(&head, "hello", 5), 0);
	r = only_record();
	assert_non_null(r);
	assert_int_equal(r->size_bytes, sizeof(*r) + 8);
	assert_int_equal(r->form, FORM_TEXT);
	assert_int_equal(r->tid, 42);
	assert_int_equal(r->generation, 5);
	assert_memory_equal(r + 1, "hello\0\0\0", 8);
	assert_int_equal(region.status.x_counters[COUNTER_PUSHED], 1);
}

static void test_raw_record(void **unused)
{
	struct record head = {.type = RECORD_ALLOC, .id = 1};
	const struct record *r;
	const struct record_raw *raw;
	struct capture c;

	(void)unused;
	self.stack_high = (uintptr_t)__builtin_frame_address(0) + 16;
	self.stack_low = self.stack_high - 65536;
	capture_here(&c);
	assert_int_equal(c.flags, 0);
	assert_int_equal(ring_push(&head, &c), 0);
	r = only_record();
	raw = (const struct record_raw *)(r + 1);
	assert_int_equal(r->size_bytes,
			 sizeof(*r) + sizeof(*raw) + c.stack_bytes);
	assert_int_equal(raw->stack_bytes, c.stack_bytes);
	assert_int_equal(raw->regs[RECORD_REG_SP], c.regs[RECORD_REG_SP]);
	assert_in_range(raw->regs[RECORD_REG_PC], (uintptr_t)test_raw_record,
			(uintptr_t)test_raw_record + 4096);
}

static void test_unknown_stack_is_one_page_at_most(void **unused)
{
	struct capture c;
	uintptr_t sp;

	(void)unused;
	capture_here(&c);
	sp = c.regs[RECORD_REG_SP];
	assert_true(c.flags & RECORD_FOREIGN);
	assert_true(sp + c.stack_bytes <= (sp | 4095) + 1);
}

// Records of many sizes until both stripes refuse; then room for one more.
static void test_full_drops_and_counts(void **unused)
{
	static char text[1000];
	uint64_t n = 0;
	struct record head;

	(void)unused;
	do {
		head = (struct record){.type = RECORD_THREAD_END};
		n++;
	} while (!ring_push_text(&head, text, (uint32_t)(n * 37 % 1000)));
	assert_int_equal(region.status.x_counters[COUNTER_RING_FULL], 1);
	assert_int_equal(region.status.x_counters[COUNTER_PUSHED], n - 1);
	for (uint32_t i = 0; i < N_STRIPES; i++) {
		struct stripe *s = stripe_at(i);

		assert_true(s->x_head <= STRIPE_BYTES);
		assert_true(s->x_head + RECORD_MAX_BYTES > STRIPE_BYTES);
		s->x_tail = s->x_head;
	}
	head = (struct record){.type = RECORD_THREAD_END};
	assert_int_equal(ring_push_text(&head, text, 1000), 0);
}

// The one that thread 42 takes.
static struct stripe *own_stripe(void)
{
	return stripe_at(
		(uint32_t)((uint64_t)(42 * 2654435761u) * N_STRIPES >> 32));
}

// Pushes record I, with up to 4 KiB of text, and looks at what comes behind
// *AT, whole records, to the head. Returns how far from the front the data was
// used.
static uint32_t push_and_look(uint32_t i, uint64_t *at)
{
	static char text[4096];
	struct stripe *s = own_stripe();
	struct record head = {.type = RECORD_THREAD_END, .value = i};
	uint32_t used = 0;

	assert_int_equal(ring_push_text(&head, text, i * 61 % 4096), 0);
	while (*at < s->x_head) {
		uint32_t off = (uint32_t)(*at - s->x_base) & (STRIPE_BYTES - 1);
		const struct record *r = (void *)(s->data + off);

		assert_in_range(r->size_bytes, 8, STRIPE_BYTES - off);
		if (r->type != RECORD_PAD)
			assert_int_equal(r->value, i);
		used = off + r->size_bytes > used ? off + r->size_bytes : used;
		*at += r->size_bytes;
	}
	return used;
}

// Behind a wrap every byte before the head is whole records; there is always
// one that nobody has read.
static void test_wrap_keeps_records_whole(void **unused)
{
	uint64_t at = 0, tail = 0;
	uint32_t used = 0;

	(void)unused;
	for (uint32_t i = 0; i < 5000; i++) {
		uint32_t n = push_and_look(i, &at);

		used = n > used ? n : used;
		own_stripe()->x_tail = tail;
		tail = at;
	}
	assert_int_equal(own_stripe()->x_base, 0);
	assert_int_equal(used, STRIPE_BYTES);
}

// While all is read in time, now and then at least, the rest of a stripe is
// left alone; a time when it was not makes no difference later.
static void test_what_is_read_in_time_stays_in_front(void **unused)
{
	uint64_t at = 0;
	uint32_t used = 0;

	(void)unused;
	for (uint32_t i = 0; i < 15; i++)
		(void)push_and_look(i, &at);
	own_stripe()->x_tail = at;
	for (uint32_t i = 15; i < 5000; i++) {
		uint32_t n = push_and_look(i, &at);

		if (own_stripe()->x_base)
			used = n > used ? n : used;
		if (i % 2)
			own_stripe()->x_tail = at;
	}
	assert_in_range(used, STRIPE_WINDOW_BYTES / 2,
			STRIPE_WINDOW_BYTES + 2 * STRIPE_LOOK_BYTES + 4096 +
				sizeof(struct record));
}

static void test_busy_stripes(void **unused)
{
	struct record head = {.type = RECORD_FREE, .id = 1};

	(void)unused;
	stripe_at(0)->x_owner_tid = 99;
	assert_int_equal(ring_push(&head, NULL), 0);
	stripe_at(1)->x_owner_tid = 99;
	assert_int_equal(ring_push(&head, NULL), -EBUSY);
	assert_int_equal(region.status.x_counters[COUNTER_STRIPES_BUSY], 1);
}

// One whose first event is the free of another's block: 0 would be nobody's,
// and what is left of a parent's number might be another thread's.
static void test_unregistered_thread_is_known(void **unused)
{
	struct record head = {.type = RECORD_FREE, .id = 1};

	(void)unused;
	self.tid = 0;
	assert_int_equal(ring_push(&head, NULL), 0);
	assert_int_equal(only_record()->tid, gettid());
	self.tid = 42;
	state.serial = 2;
	assert_int_equal(ring_push(&head, NULL), 0);
	assert_int_equal(head.tid, gettid());
	self.tid = 0;
	region.control.x_sandboxed = 1;
	assert_int_equal(ring_push(&head, NULL), -EBUSY);
	assert_int_equal(region.status.x_counters[COUNTER_STRIPES_BUSY], 1);
}

// Odd means that a library is being unloaded: a fork child is not, whatever
// other threads of its parent were at; and one that is goes on with it.
static void test_a_fork_child_unloads_nothing(void **unused)
{
	uint32_t before, forked;

	(void)unused;
	before = state_unload_begin();
	state_forked();
	state_publish_generation();
	forked = region.status.x_generation;
	assert_int_equal(forked % 2, 0);
	assert_int_not_equal(forked, before);
	state_unload_end();
	assert_int_equal(region.status.x_generation % 2, 0);
	assert_int_not_equal(region.status.x_generation, forked);
	(void)state_unload_begin();
	assert_int_equal(region.status.x_generation % 2, 1);
	state_unload_end();
	assert_int_equal(region.status.x_generation % 2, 0);
}

// The other threads of the parent are not there: a server's children of
// children would have no slot left otherwise.
static void test_a_fork_child_has_all_alternate_stacks(void **unused)
{
	stack_t before, off = {.ss_flags = SS_DISABLE};
	unsigned n_before = 0, n_after = 0;

	(void)unused;
	assert_int_equal(sigaltstack(&off, &before), 0);
	for (; altstack_install(true), self.alt_slot; n_before++)
		self.alt_slot = 0; // another thread's
	self.alt_slot = 70;
	altstack_forked();
	self.alt_slot = 0;
	for (; altstack_install(true), self.alt_slot; n_after++) {
		assert_int_not_equal(self.alt_slot, 70);
		self.alt_slot = 0;
	}
	assert_int_equal(n_after, n_before - 1);
	assert_int_equal(sigaltstack(&before, NULL), 0);
}

static void *pointer(uintptr_t i)
{
	return (void *)(0x7f0000000000 + i * 48);
}

static void publish(uintptr_t i, uint64_t id)
{
	struct live_slot slot;
	uint64_t stale;

	assert_true(live_reserve(pointer(i), &slot, &stale));
	assert_int_equal(stale, 0);
	slot.id = id;
	live_publish(&slot, pointer(i));
}

static void test_live_follows_a_pointer(void **unused)
{
	struct live_slot slot;

	(void)unused;
	assert_false(live_maybe(pointer(1)));
	publish(1, 77);
	assert_true(live_maybe(pointer(1)));
	assert_true(live_take(pointer(1), &slot));
	assert_int_equal(slot.id, 77);
	// out for a realloc: nobody else finds it, and it can come back
	assert_false(live_take(pointer(1), &(struct live_slot){0}));
	live_restore(&slot, pointer(1));
	assert_true(live_take(pointer(1), &slot));
	live_release(&slot, pointer(1));
	assert_false(live_maybe(pointer(1)));
	assert_false(live_take(pointer(1), &slot));
}

static void test_deferred_free_keeps_its_id(void **unused)
{
	struct live_slot slot;
	uint64_t n_marked = 0;

	(void)unused;
	publish(3, 9);
	assert_true(live_take(pointer(3), &slot));
	live_defer(&slot, pointer(3));
	for (uint32_t b = 0; b < N_BUCKETS; b++)
		for (uint32_t i = 0; i < LIVE_SLOTS; i++)
			if (region.buckets[b].x_slots[i] ==
			    ((uintptr_t)pointer(3) | LIVE_FREED)) {
				n_marked++;
				assert_int_equal(
					region.x_ids[b * LIVE_SLOTS + i], 9);
			}
	assert_int_equal(n_marked, 1);
	assert_int_equal(region.status.x_counters[COUNTER_FREES_DEFERRED], 1);
	// the address may be sampled again meanwhile
	publish(3, 10);
	assert_true(live_take(pointer(3), &slot));
	assert_int_equal(slot.id, 10);
}

static uint64_t swept[8];
static unsigned n_swept, n_room;

static int push_swept(uint64_t id)
{
	if (n_swept == n_room)
		return -ENOSPC;
	swept[n_swept++] = id;
	return 0;
}

static void test_sweep_hands_each_id_out_once(void **unused)
{
	struct live_slot slot;

	(void)unused;
	for (uintptr_t i = 0; i < 3; i++) {
		publish(i, 100 + i);
		assert_true(live_take(pointer(i), &slot));
		live_defer(&slot, pointer(i));
	}
	n_swept = 0;
	n_room = 2;
	live_sweep(push_swept);
	assert_int_equal(n_swept, 2);
	// what found no room again is still there
	n_room = 8;
	live_sweep(push_swept);
	live_sweep(push_swept);
	assert_int_equal(n_swept, 3);
	assert_int_equal(swept[0] + swept[1] + swept[2], 303);
}

static void test_address_seen_again_ends_the_old_block(void **unused)
{
	struct live_slot slot;
	uint64_t stale;

	(void)unused;
	publish(5, 20);
	assert_true(live_reserve(pointer(5), &slot, &stale));
	assert_int_equal(stale, 20);
	slot.id = 21;
	live_publish(&slot, pointer(5));
	assert_true(live_take(pointer(5), &slot));
	assert_int_equal(slot.id, 21);
}

// A look at an entry must not hide it from who takes it out meanwhile.
static void test_a_look_takes_nothing(void **unused)
{
	struct live_slot slot;

	(void)unused;
	publish(6, 30);
	assert_true(live_has(pointer(6)));
	assert_false(live_has(pointer(7)));
	assert_true(live_take(pointer(6), &slot));
	assert_false(live_has(pointer(6)));
	assert_int_equal(slot.id, 30);
}

static void test_live_full(void **unused)
{
	struct live_slot slot;
	uint64_t stale;
	uintptr_t n = 0;

	(void)unused;
	while (live_reserve(pointer(n), &slot, &stale)) {
		slot.id = n + 1;
		live_publish(&slot, pointer(n++));
	}
	// two choices of eight: nearly full before the first refusal
	assert_in_range(n, N_BUCKETS * LIVE_SLOTS / 2, N_BUCKETS * LIVE_SLOTS);
	for (uintptr_t i = 0; i < n; i++) {
		assert_true(live_take(pointer(i), &slot));
		assert_int_equal(slot.id, i + 1);
		live_release(&slot, pointer(i));
	}
}

// How many of N blocks STEP_BYTES apart share their place with another.
static uint32_t count_shared(uint32_t n, uintptr_t step_bytes)
{
	static bool is_taken[1u << LIVE_LG_FILTER];
	uint32_t n_shared = 0;

	memset(is_taken, 0, sizeof(is_taken));
	for (uintptr_t i = 0; i < n; i++) {
		void *p = (void *)(0x55d0c0000010u + i * step_bytes);
		bool *t = &is_taken[live_filter_of(p) - live_x_filter];

		n_shared += *t;
		*t = true;
	}
	return n_shared;
}

static void test_filter_keeps_blocks_apart(void **unused)
{
	(void)unused;
	assert_int_equal(count_shared(4096, 16), 0);
	assert_int_equal(count_shared(4096, 1u << 12), 0);
	assert_int_equal(count_shared(4096, 1u << 16), 0);
	assert_int_equal(count_shared(2048, 1u << 20), 0);
	assert_int_equal(count_shared(1024, 1u << 21), 0);
}

// A page of memory has a page's share of the filter, in few lines of cache.
static void test_filter_keeps_neighbours_together(void **unused)
{
	const char *page = (const char *)0x55d0c0000000;
	uintptr_t line = 0;
	uint32_t n_lines = 0;

	(void)unused;
	for (size_t i = 0; i < REGION_PAGE; i += 16) {
		uintptr_t at = (uintptr_t)live_filter_of(page + i) / 64;

		n_lines += at != line;
		line = at;
	}
	assert_in_range(n_lines, 1, REGION_PAGE / 16 / 64 + 1);
}

// By a socket nobody sees how far the reader is: who has waited for room in
// vain may wait again some time.
static void test_progress_by_socket(void **unused)
{
	uint64_t progress, before;

	(void)unused;
	state.n_stripes = 0;
	before = ring_progress();
	for (int i = 0; (progress = ring_progress()) == before && i < 2000; i++)
		usleep(1000);
	assert_int_not_equal(progress, before);
	state.n_stripes = N_STRIPES;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_text_record, set_up),
		cmocka_unit_test_setup(test_raw_record, set_up),
		cmocka_unit_test_setup(test_unknown_stack_is_one_page_at_most,
				       set_up),
		cmocka_unit_test_setup(test_full_drops_and_counts, set_up),
		cmocka_unit_test_setup(test_wrap_keeps_records_whole, set_up),
		cmocka_unit_test_setup(test_what_is_read_in_time_stays_in_front,
				       set_up),
		cmocka_unit_test_setup(test_busy_stripes, set_up),
		cmocka_unit_test_setup(test_a_fork_child_unloads_nothing,
				       set_up),
		cmocka_unit_test_setup(
			test_a_fork_child_has_all_alternate_stacks, set_up),
		cmocka_unit_test_setup(test_unregistered_thread_is_known,
				       set_up),
		cmocka_unit_test_setup(test_live_follows_a_pointer, set_up),
		cmocka_unit_test_setup(test_deferred_free_keeps_its_id, set_up),
		cmocka_unit_test_setup(test_sweep_hands_each_id_out_once,
				       set_up),
		cmocka_unit_test_setup(
			test_address_seen_again_ends_the_old_block, set_up),
		cmocka_unit_test_setup(test_a_look_takes_nothing, set_up),
		cmocka_unit_test_setup(test_live_full, set_up),
		cmocka_unit_test_setup(test_progress_by_socket, set_up),
		cmocka_unit_test(test_filter_keeps_blocks_apart),
		cmocka_unit_test(test_filter_keeps_neighbours_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

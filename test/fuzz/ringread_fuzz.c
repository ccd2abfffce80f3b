// SPDX-License-Identifier: Apache-2.0
//
// Description: whatever stands in a ring, reading it and taking it into the
// state neither crashes nor breaks an invariant.
//
// The input is a stripe: 8 bytes of head, then the ring's bytes.
// fuzz: -max_len=66000
#include "collector/ingest.h"
#include "collector/ringread.h"

#include "test/fuzz/fuzz.h"

#include <math.h>

#define STRIPE_BYTES 65536u
#define ASKED	     3u // the request for all stacks that is open

// Of all inputs: seeds that aren't understood any more are worth nothing.
static uint64_t n_seen[RECORD_N], n_answers, n_events, n_folded;

// Rows of threads that have ended become those of their names: sums stay.
static void fold(struct ingest *in)
{
	const struct agg_rows *t = &in->agg.tables[AGG_HEAP];
	double before = 0, after = 0;

	for (size_t i = 0; i < t->n; i++)
		before += t->list[i].values[0];
	for (int i = 0; i < 4; i++)
		ingest_waiting(in, false);
	REQUIRE(!ingest_fold(in));
	for (size_t i = 0; i < t->n; i++)
		after += t->list[i].values[0];
	REQUIRE(before == after || fabs(before - after) <= 1e-9 * before);
	n_folded += in->threads.n_forgotten;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
	static struct ingest in;
	static union ringread_record record;
	static const struct trace no_trace = {.begin_ns = 1};
	struct trace trace = no_trace;
	struct stripe *s = aligned_alloc(CACHELINE, sizeof(*s) + STRIPE_BYTES);
	struct ringread r;
	uint64_t head = 0;
	int n = 0;

	memset(s, 0, sizeof(*s) + STRIPE_BYTES);
	if (n_bytes >= sizeof(head)) {
		memcpy(&head, data, sizeof(head));
		data += sizeof(head);
		n_bytes -= sizeof(head);
		if (n_bytes > STRIPE_BYTES)
			n_bytes = STRIPE_BYTES;
		// The front of the data may be anywhere in them.
		s->x_base = n_bytes ? data[n_bytes - 1] * 64u : 0;
		for (size_t i = 0; i < n_bytes; i++)
			s->data[(i - s->x_base) % STRIPE_BYTES] = data[i];
	}
	s->x_head = head;
	REQUIRE(!ingest_init(&in, NULL, 128));
	in.trace = &trace;
	in.asked.request = ASKED;
	ringread_init(&r, s, STRIPE_BYTES);
	head = ringread_head(&r);
	while (ringread_next(&r, head, &record)) {
		ingest_record(&in, &record);
		// A ring of so many bytes has at most so many records.
		REQUIRE(++n <= (int)(STRIPE_BYTES / RECORD_MIN_BYTES));
	}
	REQUIRE(r.tail == head && s->x_tail == head);
	ingest_waiting(&in, true);
	REQUIRE(!agg_check(&in.agg));
	fold(&in);
	REQUIRE(!agg_check(&in.agg));
	REQUIRE(!stacks_check(&in.stacks));
	REQUIRE(trace.n <= (size_t)n);
	for (int type = 0; type < RECORD_N; type++)
		n_seen[type] += in.n_records[type];
	n_answers += in.asked.n;
	n_events += trace.n;
	trace_sort(&trace);
	trace_fini(&trace);
	ingest_fini(&in);
	free(s);
	return 0;
}

struct writer {
	uint8_t bytes[sizeof(uint64_t) + STRIPE_BYTES];
	uint64_t head;
};

static void put_bytes(struct writer *w, const void *bytes, size_t n_bytes)
{
	memcpy(w->bytes + sizeof(uint64_t) + w->head, bytes, n_bytes);
	w->head += n_bytes;
	memcpy(w->bytes, &w->head, sizeof(w->head));
}

static void put(struct writer *w, struct record h, const void *payload,
		size_t n_payload)
{
	size_t n_padded = (n_payload + 7) & ~(size_t)7;
	uint8_t bytes[512] = {0};

	h.size_bytes = (uint32_t)(sizeof(h) + n_padded);
	put_bytes(w, &h, sizeof(h));
	if (n_payload)
		memcpy(bytes, payload, n_payload);
	put_bytes(w, bytes, n_padded);
}

static void put_stacks(struct writer *w)
{
	struct {
		struct record_frames head;
		uint64_t pcs[4];
	} frames = {{.hash = 77, .n_frames = 4}, {100, 200, 300, 400}};
	struct {
		struct record_raw raw;
		uint8_t stack[256];
	} raw = {.raw = {.stack_bytes = 256}};
	const uint64_t hash = 77;
	struct record h = {.tid = 5, .value = 1000, .aux = 4096, .id = 1};
	static const uint8_t types[] = {RECORD_ALLOC, RECORD_FREE,
					RECORD_CPU,   RECORD_BLOCK,
					RECORD_MUTEX, RECORD_THREAD,
					RECORD_STACK};

	for (size_t i = 0; i < sizeof(types); i++) {
		uint8_t type = types[i];

		h.type = type;
		h.form = FORM_NONE;
		h.time_ns = 10 + i;
		h.value = type == RECORD_STACK
				  ? record_asked(ASKED, WAIT_MUTEX, 6)
				  : 1000;
		h.id++;
		put(w, h, NULL, 0);
		if (type == RECORD_FREE)
			continue;
		h.id++;
		h.form = FORM_FRAMES;
		put(w, h, &frames, sizeof(frames));
		h.form = FORM_HASH;
		put(w, h, &hash, sizeof(hash));
		h.form = FORM_RAW;
		put(w, h, &raw, sizeof(raw));
	}
}

// Of a stack that came, of one that did not, and their frees.
static void put_brief(struct writer *w)
{
	for (uint64_t i = 0; i < 4; i++) {
		struct record_alloc a = {.size_bytes = sizeof(a),
					 .type = RECORD_ALLOC,
					 .form = FORM_BRIEF,
					 .tid = 5,
					 .n_bytes = 1000,
					 .id = 1000 + i,
					 .hash = 77 + i / 2};
		struct record_free f = {.size_bytes = sizeof(f),
					.type = RECORD_FREE,
					.form = FORM_BRIEF,
					.id = 1000 + i};

		put_bytes(w, &a, sizeof(a));
		put_bytes(w, &f, sizeof(f));
	}
}

static void put_others(struct writer *w)
{
	const uint64_t words[COUNTER_N] = {1, 2, 3};
	// A thread of which nothing waits for its stack.
	struct record h = {
		.tid = 7, .value = 7, .form = FORM_TEXT, .time_ns = 99};

	h.type = RECORD_THREAD_NAME;
	put(w, h, "worker", 7);
	h.type = RECORD_UNLOAD;
	put(w, h, "/usr/lib/libnothing.so", 23);
	h.type = RECORD_THREAD_END;
	put(w, h, "worker", 7);
	h.type = RECORD_COUNTERS;
	h.form = FORM_WORDS;
	put(w, h, words, sizeof(words));
	h.form = FORM_NONE;
	h.type = RECORD_GOODBYE;
	put(w, h, NULL, 0);
	h.type = RECORD_DUMP;
	put(w, h, NULL, 0);
	h.type = RECORD_THREAD_BEGIN;
	h.tid = 6; // that one has ended
	put(w, h, NULL, 0);
	h.type = RECORD_N + 3;
	put(w, h, NULL, 0);
}

// Sets of labels, a profile of the program's own with an object in it, a mark.
static void put_own(struct writer *w)
{
	struct record h = {
		.tid = 5, .value = 1, .form = FORM_TEXT, .time_ns = 99};

	h.type = RECORD_LABELS;
	put(w, h, "request\0checkout", 17);
	h.value = 2;
	h.aux = 1;
	put(w, h, "user\0me", 8);
	h.type = RECORD_PROFILE;
	h.value = 1;
	put(w, h, "connections", 12);
	h.type = RECORD_MARK;
	put(w, h, "reloaded", 9);
	h.type = RECORD_ALLOC;
	h.form = FORM_NONE;
	h.id = 900;
	h.labels = 2;
	h.profile = 1;
	put(w, h, NULL, 0);
	h.type = RECORD_FREE;
	put(w, h, NULL, 0);
}

static void write_seeds(void)
{
	static struct writer w;

	put_stacks(&w);
	fuzz_seed("stacks", w.bytes, sizeof(uint64_t) + w.head);
	put_own(&w);
	fuzz_seed("own", w.bytes, sizeof(uint64_t) + w.head);
	put_brief(&w);
	fuzz_seed("brief", w.bytes, sizeof(uint64_t) + w.head);
	put_others(&w);
	fuzz_seed("all", w.bytes, sizeof(uint64_t) + w.head);
	memset(n_seen, 0, sizeof(n_seen));
	LLVMFuzzerTestOneInput(w.bytes, sizeof(uint64_t) + w.head);
	for (int type = RECORD_PAD + 1; type < RECORD_N; type++)
		REQUIRE(n_seen[type]); // each type is there
	REQUIRE(n_answers && n_events && n_folded);
}

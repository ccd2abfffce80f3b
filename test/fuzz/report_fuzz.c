// SPDX-License-Identifier: Apache-2.0
//
// Description: any bytes as a profile: they are read or refused with a reason;
// what was read becomes every report that touches no file, and, written as a
// profile again, is read again.
//
// The input is a byte that chooses the report, then the profile.
// fuzz: -max_len=16384
#include "collector/report_decode.h"
#include "collector/report_format.h"
#include "collector/report_input.h"

#include "test/fuzz/session.h"

#include <fcntl.h>

// A profile and what its texts live in.
struct held {
	struct arena arena;
	struct strtab texts;
	struct report_profile profile;
};

static unsigned n_samples; // of all inputs

static void hold(struct held *h)
{
	arena_init(&h->arena);
	strtab_init(&h->texts, &h->arena);
	report_profile_init(&h->profile, &h->texts);
}

static void let_go(struct held *h)
{
	report_profile_fini(&h->profile);
	strtab_fini(&h->texts);
	arena_fini(&h->arena);
}

// Writes P (which that changes) as FORMAT. False when it can't be.
static bool write_as(const struct report_format *format,
		     struct report_profile *p, struct report_out *ret_out)
{
	struct report_error error = {.text = ""};
	struct report_settings settings;
	struct report r;
	int err;

	report_settings_init(&settings);
	settings.regex = format->has_pattern ? "." : NULL;
	report_out_init(ret_out, -1);
	err = report_open(&r, p, &settings, &format->need, &error);
	if (!err) {
		err = format->write(&r, ret_out, &error);
		report_close(&r);
	}
	REQUIRE(!err || error.text[0]);
	return !err;
}

static bool read_into(struct held *h, const void *bytes, size_t n_bytes)
{
	struct report_error error = {.text = ""};
	struct report_input input = {malloc(n_bytes + 1), n_bytes};
	int err;

	hold(h);
	memcpy(input.bytes, bytes, n_bytes);
	err = report_input_unpack(&input, &error);
	if (!err) {
		err = report_decode(input.bytes, input.n_bytes, &h->profile,
				    &error);
		report_input_free(&input);
	}
	REQUIRE(!err || error.text[0]);
	return !err;
}

// Source files and graphviz are for the command line's tests.
static bool is_pure(int format)
{
	return format != REPORT_FORMAT_list && format != REPORT_FORMAT_svg;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
	int format = n_bytes ? data[0] % REPORT_FORMAT_N : 0;
	struct report_out out;
	struct held first, again;

	if (!n_bytes)
		return 0;
	if (read_into(&first, data + 1, n_bytes - 1)) {
		n_samples += (unsigned)first.profile.n_samples;
		if (write_as(&report_format_proto, &first.profile, &out)) {
			REQUIRE(read_into(&again, out.text.data,
					  out.text.n_bytes));
			let_go(&again);
		}
		report_out_fini(&out);
	}
	let_go(&first);
	if (is_pure(format) && read_into(&first, data + 1, n_bytes - 1)) {
		(void)write_as(&report_formats[format], &first.profile, &out);
		report_out_fini(&out);
		let_go(&first);
	} else if (is_pure(format)) {
		let_go(&first);
	}
	return 0;
}

// What the collector itself writes.
static void render(enum kind kind, struct buf *ret)
{
	struct {
		struct record head;
		struct record_frames frames;
		uint64_t pcs[3];
	} r = {.head = {.size_bytes = sizeof(r),
			.form = FORM_FRAMES,
			.tid = 7,
			.value = 100,
			.aux = 10},
	       .frames = {.hash = 1, .n_frames = 3},
	       .pcs = {100, 200, 300}};
	struct proc *p =
		session_new(session_hello(), open("/dev/null", O_RDONLY));
	struct snap *s;

	drain_start(p);
	r.head.type = kind == KIND_CPU ? RECORD_CPU : RECORD_ALLOC;
	for (r.head.id = 1; r.head.id < 4; r.head.id++, r.pcs[0] += 50)
		ingest_record(&p->ingest, (union ringread_record *)&r);
	s = take_snap(p, kind);
	REQUIRE(s);
	take_finish(p, s);
	REQUIRE(!pprof_write(s, ret));
	snap_free(s);
	proc_unref(p);
}

static void write_seed(enum kind kind)
{
	struct report_error error;
	struct report_input input;
	struct buf packed;
	uint8_t *bytes;

	buf_init(&packed);
	render(kind, &packed);
	input = (struct report_input){(uint8_t *)packed.data, packed.n_bytes};
	REQUIRE(!report_input_unpack(&input, &error));
	bytes = malloc(input.n_bytes + 1);
	memcpy(bytes + 1, input.bytes, input.n_bytes);
	for (int format = 0; format < REPORT_FORMAT_N; format++) {
		char name[64];

		snprintf(name, sizeof(name), "%s-%s", kind_table[kind].name,
			 report_formats[format].name);
		bytes[0] = (uint8_t)format;
		fuzz_seed(name, bytes, input.n_bytes + 1);
		n_samples = 0;
		LLVMFuzzerTestOneInput(bytes, input.n_bytes + 1);
		REQUIRE(n_samples);
	}
	free(bytes);
	report_input_free(&input);
}

static void write_seeds(void)
{
	write_seed(KIND_CPU);
	write_seed(KIND_INUSE);
}

// SPDX-License-Identifier: Apache-2.0
//
// Fields come in any order, so there are four passes: what refers to others is
// read after those.
// Each message within is small; protobuf-c reads it into memory that is used
// again for the next one, so that a profile is never held twice.
#include "collector/report_decode.h"

#include "collector/hmap.h"
#include "collector/report_mem.h"
#include "collector/report_wire.h"
#include "proto/profile.pb-c.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCRATCH_BYTES ((size_t)64 << 10)
#define ALIGN	      ((size_t)16)

// The profile's fields, as profile.proto numbers them.
enum field {
	FIELD_SAMPLE_TYPE = 1,
	FIELD_SAMPLE,
	FIELD_MAPPING,
	FIELD_LOCATION,
	FIELD_FUNCTION,
	FIELD_STRING_TABLE,
	FIELD_DROP_FRAMES,
	FIELD_KEEP_FRAMES,
	FIELD_TIME,
	FIELD_DURATION,
	FIELD_PERIOD_TYPE,
	FIELD_PERIOD,
	FIELD_COMMENT,
	FIELD_DEFAULT_TYPE,
	FIELD_N
};

// Memory of one message; a message larger than the block gets blocks of its
// own.
struct scratch {
	_Alignas(ALIGN) uint8_t block[SCRATCH_BYTES];
	size_t n_used;
	void *large; // a list, linked by each one's first word
};

// Ids of one kind to indexes: by position where they are 1..n, as most writers
// number them, else by a map.
struct ids {
	struct hmap map;
	size_t n_dense;
};

struct decoder {
	struct report_profile *p;
	struct report_error *error;
	struct scratch *scratch;
	ProtobufCAllocator allocator;
	uint32_t *texts; // of the file's table: number in the profile's
	size_t n_texts, texts_capacity;
	struct ids mappings, functions, locations;
	size_t offset; // of the field that is being read
	size_t n_samples_seen;
};

static void *scratch_get(void *data, size_t n_bytes)
{
	struct scratch *s = data;
	size_t n = (n_bytes + ALIGN - 1) & ~(ALIGN - 1);
	void **large;

	if (n <= SCRATCH_BYTES - s->n_used) {
		s->n_used += n;
		return s->block + s->n_used - n;
	}
	large = malloc(n + ALIGN);
	if (!large)
		return NULL;
	*large = s->large;
	s->large = large;
	return (uint8_t *)large + ALIGN;
}

static void scratch_put(void *data, void *at)
{
	(void)data; // all is given back at once
	(void)at;
}

static void scratch_clear(struct scratch *s)
{
	while (s->large) {
		void *next = *(void **)s->large;

		free(s->large);
		s->large = next;
	}
	s->n_used = 0;
}

static int refuse(struct decoder *d, const char *what)
{
	return report_error_set(d->error, -EBADMSG, "%s (at byte %zu)", what,
				d->offset);
}

static int refuse_id(struct decoder *d, const char *before, uint64_t id,
		     const char *after)
{
	char what[128];

	(void)snprintf(what, sizeof(what), "%s %" PRIu64 " %s", before, id,
		       after);
	return refuse(d, what);
}

static int take_text(struct decoder *d, int64_t index, uint32_t *ret_text)
{
	if (index < 0 || (uint64_t)index >= d->n_texts)
		return report_error_set(d->error, -EBADMSG,
					"string %" PRId64
					" is used at byte %zu, but the "
					"string table has %zu",
					index, d->offset, d->n_texts);
	*ret_text = d->texts[index];
	return 0;
}

static void add_id(struct ids *ids, uint64_t id, size_t index)
{
	if (ids->n_dense == index && id == index + 1)
		ids->n_dense++;
	else if (hmap_put(&ids->map, id, index))
		report_mem_fail();
}

// The index of ID, or REPORT_NONE.
static uint32_t find_id(const struct ids *ids, uint64_t id)
{
	uint64_t *index;

	if (id && id <= ids->n_dense)
		return (uint32_t)(id - 1);
	index = id ? hmap_get(&ids->map, id) : NULL;
	return index ? (uint32_t)*index : REPORT_NONE;
}

static int take_id(struct decoder *d, struct ids *ids, const char *noun,
		   uint64_t id, size_t index)
{
	char what[128];

	if (!id) {
		(void)snprintf(what, sizeof(what), "a %s has the id 0", noun);
		return refuse(d, what);
	}
	if (find_id(ids, id) != REPORT_NONE) {
		(void)snprintf(what, sizeof(what),
			       "two %ss have the id %" PRIu64, noun, id);
		return refuse(d, what);
	}
	add_id(ids, id, index);
	return 0;
}

static int add_text(struct decoder *d, const struct report_wire_field *f)
{
	char *text;

	if (!d->n_texts && f->n_bytes)
		return refuse(d, "the first of its strings is not empty");
	text = report_mem_text((const char *)f->bytes, f->n_bytes);
	d->texts = report_mem_grow(d->texts, &d->texts_capacity, d->n_texts + 1,
				   sizeof(*d->texts));
	d->texts[d->n_texts++] = report_profile_intern(d->p, text);
	free(text);
	return 0;
}

static int read_value_type(struct decoder *d, const struct report_wire_field *f,
			   struct report_value_type *ret_type)
{
	struct report_value_type t;
	Perftools__Profiles__ValueType *m =
		perftools__profiles__value_type__unpack(&d->allocator,
							f->n_bytes, f->bytes);

	if (!m)
		return refuse(d, "it has a value type that can't be read");
	if (take_text(d, m->type, &t.type) || take_text(d, m->unit, &t.unit))
		return -EBADMSG;
	*ret_type = t;
	return 0;
}

static int read_mapping(struct decoder *d, const struct report_wire_field *f)
{
	struct report_mapping *to = report_profile_add_mapping(d->p);
	Perftools__Profiles__Mapping *m = perftools__profiles__mapping__unpack(
		&d->allocator, f->n_bytes, f->bytes);

	if (!m)
		return refuse(d, "it has a mapping that can't be read");
	if (take_id(d, &d->mappings, "mapping", m->id, d->p->n_mappings - 1) ||
	    take_text(d, m->filename, &to->file) ||
	    take_text(d, m->build_id, &to->build_id))
		return -EBADMSG;
	to->id = m->id;
	to->start = m->memory_start;
	to->limit = m->memory_limit;
	to->offset = m->file_offset;
	to->has_functions = m->has_functions;
	to->has_filenames = m->has_filenames;
	to->has_line_numbers = m->has_line_numbers;
	to->has_inline_frames = m->has_inline_frames;
	return 0;
}

static int read_function(struct decoder *d, const struct report_wire_field *f)
{
	struct report_function *to = report_profile_add_function(d->p);
	Perftools__Profiles__Function *m =
		perftools__profiles__function__unpack(&d->allocator, f->n_bytes,
						      f->bytes);

	if (!m)
		return refuse(d, "it has a function that can't be read");
	if (take_id(d, &d->functions, "function", m->id,
		    d->p->n_functions - 1) ||
	    take_text(d, m->name, &to->name) ||
	    take_text(d, m->system_name, &to->system_name) ||
	    take_text(d, m->filename, &to->file))
		return -EBADMSG;
	to->id = m->id;
	to->start_line = m->start_line;
	return 0;
}

static int read_location(struct decoder *d, const struct report_wire_field *f)
{
	struct report_location *to = report_profile_add_location(d->p);
	Perftools__Profiles__Location *m =
		perftools__profiles__location__unpack(&d->allocator, f->n_bytes,
						      f->bytes);

	if (!m)
		return refuse(d, "it has a location that can't be read");
	if (take_id(d, &d->locations, "location", m->id, d->p->n_locations - 1))
		return -EBADMSG;
	to->id = m->id;
	to->address = m->address;
	to->is_folded = m->is_folded;
	to->mapping = find_id(&d->mappings, m->mapping_id);
	to->n_lines = (uint32_t)m->n_line;
	for (size_t i = 0; i < m->n_line; i++) {
		uint32_t function =
			find_id(&d->functions, m->line[i]->function_id);

		if (function == REPORT_NONE)
			return refuse_id(
				d, "location", m->id,
				"has a line of a function that there isn't");
		*report_profile_add_line(d->p) = (struct report_line){
			.function = function, .line = m->line[i]->line};
	}
	return 0;
}

static int read_label(struct decoder *d, const Perftools__Profiles__Label *m)
{
	struct report_label l = {.num = m->str ? 0 : m->num};

	if (take_text(d, m->key, &l.key) || take_text(d, m->str, &l.text) ||
	    take_text(d, m->num_unit, &l.unit))
		return -EBADMSG;
	if (m->str)
		l.unit = 0;
	// A number of 0 without a unit is no label, nor is an empty text.
	if (l.text || (!m->str && (m->num || m->num_unit)))
		report_profile_add_label(d->p, &l);
	return 0;
}

static int read_values(struct decoder *d, const Perftools__Profiles__Sample *m)
{
	char what[128];

	if (!d->p->n_types)
		return refuse(d, "it has samples but no sample type");
	if (m->n_value != d->p->n_types) {
		(void)snprintf(what, sizeof(what),
			       "sample %zu has %zu values, and there are %zu "
			       "sample types",
			       d->n_samples_seen, m->n_value, d->p->n_types);
		return refuse(d, what);
	}
	memcpy(report_profile_values(d->p, d->p->n_samples - 1), m->value,
	       m->n_value * sizeof(*m->value));
	return 0;
}

static int read_sample(struct decoder *d, const struct report_wire_field *f)
{
	Perftools__Profiles__Sample *m = perftools__profiles__sample__unpack(
		&d->allocator, f->n_bytes, f->bytes);

	d->n_samples_seen++;
	if (!m)
		return refuse_id(d, "sample", d->n_samples_seen,
				 "can't be read");
	(void)report_profile_add_sample(d->p);
	if (read_values(d, m))
		return -EBADMSG;
	for (size_t i = 0; i < m->n_location_id; i++) {
		uint32_t l = find_id(&d->locations, m->location_id[i]);

		if (l == REPORT_NONE)
			return refuse_id(d, "a sample has location",
					 m->location_id[i], "that there isn't");
		report_profile_add_frame(d->p, l);
	}
	for (size_t i = 0; i < m->n_label; i++)
		if (read_label(d, m->label[i]))
			return -EBADMSG;
	return 0;
}

// Comments: one by one or packed.
static int read_comments(struct decoder *d, const struct report_wire_field *f)
{
	struct report_wire w;
	uint64_t value = f->value;
	uint32_t text = 0;

	if (f->type == REPORT_WIRE_VARINT) {
		if (take_text(d, (int64_t)value, &text))
			return -EBADMSG;
		report_profile_add_comment(d->p, text);
		return 0;
	}
	w = (struct report_wire){f->bytes, f->bytes, f->bytes + f->n_bytes};
	while (w.at < w.end) {
		if (report_wire_varint(&w, &value))
			return refuse(d, "its comments can't be read");
		if (take_text(d, (int64_t)value, &text))
			return -EBADMSG;
		report_profile_add_comment(d->p, text);
	}
	return 0;
}

static int read_number(struct decoder *d, const struct report_wire_field *f)
{
	int64_t v = (int64_t)f->value;

	switch (f->number) {
	case FIELD_DROP_FRAMES:
		return take_text(d, v, &d->p->drop_frames);
	case FIELD_KEEP_FRAMES:
		return take_text(d, v, &d->p->keep_frames);
	case FIELD_DEFAULT_TYPE:
		return take_text(d, v, &d->p->default_type);
	case FIELD_TIME:
		if (d->p->time_ns)
			return refuse(d, "it is several profiles behind each "
					 "other");
		d->p->time_ns = v;
		return 0;
	case FIELD_DURATION:
		d->p->duration_ns = v;
		return 0;
	default:
		d->p->period = v;
		return 0;
	}
}

typedef int read_fn(struct decoder *d, const struct report_wire_field *f);

static int read_sample_type(struct decoder *d,
			    const struct report_wire_field *f)
{
	return read_value_type(d, f, report_profile_add_type(d->p));
}

static int read_period_type(struct decoder *d,
			    const struct report_wire_field *f)
{
	return read_value_type(d, f, &d->p->period_type);
}

struct field_info {
	read_fn *read;
	enum report_wire_type type;
	int pass;
};

// What refers to others is read in a later pass than those.
#define N_PASSES 4
static const struct field_info field_table[FIELD_N] = {
	[FIELD_STRING_TABLE] = {add_text, REPORT_WIRE_BYTES, 0},
	[FIELD_SAMPLE_TYPE] = {read_sample_type, REPORT_WIRE_BYTES, 1},
	[FIELD_MAPPING] = {read_mapping, REPORT_WIRE_BYTES, 1},
	[FIELD_FUNCTION] = {read_function, REPORT_WIRE_BYTES, 1},
	[FIELD_PERIOD_TYPE] = {read_period_type, REPORT_WIRE_BYTES, 1},
	[FIELD_DROP_FRAMES] = {read_number, REPORT_WIRE_VARINT, 1},
	[FIELD_KEEP_FRAMES] = {read_number, REPORT_WIRE_VARINT, 1},
	[FIELD_TIME] = {read_number, REPORT_WIRE_VARINT, 1},
	[FIELD_DURATION] = {read_number, REPORT_WIRE_VARINT, 1},
	[FIELD_PERIOD] = {read_number, REPORT_WIRE_VARINT, 1},
	[FIELD_DEFAULT_TYPE] = {read_number, REPORT_WIRE_VARINT, 1},
	[FIELD_COMMENT] = {read_comments, REPORT_WIRE_VARINT, 1},
	[FIELD_LOCATION] = {read_location, REPORT_WIRE_BYTES, 2},
	[FIELD_SAMPLE] = {read_sample, REPORT_WIRE_BYTES, 3},
};

static int read_field(struct decoder *d, const struct report_wire_field *f,
		      int pass)
{
	const struct field_info *info;
	char what[64];
	int err;

	if (f->number >= FIELD_N || !field_table[f->number].read)
		return 0; // of a newer format
	info = &field_table[f->number];
	if (info->pass != pass)
		return 0;
	if (f->type != info->type &&
	    !(f->number == FIELD_COMMENT && f->type == REPORT_WIRE_BYTES)) {
		(void)snprintf(what, sizeof(what),
			       "field %" PRIu64 " has the wrong type",
			       f->number);
		return refuse(d, what);
	}
	err = info->read(d, f);
	scratch_clear(d->scratch);
	return err;
}

static int read_pass(struct decoder *d, const uint8_t *bytes, size_t n_bytes,
		     int pass)
{
	struct report_wire w = {bytes, bytes, bytes + n_bytes};
	struct report_wire_field f;
	int got;

	while ((got = report_wire_next(&w, &f)) > 0) {
		d->offset = f.offset;
		if (read_field(d, &f, pass))
			return -EBADMSG;
	}
	d->offset = (size_t)(w.at - w.start);
	return got ? refuse(d, "it is no profile in pprof's format: there is "
			       "no field to read")
		   : 0;
}

// A text must be there to be referred to, and every profile refers to one.
static int read_all(struct decoder *d, const uint8_t *bytes, size_t n_bytes)
{
	if (!n_bytes)
		return refuse(d, "it is empty");
	for (int pass = 0; pass < N_PASSES; pass++) {
		if (read_pass(d, bytes, n_bytes, pass))
			return -EBADMSG;
		if (!d->n_texts)
			return refuse(d, "it is no profile in pprof's format: "
					 "it has no strings");
	}
	return 0;
}

int report_decode(const uint8_t *bytes, size_t n_bytes,
		  struct report_profile *profile, struct report_error *error)
{
	struct decoder d = {.p = profile, .error = error};
	int err;

	d.scratch = report_mem_zero(1, sizeof(*d.scratch));
	d.allocator = (ProtobufCAllocator){.alloc = scratch_get,
					   .free = scratch_put,
					   .allocator_data = d.scratch};
	hmap_init(&d.mappings.map);
	hmap_init(&d.functions.map);
	hmap_init(&d.locations.map);
	err = read_all(&d, bytes, n_bytes);
	hmap_fini(&d.mappings.map);
	hmap_fini(&d.functions.map);
	hmap_fini(&d.locations.map);
	scratch_clear(d.scratch);
	free(d.scratch);
	free(d.texts);
	return err;
}

// SPDX-License-Identifier: Apache-2.0
//
// Messages are made by protobuf-c one at a time, as they are read.
#include "collector/report_proto.h"

#include "collector/report_mem.h"
#include "proto/profile.pb-c.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define GZIP_WINDOW_BITS (15 + 16) // 16: gzip
#define MEMORY_LEVEL	 8
#define VARINT_MAX	 10

struct encoding {
	const struct report_profile *p;
	struct buf to;
	uint32_t *index_of; // of texts: index in the file + 1
	uint32_t *texts;    // of the file
	size_t n_texts;
	uint8_t *scratch;
	size_t scratch_capacity;
};

static int64_t text_index(struct encoding *e, uint32_t text)
{
	if (!e->index_of[text]) {
		e->texts[e->n_texts++] = text;
		e->index_of[text] = (uint32_t)e->n_texts;
	}
	return e->index_of[text] - 1;
}

static void put_varint(struct buf *to, uint64_t v)
{
	uint8_t bytes[VARINT_MAX];
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		bytes[n++] = (uint8_t)(v | 0x80);
	bytes[n++] = (uint8_t)v;
	buf_put(to, bytes, n);
}

static void put_bytes(struct buf *to, int field, const void *bytes, size_t n)
{
	put_varint(to, (uint64_t)field << 3 | 2);
	put_varint(to, n);
	buf_put(to, bytes, n);
}

static void put_number(struct buf *to, int field, int64_t v)
{
	if (!v)
		return;
	put_varint(to, (uint64_t)field << 3);
	put_varint(to, (uint64_t)v);
}

static void put_message(struct encoding *e, int field,
			const ProtobufCMessage *m)
{
	size_t n = protobuf_c_message_get_packed_size(m);

	e->scratch =
		report_mem_grow(e->scratch, &e->scratch_capacity, n + 1, 1);
	(void)protobuf_c_message_pack(m, e->scratch); // as large as it said
	put_bytes(&e->to, field, e->scratch, n);
}

static void put_type(struct encoding *e, int field,
		     const struct report_value_type *t)
{
	Perftools__Profiles__ValueType m =
		PERFTOOLS__PROFILES__VALUE_TYPE__INIT;

	m.type = text_index(e, t->type);
	m.unit = text_index(e, t->unit);
	put_message(e, field, &m.base);
}

static void put_sample(struct encoding *e, size_t i)
{
	const struct report_profile *p = e->p;
	const struct report_sample *s = &p->samples[i];
	Perftools__Profiles__Sample m = PERFTOOLS__PROFILES__SAMPLE__INIT;
	Perftools__Profiles__Label *labels, **list;

	m.n_location_id = s->n_frames;
	m.location_id = report_mem_zero(s->n_frames, sizeof(*m.location_id));
	for (uint32_t k = 0; k < s->n_frames; k++)
		m.location_id[k] =
			p->locations[p->stack[s->first_frame + k]].id;
	m.n_value = p->n_types;
	m.value = report_profile_values(p, i);
	labels = report_mem_zero(s->n_labels, sizeof(*labels));
	list = report_mem_zero(s->n_labels, sizeof(*list));
	for (uint32_t k = 0; k < s->n_labels; k++) {
		const struct report_label *l = &p->labels[s->first_label + k];

		perftools__profiles__label__init(&labels[k]);
		labels[k].key = text_index(e, l->key);
		labels[k].str = text_index(e, l->text);
		labels[k].num = l->num;
		labels[k].num_unit = text_index(e, l->unit);
		list[k] = &labels[k];
	}
	m.n_label = s->n_labels;
	m.label = list;
	put_message(e, 2, &m.base);
	free(m.location_id);
	free(labels);
	free(list);
}

static void put_mapping(struct encoding *e, const struct report_mapping *from)
{
	Perftools__Profiles__Mapping m = PERFTOOLS__PROFILES__MAPPING__INIT;

	m.id = from->id;
	m.memory_start = from->start;
	m.memory_limit = from->limit;
	m.file_offset = from->offset;
	m.filename = text_index(e, from->file);
	m.build_id = text_index(e, from->build_id);
	m.has_functions = from->has_functions;
	m.has_filenames = from->has_filenames;
	m.has_line_numbers = from->has_line_numbers;
	m.has_inline_frames = from->has_inline_frames;
	put_message(e, 3, &m.base);
}

static void put_location(struct encoding *e, const struct report_location *from)
{
	const struct report_profile *p = e->p;
	Perftools__Profiles__Location m = PERFTOOLS__PROFILES__LOCATION__INIT;
	Perftools__Profiles__Line *lines, **list;

	lines = report_mem_zero(from->n_lines, sizeof(*lines));
	list = report_mem_zero(from->n_lines, sizeof(*list));
	m.id = from->id;
	if (from->mapping != REPORT_NONE)
		m.mapping_id = p->mappings[from->mapping].id;
	m.address = from->address;
	m.is_folded = from->is_folded;
	for (uint32_t k = 0; k < from->n_lines; k++) {
		const struct report_line *l = &p->lines[from->first_line + k];

		perftools__profiles__line__init(&lines[k]);
		lines[k].function_id = p->functions[l->function].id;
		lines[k].line = l->line;
		list[k] = &lines[k];
	}
	m.n_line = from->n_lines;
	m.line = list;
	put_message(e, 4, &m.base);
	free(lines);
	free(list);
}

static void put_function(struct encoding *e, const struct report_function *from)
{
	Perftools__Profiles__Function m = PERFTOOLS__PROFILES__FUNCTION__INIT;

	m.id = from->id;
	m.name = text_index(e, from->name);
	m.system_name = text_index(e, from->system_name);
	m.filename = text_index(e, from->file);
	m.start_line = from->start_line;
	put_message(e, 5, &m.base);
}

static void put_tables(struct encoding *e)
{
	const struct report_profile *p = e->p;

	for (size_t i = 0; i < p->n_types; i++)
		put_type(e, 1, &p->types[i]);
	for (size_t i = 0; i < p->n_samples; i++)
		put_sample(e, i);
	for (size_t i = 0; i < p->n_mappings; i++)
		put_mapping(e, &p->mappings[i]);
	for (size_t i = 0; i < p->n_locations; i++)
		put_location(e, &p->locations[i]);
	for (size_t i = 0; i < p->n_functions; i++)
		put_function(e, &p->functions[i]);
}

static void put_header(struct encoding *e)
{
	const struct report_profile *p = e->p;

	put_number(&e->to, 7, text_index(e, p->drop_frames));
	put_number(&e->to, 8, text_index(e, p->keep_frames));
	put_number(&e->to, 9, p->time_ns);
	put_number(&e->to, 10, p->duration_ns);
	put_type(e, 11, &p->period_type);
	put_number(&e->to, 12, p->period);
	for (size_t i = 0; i < p->n_comments; i++)
		put_number(&e->to, 13, text_index(e, p->comments[i]));
	put_number(&e->to, 14, text_index(e, p->default_type));
	for (size_t i = 0; i < e->n_texts; i++) {
		const char *text = report_profile_text(p, e->texts[i]);

		put_bytes(&e->to, 6, text, strlen(text));
	}
}

// Packs FROM behind what is in TO.
static int pack(const struct buf *from, struct buf *to)
{
	z_stream z = {0};
	size_t bound;
	uint8_t *packed;
	int said;

	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED,
			 GZIP_WINDOW_BITS, MEMORY_LEVEL,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	bound = deflateBound(&z, from->n_bytes);
	packed = report_mem_zero(bound, 1);
	z.next_in = (uint8_t *)from->data;
	z.avail_in = (uInt)from->n_bytes;
	z.next_out = packed;
	z.avail_out = (uInt)bound;
	said = deflate(&z, Z_FINISH);
	buf_put(to, packed, bound - z.avail_out);
	(void)deflateEnd(&z); // nothing is left in it
	free(packed);
	return said == Z_STREAM_END ? 0 : -EIO;
}

int report_proto(struct report *r, struct report_out *out,
		 struct report_error *error)
{
	size_t n_texts = r->profile->texts->n_texts;
	struct encoding e = {.p = r->profile};
	int err;

	e.index_of = report_mem_zero(n_texts, sizeof(*e.index_of));
	e.texts = report_mem_zero(n_texts, sizeof(*e.texts));
	buf_init(&e.to);
	(void)text_index(&e, 0); // "" comes first
	put_tables(&e);
	put_header(&e);
	err = buf_error(&e.to);
	if (!err)
		err = pack(&e.to, &out->text);
	if (err)
		(void)report_error_set(error, err, "it can't be packed: %s",
				       strerror(-err));
	buf_fini(&e.to);
	free(e.scratch);
	free(e.index_of);
	free(e.texts);
	return err;
}

// SPDX-License-Identifier: Apache-2.0
//
// The profile is built as protobuf-c messages in one arena, packed once and
// compressed at a fast level: profiles are small, and somebody waits.
#include "collector/pprof.h"

#include "collector/arena.h"
#include "collector/locs.h"
#include "collector/size_class.h"
#include "collector/strtab.h"
#include "collector/sym.h"
#include "proto/age.h"
#include "proto/limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "proto/profile.pb-c.h"

#define GZIP_WINDOW   (15 + 16) // zlib: largest window, gzip header
#define GZIP_MEMORY   8
#define CHUNK_BYTES   ((size_t)64 << 10)
#define LABELS_MAX    64u // given by the user for all samples
#define COMMENT_BYTES ((size_t)512)
#define THREAD_LABELS 2u

// The labels of one thread's samples.
struct labels {
	struct Perftools__Profiles__Label **items;
	size_t n;
};

struct builder {
	const struct snap *snap;
	const struct kind_info *kind;
	struct arena arena;
	struct strtab strings;
	struct locs *locs;
	struct Perftools__Profiles__Profile profile;
	struct labels user;	// on every sample
	struct labels *threads; // of snap->threads[i], made when needed
	struct labels other;	// of the tid looked at last, not in threads
	uint32_t other_tid;
};

static int64_t text(struct builder *b, const char *s)
{
	return strtab_index(&b->strings, s);
}

static struct Perftools__Profiles__ValueType *
make_type(struct builder *b, const struct kind_type *type)
{
	struct Perftools__Profiles__ValueType *v =
		arena_get(&b->arena, 1, sizeof(*v));

	if (!v)
		return NULL;
	perftools__profiles__value_type__init(v);
	v->type = text(b, type->type);
	v->unit = text(b, type->unit);
	return v;
}

static void set_types(struct builder *b)
{
	struct Perftools__Profiles__Profile *p = &b->profile;
	const struct kind_info *k = b->kind;

	p->sample_type =
		arena_get(&b->arena, k->n_values, sizeof(*p->sample_type));
	if (!p->sample_type)
		return;
	p->n_sample_type = k->n_values;
	for (unsigned i = 0; i < k->n_values; i++)
		p->sample_type[i] = make_type(b, &k->types[i]);
	p->period_type = make_type(b, &k->period);
	p->period = b->snap->period;
	// As Go: said only where it is not the last, which readers take.
	if (k->default_value + 1 < k->n_values)
		p->default_sample_type =
			text(b, k->types[k->default_value].type);
}

static void set_comments(struct builder *b)
{
	struct Perftools__Profiles__Profile *p = &b->profile;

	// One more for add_nameless().
	p->comment = arena_get(&b->arena, b->snap->n_comments + 1,
			       sizeof(*p->comment));
	for (size_t i = 0; p->comment && i < b->snap->n_comments; i++)
		p->comment[p->n_comment++] = text(b, b->snap->comments[i]);
}

static const char *basename_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

// The mappings whose frames have no names: what to install symbols for.
static void add_nameless(struct builder *b)
{
	struct Perftools__Profiles__Profile *p = &b->profile;
	char line[COMMENT_BYTES] = "no symbols for:";
	size_t n = strlen(line), n_start = n;

	for (size_t i = 0; i < p->n_mapping && n < sizeof(line); i++) {
		const struct Perftools__Profiles__Mapping *m = p->mapping[i];
		const char *path = b->strings.texts[m->filename];

		if (!m->has_functions && *path && *path != '[')
			n += (size_t)snprintf(line + n, sizeof(line) - n, " %s",
					      basename_of(path));
	}
	if (n > n_start && p->comment)
		p->comment[p->n_comment++] = text(b, line);
}

static struct Perftools__Profiles__Label *
add_label(struct builder *b, struct labels *l, const char *key)
{
	struct Perftools__Profiles__Label *label =
		arena_get(&b->arena, 1, sizeof(*label));

	if (!label)
		return NULL;
	perftools__profiles__label__init(label);
	label->key = text(b, key);
	l->items[l->n++] = label;
	return label;
}

// One "key=value" of N characters.
static void add_user_label(struct builder *b, const char *at, size_t n)
{
	struct Perftools__Profiles__Label *label;
	char pair[WIRE_LABELS_MAX_BYTES + 1];
	char *value;

	if (n >= sizeof(pair) || b->user.n == LABELS_MAX)
		return;
	memcpy(pair, at, n);
	pair[n] = '\0';
	value = strchr(pair, '=');
	if (!value || value == pair || !value[1])
		return;
	*value++ = '\0';
	label = add_label(b, &b->user, pair);
	if (label)
		label->str = text(b, value);
}

static void make_user_labels(struct builder *b)
{
	const char *at = b->snap->labels ? b->snap->labels : "";

	b->user.items =
		arena_get(&b->arena, LABELS_MAX, sizeof(*b->user.items));
	while (b->user.items && *at) {
		size_t n = strcspn(at, ",");
		add_user_label(b, at, n);
		at += n + (at[n] == ',');
	}
}

// The labels of thread TID called NAME (NULL: it is not known).
static void make_labels(struct builder *b, uint32_t tid, const char *name,
			struct labels *ret_labels)
{
	struct labels l = {0};
	struct Perftools__Profiles__Label *label;

	l.items = arena_get(&b->arena, THREAD_LABELS + b->user.n,
			    sizeof(*l.items));
	if (!l.items)
		return;
	if (name && name[0]) {
		label = add_label(b, &l, "thread");
		if (label)
			label->str = text(b, name);
	}
	if (tid && tid < SNAP_TID_ENDED) {
		label = add_label(b, &l, "tid");
		if (label)
			label->num = tid;
	}
	for (size_t i = 0; i < b->user.n; i++)
		l.items[l.n++] = b->user.items[i];
	*ret_labels = l;
}

static int compare_tid(const void *key, const void *item)
{
	const uint32_t *tid = key;
	const struct snap_thread *t = item;

	return (*tid > t->tid) - (*tid < t->tid);
}

static const struct labels *find_labels(struct builder *b, uint32_t tid)
{
	const struct snap *s = b->snap;
	const struct snap_thread *t = NULL;
	struct labels *l;

	if (s->n_threads > 0)
		t = bsearch(&tid, s->threads, s->n_threads, sizeof(*t),
			    compare_tid);
	if (t) {
		l = &b->threads[t - s->threads];
		if (!l->items)
			make_labels(b, tid, t->name, l);
		return l;
	}
	if (!b->other.items || b->other_tid != tid)
		make_labels(b, tid, NULL, &b->other);
	b->other_tid = tid;
	return &b->other;
}

static bool has_key(const struct labels *l, int64_t key)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->items[i]->key == key)
			return true;
	return false;
}

// The labels of SET, the innermost first, which hides others of its key. The
// process may name any set as any other's: no more steps than there may be.
static void add_set(struct builder *b, uint32_t set, struct labels *l)
{
	const struct snap *s = b->snap;
	struct Perftools__Profiles__Label *label;

	for (unsigned n = 0; n < LABEL_DEPTH_MAX && set < s->n_label_sets &&
			     s->label_sets[set].key;
	     n++, set = s->label_sets[set].parent) {
		const char *key = s->label_texts + s->label_sets[set].key;

		if (has_key(l, text(b, key)))
			continue;
		label = add_label(b, l, key);
		if (label)
			label->str = text(b, s->label_texts +
						     s->label_sets[set].value);
	}
}

static void add_age(struct builder *b, struct labels *l, const char *age)
{
	struct Perftools__Profiles__Label *label = add_label(b, l, AGE_LABEL);

	if (label)
		label->str = text(b, age);
}

static void add_bytes(struct builder *b, struct labels *l, unsigned size_class)
{
	struct Perftools__Profiles__Label *label = add_label(b, l, "bytes");

	if (label)
		label->num = (int64_t)size_class_bytes(size_class);
}

// The labels of ROW: its age where the snapshot tells it, those of its scope,
// and of its thread what they don't hide. An empty list where there is no
// memory.
static struct labels row_labels(struct builder *b, const struct snap_row *row)
{
	const struct labels *thread = find_labels(b, row->tid);
	unsigned age = b->snap->ages ? b->snap->ages[row - b->snap->rows] : 0;
	struct labels l = {0};

	if (!row->labels && !age && !row->size_class)
		return *thread;
	l.items = arena_get(&b->arena, LABEL_DEPTH_MAX + thread->n + 2,
			    sizeof(*l.items));
	if (!l.items)
		return l;
	if (age)
		add_age(b, &l, age_table[age - 1].label);
	if (row->size_class)
		add_bytes(b, &l, row->size_class);
	add_set(b, row->labels, &l);
	for (size_t i = 0; i < thread->n; i++)
		if (!has_key(&l, thread->items[i]->key))
			l.items[l.n++] = thread->items[i];
	return l;
}

static bool is_heap(unsigned kind)
{
	return kind == KIND_INUSE || kind == KIND_ALLOC;
}

static bool is_shim_frame(const struct snap *s, const struct frame *f)
{
	return f->image != FRAME_PSEUDO && f->image > 0 &&
	       f->image <= s->n_images && s->images[f->image - 1]->is_shim;
}

// The ids of the frames of stack ST that are shown. At least one.
static void set_locations(struct builder *b,
			  struct Perftools__Profiles__Sample *sample,
			  const struct snap_stack *st)
{
	static const struct frame unknown = {
		.addr = FRAME_UNKNOWN,
		.image = FRAME_PSEUDO,
	};
	const struct frame *frames = b->snap->frames + st->first;
	bool is_leaf = is_heap(b->snap->kind), is_allocator;
	uint64_t id, last = 0;

	sample->location_id = arena_get(&b->arena, st->n + 1, sizeof(id));
	if (!sample->location_id)
		return;
	for (uint32_t i = 0; i < st->n; i++) {
		if (is_shim_frame(b->snap, &frames[i]))
			continue;
		last = locs_id(b->locs, &frames[i], &is_allocator);
		is_leaf = is_leaf && last && is_allocator;
		if (!is_leaf)
			sample->location_id[sample->n_location_id++] = last;
	}
	if (sample->n_location_id > 0)
		return;
	if (!last)
		last = locs_id(b->locs, &unknown, &is_allocator);
	sample->location_id[sample->n_location_id++] = last;
}

// To the nearest whole number; what does not fit in one is cut.
static int64_t round_value(double value)
{
	const double limit = 9e18;

	if (!(value > -limit))
		return value < 0 ? (int64_t)-limit : 0;
	if (value > limit)
		return (int64_t)limit;
	return (int64_t)(value < 0 ? value - 0.5 : value + 0.5);
}

static bool round_values(const struct builder *b, const struct snap_row *row,
			 int64_t *ret_values)
{
	bool is_any = false;

	for (unsigned i = 0; i < b->kind->n_values; i++) {
		ret_values[i] = round_value(row->values[i]);
		is_any |= ret_values[i] != 0;
	}
	return is_any;
}

static void add_sample(struct builder *b, const struct snap_row *row)
{
	struct Perftools__Profiles__Sample *sample;
	int64_t values[KIND_VALUES_MAX];
	struct labels labels;

	if (row->stack >= b->snap->n_stacks || !round_values(b, row, values))
		return;
	sample = arena_get(&b->arena, 1, sizeof(*sample));
	if (!sample)
		return;
	perftools__profiles__sample__init(sample);
	sample->value =
		arena_get(&b->arena, b->kind->n_values, sizeof(*values));
	if (!sample->value)
		return;
	sample->n_value = b->kind->n_values;
	memcpy(sample->value, values, sample->n_value * sizeof(*values));
	labels = row_labels(b, row);
	sample->label = labels.items;
	sample->n_label = labels.n;
	set_locations(b, sample, &b->snap->stacks[row->stack]);
	b->profile.sample[b->profile.n_sample++] = sample;
}

static void add_samples(struct builder *b)
{
	const struct snap *s = b->snap;

	b->profile.sample =
		arena_get(&b->arena, s->n_rows + 1, sizeof(*b->profile.sample));
	b->threads =
		arena_get(&b->arena, s->n_threads + 1, sizeof(*b->threads));
	make_user_labels(b);
	for (size_t i = 0; i < s->n_rows && !b->arena.error; i++)
		add_sample(b, &s->rows[i]);
}

static int build(struct builder *b)
{
	const struct snap *s = b->snap;
	struct Perftools__Profiles__Profile *p = &b->profile;

	perftools__profiles__profile__init(p);
	p->time_nanos = s->time_ns;
	p->duration_nanos = s->duration_ns;
	b->locs = locs_new(&b->arena, &b->strings, s->images, s->n_images,
			   s->comm);
	if (!b->locs)
		return -ENOMEM;
	set_types(b);
	set_comments(b);
	add_samples(b);
	locs_finish(b->locs, p);
	add_nameless(b);
	p->string_table = b->strings.texts;
	p->n_string_table = b->strings.n_texts;
	return b->arena.error;
}

static void compress_bytes(const uint8_t *bytes, size_t n_bytes,
			   struct buf *ret)
{
	uint8_t chunk[CHUNK_BYTES];
	z_stream z = {
		.next_in = (uint8_t *)bytes,
		.avail_in = (uInt)n_bytes,
	};
	int state;

	if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
			 Z_DEFAULT_STRATEGY) != Z_OK) {
		ret->error = ret->error ? ret->error : -ENOMEM;
		return;
	}
	do {
		z.next_out = chunk;
		z.avail_out = sizeof(chunk);
		state = deflate(&z, Z_FINISH);
		buf_put(ret, chunk, sizeof(chunk) - z.avail_out);
	} while (state == Z_OK || state == Z_BUF_ERROR);
	deflateEnd(&z);
}

// Packs and compresses. protobuf-c takes memory for the whole message.
static int write_out(const void *context,
		     const struct Perftools__Profiles__Profile *profile,
		     struct buf *ret)
{
	size_t n_bytes = perftools__profiles__profile__get_packed_size(profile);
	uint8_t *bytes = n_bytes < UINT32_MAX ? malloc(n_bytes + 1) : NULL;

	(void)context;
	if (!bytes)
		return -ENOMEM;
	perftools__profiles__profile__pack(profile, bytes);
	compress_bytes(bytes, n_bytes, ret);
	free(bytes);
	return buf_error(ret);
}

int pprof_form(const struct snap *snap, pprof_fn fn, const void *context,
	       struct buf *ret)
{
	struct builder b = {.snap = snap, .kind = snap_kind(snap)};
	int error;

	sym_fetch(snap->images, snap->frames, snap->n_frames, snap->n_images);
	arena_init(&b.arena);
	strtab_init(&b.strings, &b.arena);
	error = build(&b);
	if (error == 0)
		error = fn(context, &b.profile, ret);
	if (error < 0 && ret->error == 0)
		ret->error = error;
	locs_free(b.locs);
	strtab_fini(&b.strings);
	arena_fini(&b.arena);
	return error;
}

int pprof_write(const struct snap *snap, struct buf *ret)
{
	return pprof_form(snap, write_out, NULL, ret);
}

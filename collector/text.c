// SPDX-License-Identifier: Apache-2.0
//
// Made from the same message as the protobuf, so that both show the same
// stacks. Heap numbers are the raw ones of the samples there, which a parser
// scales up by their mean size: values are scaled down by the same formula, and
// come out of the parser as they were but for the rounding to whole samples.
#include "collector/text.h"

#include "collector/pprof.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/profile.pb-c.h"

#define TAB_COLUMNS 8u
#define NAME_BYTES  4096u

// A stack's values, of all its threads.
struct record {
	const struct Perftools__Profiles__Sample
		*like; // the first that has this stack and these labels
	char *labels;  // as JSON, of threads that have some; else NULL
	int64_t values[KIND_VALUES_MAX];
};

struct writer {
	const struct snap *snap;
	const struct Perftools__Profiles__Profile *p;
	struct record *records;
	size_t n_records;
	unsigned rank; // the value that records are sorted by
	struct buf *ret;
};

static int compare_samples(const void *a, const void *b)
{
	const struct Perftools__Profiles__Sample *x =
		((const struct record *)a)->like;
	const struct Perftools__Profiles__Sample *y =
		((const struct record *)b)->like;

	if (x->n_location_id != y->n_location_id)
		return x->n_location_id < y->n_location_id ? -1 : 1;
	return memcmp(x->location_id, y->location_id,
		      x->n_location_id * sizeof(*x->location_id));
}

static int compare_stacks(const void *a, const void *b)
{
	const struct record *x = a, *y = b;
	int order = compare_samples(a, b);

	if (order)
		return order;
	return strcmp(x->labels ? x->labels : "", y->labels ? y->labels : "");
}

static int compare_values(const void *a, const void *b, void *context)
{
	const struct writer *w = context;
	const struct record *x = a, *y = b;
	int64_t left = x->values[w->rank], right = y->values[w->rank];

	if (left != right)
		return left > right ? -1 : 1;
	return compare_stacks(a, b);
}

// One record for all samples of a stack.
static void merge_threads(struct writer *w)
{
	size_t n = 0;

	qsort(w->records, w->n_records, sizeof(*w->records), compare_stacks);
	for (size_t i = 0; i < w->n_records; i++) {
		struct record *last = n ? &w->records[n - 1] : NULL;

		if (!last || compare_stacks(last, &w->records[i])) {
			w->records[n++] = w->records[i];
			continue;
		}
		free(w->records[i].labels);
		for (unsigned v = 0; v < KIND_VALUES_MAX; v++)
			last->values[v] += w->records[i].values[v];
	}
	w->n_records = n;
}

static const char *text_of(const struct writer *w, int64_t index)
{
	return w->p->string_table[index];
}

// The labels that the program gave, not those that tell threads apart.
static char *labels_of(const struct writer *w,
		       const struct Perftools__Profiles__Sample *s)
{
	json_t *labels = json_object();
	char *text = NULL;

	for (size_t i = 0; i < s->n_label; i++) {
		const char *key = text_of(w, s->label[i]->key);

		if (s->label[i]->str && strcmp(key, "thread"))
			(void)json_object_set_new(
				labels, key,
				json_string(text_of(w, s->label[i]->str)));
	}
	if (json_object_size(labels))
		text = json_dumps(labels, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(labels);
	return text;
}

static int collect(struct writer *w)
{
	w->records = calloc(w->p->n_sample + 1, sizeof(*w->records));
	if (!w->records)
		return -ENOMEM;
	for (size_t i = 0; i < w->p->n_sample; i++) {
		const struct Perftools__Profiles__Sample *s = w->p->sample[i];
		struct record *r = &w->records[w->n_records++];

		r->like = s;
		if (w->snap->kind == KIND_THREADS)
			r->labels = labels_of(w, s);
		memcpy(r->values, s->value, s->n_value * sizeof(*s->value));
	}
	merge_threads(w);
	qsort_r(w->records, w->n_records, sizeof(*w->records), compare_values,
		w);
	return 0;
}

// COUNT and BYTES as they were sampled at RATE.
static void scale_down(int64_t *count, int64_t *bytes, int64_t rate)
{
	double mean, n;

	if (*count <= 0 || *bytes <= 0 || rate <= 1)
		return;
	mean = (double)*bytes / (double)*count;
	n = round(-expm1(-mean / (double)rate) * (double)*count);
	if (n < 1)
		n = 1;
	*count = (int64_t)n;
	*bytes = (int64_t)(n * mean + 0.5);
}

static void scale_heap(struct writer *w, int64_t *ret_totals)
{
	for (size_t i = 0; i < w->n_records; i++) {
		int64_t *v = w->records[i].values;

		scale_down(&v[0], &v[1], w->p->period);
		scale_down(&v[2], &v[3], w->p->period);
		for (unsigned k = 0; k < 4; k++)
			ret_totals[k] += v[k];
	}
}

static void put_addresses(struct writer *w,
			  const struct Perftools__Profiles__Sample *s)
{
	for (size_t i = 0; i < s->n_location_id; i++)
		buf_printf(w->ret, " %#" PRIx64,
			   w->p->location[s->location_id[i] - 1]->address + 1);
	buf_puts(w->ret, "\n");
}

// Pads TEXT with tabs to the column that is N_COLUMNS further on.
static void put_cell(struct writer *w, const char *text, size_t n_columns)
{
	size_t n = strlen(text);

	buf_puts(w->ret, text);
	for (; n < n_columns; n = (n / TAB_COLUMNS + 1) * TAB_COLUMNS)
		buf_puts(w->ret, "\t");
}

static size_t columns_for(size_t n_longest)
{
	return (n_longest / TAB_COLUMNS + 1) * TAB_COLUMNS;
}

struct widths {
	size_t address;
	size_t name;
};

static const char *name_of(const struct writer *w,
			   const struct Perftools__Profiles__Location *l,
			   size_t i)
{
	return text_of(w, w->p->function[l->line[i]->function_id - 1]->name);
}

static struct widths measure(const struct writer *w,
			     const struct Perftools__Profiles__Sample *s)
{
	struct widths widths = {0};

	for (size_t i = 0; i < s->n_location_id; i++) {
		const struct Perftools__Profiles__Location *l =
			w->p->location[s->location_id[i] - 1];
		size_t n = (size_t)snprintf(NULL, 0, "%#" PRIx64, l->address);

		widths.address = n > widths.address ? n : widths.address;
		for (size_t k = 0; k < l->n_line; k++) {
			n = strlen(name_of(w, l, k));
			widths.name = n > widths.name ? n : widths.name;
		}
	}
	return widths;
}

// The frames, one inlined call a line, as comments in columns.
static void put_frames(struct writer *w,
		       const struct Perftools__Profiles__Sample *s)
{
	struct widths widths = measure(w, s);

	for (size_t i = 0; i < s->n_location_id; i++) {
		const struct Perftools__Profiles__Location *l =
			w->p->location[s->location_id[i] - 1];
		char address[24];

		snprintf(address, sizeof(address), "%#" PRIx64, l->address);
		for (size_t k = 0; k < l->n_line; k++) {
			const struct Perftools__Profiles__Line *line =
				l->line[k];
			const struct Perftools__Profiles__Function *f =
				w->p->function[line->function_id - 1];

			buf_puts(w->ret, "#\t");
			put_cell(w, address, columns_for(widths.address));
			put_cell(w, text_of(w, f->name),
				 columns_for(widths.name));
			buf_printf(w->ret, "%s:%" PRId64 "\n",
				   text_of(w, f->filename), line->line);
		}
	}
	buf_puts(w->ret, "\n");
}

static void put_heap(struct writer *w)
{
	int64_t sums[KIND_VALUES_MAX] = {0};

	scale_heap(w, sums);
	buf_printf(w->ret,
		   "heap profile: %" PRId64 ": %" PRId64 " [%" PRId64
		   ": %" PRId64 "] @ heap/%" PRId64 "\n",
		   sums[2], sums[3], sums[0], sums[1], 2 * w->p->period);
	for (size_t i = 0; i < w->n_records; i++) {
		const int64_t *v = w->records[i].values;

		buf_printf(w->ret,
			   "%" PRId64 ": %" PRId64 " [%" PRId64 ": %" PRId64
			   "] @",
			   v[2], v[3], v[0], v[1]);
		put_addresses(w, w->records[i].like);
		put_frames(w, w->records[i].like);
	}
}

// Delays are nanoseconds, and whole already: no period is left to apply.
static void put_contention(struct writer *w, const char *head)
{
	buf_puts(w->ret, head);
	for (size_t i = 0; i < w->n_records; i++) {
		const int64_t *v = w->records[i].values;

		buf_printf(w->ret, "%" PRId64 " %" PRId64 " @", v[1], v[0]);
		put_addresses(w, w->records[i].like);
		put_frames(w, w->records[i].like);
	}
}

static void put_counts(struct writer *w)
{
	int64_t total = 0;

	for (size_t i = 0; i < w->n_records; i++)
		total += w->records[i].values[0];
	buf_printf(w->ret, "%s profile: total %" PRId64 "\n",
		   text_of(w, w->p->sample_type[0]->type), total);
	for (size_t i = 0; i < w->n_records; i++) {
		buf_printf(w->ret, "%" PRId64 " @", w->records[i].values[0]);
		put_addresses(w, w->records[i].like);
		if (w->records[i].labels)
			buf_printf(w->ret, "# labels: %s\n",
				   w->records[i].labels);
		put_frames(w, w->records[i].like);
	}
}

static void put_records(struct writer *w)
{
	switch (w->snap->kind) {
	case KIND_INUSE:
	case KIND_ALLOC:
		put_heap(w);
		break;
	case KIND_BLOCK:
		put_contention(w, "--- contention:\n"
				  "cycles/second=1000000000\n");
		break;
	case KIND_MUTEX:
		put_contention(w, "--- mutex:\n"
				  "cycles/second=1000000000\n"
				  "sampling period=1\n");
		break;
	default:
		put_counts(w);
	}
}

// As lines of /proc/PID/maps, which is what parsers know, under both heads that
// they know: for most kinds of profile only the first ends the records.
static void put_mappings(struct writer *w)
{
	buf_puts(w->ret, "\n--- Memory map: ---\nMAPPED_LIBRARIES:\n");
	for (size_t i = 0; i < w->p->n_mapping; i++) {
		const struct Perftools__Profiles__Mapping *m = w->p->mapping[i];

		if (m->memory_limit > m->memory_start)
			buf_printf(w->ret,
				   "%" PRIx64 "-%" PRIx64 " r-xp %08" PRIx64
				   " 00:00 0 %s\n",
				   m->memory_start, m->memory_limit,
				   m->file_offset, text_of(w, m->filename));
	}
}

struct form {
	const struct snap *snap;
	const char *comments;
};

static int write_form(const void *context,
		      const struct Perftools__Profiles__Profile *p,
		      struct buf *ret)
{
	const struct form *form = context;
	// In-use bytes, delay, or the count: the last value.
	struct writer w = {.snap = form->snap,
			   .p = p,
			   .rank = (unsigned)p->n_sample_type - 1,
			   .ret = ret};
	int err = collect(&w);

	if (err)
		return err;
	put_records(&w);
	buf_puts(ret, form->comments);
	put_mappings(&w);
	for (size_t i = 0; i < w.n_records; i++)
		free(w.records[i].labels);
	free(w.records);
	return buf_error(ret);
}

int text_write(const struct snap *snap, const char *comments, struct buf *ret)
{
	const struct form form = {snap, comments};

	return pprof_form(snap, write_form, &form, ret);
}

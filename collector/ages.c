// SPDX-License-Identifier: Apache-2.0
//
// Each live sample adds to its row's sum of its class. A row becomes one for
// each class it has, and one without a class for what was ever allocated (and
// for samples that no room was left to follow): what is in use grows older, but
// a scraper's counters must not go back. Values are whole numbers from here
// on, rounded so that a row's parts add up to the row as it would be written:
// each is the difference of two rounded running sums.
#include "collector/ages.h"

#include "proto/age.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

enum { ALLOC_OBJECTS, ALLOC_BYTES, INUSE_OBJECTS, INUSE_BYTES };

// What is in use of one row, by class.
struct sums {
	double objects[AGE_N];
	double bytes[AGE_N];
};

static struct sums *sum_live(const struct ages_live *l, size_t n_rows)
{
	struct sums *sums = calloc(n_rows + 1, sizeof(*sums));

	for (size_t i = 0; sums && i < l->n; i++) {
		const struct agg_live *live = &l->list[i];
		uint32_t age_s;
		enum age age;

		if (live->profile || live->row >= n_rows)
			continue; // AGG_NO_ROW, or no memory
		age_s = l->now_s > live->born_s ? l->now_s - live->born_s : 0;
		age = age_of_seconds(age_s);
		sums[live->row].objects[age] += live->objects;
		sums[live->row].bytes[age] += live->bytes;
	}
	return sums;
}

static size_t count_rows(const struct sums *sums, size_t n_rows)
{
	size_t n = n_rows; // the rests

	for (size_t i = 0; i < n_rows; i++)
		for (int age = 0; age < AGE_N; age++)
			n += sums[i].objects[age] > 0;
	return n;
}

// As pprof.c rounds.
static double rounded(double value)
{
	return value < 0 ? ceil(value - 0.5) : floor(value + 0.5);
}

// Writes ROW's parts; returns how many.
static size_t split_row(const struct snap_row *row, const struct sums *sums,
			struct snap_row *to, uint8_t *ages)
{
	struct snap_row rest = *row;
	double objects = 0, bytes = 0;
	size_t n = 0;

	for (int v = 0; v < KIND_VALUES_MAX; v++)
		rest.values[v] = rounded(row->values[v]);
	for (int age = 0; age < AGE_N; age++) {
		struct snap_row part = *row;
		double *p = part.values, *r = rest.values;

		if (!(sums->objects[age] > 0))
			continue;
		p[INUSE_OBJECTS] = rounded(objects + sums->objects[age]) -
				   rounded(objects);
		p[INUSE_BYTES] =
			rounded(bytes + sums->bytes[age]) - rounded(bytes);
		p[ALLOC_OBJECTS] = p[ALLOC_BYTES] = 0;
		objects += sums->objects[age];
		bytes += sums->bytes[age];
		for (int v = 0; v < KIND_VALUES_MAX; v++)
			r[v] -= p[v];
		ages[n] = (uint8_t)(1 + age);
		to[n++] = part;
	}
	ages[n] = 0;
	to[n++] = rest; // one of zeros is not written
	return n;
}

int ages_split(struct snap *s, const struct ages_live *live)
{
	struct sums *sums = sum_live(live, s->n_rows);
	size_t n_max = sums ? count_rows(sums, s->n_rows) + 1 : 0;
	struct snap_row *rows = calloc(n_max, sizeof(*rows));
	uint8_t *ages = calloc(n_max, 1);
	size_t n = 0;

	if (!sums || !rows || !ages) {
		free(sums);
		free(rows);
		free(ages);
		return -ENOMEM;
	}
	for (size_t i = 0; i < s->n_rows; i++)
		n += split_row(&s->rows[i], &sums[i], rows + n, ages + n);
	free(sums);
	free(s->rows);
	s->rows = rows;
	s->n_rows = n;
	s->ages = ages;
	return 0;
}

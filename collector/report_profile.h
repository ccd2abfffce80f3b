// SPDX-License-Identifier: Apache-2.0
//
// A profile in memory, whoever wrote it: flat arrays that refer to each other
// by index. Texts are indexes into a string table that several profiles share,
// so that equal texts are equal numbers. A profile is changed in place on its
// way to a report (merged, filtered, aggregated). One thread.
#ifndef CPROF_COLLECTOR_REPORT_PROFILE_H
#define CPROF_COLLECTOR_REPORT_PROFILE_H

#include "collector/strtab.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPORT_NONE UINT32_MAX

// The label that marks the samples of what a diff is made against.
#define REPORT_BASE_LABEL "pprof::base"

struct report_value_type {
	uint32_t type; // texts
	uint32_t unit;
};

struct report_mapping {
	uint64_t id, start, limit, offset;
	uint32_t file, build_id; // texts
	bool has_functions, has_filenames, has_line_numbers, has_inline_frames;
};

struct report_function {
	uint64_t id;
	uint32_t name, system_name, file; // texts
	int64_t start_line;
};

struct report_line {
	uint32_t function;
	int64_t line;
};

// Its lines are a run of lines[], the innermost inlined function first. Filters
// shorten the run.
struct report_location {
	uint64_t id, address;
	uint32_t mapping; // REPORT_NONE: none
	uint32_t first_line, n_lines;
	bool is_folded;
};

// A number, or a text (then num is 0). Those of a sample stand together.
struct report_label {
	uint32_t key;
	uint32_t text; // 0: it is a number
	uint32_t unit; // of a number; 0: none
	int64_t num;
};

// Its locations are a run of stack[], the leaf first.
struct report_sample {
	size_t first_frame, first_label;
	uint32_t n_frames, n_labels;
};

struct report_profile {
	struct strtab *texts;
	struct report_value_type *types;
	struct report_mapping *mappings;
	struct report_function *functions;
	struct report_line *lines;
	struct report_location *locations;
	struct report_sample *samples;
	uint32_t *stack; // indexes of locations
	int64_t *values; // n_types for each sample
	struct report_label *labels;
	uint32_t *comments; // texts
	size_t n_types, n_mappings, n_functions, n_lines, n_locations;
	size_t n_samples, n_stack, n_labels, n_comments;
	size_t types_capacity, mappings_capacity, functions_capacity;
	size_t lines_capacity, locations_capacity, samples_capacity;
	size_t stack_capacity, values_capacity, labels_capacity;
	size_t comments_capacity;
	uint32_t default_type, drop_frames, keep_frames; // texts
	struct report_value_type period_type;
	int64_t period, time_ns, duration_ns;
};

void report_profile_init(struct report_profile *p, struct strtab *texts);
void report_profile_fini(struct report_profile *p);

// The text numbered INDEX.
const char *report_profile_text(const struct report_profile *p, uint32_t index);
// The number of TEXT, which is added where it is new.
uint32_t report_profile_intern(const struct report_profile *p,
			       const char *text);

// Append one; the pointer is valid until the next.
struct report_value_type *report_profile_add_type(struct report_profile *p);
struct report_mapping *report_profile_add_mapping(struct report_profile *p);
struct report_function *report_profile_add_function(struct report_profile *p);
struct report_line *report_profile_add_line(struct report_profile *p);
struct report_location *report_profile_add_location(struct report_profile *p);
void report_profile_add_comment(struct report_profile *p, uint32_t text);
// A sample with no frames and labels yet, and values of 0.
struct report_sample *report_profile_add_sample(struct report_profile *p);
// Append to the last sample.
void report_profile_add_frame(struct report_profile *p, uint32_t location);
void report_profile_add_label(struct report_profile *p,
			      const struct report_label *label);

// The values of sample I.
int64_t *report_profile_values(const struct report_profile *p, size_t i);
// Whether sample I is one of a diff's base.
bool report_profile_is_base(const struct report_profile *p, size_t i);
// Keeps the samples for which KEEP is true, in their order.
void report_profile_keep_samples(struct report_profile *p, const bool *keep);

#endif

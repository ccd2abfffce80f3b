// SPDX-License-Identifier: Apache-2.0
//
// Runs (of lines, frames, labels) lie behind each other in one array each: a
// profile of a million samples is a dozen allocations.
#include "collector/report_profile.h"

#include "collector/report_mem.h"

#include <stdlib.h>
#include <string.h>

void report_profile_init(struct report_profile *p, struct strtab *texts)
{
	*p = (struct report_profile){.texts = texts};
}

void report_profile_fini(struct report_profile *p)
{
	free(p->types);
	free(p->mappings);
	free(p->functions);
	free(p->lines);
	free(p->locations);
	free(p->samples);
	free(p->stack);
	free(p->values);
	free(p->labels);
	free(p->comments);
	*p = (struct report_profile){0};
}

const char *report_profile_text(const struct report_profile *p, uint32_t index)
{
	return p->texts->texts[index];
}

uint32_t report_profile_intern(const struct report_profile *p, const char *text)
{
	uint32_t index = (uint32_t)strtab_index(p->texts, text);

	if (p->texts->arena->error)
		report_mem_fail();
	return index;
}

// One more element, zeroed, at the end of an array of the profile.
#define ADD(p, what)                                                         \
	((p)->what = report_mem_grow((p)->what, &(p)->what##_capacity,       \
				     (p)->n_##what + 1, sizeof(*(p)->what)), \
	 memset(&(p)->what[(p)->n_##what], 0, sizeof(*(p)->what)),           \
	 &(p)->what[(p)->n_##what++])

struct report_value_type *report_profile_add_type(struct report_profile *p)
{
	return ADD(p, types);
}

struct report_mapping *report_profile_add_mapping(struct report_profile *p)
{
	return ADD(p, mappings);
}

struct report_function *report_profile_add_function(struct report_profile *p)
{
	return ADD(p, functions);
}

struct report_line *report_profile_add_line(struct report_profile *p)
{
	return ADD(p, lines);
}

struct report_location *report_profile_add_location(struct report_profile *p)
{
	struct report_location *l = ADD(p, locations);

	l->mapping = REPORT_NONE;
	l->first_line = (uint32_t)p->n_lines;
	return l;
}

void report_profile_add_comment(struct report_profile *p, uint32_t text)
{
	*ADD(p, comments) = text;
}

struct report_sample *report_profile_add_sample(struct report_profile *p)
{
	struct report_sample *s = ADD(p, samples);
	size_t n_values = p->n_samples * p->n_types;

	p->values =
		report_mem_grow(p->values, &p->values_capacity,
				n_values ? n_values : 1, sizeof(*p->values));
	memset(report_profile_values(p, p->n_samples - 1), 0,
	       p->n_types * sizeof(*p->values));
	s->first_frame = p->n_stack;
	s->first_label = p->n_labels;
	return s;
}

void report_profile_add_frame(struct report_profile *p, uint32_t location)
{
	*ADD(p, stack) = location;
	p->samples[p->n_samples - 1].n_frames++;
}

void report_profile_add_label(struct report_profile *p,
			      const struct report_label *label)
{
	*ADD(p, labels) = *label;
	p->samples[p->n_samples - 1].n_labels++;
}

int64_t *report_profile_values(const struct report_profile *p, size_t i)
{
	return p->values + i * p->n_types;
}

bool report_profile_is_base(const struct report_profile *p, size_t i)
{
	const struct report_sample *s = &p->samples[i];

	for (uint32_t k = 0; k < s->n_labels; k++) {
		const struct report_label *l = &p->labels[s->first_label + k];

		if (l->text &&
		    !strcmp(report_profile_text(p, l->key),
			    REPORT_BASE_LABEL) &&
		    !strcmp(report_profile_text(p, l->text), "true"))
			return true;
	}
	return false;
}

void report_profile_keep_samples(struct report_profile *p, const bool *keep)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_samples; i++) {
		if (!keep[i])
			continue;
		p->samples[n] = p->samples[i];
		memmove(report_profile_values(p, n),
			report_profile_values(p, i),
			p->n_types * sizeof(*p->values));
		n++;
	}
	p->n_samples = n;
}

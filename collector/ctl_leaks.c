// SPDX-License-Identifier: Apache-2.0
//
// Threads and ages don't tell leaks apart, so labels go before equal stacks are
// added up.
#include "collector/ctl_leaks.h"

#include "collector/ctl_fail.h"
#include "collector/ctl_profile.h"
#include "collector/ctl_render.h"
#include "collector/ctl_suppress.h"
#include "collector/report_mem.h"
#include "collector/report_merge.h"
#include "collector/report_units.h"
#include "proto/age.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct leaks {
	struct report_profile *profile;
	struct ctl_suppress suppress;
	size_t bytes_value, objects_value; // which of the values
	int64_t n_bytes, n_objects;	   // of what is reported
	size_t n_stacks;
};

static int read_input(struct ctl_render *r, const struct ctl_options *o)
{
	struct ctl_target target;
	int status = CTL_OK;

	// A file is there; a process is a name or a number.
	if (o->n_words && !access(o->words[0], F_OK)) {
		for (int i = 0; i < o->n_words && !status; i++)
			status = ctl_render_file(r, &r->sources, o->words[i]);
		return status;
	}
	status = ctl_target_only(o, &target);
	return status ? status : ctl_profile_read(o, &target, KIND_INUSE, r);
}

static int find_values(struct leaks *l)
{
	const struct report_profile *p = l->profile;
	int n_found = 0;

	for (size_t i = 0; i < p->n_types; i++) {
		const char *type = report_profile_text(p, p->types[i].type);

		if (!strcmp(type, "inuse_space")) {
			l->bytes_value = i;
			n_found++;
		} else if (!strcmp(type, "inuse_objects")) {
			l->objects_value = i;
			n_found++;
		}
	}
	return n_found == 2
		       ? CTL_OK
		       : ctl_fail(CTL_FAILED,
				  "this is no profile of memory: it has no "
				  "inuse_space");
}

// The class of sample I; -1: it has none.
static int age_of(const struct report_profile *p, size_t i)
{
	const struct report_sample *s = &p->samples[i];

	for (uint32_t k = 0; k < s->n_labels; k++) {
		const struct report_label *label =
			&p->labels[s->first_label + k];

		if (!strcmp(report_profile_text(p, label->key), AGE_LABEL))
			return age_find(report_profile_text(p, label->text));
	}
	return -1;
}

// Keeps what is at least as old as the class FROM.
static int keep_old(struct report_profile *p, int from)
{
	size_t capacity = 0;
	bool *keep = report_mem_grow(NULL, &capacity, p->n_samples + 1,
				     sizeof(*keep));
	bool has_ages = false;

	for (size_t i = 0; i < p->n_samples; i++) {
		int age = age_of(p, i);

		has_ages |= age >= 0;
		keep[i] = age >= from;
	}
	if (has_ages || !p->n_samples)
		report_profile_keep_samples(p, keep);
	free(keep);
	return has_ages || !p->n_samples
		       ? CTL_OK
		       : ctl_fail(CTL_FAILED, "--age: this profile does not "
					      "tell ages; the heap kind does");
}

static int filter_age(struct report_profile *p, const char *text)
{
	int from;

	if (!text)
		return CTL_OK;
	from = age_at_least(text);
	if (from < 0)
		return ctl_fail(CTL_USAGE,
				"--age: '%s' is not allowed, but " AGE_LIST,
				text);
	return keep_old(p, from);
}

// The stacks without their labels.
static int drop_labels(struct report_profile *p, struct report_profile *ret_sum)
{
	static const char *const name[] = {"the profile"};
	struct report_error error;

	for (size_t i = 0; i < p->n_samples; i++)
		p->samples[i].n_labels = 0;
	return report_merge(p, name, 1, ret_sum, &error)
		       ? ctl_fail(CTL_FAILED, "%s", error.text)
		       : CTL_OK;
}

static void suppress(struct leaks *l)
{
	struct report_profile *p = l->profile;
	size_t capacity = 0;
	bool *keep = report_mem_grow(NULL, &capacity, p->n_samples + 1,
				     sizeof(*keep));

	for (size_t i = 0; i < p->n_samples; i++) {
		const int64_t *v = report_profile_values(p, i);
		int64_t n_bytes = v[l->bytes_value];
		int64_t n_objects = v[l->objects_value];

		keep[i] = (n_bytes > 0 || n_objects > 0) &&
			  !ctl_suppress_match(&l->suppress, p, i, n_bytes,
					      n_objects);
		if (!keep[i])
			continue;
		l->n_bytes += n_bytes;
		l->n_objects += n_objects;
		l->n_stacks++;
	}
	report_profile_keep_samples(p, keep);
	free(keep);
}

static int compare(const void *a, const void *b, void *context)
{
	const struct leaks *l = context;
	const size_t *x = a, *y = b;
	int64_t p = report_profile_values(l->profile, *x)[l->bytes_value];
	int64_t q = report_profile_values(l->profile, *y)[l->bytes_value];

	if (p != q)
		return p < q ? 1 : -1;
	return *x < *y ? -1 : *x > *y;
}

static void print_frame(const struct report_profile *p, unsigned n,
			const struct report_line *line)
{
	const struct report_function *f = &p->functions[line->function];

	(void)printf("    #%u %s", n, report_profile_text(p, f->name));
	if (*report_profile_text(p, f->file))
		(void)printf(" %s:%lld", report_profile_text(p, f->file),
			     (long long)line->line);
	(void)printf("\n");
}

static void print_stack(const struct report_profile *p,
			const struct report_sample *s)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < s->n_frames; i++) {
		const struct report_location *at =
			&p->locations[p->stack[s->first_frame + i]];

		for (uint32_t k = 0; k < at->n_lines; k++)
			print_frame(p, n++, &p->lines[at->first_line + k]);
		if (!at->n_lines)
			(void)printf("    #%u 0x%llx\n", n++,
				     (unsigned long long)at->address);
	}
}

static struct report_units_text size(int64_t n_bytes)
{
	return report_units_label(n_bytes, "bytes", "auto");
}

static void print_leaks(struct leaks *l)
{
	struct report_profile *p = l->profile;
	size_t capacity = 0;
	size_t *order = report_mem_grow(NULL, &capacity, p->n_samples + 1,
					sizeof(*order));

	for (size_t i = 0; i < p->n_samples; i++)
		order[i] = i;
	qsort_r(order, p->n_samples, sizeof(*order), compare, l);
	for (size_t i = 0; i < p->n_samples; i++) {
		const int64_t *v = report_profile_values(p, order[i]);

		(void)printf("%s in %lld objects still in use, allocated at\n",
			     size(v[l->bytes_value]).text,
			     (long long)v[l->objects_value]);
		print_stack(p, &p->samples[order[i]]);
		(void)printf("\n");
	}
	free(order);
}

static int report(struct leaks *l)
{
	suppress(l);
	print_leaks(l);
	ctl_suppress_print(&l->suppress);
	(void)printf("total: %s in %lld objects, %zu stacks\n",
		     size(l->n_bytes).text, (long long)l->n_objects,
		     l->n_stacks);
	return l->n_stacks ? CTL_FOUND : CTL_OK;
}

static int run(struct ctl_render *r, const struct ctl_options *o)
{
	struct report_profile all, sum;
	struct leaks l = {.profile = &sum};
	int status = ctl_render_combine(r, &all);

	if (status)
		return status;
	status = filter_age(&all, o->given[CTL_OPTION_AGE]);
	if (!status)
		status = drop_labels(&all, &sum);
	report_profile_fini(&all);
	if (status)
		return status;
	status = find_values(&l);
	if (!status)
		status = ctl_suppress_read(&l.suppress,
					   o->given[CTL_OPTION_SUPPRESSIONS]);
	if (!status)
		status = report(&l);
	ctl_suppress_free(&l.suppress);
	report_profile_fini(&sum);
	return status;
}

int ctl_leaks(const struct ctl_options *options)
{
	struct ctl_render r;
	int status;

	ctl_render_init(&r);
	status = read_input(&r, options);
	if (!status)
		status = run(&r, options);
	ctl_render_fini(&r);
	return status;
}

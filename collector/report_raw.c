// SPDX-License-Identifier: Apache-2.0
//
// As Go prints a profile: times and durations in its way, too.
#include "collector/report_raw.h"

#include "collector/report_mem.h"
#include "collector/report_tags.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_S       1000000000ull
#define NS_PER_MS      1000000ull
#define NS_PER_US      1000ull
#define S_DIGITS       9
#define MS_DIGITS      6
#define US_DIGITS      3
#define S_PER_MIN      60
#define S_PER_H	       3600
#define DURATION_CHARS 4 // that much of it is shown
#define LABEL_INDENT   "                "

// VALUE / 10^N_DIGITS without zeros at the end, "1.5".
static int put_decimal(char *to, size_t size, uint64_t value, int n_digits)
{
	uint64_t scale = 1;
	int n;

	for (int i = 0; i < n_digits; i++)
		scale *= 10;
	n = snprintf(to, size, "%" PRIu64 ".%0*" PRIu64, value / scale,
		     n_digits, value % scale);
	while (to[n - 1] == '0')
		n--;
	n -= to[n - 1] == '.';
	to[n] = '\0';
	return n;
}

// "1h2m3.5s", "1.5ms"
static void print_duration(int64_t ns, char ret_text[64])
{
	uint64_t left = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
	uint64_t s = left / NS_PER_S;
	int n = 0;

	if (ns < 0)
		ret_text[n++] = '-';
	if (!left) {
		(void)snprintf(ret_text, 64, "0s");
	} else if (left < NS_PER_US) {
		(void)snprintf(ret_text + n, 32, "%" PRIu64 "ns", left);
	} else if (left < NS_PER_MS) {
		n += put_decimal(ret_text + n, 32, left, US_DIGITS);
		(void)strcpy(ret_text + n, "\xc2\xb5s");
	} else if (left < NS_PER_S) {
		n += put_decimal(ret_text + n, 32, left, MS_DIGITS);
		(void)strcpy(ret_text + n, "ms");
	} else {
		if (s >= S_PER_H)
			n += snprintf(ret_text + n, 32, "%" PRIu64 "h",
				      s / S_PER_H);
		if (s >= S_PER_MIN)
			n += snprintf(ret_text + n, 32, "%" PRIu64 "m",
				      s % S_PER_H / S_PER_MIN);
		n += put_decimal(ret_text + n, 32,
				 left % (S_PER_MIN * NS_PER_S), S_DIGITS);
		(void)strcpy(ret_text + n, "s");
	}
}

// Only the first characters, as Go's precision has it.
static void put_duration(struct report_out *out, int64_t ns)
{
	char text[64];
	size_t n = 0;

	print_duration(ns, text);
	for (int i = 0; i < DURATION_CHARS && text[n]; i++)
		do {
			n++;
		} while (((unsigned char)text[n] & 0xc0) == 0x80);
	report_out_printf(out, "Duration: %.*s\n", (int)n, text);
}

static void put_time(struct report_out *out, int64_t time_ns)
{
	int64_t ns = time_ns % (int64_t)NS_PER_S;
	time_t t = (time_t)(time_ns / (int64_t)NS_PER_S);
	struct tm tm;
	char date[64], zone[32], part[32] = "";

	if (ns < 0) {
		ns += (int64_t)NS_PER_S;
		t--;
	}
	if (!localtime_r(&t, &tm) ||
	    !strftime(date, sizeof(date), "%F %T", &tm) ||
	    !strftime(zone, sizeof(zone), "%z %Z", &tm))
		return;
	(void)put_decimal(part, sizeof(part), (uint64_t)ns, S_DIGITS);
	report_out_printf(out, "Time: %s%s %s\n", date, part + 1, zone);
}

static void put_header(struct report_out *out, const struct report_profile *p)
{
	for (size_t i = 0; i < p->n_comments; i++)
		report_out_printf(out, "Comment: %s\n",
				  report_profile_text(p, p->comments[i]));
	report_out_printf(out, "PeriodType: %s %s\nPeriod: %" PRId64 "\n",
			  report_profile_text(p, p->period_type.type),
			  report_profile_text(p, p->period_type.unit),
			  p->period);
	if (p->time_ns)
		put_time(out, p->time_ns);
	if (p->duration_ns)
		put_duration(out, p->duration_ns);
	report_out_printf(out, "Samples:\n");
	for (size_t i = 0; i < p->n_types; i++)
		report_out_printf(out, "%s%s/%s%s", i ? " " : "",
				  report_profile_text(p, p->types[i].type),
				  report_profile_text(p, p->types[i].unit),
				  p->types[i].type == p->default_type ? "[dflt]"
								      : "");
	report_out_printf(out, "\n");
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

// "key:[value value]"
static char *label_text(const struct report_profile *p,
			const struct report_sample *s, uint32_t i, uint32_t end)
{
	const struct report_label *l = p->labels + s->first_label;
	bool has_unit = report_tags_has_unit(p, s, i, end);
	struct buf text;

	buf_init(&text);
	buf_printf(&text, "%s:[", report_profile_text(p, l[i].key));
	for (uint32_t k = i; k < end; k++) {
		buf_puts(&text, k > i ? " " : "");
		if (l[k].text)
			buf_puts(&text, report_profile_text(p, l[k].text));
		else
			buf_printf(&text, "%" PRId64 "%s%s", l[k].num,
				   has_unit ? " " : "",
				   report_profile_text(p, l[k].unit));
	}
	buf_puts(&text, "]");
	if (buf_error(&text))
		report_mem_fail();
	return text.data;
}

static void put_labels(struct report_out *out, const struct report_profile *p,
		       const struct report_sample *s, bool is_text)
{
	char **texts = report_mem_zero(s->n_labels, sizeof(*texts));
	size_t n = 0;
	uint32_t end;

	for (uint32_t i = 0; i < s->n_labels; i = end) {
		end = report_tags_next(p, s, i);
		if (!p->labels[s->first_label + i].text == !is_text)
			texts[n++] = label_text(p, s, i, end);
	}
	qsort(texts, n, sizeof(*texts), compare_texts);
	for (size_t i = 0; i < n; i++) {
		report_out_printf(out, "%s%s", i ? " " : LABEL_INDENT,
				  texts[i]);
		free(texts[i]);
	}
	if (n)
		report_out_printf(out, "\n");
	free(texts);
}

static void put_sample(struct report_out *out, const struct report_profile *p,
		       size_t i)
{
	const struct report_sample *s = &p->samples[i];

	for (size_t k = 0; k < p->n_types; k++)
		report_out_printf(out, " %10" PRId64,
				  report_profile_values(p, i)[k]);
	report_out_printf(out, ": ");
	for (uint32_t k = 0; k < s->n_frames; k++)
		report_out_printf(
			out, "%" PRIu64 " ",
			p->locations[p->stack[s->first_frame + k]].id);
	report_out_printf(out, "\n");
	put_labels(out, p, s, true);
	put_labels(out, p, s, false);
}

static void put_line(struct report_out *out, const struct report_profile *p,
		     const struct report_line *line)
{
	const struct report_function *f = &p->functions[line->function];

	report_out_printf(out, "%s %s:%" PRId64 " s=%" PRId64,
			  report_profile_text(p, f->name),
			  report_profile_text(p, f->file), line->line,
			  f->start_line);
	if (f->name != f->system_name)
		report_out_printf(out, "(%s)",
				  report_profile_text(p, f->system_name));
	report_out_printf(out, "\n");
}

static const char *hex(uint64_t value, char text[32])
{
	(void)snprintf(text, 32, "0x%" PRIx64, value);
	return text;
}

static void put_location(struct report_out *out, const struct report_profile *p,
			 const struct report_location *l)
{
	char address[32];

	report_out_printf(out, "%6" PRIu64 ": %s ", l->id,
			  hex(l->address, address));
	if (l->mapping != REPORT_NONE)
		report_out_printf(out, "M=%" PRIu64 " ",
				  p->mappings[l->mapping].id);
	if (l->is_folded)
		report_out_printf(out, "[F] ");
	if (!l->n_lines)
		report_out_printf(out, "\n");
	for (uint32_t i = 0; i < l->n_lines; i++) {
		if (i)
			report_out_printf(out, "             ");
		put_line(out, p, &p->lines[l->first_line + i]);
	}
}

static void put_mapping(struct report_out *out, const struct report_profile *p,
			const struct report_mapping *m)
{
	char start[32], limit[32], offset[32];

	report_out_printf(out, "%" PRIu64 ": %s/%s/%s %s %s %s%s%s%s\n", m->id,
			  hex(m->start, start), hex(m->limit, limit),
			  hex(m->offset, offset),
			  report_profile_text(p, m->file),
			  report_profile_text(p, m->build_id),
			  m->has_functions ? "[FN]" : "",
			  m->has_filenames ? "[FL]" : "",
			  m->has_line_numbers ? "[LN]" : "",
			  m->has_inline_frames ? "[IN]" : "");
}

int report_raw(struct report *r, struct report_out *out,
	       struct report_error *error)
{
	const struct report_profile *p = r->profile;

	(void)error; // nothing can go wrong
	put_header(out, p);
	for (size_t i = 0; i < p->n_samples; i++)
		put_sample(out, p, i);
	report_out_printf(out, "Locations\n");
	for (size_t i = 0; i < p->n_locations; i++)
		put_location(out, p, &p->locations[i]);
	report_out_printf(out, "Mappings\n");
	for (size_t i = 0; i < p->n_mappings; i++)
		put_mapping(out, p, &p->mappings[i]);
	return 0;
}

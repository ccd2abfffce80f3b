// SPDX-License-Identifier: Apache-2.0
//
// pcre2 backtracks where Go's regexp doesn't; its own limit ends what would
// take too long, which then counts as no match.
#include "collector/report_regex.h"

#include "collector/report_mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

// Steps of one match: names need hundreds. A profile may bring a pattern of its
// own (drop_frames), and must not buy hours with it.
#define STEPS_MAX 200000u

struct report_regex {
	pcre2_code *code;
	pcre2_match_data *match;
	pcre2_match_context *limits;
};

struct report_regex *report_regex_new(const char *text, const char *what,
				      struct report_error *error)
{
	int code;
	PCRE2_SIZE at;
	PCRE2_UCHAR said[160];
	struct report_regex *r = report_mem_zero(1, sizeof(*r));

	r->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
				PCRE2_UTF | PCRE2_MATCH_INVALID_UTF |
					PCRE2_DOLLAR_ENDONLY,
				&code, &at, NULL);
	if (!r->code) {
		(void)pcre2_get_error_message(code, said, sizeof(said));
		(void)report_error_set(
			error, -EINVAL,
			"%s '%s' is no regular expression: %s at character %zu",
			what, text, (char *)said, (size_t)at + 1);
		free(r);
		return NULL;
	}
	r->match = pcre2_match_data_create_from_pattern(r->code, NULL);
	r->limits = pcre2_match_context_create(NULL);
	if (!r->match || !r->limits)
		report_mem_fail();
	(void)pcre2_set_match_limit(r->limits, STEPS_MAX); // always 0
	return r;
}

void report_regex_free(struct report_regex *r)
{
	if (!r)
		return;
	pcre2_match_context_free(r->limits);
	pcre2_match_data_free(r->match);
	pcre2_code_free(r->code);
	free(r);
}

bool report_regex_matches(const struct report_regex *r, const char *text)
{
	return pcre2_match(r->code, (PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, 0,
			   0, r->match, r->limits) >= 0;
}

char *report_regex_groups(const struct report_regex *r, const char *text)
{
	int n = pcre2_match(r->code, (PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, 0,
			    0, r->match, r->limits);
	PCRE2_SIZE *at = pcre2_get_ovector_pointer(r->match);
	char *groups;
	size_t n_bytes = 0;

	if (n < 1)
		return NULL;
	groups = report_mem_zero(strlen(text) * (size_t)n + 1, 1);
	for (int i = 1; i < n; i++) {
		if (at[2 * i] == PCRE2_UNSET)
			continue;
		memcpy(groups + n_bytes, text + at[2 * i],
		       at[2 * i + 1] - at[2 * i]);
		n_bytes += at[2 * i + 1] - at[2 * i];
	}
	return groups;
}

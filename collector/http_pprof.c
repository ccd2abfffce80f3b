// SPDX-License-Identifier: Apache-2.0
//
// What Go does with a bad value is kept: tools and scripts rely on it.
#include "collector/http_pprof.h"

#include "collector/http_reply.h"
#include "proto/setting.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROFILE_SECONDS 30u
#define SECONDS_MAX	86400u

static const char plain_text[] = "text/plain; charset=utf-8";

static struct query_profile query_of(struct http_request *r)
{
	return (struct query_profile){
		.kind = r->route->kind,
		.interrupts = http_request_get(r, "interrupt"),
		.is_abandoned = http_request_is_abandoned,
		.context = r,
	};
}

// Go's name of the profile that is asked for.
static const char *name_of(const struct http_request *r)
{
	const struct kind_info *k = &kind_table[r->route->kind];

	return *k->alias ? k->alias : k->name;
}

static enum MHD_Result send_profile(struct http_request *r,
				    const struct query_profile *q,
				    const char *suffix)
{
	char disposition[96];
	// Over the Unix socket a person asks, and is not made to wait.
	bool is_shared = !q->seconds && !q->interrupts && !r->is_local;
	struct buf b;
	int err;

	buf_init(&b);
	err = is_shared ? query_shared(r->query, r->proc, q, &b, &r->error)
			: query_profile(r->query, r->proc, q, &b, &r->error);
	if (err) {
		buf_fini(&b);
		return http_reply_fail(r);
	}
	snprintf(disposition, sizeof(disposition),
		 "attachment; filename=\"%s%s\"", name_of(r), suffix);
	return http_reply_bytes(r, &b, "application/octet-stream", disposition);
}

// 0, or -EINVAL and r->error when that is longer than anybody may ask for.
static int check_length(struct http_request *r, uint64_t seconds)
{
	if (seconds <= SECONDS_MAX)
		return 0;
	return query_fail(&r->error, -EINVAL,
			  "seconds '%llu' is not valid: at most %u",
			  (unsigned long long)seconds, SECONDS_MAX);
}

enum MHD_Result http_pprof_profile(struct http_request *r)
{
	const char *seconds = http_request_get(r, "seconds");
	const char *hz = http_request_get(r, "hz");
	struct query_profile q = query_of(r);

	if (!seconds || http_request_number(seconds, INT64_MAX, &q.seconds))
		q.seconds = PROFILE_SECONDS;
	if (check_length(r, q.seconds))
		return http_reply_fail(r);
	if (hz && (setting_parse(VALUE_HZ, hz, &q.hz) || !q.hz)) {
		query_fail(&r->error, -EINVAL,
			   "hz '%.100s' is not valid: 1..10000", hz);
		return http_reply_fail(r);
	}
	return send_profile(r, &q, "");
}

static int take_text(struct http_request *r, const struct query_profile *q,
		     struct buf *ret)
{
	// As a profile, in send_profile().
	if (!r->is_local && !q->interrupts)
		return query_shared(r->query, r->proc, q, ret, &r->error);
	if (q->kind == KIND_THREADS)
		return query_threads(r->proc, q->form, q->interrupts, ret,
				     &r->error);
	return query_text(r->proc, q->kind, ret, &r->error);
}

static enum MHD_Result send_text(struct http_request *r, enum query_form form)
{
	struct query_profile q = query_of(r);
	struct buf b;

	q.form = form;
	buf_init(&b);
	if (!take_text(r, &q, &b))
		return http_reply_bytes(r, &b, plain_text, NULL);
	buf_fini(&b);
	return http_reply_fail(r);
}

static enum MHD_Result send_delta(struct http_request *r, const char *seconds)
{
	struct query_profile q = query_of(r);

	if (http_request_number(seconds, INT64_MAX, &q.seconds))
		query_fail(&r->error, -EINVAL,
			   "invalid value for \"seconds\" - must be a "
			   "positive integer");
	else if (http_request_wants_text(r))
		query_fail(&r->error, -EINVAL,
			   "seconds and debug params are incompatible");
	else if (!check_length(r, q.seconds))
		return send_profile(r, &q, "-delta");
	return http_reply_fail(r);
}

// Go collects garbage first for heap?gc=1, of a number above 0 and of no other
// profile.
static void trim(struct http_request *r)
{
	const char *gc = http_request_get(r, "gc");
	uint64_t n;

	if (gc && r->route->kind == KIND_INUSE &&
	    !http_request_number(gc, INT64_MAX, &n))
		r->trimmed = query_trim(r->proc, http_request_is_abandoned, r);
}

enum MHD_Result http_pprof_named(struct http_request *r)
{
	const char *seconds = http_request_get(r, "seconds");
	struct query_profile q = query_of(r);

	if (seconds)
		return send_delta(r, seconds);
	trim(r);
	return http_request_wants_text(r) ? send_text(r, QUERY_TEXT)
					  : send_profile(r, &q, "");
}

enum MHD_Result http_pprof_cmdline(struct http_request *r)
{
	struct buf b;

	buf_init(&b);
	query_cmdline(r->proc, &b);
	return http_reply_bytes(r, &b, plain_text, NULL);
}

// Reads addresses between '+'; what is none, and 0, is left out.
static size_t read_addresses(const char *text, uint64_t *ret_addresses)
{
	size_t n = 0;

	while (*text) {
		size_t n_word = strcspn(text, "+");
		char *end = NULL;

		// strtoull() would also skip blanks and take a sign.
		if (*text >= '0' && *text <= '9') {
			errno = 0;
			ret_addresses[n] = strtoull(text, &end, 0);
			n += end == text + n_word && !errno && ret_addresses[n];
		}
		text += n_word + (text[n_word] == '+');
	}
	return n;
}

enum MHD_Result http_pprof_symbol(struct http_request *r)
{
	bool is_post = !strcmp(r->method, MHD_HTTP_METHOD_POST);
	const char *text = is_post ? r->body.data : r->raw_query;
	uint64_t *addresses = NULL;
	struct buf b;

	buf_init(&b);
	buf_puts(&b, "num_symbols: 1\n");
	if (text)
		// A word takes a character and a '+' at least.
		addresses = calloc(strlen(text) / 2 + 1, sizeof(*addresses));
	if (addresses)
		query_symbols(r->proc, addresses,
			      read_addresses(text, addresses), &b);
	free(addresses);
	return http_reply_bytes(r, &b, plain_text, NULL);
}

enum MHD_Result http_pprof_goroutine(struct http_request *r)
{
	const char *debug = http_request_get(r, "debug");
	uint64_t form;

	if (!debug || http_request_number(debug, INT64_MAX, &form))
		return http_pprof_named(r);
	if (!http_request_get(r, "seconds"))
		return send_text(r, form == 1 ? QUERY_TEXT : QUERY_BLOCKS);
	query_fail(&r->error, -EINVAL,
		   "seconds and debug params are incompatible");
	return http_reply_fail(r);
}

// Decimal; what is none, or not positive, is 1 s, as in Go.
static uint64_t trace_ns(struct http_request *r)
{
	const char *text = http_request_get(r, "seconds");
	char *end;
	double seconds = text ? strtod(text, &end) : 0;

	if (!text || *end || !(seconds > 0) || seconds > SECONDS_MAX)
		seconds = 1;
	return (uint64_t)(seconds * 1e9);
}

enum MHD_Result http_pprof_trace(struct http_request *r)
{
	const char *format = http_request_get(r, "format");
	const struct query_trace t = {
		.duration_ns = trace_ns(r),
		.is_json = format && !strcmp(format, "json"),
		.is_abandoned = http_request_is_abandoned,
		.context = r,
	};
	struct buf b;

	if (format && !t.is_json && strcmp(format, "perfetto")) {
		query_fail(&r->error, -EINVAL,
			   "format '%.100s' is not valid: perfetto or json",
			   format);
		return http_reply_fail(r);
	}
	buf_init(&b);
	if (query_trace(r->query, r->proc, &t, &b, &r->error)) {
		buf_fini(&b);
		return http_reply_fail(r);
	}
	return http_reply_bytes(
		r, &b,
		t.is_json ? "application/json" : "application/octet-stream",
		t.is_json ? "attachment; filename=\"trace.json\""
			  : "attachment; filename=\"trace\"");
}

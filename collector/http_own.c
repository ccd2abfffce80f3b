// SPDX-License-Identifier: Apache-2.0
//
// Kinds by any of their names: those of kinds.def, Go's, and the process's own.
#include "collector/http_own.h"

#include "collector/http_reply.h"

#include <errno.h>
#include <string.h>

#define SECONDS_MAX 86400u
// After so long nobody is taken to come back for what was begun.
#define BEGUN_SECONDS 3600u

static enum MHD_Result send_profile(struct http_request *r,
				    const struct query_profile *q)
{
	struct buf b;

	buf_init(&b);
	if (query_profile(r->query, r->proc, q, &b, &r->error)) {
		buf_fini(&b);
		return http_reply_fail(r);
	}
	return http_reply_bytes(r, &b, "application/octet-stream", NULL);
}

static enum MHD_Result send_text(struct http_request *r, unsigned kind)
{
	struct buf b;

	buf_init(&b);
	if (!query_text(r->proc, kind, &b, &r->error))
		return http_reply_bytes(r, &b, "text/plain; charset=utf-8",
					NULL);
	buf_fini(&b);
	return http_reply_fail(r);
}

enum MHD_Result http_own_profile(struct http_request *r)
{
	struct query_profile q = {.is_abandoned = http_request_is_abandoned,
				  .context = r};
	const char *seconds = http_request_get(r, "seconds");
	int kind = query_own_kind(r->proc, r->path + strlen(HTTP_OWN_PATH));

	if (kind < 0) {
		query_fail(&r->error, kind, "Unknown profile");
		return http_reply_fail(r);
	}
	q.kind = (unsigned)kind;
	if (seconds && http_request_number(seconds, SECONDS_MAX, &q.seconds)) {
		query_fail(&r->error, -EINVAL,
			   "invalid value for \"seconds\" - must be a "
			   "positive integer");
		return http_reply_fail(r);
	}
	if (!http_request_wants_text(r))
		return send_profile(r, &q);
	if (!q.seconds)
		return send_text(r, q.kind);
	query_fail(&r->error, -EINVAL,
		   "seconds and debug params are incompatible");
	return http_reply_fail(r);
}

static const char there_are[] =
#define KIND(id, name, ...) name ", "
#include "proto/kinds.def"
#undef KIND
	"and those of the process's own";

// The kind that the parameter names, or negative errno and r->error.
static int read_kind(struct http_request *r)
{
	const char *name = http_request_get(r, "kind");
	int kind = name ? kind_find(name, strlen(name)) : -ENOENT;

	if (kind < 0 && name)
		kind = query_own_kind(r->proc, name);
	if (kind < 0)
		return query_fail(&r->error, kind,
				  "no profile is called '%.100s'; there are %s",
				  name ? name : "", there_are);
	return kind;
}

enum MHD_Result http_own_now(struct http_request *r)
{
	struct query_profile q = {.context = r};
	int kind = read_kind(r);

	if (kind < 0)
		return http_reply_fail(r);
	q.kind = (unsigned)kind;
	return send_profile(r, &q);
}

enum MHD_Result http_own_end(struct http_request *r)
{
	struct query_profile q = {.is_begun = true, .context = r};
	int kind = read_kind(r);

	if (kind < 0)
		return http_reply_fail(r);
	q.kind = (unsigned)kind;
	return send_profile(r, &q);
}

// How long an interval lasts at most: one of the process's own as long as the
// process wants it. 0, or -EINVAL and r->error.
static int read_limit(struct http_request *r, uint64_t *ret_seconds)
{
	const char *seconds = http_request_get(r, "seconds");

	*ret_seconds = r->is_self ? 0 : BEGUN_SECONDS;
	if (!seconds || !http_request_number(seconds, SECONDS_MAX, ret_seconds))
		return 0;
	return query_fail(&r->error, -EINVAL,
			  "seconds '%.100s' is not valid: 1 to %u", seconds,
			  SECONDS_MAX);
}

enum MHD_Result http_own_start(struct http_request *r)
{
	struct query_profile q = {.context = r};
	int kind = read_kind(r);

	if (kind < 0 || read_limit(r, &q.seconds))
		return http_reply_fail(r);
	q.kind = (unsigned)kind;
	if (query_begin(r->query, r->proc, &q, &r->error))
		return http_reply_fail(r);
	return http_reply_json(r, json_pack("{s:i}", "pid", (int)r->proc->pid));
}

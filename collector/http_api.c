// SPDX-License-Identifier: Apache-2.0
//
// Each asks query.h and sends what it says.
#include "collector/http_api.h"

#include "collector/http_reply.h"

#include <errno.h>
#include <string.h>

enum MHD_Result http_api_ps(struct http_request *r)
{
	return http_reply_json(r, query_ps(r->query));
}

enum MHD_Result http_api_metrics(struct http_request *r)
{
	struct buf b;

	buf_init(&b);
	// An error is in the buffer, and said by the reply.
	(void)query_metrics(r->query, &b);
	return http_reply_bytes(r, &b, "text/plain; version=0.0.4", NULL);
}

// Who scrapes reaches the processes as it reached this.
enum MHD_Result http_api_targets(struct http_request *r)
{
	const char *host = http_request_header(r, "Host");

	return http_reply_json(r, query_targets(r->query, host ? host : ""));
}

enum MHD_Result http_api_stats(struct http_request *r)
{
	return http_reply_json(r, query_stats(r->proc));
}

enum MHD_Result http_api_stop(struct http_request *r)
{
	query_stop(r->proc);
	return http_reply_json(r, json_pack("{s:i}", "pid", (int)r->proc->pid));
}

enum MHD_Result http_api_dump(struct http_request *r)
{
	json_t *o = query_dump(r->proc, &r->error);

	return o ? http_reply_json(r, o) : http_reply_fail(r);
}

enum MHD_Result http_api_ended(struct http_request *r)
{
	const char *text = http_request_get(r, "pid");
	uint64_t pid;
	json_t *o;

	if (!text || http_request_number(text, INT32_MAX, &pid)) {
		query_fail(&r->error, -EINVAL,
			   "pid '%.100s' is not valid: a number",
			   text ? text : "");
		return http_reply_fail(r);
	}
	o = query_ended(r->query, (uint32_t)pid, &r->error);
	return o ? http_reply_json(r, o) : http_reply_fail(r);
}

static bool set_one(struct http_request *r, const char *key, const char *value)
{
	if (!strcmp(key, "pid") || !strcmp(key, "comm") ||
	    !strcmp(key, "token"))
		return true;
	return !query_set(r->proc, key, value, &r->error);
}

enum MHD_Result http_api_set(struct http_request *r)
{
	http_request_each(r, set_one);
	if (r->error.err)
		return http_reply_fail(r);
	return http_reply_json(r, query_rates(r->proc));
}

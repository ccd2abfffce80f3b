// SPDX-License-Identifier: Apache-2.0
//
// Driven by curl's multi interface though there is one transfer, since a timed
// profile must look at Ctrl-C and the clock while it waits.
#include "collector/ctl_http.h"

#include "collector/ctl_fail.h"
#include "collector/lib.h"
#include "collector/lib_curl.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS	   100
#define CONNECT_MS 5000L
// Over what was asked for: symbols of a large program take their time once.
#define GRACE_S 300
// What needs no symbols, and is asked first by whoever asks for more: so a
// collector that hangs is told of soon, and one that is only slow is not.
#define QUICK_PATH "/api/ps"
#define QUICK_S	   30
// The host part of the address is never looked up.
#define HOST "http://cprofd"

static void drive(CURLM *multi, const struct ctl_request *request)
{
	int n_running = 1;

	while (n_running) {
		CURLMcode err = lib_curl.multi_perform(multi, &n_running);

		if (!err && n_running)
			err = lib_curl.multi_poll(multi, NULL, 0, TICK_MS,
						  NULL);
		if (err)
			return;
		if (request->tick)
			request->tick(request->tick_arg);
	}
}

static int transfer(CURL *easy, const struct ctl_request *request)
{
	CURLM *multi = lib_curl.multi_init();
	CURLcode code = CURLE_ABORTED_BY_CALLBACK;
	CURLMsg *message;
	int n_left;

	if (!multi)
		return -ENOMEM;
	if (!lib_curl.multi_add_handle(multi, easy)) {
		drive(multi, request);
		message = lib_curl.multi_info_read(multi, &n_left);
		if (message && message->msg == CURLMSG_DONE)
			code = message->data.result;
		(void)lib_curl.multi_remove_handle(multi, easy);
	}
	(void)lib_curl.multi_cleanup(multi);
	if (!code)
		return 0;
	if (code == CURLE_COULDNT_CONNECT)
		return -ECONNREFUSED;
	return code == CURLE_OPERATION_TIMEDOUT ? -ETIMEDOUT : -EIO;
}

static long limit_s(const struct ctl_request *request)
{
	return strcmp(request->path, QUICK_PATH)
		       ? (long)request->wait_s + GRACE_S
		       : QUICK_S;
}

// curl_easy_setopt fails for no memory or an option this curl was built
// without; both then show as a failed transfer.
static void set_options(CURL *easy, const struct ctl_request *request,
			const char *url, FILE *body)
{
	(void)lib_curl.easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH,
				   request->socket);
	(void)lib_curl.easy_setopt(easy, CURLOPT_URL, url);
	(void)lib_curl.easy_setopt(easy, CURLOPT_PROXY, "");
	(void)lib_curl.easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	(void)lib_curl.easy_setopt(easy, CURLOPT_WRITEDATA, body);
	(void)lib_curl.easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	(void)lib_curl.easy_setopt(easy, CURLOPT_TIMEOUT, limit_s(request));
	if (request->is_post) {
		(void)lib_curl.easy_setopt(easy, CURLOPT_POST, 1L);
		(void)lib_curl.easy_setopt(easy, CURLOPT_POSTFIELDS, "");
	}
}

static int send_into(const struct ctl_request *request, const char *url,
		     FILE *body, long *ret_status)
{
	CURL *easy;
	int err = lib_curl_load();

	if (err)
		return err;
	easy = lib_curl.easy_init();
	if (!easy)
		return -ENOMEM;
	set_options(easy, request, url, body);
	err = transfer(easy, request);
	if (!err)
		(void)lib_curl.easy_getinfo(easy, CURLINFO_RESPONSE_CODE,
					    ret_status);
	lib_curl.easy_cleanup(easy);
	return err;
}

int ctl_http_send(const struct ctl_request *request,
		  struct ctl_reply *ret_reply)
{
	struct ctl_reply reply = {0};
	FILE *body = open_memstream(&reply.body, &reply.n_bytes);
	char *url;
	int err;

	if (!body)
		return -ENOMEM;
	// A collector that goes away in the middle is an error, not our end.
	(void)signal(SIGPIPE, SIG_IGN);
	if (asprintf(&url, HOST "%s", request->path) < 0) {
		(void)fclose(body);
		free(reply.body);
		return -ENOMEM;
	}
	err = send_into(request, url, body, &reply.http_status);
	free(url);
	if (fclose(body) && !err)
		err = -ENOMEM;
	if (err)
		ctl_http_free(&reply);
	else
		*ret_reply = reply;
	return err;
}

void ctl_http_free(struct ctl_reply *reply)
{
	free(reply->body);
	*reply = (struct ctl_reply){0};
}

static int fail_transport(const struct ctl_request *request, int err)
{
	if (err == -ECONNREFUSED)
		return ctl_fail(CTL_FAILED,
				"no collector is running at '%s'; start a "
				"program with 'cprofctl run -- PROG' or under "
				"LD_PRELOAD=libcprof.so",
				request->socket);
	if (err == -ETIMEDOUT)
		return ctl_fail(CTL_FAILED,
				"the collector at '%s' did not answer in time",
				request->socket);
	if (err == -ELIBACC)
		return ctl_fail(CTL_FAILED, "can't ask a collector: %s",
				lib_error());
	return ctl_fail(CTL_FAILED, "the collector at '%s' broke off: %s",
			request->socket, strerror(-err));
}

int ctl_http_fetch(const struct ctl_request *request,
		   struct ctl_reply *ret_reply)
{
	struct ctl_reply reply;
	int err = ctl_http_send(request, &reply);

	if (err)
		return fail_transport(request, err);
	if (reply.http_status >= 200 && reply.http_status < 300) {
		*ret_reply = reply;
		return CTL_OK;
	}
	if (*reply.body)
		(void)ctl_fail(CTL_FAILED, "%s", reply.body);
	else
		(void)ctl_fail(CTL_FAILED,
			       "the collector answered '%s' with status %ld",
			       request->path, reply.http_status);
	ctl_http_free(&reply);
	return CTL_FAILED;
}

int ctl_http_json(const struct ctl_request *request, json_t **ret_value)
{
	struct ctl_reply reply;
	json_t *value;
	int status = ctl_http_fetch(request, &reply);

	if (status)
		return status;
	value = json_loadb(reply.body, reply.n_bytes, 0, NULL);
	ctl_http_free(&reply);
	if (!value)
		return ctl_fail(CTL_FAILED,
				"the collector answered '%s' with something "
				"that is not JSON",
				request->path);
	*ret_value = value;
	return CTL_OK;
}

// SPDX-License-Identifier: Apache-2.0
//
// An answer of 2xx ends an item's life, and so does one that says the item is
// at fault (4xx); 408, 429, all else, or none at all mean "not now".
#include "collector/push_send.h"

#include "collector/lib.h"
#include "collector/lib_curl.h"
#include "collector/log.h"
#include "collector/push_item.h"
#include "collector/sandbox.h"
#include "proto/version.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define CONNECT_S     5L
#define REQUEST_S     60L
#define FIRST_WAIT_MS 1000u
#define LONGEST_MS    60000u
#define HEADER_BYTES  4096
#define SPY	      "cprof"

enum verdict {
	TAKEN,
	REFUSED,
	NOT_NOW,
};

struct sender {
	const struct push_server *server;
	const char *shown_url; // without the user's name and password
	struct push_spool *spool;
	int wake_fd;
	CURL *curl;
	struct curl_slist *headers;
	unsigned wait_ms; // before the next attempt; 0: the last one succeeded
	bool is_ending;
	bool is_over;
};

const char *push_send_host(const char *url)
{
	const char *host = strstr(url, "://");
	const char *at;

	host = host ? host + 3 : url;
	at = strchr(host, '@');
	return at && at < host + strcspn(host, "/") ? at + 1 : host;
}

int push_send_check(const char *url)
{
	if (strncmp(url, "http://", 7) && strncmp(url, "https://", 8))
		return -EINVAL;
	return strcspn(push_send_host(url), ":/?#") ? 0 : -EINVAL;
}

// The lines of the user's file; blank ones are left out.
static struct curl_slist *read_headers(const char *path)
{
	struct curl_slist *list = NULL, *longer;
	char line[HEADER_BYTES];
	FILE *file = path ? fopen(path, "re") : NULL;

	if (path && !file)
		log_error("can't read the headers of --push in '%s': %s", path,
			  strerror(errno));
	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\r\n")] = '\0';
		if (!*line)
			continue;
		longer = lib_curl.slist_append(list, line);
		list = longer ? longer : list;
	}
	if (file)
		fclose(file);
	// libcurl would ask first whether it may send, and wait for a second.
	longer = lib_curl.slist_append(list, "Expect:");
	return longer ? longer : list;
}

static size_t ignore(char *data, size_t size, size_t n, void *context)
{
	(void)data;
	(void)context;
	return size * n;
}

static int open_curl(struct sender *s)
{
	if (lib_curl_load()) {
		log_error("push: %s", lib_error());
		return -ELIBACC;
	}
	if (lib_curl.global_init(CURL_GLOBAL_DEFAULT))
		return -ENOMEM;
	s->curl = lib_curl.easy_init();
	if (!s->curl)
		return -ENOMEM;
	s->headers = read_headers(s->server->headers);
	(void)lib_curl.easy_setopt(s->curl, CURLOPT_HTTPHEADER, s->headers);
	(void)lib_curl.easy_setopt(s->curl, CURLOPT_NOSIGNAL, 1L);
	(void)lib_curl.easy_setopt(s->curl, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
	(void)lib_curl.easy_setopt(s->curl, CURLOPT_TIMEOUT, REQUEST_S);
	(void)lib_curl.easy_setopt(s->curl, CURLOPT_PROTOCOLS_STR,
				   "http,https");
	(void)lib_curl.easy_setopt(s->curl, CURLOPT_USERAGENT,
				   "cprof/" CPROF_VERSION);
	(void)lib_curl.easy_setopt(s->curl, CURLOPT_WRITEFUNCTION, ignore);
	return 0;
}

static void put_escaped(struct sender *s, struct buf *b, const char *text)
{
	char *escaped = lib_curl.easy_escape(s->curl, text, 0);

	if (escaped)
		buf_puts(b, escaped);
	else
		b->error = -ENOMEM;
	lib_curl.free(escaped);
}

// URL/ingest?name=...; times in nanoseconds, which the server knows by their
// number of digits.
static int put_url(struct sender *s, const struct push_item *i, struct buf *b)
{
	size_t n = strlen(s->server->url);

	while (n && s->server->url[n - 1] == '/')
		n--;
	buf_put(b, s->server->url, n);
	buf_puts(b, "/ingest?name=");
	put_escaped(s, b, i->name);
	buf_printf(b, "&from=%lld&until=%lld&sampleRate=%lld&spyName=" SPY,
		   (long long)i->from_ns, (long long)i->until_ns,
		   (long long)i->cpu_hz);
	return buf_error(b);
}

static int add_part(curl_mime *mime, const char *name, const char *file,
		    const char *data, size_t n_bytes)
{
	curl_mimepart *part = lib_curl.mime_addpart(mime);

	if (!part || lib_curl.mime_name(part, name) ||
	    lib_curl.mime_filename(part, file) ||
	    lib_curl.mime_data(part, data, n_bytes))
		return -ENOMEM;
	return 0;
}

static enum verdict judge(struct sender *s, CURLcode code, const char *name)
{
	long status = 0;

	if (code) {
		log_info("push: '%s': %s", s->shown_url,
			 lib_curl.easy_strerror(code));
		return NOT_NOW;
	}
	(void)lib_curl.easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 200 && status < 300)
		return TAKEN;
	if (status < 400 || status >= 500 || status == 408 || status == 429) {
		log_info("push: '%s' answered %ld", s->shown_url, status);
		return NOT_NOW;
	}
	log_error("push: '%s' refused the profile of '%s' with status %ld; it "
		  "is given up",
		  s->shown_url, name, status);
	return REFUSED;
}

static enum verdict post(struct sender *s, const struct push_item *i,
			 const char *url)
{
	curl_mime *mime = lib_curl.mime_init(s->curl);
	enum verdict verdict = NOT_NOW;

	if (mime &&
	    !add_part(mime, "profile", "profile.pprof", i->profile,
		      i->profile_bytes) &&
	    !add_part(mime, "sample_type_config", "sample_type_config.json",
		      i->config, strlen(i->config))) {
		(void)lib_curl.easy_setopt(s->curl, CURLOPT_URL, url);
		(void)lib_curl.easy_setopt(s->curl, CURLOPT_MIMEPOST, mime);
		verdict = judge(s, lib_curl.easy_perform(s->curl), i->name);
	}
	lib_curl.mime_free(mime);
	return verdict;
}

static enum verdict send_item(struct sender *s, const struct buf *item)
{
	struct push_item i;
	enum verdict verdict = NOT_NOW;
	struct buf url;
	int err = push_item_read(item->data, item->n_bytes, &i);

	// Not one of ours, or the disk lost a part of it.
	if (err)
		return err == -EINVAL ? REFUSED : NOT_NOW;
	buf_init(&url);
	if (!put_url(s, &i, &url))
		verdict = post(s, &i, url.data);
	buf_fini(&url);
	push_item_free(&i);
	return verdict;
}

static void add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

// False: not now.
static bool settle(struct sender *s, const char *name, enum verdict verdict,
		   size_t n_bytes)
{
	struct push_status *status = s->spool->status;

	if (verdict == NOT_NOW) {
		add(&status->x_retries, 1);
		return false;
	}
	add(verdict == TAKEN ? &status->x_sent : &status->x_refused, 1);
	if (verdict == TAKEN)
		add(&status->x_sent_bytes, n_bytes);
	push_spool_remove(s->spool, name);
	return true;
}

// Reading it will fail the next time, too.
static bool is_hopeless(int err)
{
	return err == -EFBIG || err == -ELOOP;
}

static bool send_name(struct sender *s, const char *name)
{
	char *sending = s->spool->status->sending;
	struct buf item;
	bool is_settled = true;
	int err;

	buf_init(&item);
	strcpy(sending, name);
	err = push_spool_get(s->spool, name, &item);
	if (!err)
		is_settled = settle(s, name, send_item(s, &item), item.n_bytes);
	else if (err != -ENOENT)
		is_settled = settle(s, name,
				    is_hopeless(err) ? REFUSED : NOT_NOW, 0);
	buf_fini(&item);
	*sending = '\0';
	return is_settled;
}

// Doubles up to a minute, less a random part, so that many collectors don't
// come back to a server at the same moment.
static void back_off(struct sender *s)
{
	unsigned random = 0;

	s->wait_ms = s->wait_ms ? 2 * s->wait_ms : FIRST_WAIT_MS;
	if (s->wait_ms > LONGEST_MS)
		s->wait_ms = LONGEST_MS;
	(void)getrandom(&random, sizeof(random), GRND_NONBLOCK);
	s->wait_ms -= random % (s->wait_ms / 4);
}

static void read_wake(struct sender *s)
{
	char bytes[64];
	ssize_t n = read(s->wake_fd, bytes, sizeof(bytes));

	if (n > 0 && memchr(bytes, PUSH_END, (size_t)n))
		s->is_ending = true;
	// The collector has gone.
	if (!n || (n < 0 && errno != EINTR && errno != EAGAIN))
		s->is_over = true;
}

static bool is_woken(struct sender *s, int timeout_ms)
{
	struct pollfd fd = {.fd = s->wake_fd, .events = POLLIN};

	return poll(&fd, 1, timeout_ms) > 0;
}

enum rest {
	NOTHING, // there was nothing
	MAYBE,	 // all that there was has been settled
	SOME,	 // the server takes no more now
};

// All there is, as long as the server takes it. What came meanwhile may have
// been told of, too.
static enum rest send_all(struct sender *s)
{
	struct push_names names;
	enum rest rest = NOTHING;

	if (push_spool_names(s->spool, &names))
		return SOME;
	for (size_t i = 0; i < names.n && rest != SOME && !s->is_over; i++) {
		rest = send_name(s, names.list[i]) ? MAYBE : SOME;
		if (is_woken(s, 0))
			read_wake(s);
	}
	push_names_free(&names);
	return rest;
}

// What is new meanwhile does not make the server better, so only the end is
// worth waking up for.
static void wait_out(struct sender *s)
{
	struct timespec now;
	int64_t until_ms, now_ms;

	clock_gettime(CLOCK_MONOTONIC, &now);
	until_ms = now.tv_sec * 1000 + now.tv_nsec / 1000000 + s->wait_ms;
	while (!s->is_over && !s->is_ending) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		now_ms = now.tv_sec * 1000 + now.tv_nsec / 1000000;
		if (now_ms >= until_ms)
			return;
		if (is_woken(s, (int)(until_ms - now_ms)))
			read_wake(s);
	}
}

static void serve(struct sender *s)
{
	while (!s->is_over) {
		bool is_last = s->is_ending;

		switch (send_all(s)) {
		case NOTHING:
			s->wait_ms = 0;
			s->is_over |= is_last;
			if (!s->is_over && !s->is_ending && is_woken(s, -1))
				read_wake(s);
			break;
		case MAYBE:
			s->wait_ms = 0;
			break;
		case SOME:
			s->is_over |= is_last;
			back_off(s);
			if (!s->is_over)
				wait_out(s);
			break;
		}
	}
}

void push_send_run(const struct push_server *server, struct push_spool *spool,
		   int wake_fd, bool is_sandboxed)
{
	struct sender s = {.server = server,
			   .shown_url = push_send_host(server->url),
			   .spool = spool,
			   .wake_fd = wake_fd};
	int err = open_curl(&s);

	if (err) {
		log_error("push: can't start: %s", strerror(-err));
		_exit(EXIT_FAILURE);
	}
	err = is_sandboxed ? sandbox_enter(SANDBOX_NETWORK) : 0;
	if (err)
		log_info("push: runs without its sandbox: %s", strerror(-err));
	serve(&s);
	_exit(EXIT_SUCCESS);
}

// SPDX-License-Identifier: Apache-2.0
//
// Browsers say by Sec-Fetch-* what a request is for; those that don't, by
// Origin, whether another site asks. Other programs send neither.
#include "collector/http_access.h"

#include "collector/http_request.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEM_MAX_BYTES  (1u << 20)
#define HOST_MAX_BYTES 256u
#define BEARER	       "Bearer "

static int read_file(const char *path, char **ret)
{
	FILE *f = fopen(path, "re");
	char *text = f ? malloc(PEM_MAX_BYTES) : NULL;
	size_t n;

	if (!f)
		return -errno;
	n = text ? fread(text, 1, PEM_MAX_BYTES, f) : 0;
	if (!n || n == PEM_MAX_BYTES || ferror(f)) {
		(void)fclose(f);
		free(text);
		return -EINVAL;
	}
	(void)fclose(f);
	text[n] = '\0';
	*ret = text;
	return 0;
}

int http_access_load(struct http_access *a, const char *cert_file,
		     const char *key_file, const char **ret_file)
{
	int err = read_file(cert_file, &a->cert);

	*ret_file = cert_file;
	if (err)
		return err;
	*ret_file = key_file;
	return read_file(key_file, &a->key);
}

void http_access_fini(struct http_access *a)
{
	free(a->cert);
	if (a->key)
		explicit_bzero(a->key, strlen(a->key));
	free(a->key);
	*a = (struct http_access){0};
}

// Takes as long wherever they differ; only the length of GIVEN shows.
static bool is_token(const char *token, const char *given)
{
	size_t n = given ? strlen(given) : 0, n_token = strlen(token);
	unsigned char difference = n != n_token;

	for (size_t i = 0; i < n; i++)
		difference |= (unsigned char)(given[i] ^ token[i % n_token]);
	return n && !difference;
}

// http://TOKEN@host and http://anybody:TOKEN@host.
static bool has_basic(const struct http_access *a, struct http_request *r)
{
	char *password = NULL;
	char *name = lib_mhd.basic_auth_get_username_password(r->connection,
							      &password);
	bool is = is_token(a->token, password && *password ? password : name);

	lib_mhd.free(name);
	lib_mhd.free(password);
	return is;
}

static bool has_token(const struct http_access *a, struct http_request *r)
{
	const char *given = http_request_header(r, "Authorization");

	if (given && !strncasecmp(given, BEARER, strlen(BEARER)))
		return is_token(a->token, given + strlen(BEARER));
	return (given && has_basic(a, r)) ||
	       is_token(a->token, http_request_get(r, "token"));
}

// The name in HOST, without port and brackets. False: it is none.
static bool name_of(const char *host, char ret_name[HOST_MAX_BYTES])
{
	bool has_bracket = *host == '[';
	size_t n = has_bracket ? strcspn(host, "]") : strcspn(host, ":");

	host += has_bracket;
	n -= has_bracket;
	if (n >= HOST_MAX_BYTES)
		return false;
	memcpy(ret_name, host, n);
	ret_name[n] = '\0';
	return n > 0;
}

// True for an address and for localhost: nobody can make these mean something
// else.
static bool is_safe_host(const char *host)
{
	static const char local[] = "localhost";
	char name[HOST_MAX_BYTES];
	unsigned char address[sizeof(struct in6_addr)];
	size_t n;

	if (!name_of(host, name))
		return false;
	n = strlen(name);
	return inet_pton(AF_INET, name, address) == 1 ||
	       inet_pton(AF_INET6, name, address) == 1 ||
	       !strcasecmp(name, local) ||
	       (n > sizeof(local) &&
		!strcasecmp(name + n - sizeof(local), ".localhost"));
}

// True when another site's page asks, and does not just lead here.
static bool is_foreign(struct http_request *r)
{
	const char *site = http_request_header(r, "Sec-Fetch-Site");
	const char *mode = http_request_header(r, "Sec-Fetch-Mode");
	const char *origin = http_request_header(r, "Origin");
	const char *host = http_request_header(r, "Host");
	const char *name = origin ? strstr(origin, "://") : NULL;

	if (site && mode && !strcmp(mode, "navigate") &&
	    !strcmp(r->method, MHD_HTTP_METHOD_GET))
		return false;
	if (site)
		return strcmp(site, "same-origin") && strcmp(site, "none");
	return origin && (!name || !host || strcasecmp(name + 3, host));
}

// The viewer's own files, which hold nothing of anybody; its page asks for them
// without the token.
static bool is_public(const struct http_request *r)
{
	static const char viewer[] = "/speedscope/";

	return !strncmp(r->url, viewer, strlen(viewer));
}

// Writes files, or changes a process's rates: without a token anybody of this
// machine could have the collector do it.
static bool is_change(const struct http_request *r)
{
	return !strcmp(r->method, MHD_HTTP_METHOD_POST) &&
	       strstr(r->url, "/api/");
}

static unsigned refuse(struct http_request *r, unsigned status,
		       const char *text)
{
	query_fail(&r->error, -EACCES, "%s", text);
	return status;
}

unsigned http_access_check(const struct http_access *a, struct http_request *r)
{
	const char *host = http_request_header(r, "Host");

	if (r->is_local)
		return 0;
	if (a->token && !is_public(r) && !has_token(a, r))
		return refuse(r, MHD_HTTP_UNAUTHORIZED,
			      "a token is needed: as password "
			      "(http://x:TOKEN@...), as Bearer or as ?token=");
	if (!a->token && !a->cert && host && !is_safe_host(host)) {
		query_fail(&r->error, -EACCES,
			   "host '%.100s' is not allowed without a token: an "
			   "address or localhost",
			   host);
		return MHD_HTTP_FORBIDDEN;
	}
	if (is_foreign(r))
		return refuse(r, MHD_HTTP_FORBIDDEN,
			      "another site's page may not ask this");
	if (!a->token && is_change(r))
		return refuse(r, MHD_HTTP_FORBIDDEN,
			      "over TCP this needs a token (--token): it "
			      "changes something");
	return 0;
}

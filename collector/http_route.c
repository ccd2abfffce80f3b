// SPDX-License-Identifier: Apache-2.0
//
// A path that is not in its plain form is redirected there, as Go's ServeMux
// does, and so is one that lacks only its final slash.
#include "collector/http_route.h"

#include "collector/http_api.h"
#include "collector/http_own.h"
#include "collector/http_pages.h"
#include "collector/http_pprof.h"
#include "collector/http_reply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum http_method { GET = 1, POST = 2, GET_POST = GET | POST };

static const struct http_route routes[] = {
#define ROUTE(path, methods, has_target, handler, kind) \
	{path, methods, has_target, handler, kind},
#include "collector/http_routes.def"
#undef ROUTE
};

static const struct http_route own_route = {HTTP_OWN_PATH, GET_POST, true,
					    http_own_profile, 0};

static const char *const method_names[] = {
	[GET] = "GET",
	[POST] = "POST",
	[GET_POST] = "GET and POST",
};

static unsigned method_of(const char *name)
{
	if (!strcmp(name, MHD_HTTP_METHOD_POST))
		return POST;
	return !strcmp(name, MHD_HTTP_METHOD_GET) ||
			       !strcmp(name, MHD_HTTP_METHOD_HEAD)
		       ? GET
		       : 0;
}

// The one route that has a whole folder below it.
static bool is_below(const struct http_route *route, const char *path)
{
	return route->handler == http_pages_speedscope &&
	       !strncmp(route->path, path, strlen(route->path));
}

static const struct http_route *find_route(const char *path)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++)
		if (!strcmp(routes[i].path, path) || is_below(&routes[i], path))
			return &routes[i];
	return NULL;
}

// True when PATH is a route's but for the slash at its end.
static bool lacks_slash(const char *path)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++)
		if (!strncmp(routes[i].path, path, n) &&
		    !strcmp(routes[i].path + n, "/"))
			return true;
	return false;
}

// Appends one part of a path, "." and ".." as they are meant.
static void add_part(char *to, const char *part, size_t n)
{
	size_t n_to = strlen(to);

	if (!n || (n == 1 && *part == '.'))
		return;
	if (n == 2 && !memcmp(part, "..", 2)) {
		char *slash = strrchr(to, '/');

		if (slash)
			*slash = '\0';
		return;
	}
	to[n_to] = '/';
	memcpy(to + n_to + 1, part, n);
	to[n_to + 1 + n] = '\0';
}

// PATH without "//", "/./" and "/../"; NULL: no memory.
static char *clean_path(const char *path)
{
	char *to = malloc(strlen(path) + 3);
	const char *at = path;

	if (!to)
		return NULL;
	to[0] = '\0';
	while (*at) {
		size_t n = strcspn(at, "/");

		add_part(to, at, n);
		at += n + (at[n] == '/');
	}
	if (!*to || (at > path && at[-1] == '/'))
		strcat(to, "/");
	return to;
}

static enum MHD_Result redirect(struct http_request *r, char *path)
{
	enum MHD_Result ok = http_reply_redirect(r, path);

	free(path);
	return ok;
}

static enum MHD_Result add_slash(struct http_request *r)
{
	char *path = malloc(strlen(r->url) + 2);

	if (!path)
		return MHD_NO;
	return redirect(r, strcat(strcpy(path, r->url), "/"));
}

static enum MHD_Result run(struct http_request *r)
{
	const struct http_route *route = r->route;

	if (!(method_of(r->method) & route->methods)) {
		query_fail(&r->error, -EINVAL, "'%s' takes %s, not %.32s",
			   route->path, method_names[route->methods],
			   r->method);
		return http_reply_error(r, MHD_HTTP_METHOD_NOT_ALLOWED);
	}
	if (!route->has_target) {
		r->error.err = 0;
		return route->handler(r);
	}
	if (r->error.err)
		return http_reply_fail(r);
	r->proc = query_find(r->query, &r->target, &r->error);
	return r->proc ? route->handler(r) : http_reply_fail(r);
}

// A path below Go's profiles that is none of ours: one of the process's own.
static bool is_own_profile(const char *path)
{
	size_t n = strlen(own_route.path);

	return !strncmp(path, own_route.path, n) && path[n] &&
	       !strchr(path + n, '/');
}

// There is no such path.
static enum MHD_Result fail_path(struct http_request *r)
{
	static const char profiles[] = "/debug/pprof/";

	if (!strncmp(r->path, profiles, strlen(profiles)))
		query_fail(&r->error, -ENOENT, "Unknown profile");
	else
		query_fail(&r->error, -ENOENT, "unknown path '%.200s'", r->url);
	return http_reply_fail(r);
}

enum MHD_Result http_route_serve(struct http_request *r)
{
	char *clean = *r->url == '/' ? clean_path(r->url) : NULL;

	if (clean && strcmp(clean, r->url))
		return redirect(r, clean);
	free(clean);
	if (http_request_split(r))
		return MHD_NO;
	r->route = find_route(r->path);
	if (!r->route && is_own_profile(r->path) && !lacks_slash(r->path))
		r->route = &own_route;
	if (r->route)
		return run(r);
	// "GET ?x" has no path at all.
	return *r->path && lacks_slash(r->path) ? add_slash(r) : fail_path(r);
}

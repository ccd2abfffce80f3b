// SPDX-License-Identifier: Apache-2.0
//
// The pages for people: the list of processes, a process's profiles, and
// speedscope, which draws one (files that `make web` fetched; without them the
// pages name the command that draws instead). Links are relative, so that they
// work behind a proxy's prefix, and pass a ?token= on. Handlers of
// http_routes.def.
#ifndef CPROF_COLLECTOR_HTTP_PAGES_H
#define CPROF_COLLECTOR_HTTP_PAGES_H

#include "collector/http_request.h"

// Looks for speedscope's files beside this program. Once, before the sandbox.
void http_pages_init(void);

enum MHD_Result http_pages_root(struct http_request *r);
enum MHD_Result http_pages_index(struct http_request *r);
enum MHD_Result http_pages_speedscope(struct http_request *r);

#endif

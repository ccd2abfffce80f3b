// SPDX-License-Identifier: Apache-2.0
//
// What a process asks for itself (cprof.h), and its own profiles. Handlers of
// http_routes.def.
#ifndef CPROF_COLLECTOR_HTTP_OWN_H
#define CPROF_COLLECTOR_HTTP_OWN_H

#include "collector/http_request.h"

#define HTTP_OWN_PATH "/debug/pprof/"

// The process's own profile that the path names below HTTP_OWN_PATH: now, or
// with seconds what happens meanwhile.
enum MHD_Result http_own_profile(struct http_request *r);
// The parameter kind, any name of one: since the start of the process.
enum MHD_Result http_own_now(struct http_request *r);
// Begins an interval of that kind; and ends it.
enum MHD_Result http_own_start(struct http_request *r);
enum MHD_Result http_own_end(struct http_request *r);

#endif

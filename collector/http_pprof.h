// SPDX-License-Identifier: Apache-2.0
//
// Go's net/http/pprof, path for path: its parameters, headers and errors, as Go
// 1.19 has them. Handlers of http_routes.def.
#ifndef CPROF_COLLECTOR_HTTP_PPROF_H
#define CPROF_COLLECTOR_HTTP_PPROF_H

#include "collector/http_request.h"

// CPU time of the next seconds.
enum MHD_Result http_pprof_profile(struct http_request *r);
// The route's kind: since the start, or with seconds what happens meanwhile.
enum MHD_Result http_pprof_named(struct http_request *r);
// Where all threads are, in Go's three forms.
enum MHD_Result http_pprof_goroutine(struct http_request *r);
// The next seconds, for Perfetto.
enum MHD_Result http_pprof_trace(struct http_request *r);
// The command line.
enum MHD_Result http_pprof_cmdline(struct http_request *r);
// Names for addresses, "0x1+0x2", of the query or a POST's body.
enum MHD_Result http_pprof_symbol(struct http_request *r);

#endif

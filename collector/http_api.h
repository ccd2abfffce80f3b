// SPDX-License-Identifier: Apache-2.0
//
// The collector's own paths, /api/... (API.md): what there is, as JSON, and
// what can be changed. Handlers of http_routes.def.
#ifndef CPROF_COLLECTOR_HTTP_API_H
#define CPROF_COLLECTOR_HTTP_API_H

#include "collector/http_request.h"

enum MHD_Result http_api_metrics(struct http_request *r);
enum MHD_Result http_api_targets(struct http_request *r);
enum MHD_Result http_api_ps(struct http_request *r);
enum MHD_Result http_api_ended(struct http_request *r);
enum MHD_Result http_api_stats(struct http_request *r);
enum MHD_Result http_api_dump(struct http_request *r);
enum MHD_Result http_api_set(struct http_request *r);
enum MHD_Result http_api_stop(struct http_request *r);

#endif

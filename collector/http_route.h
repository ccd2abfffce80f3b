// SPDX-License-Identifier: Apache-2.0
//
// From a complete request to its answer: finds the path in the table
// (http_routes.def), checks the method, finds the process that is meant and
// calls the handler. It holds no logic of its own.
#ifndef CPROF_COLLECTOR_HTTP_ROUTE_H
#define CPROF_COLLECTOR_HTTP_ROUTE_H

#include "collector/http_request.h"

enum MHD_Result http_route_serve(struct http_request *r);

#endif

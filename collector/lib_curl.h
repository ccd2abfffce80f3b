// SPDX-License-Identifier: Apache-2.0
//
// libcurl (lib.h): lib_curl.easy_init() is its curl_easy_init(), and so on. The
// collector itself never has it, only its sender, a process of its own, and of
// cprofctl the commands that ask a collector. The only includer of curl. One
// thread.
#ifndef CPROF_COLLECTOR_LIB_CURL_H
#define CPROF_COLLECTOR_LIB_CURL_H

#include <curl/curl.h>

struct lib_curl {
#define CALL(name) __typeof__(curl_##name) *name;
#include "collector/lib_curl.def"
#undef CALL
};

// Set by lib_curl_load().
extern struct lib_curl lib_curl;

// As lib_load().
int lib_curl_load(void);

#endif

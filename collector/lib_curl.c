// SPDX-License-Identifier: Apache-2.0
//
// The file's number is that of the interface that the header describes.
#include "collector/lib_curl.h"

#include "collector/lib.h"

#include <assert.h>

struct lib_curl lib_curl;

static const char *const names[] = {
#define CALL(name) "curl_" #name,
#include "collector/lib_curl.def"
#undef CALL
};
static_assert(sizeof(lib_curl) == sizeof(names), "a name for each");

int lib_curl_load(void)
{
	static struct lib lib = {.file = "libcurl.so.4",
				 .names = names,
				 .n = sizeof(names) / sizeof(*names),
				 .calls = &lib_curl};

	return lib_load(&lib);
}

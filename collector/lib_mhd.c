// SPDX-License-Identifier: Apache-2.0
//
// The file's number is that of the interface that the header describes.
#include "collector/lib_mhd.h"

#include "collector/lib.h"

#include <assert.h>

struct lib_mhd lib_mhd;

static const char *const names[] = {
#define CALL(name) "MHD_" #name,
#include "collector/lib_mhd.def"
#undef CALL
};
static_assert(sizeof(lib_mhd) == sizeof(names), "a name for each");

int lib_mhd_load(void)
{
	static struct lib lib = {.file = "libmicrohttpd.so.12",
				 .names = names,
				 .n = sizeof(names) / sizeof(*names),
				 .calls = &lib_mhd};

	return lib_load(&lib);
}

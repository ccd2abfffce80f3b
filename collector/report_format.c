// SPDX-License-Identifier: Apache-2.0
//
// The only place that knows all writers.
#include "collector/report_format.h"

#include "collector/report_callgrind.h"
#include "collector/report_dot.h"
#include "collector/report_flame.h"
#include "collector/report_folded.h"
#include "collector/report_list.h"
#include "collector/report_proto.h"
#include "collector/report_raw.h"
#include "collector/report_taglist.h"
#include "collector/report_top.h"
#include "collector/report_traces.h"
#include "collector/report_tree.h"

#include <string.h>

enum { ALL, PATTERN, FOR_FILES };

const struct report_format report_formats[REPORT_FORMAT_N] = {
#define REPORT(id, write, pattern, extension, help, ...)                 \
	{#id,	    write, (pattern) == PATTERN, (pattern) == FOR_FILES, \
	 extension, help,  {__VA_ARGS__}},
#include "collector/report_format.def"
#undef REPORT
};

const struct report_format report_format_proto = {
	.name = "merge",
	.write = report_proto,
	.is_for_files = true,
	.extension = ".pb.gz",
	.help = "",
	.need = {.is_untrimmed = true, .is_per_address = true}};

const struct report_format *report_format_find(const char *name)
{
	for (int i = 0; i < REPORT_FORMAT_N; i++)
		if (!strcmp(report_formats[i].name, name))
			return &report_formats[i];
	return NULL;
}

const struct report_format *report_format_of_file(const char *file)
{
	size_t n = strlen(file);

	for (int i = 0; i < REPORT_FORMAT_N; i++) {
		const char *extension = report_formats[i].extension;
		size_t n_extension = strlen(extension);

		if (n_extension && n > n_extension &&
		    !strcmp(file + n - n_extension, extension))
			return &report_formats[i];
	}
	return NULL;
}

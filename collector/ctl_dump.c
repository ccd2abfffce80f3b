// SPDX-License-Identifier: Apache-2.0
//
// The files are the collector's, in the process's own folder: the same as at
// exit. Their names go to stdout, one a line, for scripts.
#include "collector/ctl_dump.h"

#include "collector/ctl_fail.h"
#include "collector/ctl_http.h"
#include "collector/ctl_progress.h"
#include "collector/ctl_target.h"

#include <stdio.h>

static void on_tick(void *arg)
{
	ctl_progress_draw(arg);
}

int ctl_dump(const struct ctl_options *options)
{
	char path[64];
	struct ctl_progress progress;
	struct ctl_request request = {.socket = options->socket,
				      .is_post = true,
				      .path = path,
				      .tick = on_tick,
				      .tick_arg = &progress};
	struct ctl_target target;
	json_t *root, *file;
	size_t i;
	int status = ctl_target_only(options, &target);

	if (status)
		return status;
	(void)snprintf(path, sizeof(path), "/%u/api/dump", target.pid);
	ctl_progress_init(&progress, "dump", 0);
	status = ctl_http_json(&request, &root);
	ctl_progress_clear(&progress);
	if (status)
		return status;
	json_array_foreach(json_object_get(root, "files"), i, file)(void)
		printf("%s\n", json_string_value(file));
	if (!i)
		ctl_fail_note("%u (%s) has no samples yet; nothing was written",
			      target.pid, target.comm);
	json_decref(root);
	return CTL_OK;
}

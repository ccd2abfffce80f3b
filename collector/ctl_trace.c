// SPDX-License-Identifier: Apache-2.0
//
// One request, one file, as the kinds of profile have it.
#include "collector/ctl_trace.h"

#include "collector/ctl_fail.h"
#include "collector/ctl_out.h"
#include "collector/ctl_profile.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TRACE_SECONDS 1u
#define NUMBER_MAX    999
#define NAME_BYTES    64

// The next free name in the current folder. A name cannot hold a slash.
static int choose_name(const struct ctl_target *target, char ret[NAME_BYTES])
{
	for (int i = 1; i <= NUMBER_MAX; i++) {
		(void)snprintf(ret, NAME_BYTES, "%.15s.%u.trace.%03d.pftrace",
			       target->comm, target->pid, i);
		for (char *slash = ret; (slash = strchr(slash, '/'));)
			*slash = '_';
		if (access(ret, F_OK))
			return CTL_OK;
	}
	return ctl_fail(CTL_FAILED, "there are %d traces of process %u here",
			NUMBER_MAX, target->pid);
}

// What a name's ending means is what it means everywhere.
static bool is_json(const char *name)
{
	size_t n = name ? strlen(name) : 0;

	return n >= 5 && !strcmp(name + n - 5, ".json");
}

static int check_out(const struct ctl_options *o,
		     const struct ctl_target *target, struct ctl_out *ret_out)
{
	char name[NAME_BYTES];
	int status = CTL_OK;

	if (o->out)
		return ctl_out_check_report(o->out, ret_out);
	status = choose_name(target, name);
	return status ? status : ctl_out_check_report(name, ret_out);
}

int ctl_trace(const struct ctl_options *options)
{
	char path[96];
	struct ctl_target target;
	struct ctl_profile_request wanted = {
		.target = &target,
		.path = path,
		.what = "trace",
		.seconds = options->seconds ? options->seconds : TRACE_SECONDS};
	struct ctl_reply reply;
	struct ctl_out out;
	int status = ctl_target_only(options, &target);

	if (!status)
		status = check_out(options, &target, &out);
	if (status)
		return status;
	(void)snprintf(path, sizeof(path), "/%u/debug/pprof/trace?seconds=%u%s",
		       target.pid, wanted.seconds,
		       is_json(options->out) ? "&format=json" : "");
	status = ctl_profile_wait(options, &wanted, &reply);
	if (status)
		return status;
	status = ctl_out_write(&out, reply.body, reply.n_bytes);
	ctl_http_free(&reply);
	return status;
}

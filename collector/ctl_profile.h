// SPDX-License-Identifier: Apache-2.0
//
// The commands that are a kind of profile: one request, one file. One thread.
#ifndef CPROF_COLLECTOR_CTL_PROFILE_H
#define CPROF_COLLECTOR_CTL_PROFILE_H

#include "collector/ctl_http.h"
#include "collector/ctl_options.h"
#include "collector/ctl_target.h"
#include "proto/kind.h"

// The groups of options the command for KIND accepts.
unsigned ctl_profile_accepts(enum kind kind);

// Takes it and writes it. The exit status; what went wrong has been printed.
int ctl_profile(const struct ctl_options *options, enum kind kind);

// A request that may take its time: Ctrl-C ends it early.
struct ctl_profile_request {
	const struct ctl_target *target;
	const char *path;
	const char *what; // for the line that says so
	uint32_t seconds; // 0: it answers at once
};
int ctl_profile_wait(const struct ctl_options *o,
		     const struct ctl_profile_request *wanted,
		     struct ctl_reply *ret_reply);

// Takes it from TARGET; the caller frees the reply.
int ctl_profile_take(const struct ctl_options *options,
		     const struct ctl_target *target, enum kind kind,
		     struct ctl_reply *ret_reply);

struct ctl_render;

// Takes it from TARGET into R's sources. The exit status.
int ctl_profile_read(const struct ctl_options *options,
		     const struct ctl_target *target, enum kind kind,
		     struct ctl_render *r);

#endif

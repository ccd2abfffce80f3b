// SPDX-License-Identifier: Apache-2.0
//
// From profiles to a report on stdout or in a file: reads them, adds them up,
// subtracts a base, and has the report written. Prints what goes wrong. One
// thread.
#ifndef CPROF_COLLECTOR_CTL_RENDER_H
#define CPROF_COLLECTOR_CTL_RENDER_H

#include "collector/arena.h"
#include "collector/ctl_options.h"
#include "collector/report_format.h"
#include "collector/strtab.h"
#include "proto/kind.h"

struct ctl_render_set {
	struct report_profile *profiles;
	const char **names;
	size_t n, profiles_capacity, names_capacity;
};

struct ctl_render {
	struct arena arena;
	struct strtab texts;
	struct ctl_render_set sources, bases;
	size_t n_samples; // in the sources
	bool is_diff;	  // percentages are of the bases
	bool is_quiet;	  // the name of the file is not printed
};

void ctl_render_init(struct ctl_render *r);
void ctl_render_fini(struct ctl_render *r);

// Reads a profile into R's sources or bases. CTL_OK or CTL_FAILED.
int ctl_render_file(struct ctl_render *r, struct ctl_render_set *set,
		    const char *path);
// The same from memory, which is copied.
int ctl_render_bytes(struct ctl_render *r, const char *name, const void *bytes,
		     size_t n_bytes);

// Adds a profile of KIND without a sample to the sources.
void ctl_render_empty(struct ctl_render *r, enum kind kind);

// What was read as one profile, for report_profile_fini(). CTL_OK or
// CTL_FAILED.
int ctl_render_combine(struct ctl_render *r,
		       struct report_profile *ret_profile);

// Writes the report FORMAT of what was read, as OPTIONS ask, with PATTERN (NULL
// where it takes none). The exit status.
int ctl_render_write(struct ctl_render *r, const struct report_format *format,
		     const struct ctl_options *options, const char *pattern);

#endif

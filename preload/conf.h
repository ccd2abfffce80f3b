// SPDX-License-Identifier: Apache-2.0
//
// The settings from the environment, read once by the constructor and constant
// from then on (also in a fork child: they are not part of the wiped page). A
// value that can't be read leaves the default in force and is remembered for
// the collector to report. Nothing here allocates; texts point into environ.
#ifndef CPROF_PRELOAD_CONF_H
#define CPROF_PRELOAD_CONF_H

#include "proto/setting.h"

#include <stdbool.h>

struct conf {
	uint64_t values[SETTING_N];   // as setting_parse gives them
	const char *texts[SETTING_N]; // as set or by default
	bool is_bad[SETTING_N];	      // could not be read: default in force
};

extern struct conf conf;

// Reads environ. Constructor only.
void conf_init(void);

// The value of NAME in the environment, or NULL. Reads environ itself: a host
// may redefine getenv (bash does). Constructor, or a slow path that may race
// with a setenv no worse than getenv does.
const char *conf_getenv(const char *name);

#endif

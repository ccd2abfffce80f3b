// SPDX-License-Identifier: Apache-2.0
//
// The settings and the few other variables the shim needs, copied from the
// environment by the constructor and constant from then on (also in a fork
// child: they are not part of the wiped page). Copied, since a host may write
// its title over its environment, or change it while another thread is in a
// hook. A value that can't be read leaves the default in force and is
// remembered for the collector to report. Nothing here allocates.
#ifndef CPROF_PRELOAD_CONF_H
#define CPROF_PRELOAD_CONF_H

#include "proto/setting.h"

#include <stdbool.h>
#include <stddef.h>

#define CONF_ENV_MAX 32

struct conf {
	uint64_t values[SETTING_N];   // as setting_parse gives them
	const char *texts[SETTING_N]; // in force: as set, or by default
	int toggle_signal;	      // gperftools' CPUPROFILESIGNAL; 0: none
	const char *bad[SETTING_N];   // as set but not readable, else NULL
	// NAME=value of what the collector is to inherit and of what CPROF_DIR
	// asks for; ends in NULL.
	const char *env[CONF_ENV_MAX + 1];
};

extern struct conf conf;

// Reads environ. Constructor only.
void conf_init(void);

// The value of NAME (of N_CHARS) in conf.env, or NULL. Any thread,
// async-signal-safe.
const char *conf_getenv(const char *name, size_t n_chars);

#endif

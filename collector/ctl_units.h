// SPDX-License-Identifier: Apache-2.0
//
// Numbers as people read them. Pure functions, any thread.
#ifndef CPROF_COLLECTOR_CTL_UNITS_H
#define CPROF_COLLECTOR_CTL_UNITS_H

#include "proto/setting.h"

#include <stdint.h>

// What a text may need, with its NUL.
#define CTL_UNITS_MAX 32

// 1.5 MiB, 512 KiB, 12 B. Returns RET_TEXT.
const char *ctl_units_bytes(uint64_t bytes, char ret_text[CTL_UNITS_MAX]);
// 3d04h, 2h05m, 1m30s, 12s, 850ms. Returns RET_TEXT.
const char *ctl_units_time(uint64_t ns, char ret_text[CTL_UNITS_MAX]);
// 950, 12.3k, 4.5M. Returns RET_TEXT.
const char *ctl_units_count(uint64_t n, char ret_text[CTL_UNITS_MAX]);
// A setting's value as its parser takes it (512k, 100us), "off" for 0. Returns
// RET_TEXT.
const char *ctl_units_setting(enum setting_type type, uint64_t value,
			      char ret_text[CTL_UNITS_MAX]);

#endif

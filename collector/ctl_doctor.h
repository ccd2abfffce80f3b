// SPDX-License-Identifier: Apache-2.0
//
// `doctor`: says beforehand what of a program, or of a running process, will
// not be profiled, why, and what to do. It changes nothing. One thread.
#ifndef CPROF_COLLECTOR_CTL_DOCTOR_H
#define CPROF_COLLECTOR_CTL_DOCTOR_H

#include "collector/ctl_options.h"

// The exit status: CTL_FOUND when something will not be profiled.
int ctl_doctor(const struct ctl_options *options);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// What the collector says: lines with a time and a level, on stderr when it was
// started by hand, in a bounded file when a shim started it. Any thread.
#ifndef CPROF_COLLECTOR_LOG_H
#define CPROF_COLLECTOR_LOG_H

#include "proto/setting.h"

// Nothing above LEVEL (LOG_OFF..LOG_DEBUG) is written. Before other threads.
void log_set_level(unsigned level);

// From now on lines go to the file PATH (0600; emptied when it has grown past
// 1 MiB, now and later). 0 or negative errno: they go on to stderr then.
int log_open(const char *path);

// In a child that is going to close all but the standard descriptors: the file,
// if there is one, is its stderr from now on.
void log_keep(void);

void log_line(unsigned level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

#endif

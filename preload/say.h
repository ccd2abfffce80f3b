// SPDX-License-Identifier: Apache-2.0
//
// The only thing the shim ever prints, and only when CPROF_LOG asks for it:
// one line on stderr by one write. Async-signal-safe; nothing in a sandbox.
#ifndef CPROF_PRELOAD_SAY_H
#define CPROF_PRELOAD_SAY_H

#include "proto/setting.h"

// Prints "cprof[PID]: TEXT" when CPROF_LOG is at LEVEL (LOG_ERROR ...) or
// above.
void say(int level, const char *text);

#define say_error(text) say(LOG_ERROR, (text))
#define say_info(text)	say(LOG_INFO, (text))

#endif

// SPDX-License-Identifier: Apache-2.0
//
// The line on the terminal while a profile is being taken. Nothing is printed
// where stderr is no terminal. One thread.
#ifndef CPROF_COLLECTOR_CTL_PROGRESS_H
#define CPROF_COLLECTOR_CTL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct ctl_progress {
	const char *what; // borrowed
	uint32_t seconds; // 0: nobody knows how long
	uint64_t start_ns;
	bool is_shown;
};

// Starts the clock; WHAT is what is being waited for.
void ctl_progress_init(struct ctl_progress *p, const char *what,
		       uint32_t seconds);
// Draws the line anew.
void ctl_progress_draw(struct ctl_progress *p);
// Takes it away again.
void ctl_progress_clear(struct ctl_progress *p);
// Milliseconds since the start.
uint64_t ctl_progress_ms(const struct ctl_progress *p);

#endif

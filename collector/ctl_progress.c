// SPDX-License-Identifier: Apache-2.0
//
// Drawn over itself with a carriage return. It appears after half a second
// only, so that a quick answer does not flicker.
#include "collector/ctl_progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS  1000000ull
#define MS_PER_S   1000ull
#define QUIET_MS   500
#define CLEAR_LINE "\r\033[K"

static uint64_t now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts); // can't fail
	return (uint64_t)ts.tv_sec * MS_PER_S * NS_PER_MS +
	       (uint64_t)ts.tv_nsec;
}

void ctl_progress_init(struct ctl_progress *p, const char *what,
		       uint32_t seconds)
{
	*p = (struct ctl_progress){
		.what = what, .seconds = seconds, .start_ns = now_ns()};
}

uint64_t ctl_progress_ms(const struct ctl_progress *p)
{
	return (now_ns() - p->start_ns) / NS_PER_MS;
}

void ctl_progress_draw(struct ctl_progress *p)
{
	uint64_t ms = ctl_progress_ms(p);
	unsigned s = (unsigned)(ms / MS_PER_S);

	if (ms < QUIET_MS || !isatty(STDERR_FILENO))
		return;
	p->is_shown = true;
	if (p->seconds && s < p->seconds)
		(void)fprintf(stderr,
			      CLEAR_LINE
			      "%s: %u of %u s (Ctrl-C ends it early)",
			      p->what, s, p->seconds);
	else
		(void)fprintf(stderr, CLEAR_LINE "%s: writing, %u s", p->what,
			      s);
}

void ctl_progress_clear(struct ctl_progress *p)
{
	if (p->is_shown)
		(void)fputs(CLEAR_LINE, stderr);
	p->is_shown = false;
}

// SPDX-License-Identifier: Apache-2.0
//
// How pprof prints measurements: which unit a value is shown in, with how many
// digits, and percentages. Pure, any thread.
#ifndef CPROF_COLLECTOR_REPORT_UNITS_H
#define CPROF_COLLECTOR_REPORT_UNITS_H

#include <stdbool.h>
#include <stdint.h>

// What chooses a unit by the value itself.
#define REPORT_UNITS_MINIMUM "minimum"
#define REPORT_UNITS_AUTO    "auto"

// A printed value or percentage.
struct report_units_text {
	char text[128];
};

// VALUE, which is in the unit FROM, in TO. *ret_unit is the unit it is in then:
// a constant, or TO; "" for what is only counted.
double report_units_scale(int64_t value, const char *from, const char *to,
			  const char **ret_unit);

// The same as text: "1.50MB".
struct report_units_text report_units_label(int64_t value, const char *from,
					    const char *to);

// VALUE of TOTAL, at least six columns wide: " 5.25%".
struct report_units_text report_units_percent(int64_t value, int64_t total);
// The same without blanks in front.
struct report_units_text report_units_percent_bare(int64_t value,
						   int64_t total);

#define REPORT_UNITS_ALLOWED \
	"ns, us, ms, s, hrs, B, kB, MB, GB, TB, PB, GCU, minimum or auto"
// Whether NAME is one that TO may be.
bool report_units_is_known(const char *name);

// Whether A and B measure the same thing (ms and s).
bool report_units_are_alike(const char *a, const char *b);

// Go's float to integer conversion.
int64_t report_units_int(double value);

// The absolute value; the lowest number stays what it is.
int64_t report_units_abs(int64_t value);

#endif

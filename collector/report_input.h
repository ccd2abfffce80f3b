// SPDX-License-Identifier: Apache-2.0
//
// The bytes of a profile: a file's or an answer's, unpacked where they are
// gzip'ed (of several members, too). Bounded, whatever they claim to unpack to.
// One thread.
#ifndef CPROF_COLLECTOR_REPORT_INPUT_H
#define CPROF_COLLECTOR_REPORT_INPUT_H

#include "collector/report_error.h"

#include <stddef.h>
#include <stdint.h>

// No profile that is read is longer, packed or unpacked.
#define REPORT_INPUT_MAX_BYTES ((size_t)1 << 30)

struct report_input {
	uint8_t *bytes;
	size_t n_bytes;
};

// Reads the file PATH, "-" for stdin. 0, or a negative errno with the reason.
int report_input_file(const char *path, struct report_input *ret_input,
		      struct report_error *error);

// Takes over INPUT's bytes and unpacks them in place where they are gzip'ed;
// what fails is freed.
int report_input_unpack(struct report_input *input, struct report_error *error);

void report_input_free(struct report_input *input);

#endif

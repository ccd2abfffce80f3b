// SPDX-License-Identifier: Apache-2.0
//
// Reading the collector's JSON and printing it: a field that is missing or of
// another type reads as 0 or "", since an older or newer collector is no reason
// to fail. One thread.
#ifndef CPROF_COLLECTOR_CTL_JSON_H
#define CPROF_COLLECTOR_CTL_JSON_H

#include <jansson.h>
#include <stdint.h>

// The text at KEY, borrowed from OBJECT.
const char *ctl_json_text(const json_t *object, const char *key);
// The number at KEY; a negative one reads as 0.
uint64_t ctl_json_number(const json_t *object, const char *key);
// Prints VALUE on stdout, indented, with a newline.
void ctl_json_print(const json_t *value);
// Prints TEXT on stdout with control characters replaced.
void ctl_json_put_text(const char *text);

#endif

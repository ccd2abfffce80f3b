// SPDX-License-Identifier: Apache-2.0
//
// The only place that decides what a missing field means.
#include "collector/ctl_json.h"

#include <stdio.h>

const char *ctl_json_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

uint64_t ctl_json_number(const json_t *object, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(object, key));

	return n > 0 ? (uint64_t)n : 0;
}

void ctl_json_print(const json_t *value)
{
	// An error shows in stdout's state, which main looks at.
	(void)json_dumpf(value, stdout, JSON_INDENT(2));
	(void)putchar('\n');
}

void ctl_json_put_text(const char *text)
{
	for (; *text; text++)
		(void)putchar((unsigned char)*text < ' ' || *text == 127
				      ? '?'
				      : *text);
}

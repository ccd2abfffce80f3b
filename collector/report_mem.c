// SPDX-License-Identifier: Apache-2.0
//
// A report needs what it needs: with less memory there is no smaller report.
#include "collector/report_mem.h"

#include "collector/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void report_mem_fail(void)
{
	(void)fputs("cprofctl: not enough memory for this profile\n", stderr);
	exit(1);
}

void *report_mem_grow(void *array, size_t *capacity, size_t n_needed,
		      size_t element_bytes)
{
	void *p = mem_grow(array, capacity, n_needed, element_bytes);

	if (!p && n_needed)
		report_mem_fail();
	return p;
}

void *report_mem_zero(size_t n, size_t element_bytes)
{
	void *p = calloc(n ? n : 1, element_bytes);

	if (!p)
		report_mem_fail();
	return p;
}

char *report_mem_text(const char *text, size_t n_bytes)
{
	char *copy = report_mem_zero(n_bytes + 1, 1);

	memcpy(copy, text, n_bytes);
	return copy;
}

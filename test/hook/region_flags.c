// SPDX-License-Identifier: Apache-2.0
//
// What a shim maps into the process to pass on what it saw (stacks, with what
// lies in them) is in no core dump and in no fork child. Good: every shared
// mapping of a memfd says so.
#include "test/lib/host.h"

// Mappings of a memfd, and how many lack one of both flags.
static int look(int *ret_n_bad)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	int n = 0, is_memfd = 0;
	char line[512];

	*ret_n_bad = 0;
	while (f && fgets(line, sizeof(line), f)) {
		if (strstr(line, "-") && strstr(line, " 00:"))
			is_memfd = strstr(line, "/memfd:") != NULL;
		if (!is_memfd || strncmp(line, "VmFlags:", 8) != 0)
			continue;
		n++;
		*ret_n_bad += !strstr(line, " dd") || !strstr(line, " dc");
		is_memfd = 0;
	}
	if (f)
		fclose(f);
	return n;
}

int main(void)
{
	int n_bad, n = look(&n_bad);

	return host_verdict(n_bad, "regions=%d bad=%d", n, n_bad);
}

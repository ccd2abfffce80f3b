// SPDX-License-Identifier: Apache-2.0
//
// Allocates, frees, says ok. Built in every flavour a shim may be preloaded
// into: dynamic, static, static-pie, musl, 32-bit, and with gcc's sanitizers.
// Good: ok, status 0, and nothing on stderr that is not there without a shim.
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	void *p = malloc(100);

	free(p);
	puts("ok");
	return 0;
}

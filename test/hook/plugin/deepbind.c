// SPDX-License-Identifier: Apache-2.0
//
// Makes and releases memory by its own malloc and free.
#include <stdlib.h>

void *plugin_make(void);
void plugin_release(void *p);

void *plugin_make(void)
{
	return malloc(777);
}

void plugin_release(void *p)
{
	free(p);
}

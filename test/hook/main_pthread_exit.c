// SPDX-License-Identifier: Apache-2.0
//
// main() ends by pthread_exit() as the last thread. Good: the process ends at
// once with status 0; a thread hidden in it would keep it alive for ever.
#include "test/lib/host.h"

#include <pthread.h>
#include <stdlib.h>

int main(void)
{
	free(malloc(10));
	host_verdict(0, "exiting");
	pthread_exit(NULL);
}

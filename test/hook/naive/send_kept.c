// SPDX-License-Identifier: Apache-2.0
//
// Naive: keeps two descriptors without close-on-exec.
#include "test/hook/naive/naive.h"

#include <sys/socket.h>

__attribute__((constructor)) static void start(void)
{
	int pair[2];

	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}

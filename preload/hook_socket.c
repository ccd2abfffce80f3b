// SPDX-License-Identifier: Apache-2.0
//
// Sockets with a time-out: calls that wait for one end with EINTR on any
// signal, restarted or not, and nobody can see from outside that a socket has
// one. So this is remembered, and a thread that waits in such a call is not
// asked for its stack.
#include "preload/real.h"
#include "preload/state.h"
#include "preload/sys.h"

#include <sys/socket.h>

EXPORT int setsockopt(int fd, int level, int name, const void *value,
		      socklen_t n_bytes)
{
	if (level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO))
		state_note_eintr(REGION_EINTR_SOCKETS);
	return real.setsockopt(fd, level, name, value, n_bytes);
}

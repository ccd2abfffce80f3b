// SPDX-License-Identifier: Apache-2.0
//
// Requests of the program itself to its collector, over HTTP as anybody's, on a
// connection of their own that is closed before the call returns. What comes is
// written by this process, with its rights and from its folder: the collector
// opens no path for anybody. They wait, 30 s at most; never on a sample's path.
// Any thread, any number at once; negative errno.
#ifndef CPROF_PRELOAD_REQUEST_H
#define CPROF_PRELOAD_REQUEST_H

#include <stdint.h>

// Sends METHOD PATH (behind "/self", which is this process) and reads the
// answer. With FD >= 0 what it has goes there; else it is dropped. 0,
// -ENOTCONN, -ETIMEDOUT, -ENOENT (404), -EINVAL (other 4xx), -EBUSY (500),
// -EIO: the answer makes no sense or was cut short; or the error of a write.
int request_send(const char *method, const char *path, int fd);

#endif

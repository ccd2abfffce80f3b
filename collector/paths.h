// SPDX-License-Identifier: Apache-2.0
//
// Names of places: the collector's socket and its folder, the folder profiles
// go to. Nothing here opens or creates profiles. Any thread.
#ifndef CPROF_COLLECTOR_PATHS_H
#define CPROF_COLLECTOR_PATHS_H

#include "proto/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Where the collector listens: GIVEN, else CPROF_SOCKET, else in
// XDG_RUNTIME_DIR, else in /tmp/cprof-UID. 0, or -ENAMETOOLONG when it does not
// fit a socket's name.
int paths_socket(const char *given, char ret_path[SOCKET_NAME_MAX_BYTES + 1]);

// Makes sure that the folder FILE lies in is there (made 0700 if its parent
// exists) and safe, as paths_check() says. 0 or negative errno.
int paths_folder(const char *file);

// Looks whether another user could take FILE's place. One whose name cprof
// chose itself must lie in a folder of this user's alone (in /tmp anybody could
// have made it first); elsewhere the folder must be this user's or root's, and
// nobody else may rename what is in it. 0; -EPERM or -ENOTDIR when it is not
// safe; or another negative errno.
int paths_check(const char *file);

// Opens PATH, made 0600 if missing, with FLAGS (O_RDWR, O_APPEND...). A file
// that is not plainly this user's (a link, a fifo, another's, one with a second
// name) is -EPERM or another error. A descriptor or negative errno.
int paths_open_own(const char *path, int flags);

// What the names in a CPROF_DIR template stand for.
struct paths_names {
	uint32_t pid;
	const char *comm;
	int64_t start_time_ns; // CLOCK_REALTIME
	const char *cwd;       // not absolute: one that has no name any more
	const char *const *environment; // NAME=value
	size_t n_environment;
};

// TEXT with %p %e %h %t %{NAME} %% filled in, as an absolute path; an
// unknown % stays as it is; in paths_fallback() where there is no working
// directory, or in / when that can't be used. To be freed; NULL: no memory.
char *paths_expand(const char *text, const struct paths_names *names);
// The first name in TEXT of a variable that is not set, *ret_n characters, or
// NULL.
const char *paths_unset(const char *text, const struct paths_names *names,
			size_t *ret_n);
bool paths_has_cwd(const struct paths_names *names);

// /tmp/cprof-UID, made if missing. 0, or negative errno when it can't be used.
int paths_fallback(char *ret_path, size_t n_bytes);

#endif

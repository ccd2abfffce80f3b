// SPDX-License-Identifier: Apache-2.0
//
// The same order of places as the shim and the collector have. The socket's
// owner is looked at before it is used: in /tmp anybody could have made the
// folder first and wait there for somebody to talk to.
#include "collector/ctl_paths.h"

#include "collector/ctl_fail.h"
#include "collector/paths.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHIM	 "libcprof.so"
#define SHIM_LIB "/usr/local/lib/" SHIM

int ctl_paths_socket(const char *given,
		     char ret_path[SOCKET_NAME_MAX_BYTES + 1])
{
	struct stat st;
	int err;

	if (paths_socket(given, ret_path))
		return ctl_fail(CTL_FAILED,
				"the socket's name '%s...' is too long; %u "
				"bytes are allowed",
				ret_path, SOCKET_NAME_MAX_BYTES);
	// Whom it was not told to trust it does not: anybody could have made a
	// folder of that name in /tmp.
	err = paths_check(ret_path);
	if (err == -ENOTDIR)
		return ctl_fail(CTL_FAILED,
				"the socket '%s' would not lie in a folder",
				ret_path);
	if (err == -EPERM)
		return ctl_fail(CTL_FAILED,
				"the folder of the socket '%s' is not safe: "
				"others can write to it",
				ret_path);
	// root may look at anybody's processes; others trust root and
	// themselves.
	if (geteuid() && !lstat(ret_path, &st) && st.st_uid &&
	    st.st_uid != geteuid())
		return ctl_fail(CTL_FAILED,
				"the socket '%s' belongs to user %u, not to "
				"you or root",
				ret_path, (unsigned)st.st_uid);
	return CTL_OK;
}

// DIR/REST of the folder this program is in; -1 when that can't be read there.
static int look_beside(const char *folder, const char *rest, char *ret_path)
{
	char name[PATH_MAX];

	if (snprintf(name, sizeof(name), "%s/%s", folder, rest) >=
	    (int)sizeof(name))
		return -1;
	return realpath(name, ret_path) ? 0 : -1;
}

int ctl_paths_shim(char ret_path[PATH_MAX])
{
	char folder[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", folder, sizeof(folder) - 1);
	char *slash;

	folder[n > 0 ? n : 0] = '\0';
	slash = strrchr(folder, '/');
	if (slash)
		*slash = '\0';
	if ((!slash || (look_beside(folder, SHIM, ret_path) &&
			look_beside(folder, "../lib/" SHIM, ret_path))) &&
	    !realpath(SHIM_LIB, ret_path))
		return ctl_fail(CTL_FAILED,
				"%s is neither in '%s' nor in '%s/../lib' nor "
				"in /usr/local/lib",
				SHIM, folder, folder);
	// The dynamic linker splits LD_PRELOAD at both and knows no escape.
	if (strpbrk(ret_path, ": "))
		return ctl_fail(CTL_FAILED,
				"'%s' has a space or a colon in its name, "
				"which LD_PRELOAD does not allow",
				ret_path);
	return CTL_OK;
}

// SPDX-License-Identifier: Apache-2.0
//
// A file the user named is replaced, as `>` would; a numbered one never
// replaces another (out.h).
#include "collector/ctl_out.h"

#include "collector/ctl_fail.h"
#include "collector/out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXTENSION ".pb.gz"
#define TEMPORARY ".cprofctl-XXXXXX"

static bool ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), n_end = strlen(end);

	return n > n_end && !strcmp(name + n - n_end, end);
}

static int fail_file(const char *path, int error)
{
	return ctl_fail(CTL_FAILED, "cannot write '%s': %s", path,
			strerror(error));
}

// The folder PATH is in, with its slash; "" for the current one.
static void print_folder(const char *path, char ret_folder[PATH_MAX])
{
	const char *slash = strrchr(path, '/');

	(void)snprintf(ret_folder, PATH_MAX, "%.*s",
		       slash ? (int)(slash - path) + 1 : 0, path);
}

static int check_folder(const char *path)
{
	char folder[PATH_MAX];

	print_folder(path, folder);
	if (access(*folder ? folder : ".", W_OK | X_OK))
		return fail_file(*path ? path : ".", errno);
	return CTL_OK;
}

// EXTENSION: what a file's name must end in.
static int check_named(struct ctl_out *out, const char *name,
		       const char *extension)
{
	struct stat st;
	bool exists = !stat(name, &st);

	if (snprintf(out->path, sizeof(out->path), "%s", name) >=
	    (int)sizeof(out->path))
		return fail_file(name, ENAMETOOLONG);
	if (exists && S_ISDIR(st.st_mode))
		return fail_file(name, EISDIR);
	out->form = CTL_OUT_SPECIAL;
	if (exists && !S_ISREG(st.st_mode))
		return CTL_OK;
	out->form = CTL_OUT_NAMED;
	if (*extension && !ends_in(name, extension))
		return ctl_fail(CTL_USAGE,
				"-o: '%s' is not allowed, but a name ending "
				"in " EXTENSION
				", .html, .svg, .dot, .folded, .callgrind or "
				".txt, or - for stdout",
				name);
	// Through a symbolic link, as the shell's > goes.
	if (exists && !realpath(name, out->path))
		return fail_file(name, errno);
	return check_folder(out->path);
}

int ctl_out_check(const char *name, const struct ctl_target *target,
		  const char *kind, struct ctl_out *ret_out)
{
	*ret_out = (struct ctl_out){
		.form = CTL_OUT_NUMBERED, .target = target, .kind = kind};
	if (!name)
		return check_folder("");
	if (strcmp(name, "-"))
		return check_named(ret_out, name, EXTENSION);
	ret_out->form = CTL_OUT_STDOUT;
	if (isatty(STDOUT_FILENO))
		return ctl_fail(CTL_FAILED,
				"a profile is binary and stdout is a terminal; "
				"use -o FILE" EXTENSION " or a pipe");
	return CTL_OK;
}

int ctl_out_check_report(const char *name, struct ctl_out *ret_out)
{
	*ret_out = (struct ctl_out){.form = CTL_OUT_STDOUT};
	return name && strcmp(name, "-") ? check_named(ret_out, name, "")
					 : CTL_OK;
}

static int fill(int fd, const void *bytes, size_t n_bytes)
{
	int err = out_write_all(fd, bytes, n_bytes);

	if (!err && fsync(fd))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	return err;
}

static int write_named(const char *path, const void *bytes, size_t n_bytes)
{
	char temporary[PATH_MAX + sizeof(TEMPORARY)];
	int fd, err;

	print_folder(path, temporary);
	(void)strcat(temporary, TEMPORARY);  // there is room, see above
	fd = mkostemp(temporary, O_CLOEXEC); // 0600
	if (fd < 0)
		return -errno;
	err = fill(fd, bytes, n_bytes);
	if (!err && rename(temporary, path))
		err = -errno;
	if (err)
		(void)unlink(temporary); // the first error is what counts
	return err;
}

// As the collector does it, in the current folder.
static int write_numbered(struct ctl_out *co, const void *bytes, size_t n_bytes)
{
	const struct buf data = {.data = (char *)bytes, .n_bytes = n_bytes};
	struct out o;
	char *path;
	int err = out_open(".", co->target->comm, co->target->pid, &o);

	if (err)
		return err;
	err = out_write(&o, co->kind, &data, &path);
	out_close(&o);
	if (err)
		return err;
	(void)snprintf(co->path, sizeof(co->path), "%s", path);
	free(path);
	return 0;
}

static int write_special(const char *path, const void *bytes, size_t n_bytes)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	int err;

	if (fd < 0)
		return -errno;
	err = out_write_all(fd, bytes, n_bytes);
	if (close(fd) && !err)
		err = -errno;
	return err;
}

int ctl_out_write(struct ctl_out *out, const void *bytes, size_t n_bytes)
{
	int err;

	if (out->form == CTL_OUT_STDOUT) {
		err = out_write_all(STDOUT_FILENO, bytes, n_bytes);
		return err ? fail_file("stdout", -err) : CTL_OK;
	}
	if (out->form == CTL_OUT_NUMBERED)
		err = write_numbered(out, bytes, n_bytes);
	else if (out->form == CTL_OUT_SPECIAL)
		err = write_special(out->path, bytes, n_bytes);
	else
		err = write_named(out->path, bytes, n_bytes);
	if (err)
		return fail_file(*out->path ? out->path : ".", -err);
	if (!out->is_quiet)
		(void)printf("%s\n",
			     out->path); // main looks at stdout's errors
	return CTL_OK;
}

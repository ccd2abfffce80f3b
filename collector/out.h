// SPDX-License-Identifier: Apache-2.0
//
// Profile files: COMM.PID.KIND.NNN.pb.gz, written whole under a temporary name
// in the same folder, synced, then renamed without replacing anything. It knows
// nothing of what is in them. Any thread; may block on the disk.
#ifndef CPROF_COLLECTOR_OUT_H
#define CPROF_COLLECTOR_OUT_H

#include "collector/buf.h"

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

// One dump: files of one process that share a number.
struct out {
	int dir_fd;
	char *dir;	 // absolute
	char *prefix;	 // COMM.PID
	unsigned number; // NNN of the next file, from 001
};

// Opens DIR (what is missing of it is made) for files of COMM, whose
// bytes that can't stand in a name become '_', and PID. The number is the
// first that no file of this prefix has. 0 or negative errno.
int out_open(const char *dir, const char *comm, uint32_t pid, struct out *ret);
void out_close(struct out *o);

// 0 when files could be made in DIR now, else negative errno; creates nothing.
int out_check(const char *dir);

// Writes DATA as the file of KIND. *ret_path: its absolute name, to be freed.
// 0 or negative errno, then no file is left behind.
int out_write(struct out *o, const char *kind, const struct buf *data,
	      char **ret_path);

// Writes DATA as the file PATH, an absolute name, in the place of one that is
// there. 0 or negative errno.
int out_write_to(const char *path, const struct buf *data);

// Writes N_BYTES to FD, in as many pieces as it takes. 0 or negative errno.
int out_write_all(int fd, const char *data, size_t n_bytes);

// Which file a path led to, and in which folder.
struct out_file {
	dev_t folder_dev;
	ino_t folder_inode;
	dev_t dev;
	ino_t inode;
	struct timespec changed; // a number that is free is given again
	uint64_t n_bytes;
};

// The file at PATH, an absolute name; a link is not followed. 0 or negative
// errno.
int out_identify(const char *path, struct out_file *ret_file);

// Removes FILE if PATH still leads to it, as it was: folders belong to others,
// who may put a link in the place of one, or another file under the name.
// -ESTALE: it does not.
int out_remove(const char *path, const struct out_file *file);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// What /proc says about a process: small, bounded reads of its text files. A
// process may be gone at any moment; then every function here fails. Any
// thread.
#ifndef CPROF_COLLECTOR_PROCFS_H
#define CPROF_COLLECTOR_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The name of a process or of one of its threads, without the newline. 0 or
// negative errno.
int procfs_comm(uint32_t pid, char ret_comm[16]);
int procfs_thread_comm(uint32_t pid, uint32_t tid, char ret_comm[16]);

struct procfs_stat {
	uint32_t parent_pid;
	uint64_t start_ticks;
};
int procfs_stat(uint32_t pid, struct procfs_stat *ret);

// The number behind NAME (with its colon) in /proc/PID/status, as it stands
// there. -ENOENT: no such line.
int procfs_status(uint32_t pid, const char *name, uint64_t *ret_value);

// The same of a line in kB, as bytes; 0 when there is none.
uint64_t procfs_status_bytes(uint32_t pid, const char *name);

// The pid by which process PID knows itself, in its own pid namespace. 0 or
// negative errno.
int procfs_inner_pid(uint32_t pid, uint64_t *ret_pid);

// False only when thread TID of PID certainly does not exist.
bool procfs_thread_exists(uint32_t pid, uint32_t tid);

// True when FD is the /proc file NAME ("maps") of some process.
bool procfs_is_file(int fd, const char *name);

// Opens /proc/PID/NAME for reading. A descriptor or negative errno.
int procfs_open(uint32_t pid, const char *name);

#endif

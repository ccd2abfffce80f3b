// SPDX-License-Identifier: Apache-2.0
//
// What /proc says of the threads of a process: their states, masks, and the
// system calls they sleep in. A thread may have moved on when this is read. Any
// thread.
#ifndef CPROF_COLLECTOR_TASK_H
#define CPROF_COLLECTOR_TASK_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TASK_ARGS 6

struct task {
	uint32_t tid;	  // as this collector sees it
	uint32_t own_tid; // as the process sees it (pid namespaces)
	char state;	  // as in /proc: R S D T t Z X I; 0 = it has gone
	char name[16];
	uint64_t blocked; // signals, bit sig - 1
	uint64_t caught;
	uint64_t seccomp_mode;
	uint64_t seccomp_filters;
	// How many queued signals its user may have beyond those there are.
	uint64_t n_signals_left;
	// It sleeps in a system call, and this may be known (ptrace's rules).
	bool has_call;
	int64_t call;
	uint64_t args[TASK_ARGS];
	uint64_t pc;
	char place[32]; // where in the kernel, "" when that is not told
};

// The threads of PID. The caller closes *ret (closedir). 0 or negative errno.
int task_open(uint32_t pid, DIR **ret);

// The ids of those there are, MAX at most, in ascending order; the caller frees
// the list. 0 or negative errno.
int task_list(DIR *tasks, size_t max, uint32_t **ret, size_t *ret_n);

// Looks at thread TID. 0 or negative errno: then it has gone.
int task_read(DIR *tasks, uint32_t tid, struct task *ret);

// Sends thread TID of PID the shim's signal SIG with REQUEST (REGION_ASK). 0 or
// negative errno.
int task_ask(uint32_t pid, uint32_t tid, int sig, uint32_t request);

// The name of the system call T sleeps in, or of its place in the kernel, or
// "". Writes at most N_BYTES with the NUL.
void task_describe(const struct task *t, char *ret, size_t n_bytes);

#endif

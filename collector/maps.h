// SPDX-License-Identifier: Apache-2.0
//
// The executable mappings of a process, parsed from /proc/PID/maps, and the ELF
// files behind them. Knows nothing of generations or images. Any thread.
#ifndef CPROF_COLLECTOR_MAPS_H
#define CPROF_COLLECTOR_MAPS_H

#include <stddef.h>
#include <stdint.h>

struct elf_file;

struct maps_entry {
	uint64_t start; // limit is exclusive
	uint64_t limit;
	uint64_t file_offset;
	uint64_t dev; // as stat's st_dev; 0 when there is no file
	uint64_t inode;
	const char *path; // without " (deleted)"; "" when there is none
};

// Entries in order of address. The text they point into is the struct's.
struct maps {
	struct maps_entry *entries;
	size_t n_entries;
	char *text;
};

// Reads the maps behind FD from its beginning. 0, or negative errno; -ESRCH
// when the process is gone (the file reads empty).
int maps_read(int fd, struct maps *ret_maps);
void maps_fini(struct maps *m);

// What is needed to reach the files of a process.
struct maps_process {
	uint32_t pid;
};

// Opens the ELF file of mapping E: the kernel's own link to it where that is
// allowed, else the path, if it is still the same file. NULL when it can't be
// had or is no ELF file; else a reference.
struct elf_file *maps_open(const struct maps_process *process,
			   const struct maps_entry *e);

// The ELF file called PATH as the process sees it, unchecked. NULL: none.
struct elf_file *maps_open_path(const struct maps_process *process,
				const char *path);

#endif

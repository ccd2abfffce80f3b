// SPDX-License-Identifier: Apache-2.0
//
// What a program's file says about whether the shim can be loaded into it. The
// only includer of libelf in cprofctl. One thread.
#ifndef CPROF_COLLECTOR_CTL_ELF_H
#define CPROF_COLLECTOR_CTL_ELF_H

#include <limits.h>
#include <stdbool.h>

struct ctl_elf {
	// Why the dynamic linker won't load the shim, as the end of a sentence;
	// NULL when nothing is known against it.
	const char *obstacle;
	char sanitizer[NAME_MAX + 1]; // libasan.so.N it needs first, or ""
	char path[PATH_MAX];	      // of the file, behind scripts
	char allocator[NAME_MAX + 1]; // the shared one it needs, or ""
	bool is_elf;
	const char *own_malloc; // the one it defines and does not export, NULL
	bool has_symbols, has_dwarf;
	bool is_dwarf_unreadable;  // compressed as libelf can't read it
	char debug_file[PATH_MAX]; // where Debian puts it, if it is there, or
				   // ""
};

// Finds PROG as execvp does, follows a script to its interpreter, and looks.
// Whatever can't be found or read has no obstacle: exec says it better.
void ctl_elf_look(const char *prog, struct ctl_elf *ret_elf);

// 0 when there is such a program, else -ENOENT.
int ctl_elf_find(const char *prog);

#endif

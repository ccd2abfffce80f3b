// SPDX-License-Identifier: Apache-2.0
//
// DWARF packages (.dwp): the .dwo files of a program in one, which libdw reads
// from version 0.191 on only. Each unit is made the ELF file that its .dwo was,
// in memory, with the skeleton's addresses in it, and libdw reads that. Pages
// of strings are the package's own, mapped. One thread at a time.
#ifndef CPROF_COLLECTOR_DWP_H
#define CPROF_COLLECTOR_DWP_H

#include <elfutils/libdw.h>
#include <stddef.h>
#include <stdint.h>

struct dwp;

// A unit taken out of a package; all zero: none. Its owner's.
struct dwp_unit {
	Dwarf *dwarf;
	Elf *elf;
	void *image;
	size_t image_bytes;
};

// What the unit takes from the file of its skeleton.
struct dwp_skeleton {
	uint64_t id;
	const void *addresses; // .debug_addr from the unit's base on
	size_t n_addresses_bytes;
	const void *ranges; // DWARF 4: .debug_ranges from the unit's base on
	size_t n_ranges_bytes;
};

// The package at PATH. NULL: there is none, or none that can be read.
struct dwp *dwp_open(const char *path);
void dwp_close(struct dwp *p);

// Takes the unit of that skeleton out. 0, -ENOENT, -ENOMEM, or -EINVAL when the
// package makes no sense.
int dwp_take(const struct dwp *p, const struct dwp_skeleton *skeleton,
	     struct dwp_unit *ret);
void dwp_unit_fini(struct dwp_unit *u);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// An ELF file as far as unwinding and naming need it: its segments, build-id
// and a private copy of its call frame information. The copy is read once, with
// pread: a file that is truncated or replaced later can neither change an
// unwinding nor raise SIGBUS. The descriptor stays open for symbols. Files are
// shared by identity (device, inode, mtime, size) among all processes and
// counted by reference; nothing in one changes after it was opened.
// Every byte of the file is untrusted. Any thread.
#ifndef CPROF_COLLECTOR_ELF_FILE_H
#define CPROF_COLLECTOR_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELF_BUILD_ID_CHARS 65u
#define ELF_EH_HDR_BYTES   12u // the table of .eh_frame_hdr comes after them

struct elf_segment {
	uint64_t vaddr;
	uint64_t mem_bytes;
	uint64_t file_offset;
	uint64_t file_bytes; // file_offset + file_bytes <= size of the file
	bool is_exec;
};

// Where two ELF files are the same one.
struct elf_identity {
	uint64_t dev;
	uint64_t inode;
	uint64_t size_bytes;
	int64_t mtime_ns;
};

// Invariants: cfi_vaddr <= eh_hdr_vaddr; the table's n_fdes entries of 8 bytes
// lie inside the copy; n_fdes is 0 when there is no usable CFI.
struct elf_file {
	_Atomic uint32_t x_n_refs;
	struct elf_file *next; // owner: the registry, under its lock
	struct elf_identity identity;
	uint64_t serial; // unique in this collector's life
	int fd;
	char *name; // as it was found, for messages and for debug links
	char build_id[ELF_BUILD_ID_CHARS]; // lower-case hex, "" when none
	struct elf_segment *segments;
	uint32_t n_segments;
	uint32_t n_fdes;
	uint64_t eh_hdr_vaddr;
	uint64_t cfi_vaddr;
	size_t cfi_bytes;
	uint8_t *cfi; // the file's bytes from cfi_vaddr on
};

// Opens the ELF file behind FD, which it takes over (also on failure). Returns
// 0 and a reference in *ret_file, or negative errno: -ENOEXEC when it is no
// x86-64 ELF file.
int elf_file_open(int fd, const char *name, struct elf_file **ret_file);

struct elf_file *elf_file_ref(struct elf_file *file);
void elf_file_unref(struct elf_file *file);

// 0 when the file on disk is still what was opened, else -ESTALE.
int elf_file_check(const struct elf_file *file);

// The load bias, when the mapping of FILE_OFFSET begins at START; -ENOENT when
// no segment holds that offset.
int elf_file_bias(const struct elf_file *file, uint64_t start,
		  uint64_t file_offset, uint64_t *ret_bias);

// The eight bytes at VADDR: of the CFI as in the file, elsewhere inside the
// segments 0 (nothing else matters to an unwinding). -EFAULT outside.
int elf_file_word(const struct elf_file *file, uint64_t vaddr,
		  uint64_t *ret_word);

#endif

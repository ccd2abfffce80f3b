// SPDX-License-Identifier: Apache-2.0
//
// One pass over the instructions of a CIE and an FDE: lengths inside, register
// numbers that exist.
#include "collector/cfi.h"

#include "collector/elf_file.h"
#include "proto/arch.h"

#include <dwarf.h>
#include <errno.h>
#include <string.h>

#define TABLE_ENTRY 8u
#define LENGTH_64   0xffffffffu // the 64-bit format, which nobody writes here

// What of a CIE is needed to read its FDEs.
struct cie {
	uint8_t pointer_encoding;
	bool has_size; // of the augmentation data
};

// Operands of the instructions whose operation is in the low bits.
static void skip_operands(struct dwarf_reader *r, uint8_t op)
{
	switch (op) {
	case DW_CFA_nop:
	case DW_CFA_remember_state:
	case DW_CFA_restore_state:
	case DW_CFA_GNU_window_save: // on ARM: the return address is signed
		return;
	case DW_CFA_advance_loc1:
	case DW_CFA_advance_loc2:
	case DW_CFA_advance_loc4:
		dwarf_take(r, (size_t)1 << (op - DW_CFA_advance_loc1));
		return;
	case DW_CFA_restore_extended:
	case DW_CFA_undefined:
	case DW_CFA_same_value:
	case DW_CFA_def_cfa_register:
		dwarf_take_register(r);
		return;
	case DW_CFA_register:
		dwarf_take_register(r);
		dwarf_take_register(r);
		return;
	case DW_CFA_offset_extended:
	case DW_CFA_offset_extended_sf:
	case DW_CFA_def_cfa:
	case DW_CFA_def_cfa_sf:
	case DW_CFA_GNU_negative_offset_extended:
		dwarf_take_register(r);
		dwarf_take_uleb(r);
		return;
	case DW_CFA_def_cfa_offset:
	case DW_CFA_def_cfa_offset_sf:
	case DW_CFA_GNU_args_size:
		dwarf_take_uleb(r);
		return;
	case DW_CFA_def_cfa_expression:
		dwarf_take_block(r);
		return;
	case DW_CFA_expression:
	case DW_CFA_val_expression:
		dwarf_take_register(r);
		dwarf_take_block(r);
		return;
	default:
		r->is_bad = true;
	}
}

// One instruction with its operands: its operation.
static uint8_t skip_instruction(struct dwarf_reader *r)
{
	uint8_t op = (uint8_t)dwarf_take(r, 1);
	uint8_t low = op & 0x3f;

	switch (op & 0xc0) {
	case DW_CFA_advance_loc:
		break;
	case DW_CFA_offset:
		dwarf_take_uleb(r);
		r->is_bad |= low >= ARCH_DWARF_REGISTERS;
		break;
	case DW_CFA_restore:
		r->is_bad |= low >= ARCH_DWARF_REGISTERS;
		break;
	default:
		skip_operands(r, op);
	}
	return op;
}

static bool are_sound(struct dwarf_reader r)
{
	while (r.at < r.end && !r.is_bad)
		skip_instruction(&r);
	return !r.is_bad;
}

// Code that signs return addresses says from where on it does. libunwind 1.6
// takes that for an error and begins to guess; the signatures themselves are
// dealt with in unwind.c. So our copy of the CFI says nothing there. R is
// sound.
static void drop_signing(const struct elf_file *f, struct dwarf_reader r)
{
	while (r.at < r.end) {
		uint8_t *at = f->cfi + (r.at - f->cfi);

		if (skip_instruction(&r) == DW_CFA_GNU_window_save)
			*at = DW_CFA_nop;
	}
}

// The entry (CIE or FDE) at VADDR: a reader of what follows its length.
static struct dwarf_reader open_entry(const struct elf_file *f, uint64_t vaddr)
{
	struct dwarf_reader r = {.is_bad = true};
	uint64_t skip = vaddr - f->cfi_vaddr, n_bytes;

	if (skip >= f->cfi_bytes)
		return r;
	r.at = f->cfi + skip;
	r.end = f->cfi + f->cfi_bytes;
	r.is_bad = false;
	n_bytes = dwarf_take(&r, 4);
	if (n_bytes == 0 || n_bytes == LENGTH_64 ||
	    n_bytes > (uint64_t)(r.end - r.at))
		r.is_bad = true;
	else
		r.end = r.at + n_bytes;
	return r;
}

// The augmentation string: "" or z with letters of which R, P, L and S count.
static void take_augmentation(struct dwarf_reader *r, const char *letters,
			      struct cie *ret_cie, struct cfi_function *ret)
{
	if (letters[0] != 'z') {
		r->is_bad |= letters[0] != '\0';
		return;
	}
	ret_cie->has_size = true;
	dwarf_take_uleb(r);
	for (letters++; *letters && !r->is_bad; letters++) {
		if (*letters == 'R')
			ret_cie->pointer_encoding = (uint8_t)dwarf_take(r, 1);
		else if (*letters == 'L')
			dwarf_take(r, 1);
		else if (*letters == 'P')
			dwarf_take_pointer(r, (uint8_t)dwarf_take(r, 1), 0);
		else if (*letters == 'S')
			ret->is_signal = true;
		else
			r->is_bad = true;
	}
}

static bool open_cie(const struct elf_file *f, uint64_t vaddr,
		     struct cie *ret_cie, struct cfi_function *ret)
{
	struct dwarf_reader r = open_entry(f, vaddr);
	uint64_t id = dwarf_take(&r, 4), version = dwarf_take(&r, 1), column;
	const char *letters = (const char *)r.at;

	*ret_cie = (struct cie){.pointer_encoding = DW_EH_PE_udata8};
	if (r.is_bad || id != 0 || (version != 1 && version != 3) ||
	    !memchr(letters, 0, (size_t)(r.end - r.at)))
		return false;
	r.at += strlen(letters) + 1;
	ret->code_align = dwarf_take_uleb(&r);
	ret->data_align = dwarf_take_sleb(&r);
	column = version == 1 ? dwarf_take(&r, 1) : dwarf_take_uleb(&r);
	take_augmentation(&r, letters, ret_cie, ret);
	ret->initial = r;
	return column == ARCH_DWARF_RETURN_ADDR && are_sound(r);
}

static bool open_fde(const struct elf_file *f, uint64_t vaddr,
		     struct cfi_function *ret)
{
	struct dwarf_reader r = open_entry(f, vaddr);
	uint64_t at = vaddr + 4, distance = dwarf_take(&r, 4);
	struct cie cie;

	*ret = (struct cfi_function){0};
	if (r.is_bad || distance == 0 || !open_cie(f, at - distance, &cie, ret))
		return false;
	ret->vaddr = dwarf_take_pointer(&r, cie.pointer_encoding, at + 4);
	// The length has the form of the address, but is relative to nothing.
	ret->n_bytes = dwarf_take_pointer(&r, cie.pointer_encoding & 0x0f, 0);
	if (cie.has_size)
		dwarf_take_block(&r);
	ret->own = r;
	return are_sound(r);
}

static void read_entry(const struct elf_file *file, uint32_t index,
		       int32_t ret_entry[2])
{
	const uint8_t *table = file->cfi +
			       (file->eh_hdr_vaddr - file->cfi_vaddr) +
			       ELF_EH_HDR_BYTES;

	memcpy(ret_entry, table + (size_t)index * TABLE_ENTRY, TABLE_ENTRY);
}

int cfi_open(const struct elf_file *file, uint32_t index, uint64_t *ret_vaddr,
	     struct cfi_function *ret)
{
	int32_t entry[2];

	read_entry(file, index, entry);
	*ret_vaddr = file->eh_hdr_vaddr + (uint64_t)(int64_t)entry[0];
	if (!open_fde(file, file->eh_hdr_vaddr + (uint64_t)(int64_t)entry[1],
		      ret))
		return -EINVAL;
	return 0;
}

int cfi_find(const struct elf_file *file, uint64_t vaddr, uint32_t *ret_index)
{
	int64_t wanted = (int64_t)(vaddr - file->eh_hdr_vaddr);
	uint32_t low = 0, high = file->n_fdes;
	struct cfi_function function;
	int32_t entry[2];
	uint64_t first;
	int err;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		read_entry(file, middle, entry);
		if (entry[0] <= wanted)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return -ENOENT;
	*ret_index = low - 1;
	err = cfi_open(file, low - 1, &first, &function);
	if (!err && ARCH_HAS_RETURN_REG) {
		drop_signing(file, function.initial);
		drop_signing(file, function.own);
	}
	return err;
}

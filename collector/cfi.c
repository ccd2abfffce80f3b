// SPDX-License-Identifier: Apache-2.0
//
// A reader that stays inside its bytes, and one pass over the instructions of a
// CIE and an FDE: lengths inside, register numbers that exist.
#include "collector/cfi.h"

#include "collector/elf_file.h"

#include <dwarf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define REGISTERS   17u // rax .. r15 and the return address
#define RETURN_ADDR 16u
#define TABLE_ENTRY 8u
#define LENGTH_64   0xffffffffu // the 64-bit format, which nobody writes here

// Bytes not yet read. Once is_bad, everything reads as 0.
struct reader {
	const uint8_t *at;
	const uint8_t *end;
	bool is_bad;
};

// What of a CIE is needed to read its FDEs.
struct cie {
	uint8_t pointer_encoding;
	bool has_size; // of the augmentation data
};

static uint64_t take(struct reader *r, size_t n_bytes)
{
	uint64_t value = 0;

	if (r->is_bad || n_bytes > (size_t)(r->end - r->at)) {
		r->is_bad = true;
		return 0;
	}
	memcpy(&value, r->at, n_bytes < 8 ? n_bytes : 8);
	r->at += n_bytes;
	return value;
}

// Signed ones are only skipped: their sign doesn't matter here.
static uint64_t take_leb(struct reader *r)
{
	uint64_t value = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = (uint8_t)take(r, 1);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80 && !r->is_bad);
	return value;
}

static void take_register(struct reader *r)
{
	if (take_leb(r) >= REGISTERS)
		r->is_bad = true;
}

static void take_block(struct reader *r)
{
	uint64_t n_bytes = take_leb(r);

	if (n_bytes > (uint64_t)(r->end - r->at))
		r->is_bad = true;
	else
		r->at += n_bytes;
}

static void take_pointer(struct reader *r, uint8_t encoding)
{
	switch (encoding & 0x0f) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		take(r, 8);
		break;
	case DW_EH_PE_udata4:
	case DW_EH_PE_sdata4:
		take(r, 4);
		break;
	case DW_EH_PE_udata2:
	case DW_EH_PE_sdata2:
		take(r, 2);
		break;
	case DW_EH_PE_uleb128:
	case DW_EH_PE_sleb128:
		take_leb(r);
		break;
	default:
		r->is_bad = true;
	}
}

// Operands of the instructions whose operation is in the low bits.
static void take_operands(struct reader *r, uint8_t op)
{
	switch (op) {
	case DW_CFA_nop:
	case DW_CFA_remember_state:
	case DW_CFA_restore_state:
		return;
	case DW_CFA_advance_loc1:
	case DW_CFA_advance_loc2:
	case DW_CFA_advance_loc4:
		take(r, (size_t)1 << (op - DW_CFA_advance_loc1));
		return;
	case DW_CFA_restore_extended:
	case DW_CFA_undefined:
	case DW_CFA_same_value:
	case DW_CFA_def_cfa_register:
		take_register(r);
		return;
	case DW_CFA_register:
		take_register(r);
		take_register(r);
		return;
	case DW_CFA_offset_extended:
	case DW_CFA_offset_extended_sf:
	case DW_CFA_def_cfa:
	case DW_CFA_def_cfa_sf:
	case DW_CFA_GNU_negative_offset_extended:
		take_register(r);
		take_leb(r);
		return;
	case DW_CFA_def_cfa_offset:
	case DW_CFA_def_cfa_offset_sf:
	case DW_CFA_GNU_args_size:
		take_leb(r);
		return;
	case DW_CFA_def_cfa_expression:
		take_block(r);
		return;
	case DW_CFA_expression:
	case DW_CFA_val_expression:
		take_register(r);
		take_block(r);
		return;
	default:
		r->is_bad = true;
	}
}

static void take_instructions(struct reader *r)
{
	while (r->at < r->end && !r->is_bad) {
		uint8_t op = (uint8_t)take(r, 1);
		uint8_t low = op & 0x3f;

		switch (op & 0xc0) {
		case DW_CFA_advance_loc:
			break;
		case DW_CFA_offset:
			take_leb(r);
			r->is_bad |= low >= REGISTERS;
			break;
		case DW_CFA_restore:
			r->is_bad |= low >= REGISTERS;
			break;
		default:
			take_operands(r, op);
		}
	}
}

// The entry (CIE or FDE) at VADDR: a reader of what follows its length.
static struct reader open_entry(const struct elf_file *f, uint64_t vaddr)
{
	struct reader r = {.is_bad = true};
	uint64_t skip = vaddr - f->cfi_vaddr, n_bytes;

	if (skip >= f->cfi_bytes)
		return r;
	r.at = f->cfi + skip;
	r.end = f->cfi + f->cfi_bytes;
	r.is_bad = false;
	n_bytes = take(&r, 4);
	if (n_bytes == 0 || n_bytes == LENGTH_64 ||
	    n_bytes > (uint64_t)(r.end - r.at))
		r.is_bad = true;
	else
		r.end = r.at + n_bytes;
	return r;
}

// The augmentation string: "" or z with letters of which R, P, L and S count.
static void take_augmentation(struct reader *r, const char *letters,
			      struct cie *ret_cie)
{
	if (letters[0] != 'z') {
		r->is_bad |= letters[0] != '\0';
		return;
	}
	ret_cie->has_size = true;
	take_leb(r);
	for (letters++; *letters && !r->is_bad; letters++) {
		if (*letters == 'R')
			ret_cie->pointer_encoding = (uint8_t)take(r, 1);
		else if (*letters == 'L')
			take(r, 1);
		else if (*letters == 'P')
			take_pointer(r, (uint8_t)take(r, 1));
		else
			r->is_bad |= *letters != 'S';
	}
}

static bool check_cie(const struct elf_file *f, uint64_t vaddr,
		      struct cie *ret_cie)
{
	struct reader r = open_entry(f, vaddr);
	uint64_t id = take(&r, 4), version = take(&r, 1), column;
	const char *letters = (const char *)r.at;

	*ret_cie = (struct cie){.pointer_encoding = DW_EH_PE_udata8};
	if (r.is_bad || id != 0 || (version != 1 && version != 3) ||
	    !memchr(letters, 0, (size_t)(r.end - r.at)))
		return false;
	r.at += strlen(letters) + 1;
	take_leb(&r); // code and data alignment
	take_leb(&r);
	column = version == 1 ? take(&r, 1) : take_leb(&r);
	take_augmentation(&r, letters, ret_cie);
	if (column != RETURN_ADDR)
		return false;
	take_instructions(&r);
	return !r.is_bad;
}

static bool check_fde(const struct elf_file *f, uint64_t vaddr)
{
	struct reader r = open_entry(f, vaddr);
	uint64_t at = vaddr + 4, distance = take(&r, 4);
	struct cie cie;

	if (r.is_bad || distance == 0 || !check_cie(f, at - distance, &cie))
		return false;
	take_pointer(&r, cie.pointer_encoding);
	take_pointer(&r, cie.pointer_encoding);
	if (cie.has_size)
		take_block(&r);
	take_instructions(&r);
	return !r.is_bad;
}

int cfi_find(const struct elf_file *file, uint64_t vaddr, uint32_t *ret_index)
{
	const uint8_t *table = file->cfi +
			       (file->eh_hdr_vaddr - file->cfi_vaddr) +
			       ELF_EH_HDR_BYTES;
	int64_t wanted = (int64_t)(vaddr - file->eh_hdr_vaddr);
	uint32_t low = 0, high = file->n_fdes;
	int32_t entry[2];

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		memcpy(entry, table + (size_t)middle * TABLE_ENTRY, 8);
		if (entry[0] <= wanted)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return -ENOENT;
	memcpy(entry, table + (size_t)(low - 1) * TABLE_ENTRY, 8);
	if (!check_fde(file, file->eh_hdr_vaddr + (uint64_t)(int64_t)entry[1]))
		return -EINVAL;
	*ret_index = low - 1;
	return 0;
}

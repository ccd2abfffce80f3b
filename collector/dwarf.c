// SPDX-License-Identifier: Apache-2.0
#include "collector/dwarf.h"

#include "proto/arch.h"

#include <dwarf.h>
#include <string.h>

uint64_t dwarf_take(struct dwarf_reader *r, size_t n_bytes)
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

static uint64_t take_leb(struct dwarf_reader *r, bool is_signed)
{
	uint64_t value = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = (uint8_t)dwarf_take(r, 1);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80 && !r->is_bad);
	if (is_signed && byte & 0x40 && shift < 64)
		value |= ~0ull << shift;
	return value;
}

uint64_t dwarf_take_uleb(struct dwarf_reader *r)
{
	return take_leb(r, false);
}

int64_t dwarf_take_sleb(struct dwarf_reader *r)
{
	return (int64_t)take_leb(r, true);
}

uint32_t dwarf_take_register(struct dwarf_reader *r)
{
	uint64_t reg = dwarf_take_uleb(r);

	r->is_bad |= reg >= ARCH_DWARF_REGISTERS;
	return r->is_bad ? 0 : (uint32_t)reg;
}

struct dwarf_reader dwarf_take_block(struct dwarf_reader *r)
{
	uint64_t n_bytes = dwarf_take_uleb(r);
	struct dwarf_reader block = {.at = r->at, .end = r->at};

	if (n_bytes > (uint64_t)(r->end - r->at))
		r->is_bad = true;
	else
		r->at += n_bytes;
	block.end = r->at;
	block.is_bad = r->is_bad;
	return block;
}

// The number alone; the narrow ones with their sign where they have one.
static uint64_t take_encoded(struct dwarf_reader *r, uint8_t encoding)
{
	switch (encoding & 0x0f) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		return dwarf_take(r, 8);
	case DW_EH_PE_udata4:
		return dwarf_take(r, 4);
	case DW_EH_PE_sdata4:
		return (uint64_t)(int64_t)(int32_t)dwarf_take(r, 4);
	case DW_EH_PE_udata2:
		return dwarf_take(r, 2);
	case DW_EH_PE_sdata2:
		return (uint64_t)(int64_t)(int16_t)dwarf_take(r, 2);
	case DW_EH_PE_uleb128:
		return dwarf_take_uleb(r);
	case DW_EH_PE_sleb128:
		return (uint64_t)dwarf_take_sleb(r);
	default:
		r->is_bad = true;
		return 0;
	}
}

uint64_t dwarf_take_pointer(struct dwarf_reader *r, uint8_t encoding,
			    uint64_t vaddr)
{
	uint64_t value = take_encoded(r, encoding);

	switch (encoding & 0x70) {
	case DW_EH_PE_absptr:
		return value;
	case DW_EH_PE_pcrel:
		return value + vaddr;
	default:
		// Others exist, and nobody asks where they point to.
		return 0;
	}
}

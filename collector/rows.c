// SPDX-License-Identifier: Apache-2.0
//
// An interpreter of call frame instructions that keeps what a walk needs: the
// CFA, rbp and the return address. Instructions were looked over by cfi.c.
#include "collector/rows.h"

#include "collector/cfi.h"
#include "collector/elf_file.h"
#include "proto/arch.h"
#include "proto/walk.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

// States that DW_CFA_remember_state may stack up; compilers stack one.
#define REMEMBERED_MAX 8u
// Bytes of instructions that are run, for each byte of CFI: a made-up file
// could let each of a million functions begin with the same long list.
#define RUNS_MAX 16u
// Code further from the first function than this is not covered: rows have 32
// bits for an address.
#define COVERED_MAX (1ull << 31)

// Where the caller's value of a register is.
enum place {
	PLACE_SAME,   // still in the register
	PLACE_CFA,    // saved at CFA + offset
	PLACE_AT_RBP, // saved at rbp + 0 (a realigned stack)
	PLACE_LOST,   // undefined, or somewhere else
};

struct saved {
	enum place place;
	int64_t offset;
};

// What the instructions have said so far.
struct state {
	bool is_expression;
	struct dwarf_reader expression; // of the CFA
	uint32_t reg;			// else: CFA = reg + offset
	int64_t offset;
	struct saved rbp;
	struct saved ra;
	bool is_bad; // something that rows can't say
};

struct compiler {
	const struct cfi_function *function;
	struct state now;
	struct state initial;
	struct state remembered[REMEMBERED_MAX];
	uint32_t n_remembered;
	uint64_t vaddr; // of the code that the next row is for
	uint64_t base;
	uint32_t *pcs;
	uint32_t *rules;
	size_t n_rows;
	size_t capacity;
	size_t rows_max;
	uint64_t n_left; // bytes of instructions that may yet be run
	int err;
};

static void grow(struct compiler *c)
{
	size_t capacity = c->capacity ? 2 * c->capacity : 1024;
	uint32_t *pcs = realloc(c->pcs, capacity * sizeof(*pcs));
	uint32_t *rules;

	if (pcs)
		c->pcs = pcs;
	rules = pcs ? realloc(c->rules, capacity * sizeof(*rules)) : NULL;
	if (rules)
		c->rules = rules;
	if (!rules)
		c->err = -ENOMEM;
	else
		c->capacity = capacity;
}

// From VADDR on RULE holds. Rows come in order; one for the same address
// replaces the one before.
static void add_row(struct compiler *c, uint64_t vaddr, uint32_t rule)
{
	uint64_t pc = vaddr - c->base;

	if (c->n_rows == c->rows_max)
		c->err = -EFBIG;
	if (c->err || pc >= COVERED_MAX)
		return;
	if (c->n_rows && c->pcs[c->n_rows - 1] == pc)
		c->n_rows--;
	if (c->n_rows && c->rules[c->n_rows - 1] == rule)
		return;
	if (c->n_rows == c->capacity)
		grow(c);
	if (c->err)
		return;
	c->pcs[c->n_rows] = (uint32_t)pc;
	c->rules[c->n_rows++] = rule;
}

// The offset of the expression "breg REG offset, deref", or false.
static bool is_deref(struct dwarf_reader e, uint8_t reg, int64_t *ret_offset)
{
	bool is_breg = dwarf_take(&e, 1) == DW_OP_breg0 + (uint64_t)reg;

	*ret_offset = dwarf_take_sleb(&e);
	return is_breg && dwarf_take(&e, 1) == DW_OP_deref && !e.is_bad &&
	       e.at == e.end;
}

// The linker's expression for the procedure linkage table: each of its entries
// of 16 bytes has pushed one word from byte N on.
static bool is_plt(struct dwarf_reader e, int64_t *ret_n)
{
	static const uint8_t before[] = {DW_OP_breg7, 8,	   DW_OP_breg16,
					 0,	      DW_OP_lit15, DW_OP_and};
	static const uint8_t after[] = {DW_OP_ge, DW_OP_lit3, DW_OP_shl,
					DW_OP_plus};
	uint8_t lit;

	if ((size_t)(e.end - e.at) != sizeof(before) + 1 + sizeof(after) ||
	    memcmp(e.at, before, sizeof(before)) != 0 ||
	    memcmp(e.end - sizeof(after), after, sizeof(after)) != 0)
		return false;
	lit = e.at[sizeof(before)];
	*ret_n = lit - DW_OP_lit0;
	return lit >= DW_OP_lit0 && lit <= DW_OP_lit15;
}

// How rbp is found again, in the form of a rule; -1: it can't be said.
static int rbp_of(const struct saved *s)
{
	switch (s->place) {
	case PLACE_SAME:
		return WALK_RBP_SAME;
	case PLACE_AT_RBP:
		return WALK_RBP_AT_RBP;
	case PLACE_CFA:
		if (s->offset < 0 && s->offset % 8 == 0 &&
		    -s->offset / 8 < WALK_RBP_AT_RBP)
			return (int)(-s->offset / 8);
		return -1;
	case PLACE_LOST:
		break;
	}
	return WALK_RBP_LOST;
}

static uint32_t rule_of_cfa(enum walk_kind kind, int rbp, int64_t offset)
{
	if (offset % 8 || offset / 8 > WALK_OFFSET_MAX ||
	    offset / 8 < -WALK_OFFSET_MAX)
		return WALK_NONE;
	return walk_rule(kind, (uint32_t)rbp, (int32_t)(offset / 8));
}

static uint32_t rule_of_expression(const struct state *s, int rbp)
{
	int64_t n;

	if (is_plt(s->expression, &n))
		return walk_rule(WALK_PLT, (uint32_t)rbp, (int32_t)n);
	if (is_deref(s->expression, DWARF_REG_RBP, &n))
		return rule_of_cfa(WALK_DEREF, rbp, n);
	return WALK_NONE;
}

// The kernel's signal frame: glibc describes it by one expression a register,
// of which the CFA's tells that the layout is the one the walk knows.
static uint32_t rule_of_signal(const struct state *s)
{
	int64_t offset;

	if (s->is_expression &&
	    is_deref(s->expression, DWARF_REG_RSP, &offset) && offset == 160)
		return walk_rule(WALK_SIGNAL, 0, 0);
	return WALK_NONE;
}

static uint32_t rule_of(const struct compiler *c)
{
	const struct state *s = &c->now;
	int rbp = rbp_of(&s->rbp);

	if (c->function->is_signal)
		return rule_of_signal(s);
	if (s->ra.place == PLACE_LOST && s->ra.offset == 0 && !s->is_bad)
		return walk_rule(WALK_END, 0, 0);
	if (s->is_bad || rbp < 0 || s->ra.place != PLACE_CFA ||
	    s->ra.offset != -8)
		return WALK_NONE;
	if (s->is_expression)
		return rule_of_expression(s, rbp);
	if (s->reg == DWARF_REG_RSP)
		return rule_of_cfa(WALK_RSP, rbp, s->offset);
	if (s->reg == DWARF_REG_RBP)
		return rule_of_cfa(WALK_RBP, rbp, s->offset);
	return WALK_NONE;
}

// REG's value is at PLACE now. Others than rbp and the return address are not
// followed.
static void set_place(struct compiler *c, uint32_t reg, enum place place,
		      int64_t offset)
{
	if (reg == DWARF_REG_RBP)
		c->now.rbp = (struct saved){place, offset};
	else if (reg == ARCH_DWARF_RETURN_ADDR)
		c->now.ra = (struct saved){place, offset};
	// A caller's rsp that is not the CFA: nothing a compiler does.
	else if (reg == DWARF_REG_RSP)
		c->now.is_bad = true;
}

static void restore_initial(struct compiler *c, uint32_t reg)
{
	if (reg == DWARF_REG_RBP)
		c->now.rbp = c->initial.rbp;
	else if (reg == ARCH_DWARF_RETURN_ADDR)
		c->now.ra = c->initial.ra;
}

static void advance(struct compiler *c, uint64_t n)
{
	add_row(c, c->vaddr, rule_of(c));
	c->vaddr += n * c->function->code_align;
}

static void set_expression(struct compiler *c, struct dwarf_reader *r)
{
	c->now.is_expression = true;
	c->now.expression = dwarf_take_block(r);
}

// DW_CFA_expression: REG is saved where the expression says.
static void save_by_expression(struct compiler *c, struct dwarf_reader *r)
{
	uint32_t reg = dwarf_take_register(r);
	struct dwarf_reader e = dwarf_take_block(r);
	bool is_at_rbp = reg == DWARF_REG_RBP &&
			 dwarf_take(&e, 1) == DW_OP_breg6 &&
			 dwarf_take_sleb(&e) == 0 && !e.is_bad && e.at == e.end;

	// Not 0: it is not the end of the stack.
	set_place(c, reg, is_at_rbp ? PLACE_AT_RBP : PLACE_LOST, 1);
}

static void remember(struct compiler *c)
{
	if (c->n_remembered == REMEMBERED_MAX) {
		c->err = -EINVAL;
		return;
	}
	c->remembered[c->n_remembered++] = c->now;
}

static void recall(struct compiler *c)
{
	if (c->n_remembered)
		c->now = c->remembered[--c->n_remembered];
	else
		c->now.is_bad = true;
}

static void set_cfa(struct compiler *c, uint32_t reg, int64_t offset)
{
	c->now.is_expression = false;
	c->now.reg = reg;
	c->now.offset = offset;
}

// Instructions that say where a register was saved.
static void run_saving(struct compiler *c, struct dwarf_reader *r, uint8_t op)
{
	int64_t align = c->function->data_align;
	uint32_t reg;

	switch (op) {
	case DW_CFA_offset_extended:
		reg = dwarf_take_register(r);
		set_place(c, reg, PLACE_CFA,
			  (int64_t)dwarf_take_uleb(r) * align);
		break;
	case DW_CFA_offset_extended_sf:
		reg = dwarf_take_register(r);
		set_place(c, reg, PLACE_CFA, dwarf_take_sleb(r) * align);
		break;
	case DW_CFA_GNU_negative_offset_extended:
		reg = dwarf_take_register(r);
		set_place(c, reg, PLACE_CFA,
			  -(int64_t)dwarf_take_uleb(r) * align);
		break;
	case DW_CFA_undefined:
		set_place(c, dwarf_take_register(r), PLACE_LOST, 0);
		break;
	case DW_CFA_same_value:
		set_place(c, dwarf_take_register(r), PLACE_SAME, 0);
		break;
	case DW_CFA_restore_extended:
		restore_initial(c, dwarf_take_register(r));
		break;
	case DW_CFA_register:
		set_place(c, dwarf_take_register(r), PLACE_LOST, 1);
		dwarf_take_register(r);
		break;
	case DW_CFA_expression:
		save_by_expression(c, r);
		break;
	case DW_CFA_val_expression:
		set_place(c, dwarf_take_register(r), PLACE_LOST, 1);
		dwarf_take_block(r);
		break;
	default:
		break;
	}
}

// Instructions that move on, say what the CFA is, or keep states.
static void run_other(struct compiler *c, struct dwarf_reader *r, uint8_t op)
{
	uint32_t reg;

	switch (op) {
	case DW_CFA_advance_loc1:
	case DW_CFA_advance_loc2:
	case DW_CFA_advance_loc4:
		advance(c,
			dwarf_take(r, (size_t)1 << (op - DW_CFA_advance_loc1)));
		break;
	case DW_CFA_def_cfa:
		reg = dwarf_take_register(r);
		set_cfa(c, reg, (int64_t)dwarf_take_uleb(r));
		break;
	case DW_CFA_def_cfa_sf:
		reg = dwarf_take_register(r);
		set_cfa(c, reg, dwarf_take_sleb(r) * c->function->data_align);
		break;
	case DW_CFA_def_cfa_register:
		set_cfa(c, dwarf_take_register(r), c->now.offset);
		break;
	case DW_CFA_def_cfa_offset:
		c->now.offset = (int64_t)dwarf_take_uleb(r);
		break;
	case DW_CFA_def_cfa_offset_sf:
		c->now.offset = dwarf_take_sleb(r) * c->function->data_align;
		break;
	case DW_CFA_def_cfa_expression:
		set_expression(c, r);
		break;
	case DW_CFA_remember_state:
		remember(c);
		break;
	case DW_CFA_restore_state:
		recall(c);
		break;
	case DW_CFA_GNU_args_size:
		dwarf_take_uleb(r);
		break;
	default:
		run_saving(c, r, op);
	}
}

static void run(struct compiler *c, struct dwarf_reader r)
{
	while (r.at < r.end && !r.is_bad && !c->err) {
		uint8_t op = (uint8_t)dwarf_take(&r, 1);
		uint8_t low = op & 0x3f;

		switch (op & 0xc0) {
		case DW_CFA_advance_loc:
			advance(c, low);
			break;
		case DW_CFA_offset:
			set_place(c, low, PLACE_CFA,
				  (int64_t)dwarf_take_uleb(&r) *
					  c->function->data_align);
			break;
		case DW_CFA_restore:
			restore_initial(c, low);
			break;
		default:
			run_other(c, &r, op);
		}
	}
}

// The rows of FUNCTION. An error in it leaves it without a rule.
static void compile_function(struct compiler *c,
			     const struct cfi_function *function)
{
	size_t n_before = c->n_rows;
	uint64_t end = function->vaddr + function->n_bytes;

	c->function = function;
	c->now = (struct state){.ra = {PLACE_LOST, 1}};
	c->n_remembered = 0;
	c->vaddr = function->vaddr;
	run(c, function->initial);
	c->initial = c->now;
	run(c, function->own);
	add_row(c, c->vaddr, rule_of(c));
	if (c->err == -EINVAL || c->vaddr >= end) {
		c->err = c->err == -EINVAL ? 0 : c->err;
		c->n_rows = n_before;
		add_row(c, function->vaddr, WALK_NONE);
	}
	add_row(c, end, WALK_NONE);
}

static void count_work(struct compiler *c, const struct cfi_function *function)
{
	uint64_t n = (uint64_t)(function->initial.end - function->initial.at) +
		     (uint64_t)(function->own.end - function->own.at);

	if (n > c->n_left)
		c->err = -EFBIG;
	else
		c->n_left -= n;
}

static void compile_all(struct compiler *c, const struct elf_file *file)
{
	struct cfi_function function;
	uint64_t vaddr, last_end = 0;

	for (uint32_t i = 0; i < file->n_fdes && !c->err; i++) {
		int err = cfi_open(file, i, &vaddr, &function);

		if (i == 0)
			c->base = vaddr;
		if (!err)
			count_work(c, &function);
		// Functions that overlap or are out of order: the linker would
		// not; who knows which one is meant.
		if (err || function.vaddr != vaddr || vaddr < last_end ||
		    vaddr < c->base || function.n_bytes > COVERED_MAX)
			continue;
		compile_function(c, &function);
		last_end = vaddr + function.n_bytes;
	}
}

// The table as the arena has it. The last row is at the end of the code.
static int lay_out(const struct compiler *c, size_t max_bytes, struct rows *ret)
{
	uint32_t n_rows = (uint32_t)c->n_rows;
	uint32_t last = c->pcs[n_rows - 1], row = 0;
	struct rows r = {
		.base_vaddr = c->base,
		.n_blocks = (last >> WALK_LG_BLOCK) + 1,
		.n_rows = n_rows,
	};

	if (rows_bytes(&r) > max_bytes)
		return -EFBIG;
	r.words = malloc(rows_bytes(&r));
	if (!r.words)
		return -ENOMEM;
	for (uint32_t block = 0; block <= r.n_blocks; block++) {
		while (row + 1 < n_rows &&
		       c->pcs[row + 1] <= (uint64_t)block << WALK_LG_BLOCK)
			row++;
		r.words[block] = row;
	}
	memcpy(r.words + r.n_blocks + 1, c->pcs, n_rows * 4ul);
	memcpy(r.words + r.n_blocks + 1 + n_rows, c->rules, n_rows * 4ul);
	*ret = r;
	return 0;
}

int rows_compile(const struct elf_file *file, size_t max_bytes,
		 struct rows *ret)
{
	struct compiler *c = ARCH_HAS_WALK ? calloc(1, sizeof(*c)) : NULL;
	int err;

	if (!c)
		return ARCH_HAS_WALK ? -ENOMEM : -ENOTSUP;
	c->rows_max = max_bytes / 8;
	c->n_left = (uint64_t)file->cfi_bytes * RUNS_MAX;
	compile_all(c, file);
	err = c->err;
	if (!err && c->n_rows < 2)
		err = -ENOENT;
	if (!err)
		err = lay_out(c, max_bytes, ret);
	free(c->pcs);
	free(c->rules);
	free(c);
	return err;
}

void rows_fini(struct rows *r)
{
	free(r->words);
	r->words = NULL;
}

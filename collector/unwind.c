// SPDX-License-Identifier: Apache-2.0
//
// libunwind does the DWARF work; this module feeds it. Registers come from the
// capture, stack words from the copied bytes, call frame information from our
// copies of the ELF files, and everything read is logged, so that the recipe
// tree can answer the next capture like it. Where a function has no CFI (JIT
// code, hand-written assembly) one step is made by frame pointer, and only if
// what it finds is a code address; libunwind's own guesses are kept out, since
// a wrong frame is worse than a missing one.
#include "collector/unwind.h"

#include "collector/cfi.h"
#include "collector/elf_file.h"
#include "collector/recipe.h"
#include "proto/arch.h"
#include "proto/limits.h"

#include <errno.h>
#include <libunwind.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

// Accesses of one unwinding; an honest deep stack needs some 20 a frame. Bounds
// loops in hostile DWARF expressions.
#define ACCESSES_MAX 200000u
// Entries of libunwind's cache of CFI rows, per process.
#define CACHE_ROWS 4096u

enum unwind_end {
	END_NONE,
	END_OUTERMOST,
	END_OF_COPY, // a word beyond the copied bytes was needed
	END_LOST     // in the middle: no CFI, or it made no sense
};

struct unwinder {
	struct images *images;
	unw_addr_space_t space;
	struct recipes *recipes;
	struct unwind_stats stats;
	uint32_t epoch; // of images and generation that the caches are for
	uint32_t generation;
	// The capture in work.
	struct recipe_capture capture;
	uint64_t regs[RECORD_REGS]; // what libunwind starts from
	uint64_t valid_regs;	    // bit set
	bool is_derived;  // regs are results of logged reads, not the capture
	bool is_loggable; // nothing was read that a recipe can't express
	bool has_no_cfi;  // the last step failed for lack of CFI
	bool has_run_out; // a word beyond the end of the copy was asked for
	uint32_t n_accesses;
	const struct image *im; // of the present frame, NULL when unknown
	struct recipe_log log;
};

// The frames as they come out.
struct walk {
	struct unwinder *u;
	unw_cursor_t cursor;
	struct frame *frames;
	uint32_t n_frames;
	uint32_t max_frames;
	bool is_exact;	  // the present pc is no return address
	bool is_dropping; // still in the shim at the leaf end
	bool is_full;
};

// libunwind 1.6.2 blocks all signals around every look into its cache: two
// system calls a frame, most of its time. The collector unwinds in one thread
// and never from a signal handler, so the calls are made to do nothing. Our own
// code sets masks by pthread_sigmask(), which this does not touch.
int sigprocmask(int how, const sigset_t *set, sigset_t *old_set)
{
	(void)how;
	(void)set;
	if (old_set)
		memset(old_set, 0, sizeof(*old_set));
	return 0;
}

// A library may be mapped right beside a stack: its addresses don't move with
// sp.
static bool is_code(const struct unwinder *u, uint64_t value)
{
	return recipe_is_near(&u->capture, value) &&
	       images_find(u->images, value, u->generation) != 0;
}

static void log_read(struct unwinder *u, enum recipe_where where, int32_t at,
		     uint64_t value)
{
	if (u->log.n_reads == RECIPE_READS_MAX) {
		u->is_loggable = false;
		return;
	}
	u->log.reads[u->log.n_reads++] = (struct recipe_read){
		.where = (uint8_t)where,
		.is_exact = is_code(u, value),
		.at = at,
		.value = value,
	};
}

// A return address is signed in some programs on ARM, and only some words are
// return addresses: what is code without the bits above an address.
static uint64_t plain_word(const struct unwinder *u, uint64_t word)
{
	uint64_t plain = arch_plain_addr(word);

	return plain != word && images_find(u->images, plain, u->generation)
		       ? plain
		       : word;
}

// The stack word at ADDR, logged. -EFAULT outside the copy.
static int read_stack(struct unwinder *u, uint64_t addr, uint64_t *ret_value)
{
	int64_t at = (int64_t)(addr - u->capture.sp);
	int64_t n_bytes = u->capture.stack_bytes;

	if (at >= 0 && at + 8 <= n_bytes) {
		memcpy(ret_value, u->capture.stack + at, 8);
		log_read(u, RECIPE_STACK, (int32_t)at, *ret_value);
		*ret_value = plain_word(u, *ret_value);
		return 0;
	}
	if (at < -(int64_t)RECIPE_NEAR_BYTES ||
	    at >= n_bytes + (int64_t)RECIPE_NEAR_BYTES) {
		u->is_loggable = false;
		return -EFAULT;
	}
	log_read(u, RECIPE_BEYOND, (int32_t)at, 0);
	u->has_run_out |= at + 8 > n_bytes;
	return -EFAULT;
}

static int access_mem(unw_addr_space_t space, unw_word_t addr,
		      unw_word_t *value, int is_write, void *arg)
{
	struct unwinder *u = arg;
	const struct image *im = u->im;

	(void)space;
	if (is_write || ++u->n_accesses > ACCESSES_MAX)
		return -UNW_EINVAL;
	if (addr - u->capture.sp >= u->capture.stack_bytes && im && im->file &&
	    elf_file_word(im->file, addr - im->bias, value) == 0)
		return 0;
	return read_stack(u, addr, value) < 0 ? -UNW_EINVAL : 0;
}

static int access_reg(unw_addr_space_t space, unw_regnum_t reg,
		      unw_word_t *value, int is_write, void *arg)
{
	struct unwinder *u = arg;

	(void)space;
	if (is_write || reg < 0 || reg >= RECORD_REGS ||
	    !(u->valid_regs & 1ull << reg))
		return -UNW_EBADREG;
	*value = u->regs[reg];
	if (!u->is_derived)
		log_read(u, RECIPE_REG, reg, *value);
	*value = plain_word(u, *value);
	return 0;
}

static int access_fpreg(unw_addr_space_t space, unw_regnum_t reg,
			unw_fpreg_t *value, int is_write, void *arg)
{
	(void)space, (void)reg, (void)value, (void)is_write, (void)arg;
	return -UNW_EBADREG;
}

static int resume(unw_addr_space_t space, unw_cursor_t *cursor, void *arg)
{
	(void)space, (void)cursor, (void)arg;
	return -UNW_EINVAL;
}

static int get_proc_name(unw_addr_space_t space, unw_word_t addr, char *name,
			 size_t n_bytes, unw_word_t *offset, void *arg)
{
	(void)space, (void)addr, (void)name, (void)n_bytes, (void)offset,
		(void)arg;
	return -UNW_ENOINFO;
}

static int get_dyn_info_list_addr(unw_addr_space_t space, unw_word_t *addr,
				  void *arg)
{
	(void)space, (void)addr, (void)arg;
	return -UNW_ENOINFO;
}

static void put_unwind_info(unw_addr_space_t space, unw_proc_info_t *info,
			    void *arg)
{
	(void)space, (void)info, (void)arg;
}

int UNW_OBJ(dwarf_search_unwind_table)(unw_addr_space_t space, unw_word_t ip,
				       unw_dyn_info_t *di, unw_proc_info_t *pi,
				       int need_unwind_info, void *arg);

static bool has_cfi(const struct unwinder *u, uint64_t ip, uint32_t *ret_index)
{
	const struct image *im = u->im;

	return im && im->file && im->file->n_fdes > 0 && ip >= im->start &&
	       ip < im->limit &&
	       cfi_find(im->file, ip - im->bias, ret_index) == 0;
}

// libunwind is given a table of the one entry that was found and checked. Any
// answer but "no info" keeps it from guessing a frame.
static int find_proc_info(unw_addr_space_t space, unw_word_t ip,
			  unw_proc_info_t *info, int need_unwind_info,
			  void *arg)
{
	struct unwinder *u = arg;
	const struct image *im = u->im;
	unw_dyn_info_t table = {.format = UNW_INFO_FORMAT_REMOTE_TABLE};
	int error = -UNW_ENOINFO;
	uint32_t index;
	uint64_t hdr;

	if (has_cfi(u, ip, &index)) {
		hdr = im->file->eh_hdr_vaddr + im->bias;
		table.start_ip = im->start;
		table.end_ip = im->limit;
		table.u.rti.segbase = hdr;
		table.u.rti.table_data = hdr + ELF_EH_HDR_BYTES + 8ull * index;
		table.u.rti.table_len = 1; // in words: one entry
		error = UNW_OBJ(dwarf_search_unwind_table)(
			space, ip, &table, info, need_unwind_info, arg);
	}
	if (error != -UNW_ENOINFO)
		return error;
	u->has_no_cfi = true;
	return -UNW_EINVALIDIP;
}

struct unwinder *unwind_new(struct images *images)
{
	static unw_accessors_t accessors = {
		.find_proc_info = find_proc_info,
		.put_unwind_info = put_unwind_info,
		.get_dyn_info_list_addr = get_dyn_info_list_addr,
		.access_mem = access_mem,
		.access_reg = access_reg,
		.access_fpreg = access_fpreg,
		.resume = resume,
		.get_proc_name = get_proc_name,
	};
	struct unwinder *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	u->images = images;
	u->recipes = recipe_new();
	u->space = unw_create_addr_space(&accessors, 0);
	if (!u->recipes || !u->space) {
		unwind_free(u);
		return NULL;
	}
	unw_set_caching_policy(u->space, UNW_CACHE_GLOBAL);
	// A refusal leaves the smaller cache: slower, not wrong.
	(void)unw_set_cache_size(u->space, CACHE_ROWS, 0);
	return u;
}

void unwind_free(struct unwinder *u)
{
	if (!u)
		return;
	if (u->space)
		unw_destroy_addr_space(u->space);
	recipe_free(u->recipes);
	free(u);
}

void unwind_stats(const struct unwinder *u, struct unwind_stats *ret_stats)
{
	*ret_stats = u->stats;
}

// The caches hold for one meaning of all addresses.
static void sync_caches(struct unwinder *u, uint32_t generation)
{
	uint32_t epoch = images_epoch(u->images);

	if (epoch == u->epoch && generation == u->generation)
		return;
	u->epoch = epoch;
	u->generation = generation;
	unw_flush_cache(u->space, 0, 0);
	recipe_clear(u->recipes);
}

static void begin_capture(struct unwinder *u, const struct record_raw *raw,
			  const uint8_t *stack)
{
	memcpy(u->regs, raw->regs, sizeof(u->regs));
	u->capture.regs = raw->regs;
	u->capture.stack = stack;
	u->capture.sp = raw->regs[RECORD_REG_SP];
	u->capture.stack_bytes = raw->stack_bytes;
	u->valid_regs = (1ull << RECORD_REGS) - 1;
	u->is_derived = false;
	u->is_loggable = true;
	u->n_accesses = 0;
	u->log.n_reads = 0;
	u->im = NULL;
}

static void push_frame(struct walk *w, uint64_t addr, uint32_t image)
{
	if (w->n_frames == w->max_frames) {
		addr = FRAME_TRUNCATED;
		image = FRAME_PSEUDO;
		w->n_frames--;
		w->is_full = true;
	}
	w->frames[w->n_frames++] = (struct frame){.addr = addr, .image = image};
}

// Enters the present frame and sets the image its CFI is in.
static void take_frame(struct walk *w, uint64_t pc)
{
	struct unwinder *u = w->u;
	uint64_t addr = w->is_exact ? pc : pc - 1;
	uint32_t image = images_find(u->images, addr, u->generation);

	u->im = image ? images_get(u->images, image) : NULL;
	// An image may yet become known: then this stack has more to tell.
	if (!image)
		u->is_loggable = false;
	w->is_dropping = w->is_dropping && u->im && u->im->is_shim;
	if (!w->is_dropping)
		push_frame(w, addr, image);
}

// Goes on at return address RA with the stack at SP and frame pointer FP.
// Other registers are not known there.
static int restart(struct walk *w, uint64_t ra, uint64_t sp, uint64_t fp)
{
	struct unwinder *u = w->u;

	if (!images_find(u->images, ra - 1, u->generation))
		return -ENOENT;
	u->regs[RECORD_REG_PC] = ra - 1;
	u->regs[RECORD_REG_SP] = sp;
	u->regs[RECORD_REG_FP] = fp;
	u->valid_regs = 1ull << RECORD_REG_PC | 1ull << RECORD_REG_SP |
			1ull << RECORD_REG_FP;
	u->is_derived = true;
	if (unw_init_remote(&w->cursor, u->space, u) < 0)
		return -EINVAL;
	// ra - 1 lies in the call itself: it is looked up as it is.
	w->is_exact = true;
	return 0;
}

// A leaf outside any image came there by a call through a bad pointer: where it
// was to return to is in its register, or on top of the stack.
static int step_from_nowhere(struct walk *w, uint64_t sp, uint64_t fp)
{
	unw_word_t ra;

	if (ARCH_HAS_RETURN_REG)
		return unw_get_reg(&w->cursor, ARCH_DWARF_RETURN_ADDR, &ra) < 0
			       ? -EINVAL
			       : restart(w, arch_plain_addr(ra), sp, fp);
	return read_stack(w->u, sp, &ra) < 0 ? -EFAULT
					     : restart(w, ra, sp + 8, fp);
}

// One step without CFI. A frame pointer must lead upwards to a code address.
static int step_by_frame_pointer(struct walk *w, uint64_t sp)
{
	struct unwinder *u = w->u;
	unw_word_t fp;
	uint64_t ra, next;

	if (unw_get_reg(&w->cursor, RECORD_REG_FP, &fp) < 0)
		return -EINVAL;
	if (!u->im && w->n_frames == 1 && step_from_nowhere(w, sp, fp) == 0)
		return 0;
	if (fp < sp || fp % 8 != 0 || read_stack(u, fp, &next) < 0 ||
	    read_stack(u, fp + 8, &ra) < 0)
		return -EFAULT;
	if (next != 0 && next <= fp)
		return -EINVAL;
	return restart(w, arch_plain_addr(ra), fp + 16, next);
}

// libunwind for ARM goes on guessing where it should fail: what it must not be
// asked, and what it says for want of a word that is not there.
static int step_by_cfi(struct walk *w)
{
	struct unwinder *u = w->u;
	unw_word_t pc = 0;
	uint32_t index;
	int n;

	if (!ARCH_HAS_RETURN_REG)
		return unw_step(&w->cursor);
	unw_get_reg(&w->cursor, UNW_REG_IP, &pc);
	u->has_no_cfi = !has_cfi(u, w->is_exact ? pc : pc - 1, &index);
	if (u->has_no_cfi)
		return -UNW_ENOINFO;
	n = unw_step(&w->cursor);
	return u->has_run_out || u->has_no_cfi ? -UNW_ENOINFO : n;
}

// One step outwards. The stack must shrink, or the CFI (or the copy) lies; but
// where calls leave the return address in a register a leaf may have no frame.
static enum unwind_end step(struct walk *w)
{
	struct unwinder *u = w->u;
	unw_word_t old_sp = 0, sp = 0, pc = 0;
	bool is_leaf = ARCH_HAS_RETURN_REG && w->is_exact;
	int n;

	u->has_no_cfi = false;
	u->has_run_out = false;
	if (unw_get_reg(&w->cursor, UNW_REG_SP, &old_sp) < 0)
		return END_LOST;
	n = step_by_cfi(w);
	w->is_exact = false;
	if (n < 0 && u->has_no_cfi)
		n = step_by_frame_pointer(w, old_sp) < 0 ? -1 : 1;
	else if (n > 0)
		w->is_exact = unw_is_signal_frame(&w->cursor) > 0;
	if (n < 0)
		return u->has_run_out ? END_OF_COPY : END_LOST;
	unw_get_reg(&w->cursor, UNW_REG_IP, &pc);
	if (n == 0 || pc == 0)
		return END_OUTERMOST;
	unw_get_reg(&w->cursor, UNW_REG_SP, &sp);
	return sp > old_sp || (is_leaf && sp == old_sp) ? END_NONE : END_LOST;
}

static enum unwind_end walk_stack(struct walk *w)
{
	enum unwind_end end = END_NONE;
	uint32_t n_steps = 0;

	if (unw_init_remote(&w->cursor, w->u->space, w->u) < 0)
		return END_LOST;
	while (end == END_NONE && n_steps++ < 2 * STACK_DEPTH_MAX) {
		unw_word_t pc;
		unw_get_reg(&w->cursor, UNW_REG_IP, &pc);
		take_frame(w, pc);
		if (w->is_full)
			return END_OUTERMOST;
		end = step(w);
	}
	return end == END_NONE ? END_LOST : end;
}

static uint32_t unwind(struct walk *w, uint16_t flags)
{
	struct unwinder *u = w->u;
	enum unwind_end end = walk_stack(w);
	bool is_cut = flags & (RECORD_CUT | RECORD_FOREIGN);

	if (end == END_LOST)
		u->stats.n_stopped++;
	if (w->n_frames == 0)
		push_frame(w, FRAME_UNKNOWN, FRAME_PSEUDO);
	else if (end == END_LOST || (end == END_OF_COPY && is_cut))
		push_frame(w, FRAME_TRUNCATED, FRAME_PSEUDO);
	if (u->is_loggable && end != END_LOST)
		recipe_add(u->recipes, &u->capture, &u->log, w->frames,
			   w->n_frames);
	return w->n_frames;
}

static uint32_t single_frame(struct unwinder *u, uint64_t pc,
			     struct frame *ret_frames)
{
	*ret_frames = (struct frame){
		.addr = pc,
		.image = images_find(u->images, pc, u->generation),
	};
	if (pc == 0)
		*ret_frames = (struct frame){
			.addr = FRAME_UNKNOWN,
			.image = FRAME_PSEUDO,
		};
	return 1;
}

uint32_t unwind_capture(struct unwinder *u, const struct unwind_input *input,
			uint32_t max_frames, struct frame *ret_frames)
{
	const uint16_t mattering = RECORD_SIGNAL | RECORD_CUT | RECORD_FOREIGN;
	const struct record_raw *raw = input->raw;
	struct walk w = {
		.u = u,
		.frames = ret_frames,
		.max_frames = max_frames,
		.is_exact = true,
		.is_dropping = true,
	};
	const struct frame *known;
	uint32_t n;

	u->stats.n_captures++;
	sync_caches(u, input->generation);
	if ((input->flags & RECORD_REMAINDER) || raw->stack_bytes == 0)
		return single_frame(u, raw->regs[RECORD_REG_PC], ret_frames);
	begin_capture(u, raw, input->stack);
	u->capture.variant = (max_frames << 16) | (input->flags & mattering);
	n = recipe_find(u->recipes, &u->capture, &known);
	if (n == 0)
		return unwind(&w, input->flags);
	u->stats.n_recipes_hit++;
	memcpy(ret_frames, known, n * sizeof(*known));
	return n;
}

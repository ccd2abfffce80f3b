// SPDX-License-Identifier: Apache-2.0
//
// A frame costs one search among the images, one look at a block, a few rows,
// and two words of the stack.
#include "proto/walk.h"

#include <string.h>

// Where a ucontext keeps the registers (struct ucontext_t, x86-64): gregs begin
// at 40, in the order r8..r15 rdi rsi rbp rbx rdx rax rcx rsp rip.
#define UCONTEXT_RBP 120u
#define UCONTEXT_RSP 160u
#define UCONTEXT_RIP 168u

// The image of the present frame, copied out of the index.
struct image {
	uint64_t start;
	uint64_t limit;
	uint64_t base;
	const uint32_t *blocks;
	uint32_t n_blocks;
	uint32_t n_rows;
};

// The present frame.
struct frame {
	uint64_t pc;
	uint64_t rsp;
	uint64_t rbp;
	bool is_exact;
	bool is_rbp_lost;
};

static uint64_t load(const _Atomic uint64_t *x)
{
	return atomic_load_explicit(x, memory_order_relaxed);
}

static uint32_t load32(const _Atomic uint32_t *x)
{
	return atomic_load_explicit(x, memory_order_relaxed);
}

// The stack's word at ADDR. False outside of what may be read.
static bool read_word(const struct walk_start *s, uint64_t addr,
		      uint64_t *ret_word)
{
	uint64_t at = addr - s->rsp;

	if (at >= s->stack_bytes || s->stack_bytes - at < 8 || addr % 8)
		return false;
	memcpy(ret_word, s->stack + at, 8);
	return true;
}

// The last image that begins at or before ADDR; they are sorted.
static uint32_t search(const struct walk_index *index, uint64_t addr)
{
	uint32_t low = 0, high = load32(&index->x_n_images);

	if (high > WALK_IMAGES_MAX)
		return WALK_IMAGES_MAX;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (load(&index->images[middle].x_start) <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low - 1; // of none: beyond the end, too
}

// Copies the image that holds ADDR to *IM. False: there is none, or its table
// can't be one.
static bool find_image(const struct walk_tables *t, uint64_t addr,
		       struct image *im)
{
	uint32_t i = search(t->index, addr);
	const struct walk_image *from;
	uint64_t table, n_words;

	if (i >= WALK_IMAGES_MAX)
		return false;
	from = &t->index->images[i];
	im->start = load(&from->x_start);
	im->limit = load(&from->x_limit);
	im->base = load(&from->x_base);
	im->n_blocks = load32(&from->x_n_blocks);
	im->n_rows = load32(&from->x_n_rows);
	table = load(&from->x_table);
	n_words = 1 + (uint64_t)im->n_blocks + 2 * (uint64_t)im->n_rows;
	if (table % 8 || table > t->arena_bytes ||
	    n_words > (t->arena_bytes - table) / 4)
		return false;
	im->blocks = (const uint32_t *)(t->arena + table);
	return addr - im->start < im->limit - im->start;
}

static uint32_t word(const uint32_t *at)
{
	return __atomic_load_n(at, __ATOMIC_RELAXED);
}

// The rule in force at ADDR of IM.
static uint32_t find_rule(const struct image *im, uint64_t addr)
{
	const uint32_t *pcs = im->blocks + im->n_blocks + 1;
	uint64_t at = addr - im->base, block = at >> WALK_LG_BLOCK;
	uint32_t low, high;

	if (block >= im->n_blocks)
		return WALK_NONE;
	// Read once: the collector may be writing.
	low = word(&im->blocks[block]);
	high = word(&im->blocks[block + 1]);
	if (high >= im->n_rows || low > high)
		return WALK_NONE;
	// One or two rows a block, as a rule.
	while (low < high && word(&pcs[low + 1]) <= at)
		low++;
	return word(&pcs[im->n_rows + low]);
}

static bool signal_step(const struct walk_start *s, struct frame *f)
{
	uint64_t rsp = f->rsp;

	f->is_exact = true;
	f->is_rbp_lost = false;
	return read_word(s, rsp + UCONTEXT_RBP, &f->rbp) &&
	       read_word(s, rsp + UCONTEXT_RSP, &f->rsp) &&
	       read_word(s, rsp + UCONTEXT_RIP, &f->pc) && f->rsp > rsp;
}

// Where the caller's stack pointer was.
static bool find_cfa(const struct walk_start *s, const struct frame *f,
		     uint32_t rule, uint64_t *ret_cfa)
{
	int64_t offset = (int32_t)rule >> 11;

	switch (rule & 7) {
	case WALK_RSP:
		*ret_cfa = f->rsp + (uint64_t)(offset * 8);
		return true;
	case WALK_RBP:
		*ret_cfa = f->rbp + (uint64_t)(offset * 8);
		return !f->is_rbp_lost;
	case WALK_DEREF:
		return !f->is_rbp_lost &&
		       read_word(s, f->rbp + (uint64_t)(offset * 8), ret_cfa);
	case WALK_PLT:
		*ret_cfa = f->rsp + ((int64_t)(f->pc & 15) >= offset ? 16 : 8);
		return true;
	default:
		return false;
	}
}

static bool restore_rbp(const struct walk_start *s, struct frame *f,
			uint32_t rule, uint64_t cfa)
{
	uint32_t how = rule >> 3 & 255;

	if (how == WALK_RBP_SAME)
		return true;
	if (how == WALK_RBP_LOST) {
		f->is_rbp_lost = true;
		return true;
	}
	if (how == WALK_RBP_AT_RBP)
		return !f->is_rbp_lost && read_word(s, f->rbp, &f->rbp);
	f->is_rbp_lost = false;
	return read_word(s, cfa - 8ull * how, &f->rbp);
}

// One step outwards by RULE. False: there is none. The stack must shrink.
static bool step(const struct walk_start *s, struct frame *f, uint32_t rule)
{
	uint64_t cfa, pc;

	if ((rule & 7) == WALK_SIGNAL)
		return signal_step(s, f);
	if (!find_cfa(s, f, rule, &cfa) || cfa <= f->rsp ||
	    !read_word(s, cfa - 8, &pc) || !restore_rbp(s, f, rule, cfa))
		return false;
	f->pc = pc;
	f->rsp = cfa;
	f->is_exact = false;
	return true;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 32;
}

// True: it came to the outermost frame, or to MAX_FRAMES.
static bool run(const struct walk_tables *t, const struct walk_start *s,
		uint32_t max_frames, uint64_t *ret_pcs, struct walk_result *r)
{
	struct frame f = {s->pc, s->rsp, s->rbp, true, false};
	struct image im = {0};
	uint32_t rule;

	for (;;) {
		uint64_t addr = f.is_exact ? f.pc : f.pc - 1;
		uint64_t pc = f.is_exact ? f.pc | WALK_EXACT : f.pc;

		if (r->n_frames == max_frames) {
			r->is_cut = true;
			r->hash = mix(r->hash, 1);
			return true;
		}
		if (addr - im.start >= im.limit - im.start &&
		    !find_image(t, addr, &im))
			return false;
		if (ret_pcs)
			ret_pcs[r->n_frames] = pc;
		r->n_frames++;
		r->hash = mix(r->hash, pc);
		rule = find_rule(&im, addr);
		if ((rule & 7) == WALK_END)
			return true;
		if (!step(s, &f, rule))
			return false;
		if (!f.pc)
			return true;
	}
}

void walk_run(const struct walk_tables *t, const struct walk_start *start,
	      uint32_t max_frames, uint64_t *ret_pcs, struct walk_result *ret)
{
	// acquire: pairs with the writer's release; what is read is not older
	uint32_t changes = atomic_load_explicit(&t->index->x_changes,
						memory_order_acquire);
	bool is_done;

	*ret = (struct walk_result){.hash = start->generation};
	if (changes & 1 || start->generation & 1 ||
	    load32(&t->index->x_generation) != start->generation)
		return;
	is_done = run(t, start, max_frames, ret_pcs, ret);
	// What was read comes before this look at the count.
	atomic_thread_fence(memory_order_acquire);
	if (!is_done || load32(&t->index->x_changes) != changes)
		ret->n_frames = 0;
}

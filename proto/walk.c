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

// The hash of frames f0 (the leaf), f1, ... is h(f0) + K h(f1) + K^2 h(f2) +
// ..., and so that of the outer ones is good for every leaf.
#define OUTWARDS 0xd6e8feb86659fd93ull

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 32) * 0x9e3779b97f4a7c15ull;
	x = (x ^ x >> 29) * 0xbf58476d1ce4e5b9ull;
	return x ^ x >> 32;
}

#define USELESS_MAX 8u
#define RESTS	    64u

// One walk, underway.
struct walk {
	const struct walk_tables *tables;
	const struct walk_start *start;
	uint32_t max_frames;
	uint64_t *pcs;		// or NULL
	struct walk_memo *memo; // or NULL
	uint32_t n_known;	// of the memo: what may lie in front of us
	uint32_t n_fresh;	// > WALK_KNOWN_MAX: not to be remembered
	uint64_t hash;
	uint64_t factor;
};

static uint64_t known_pc(const struct frame *f)
{
	return f->pc | (f->is_exact ? WALK_EXACT : 0) |
	       (f->is_rbp_lost ? WALK_LOST : 0);
}

static bool is_known(const struct walk_known *k, const struct frame *f)
{
	return k->rsp == f->rsp && k->pc == known_pc(f) &&
	       (!k->is_rbp_used || k->rbp == f->rbp);
}

// The stack's word at ADDR is WORD still. Of a frame that is known, and not
// inside of the present start: then the bounds are what they were.
static bool has_word(const struct walk_start *s, uint64_t addr, uint64_t word)
{
	uint64_t now;

	memcpy(&now, s->stack + (addr - s->rsp), 8);
	return now == word;
}

// The words that led from frame I outwards are what they were. Returns the
// first frame whose step would be another, 0 when there is none.
static uint32_t verify(const struct walk_memo *m, const struct walk_start *s,
		       uint32_t i)
{
	const struct walk_known *k = &m->known[i];

	for (; k > m->known; k--)
		if (!has_word(s, k[-1].rsp - 8, k[-1].pc & ~WALK_LOST) ||
		    (k->rbp_at && !has_word(s, k->rbp_at, k[-1].rbp)))
			break;
	return (uint32_t)(k - m->known);
}

// True when the memo knows the frame F and all outside of it, which W then has.
static bool recall(struct walk *w, const struct frame *f, uint32_t *n_frames)
{
	const struct walk_memo *m = w->memo;
	uint32_t i = w->n_known, n;

	while (i && m->known[i - 1].rsp < f->rsp)
		i--;
	w->n_known = i;
	if (!i || !is_known(&m->known[i - 1], f))
		return false;
	w->n_known = verify(m, w->start, i - 1);
	n = i - !m->known[0].pc;
	if (w->n_known || n > w->max_frames - *n_frames)
		return false;
	w->n_known = i;
	w->hash += w->factor * m->known[i - 1].hash;
	*n_frames += n;
	return true;
}

static void note(struct walk *w, const struct frame *f, uint64_t hash)
{
	if (w->memo && w->n_fresh < WALK_KNOWN_MAX)
		w->memo->fresh[w->n_fresh] =
			(struct walk_known){.rsp = f->rsp,
					    .pc = f->pc ? known_pc(f) : 0,
					    .rbp = f->rbp,
					    .hash = hash};
	w->n_fresh++;
}

// The step by RULE led to F; RBP was the register before.
static void note_step(struct walk *w, uint32_t rule, uint64_t rbp,
		      const struct frame *f)
{
	uint32_t how = rule >> 3 & 255, kind = rule & 7;
	struct walk_known *k;

	if (!w->memo || w->n_fresh > WALK_KNOWN_MAX)
		return;
	k = &w->memo->fresh[w->n_fresh - 1];
	k->is_rbp_kept = how == WALK_RBP_SAME;
	k->is_rbp_used = kind == WALK_RBP || how == WALK_RBP_AT_RBP;
	if (how == WALK_RBP_AT_RBP)
		k->rbp_at = rbp;
	else if (how != WALK_RBP_SAME && how != WALK_RBP_LOST)
		k->rbp_at = f->rsp - 8ull * how;
	// Two kinds read more words than these; and a word that lies inside of
	// its frame is not one that has_word() may look at.
	if (kind == WALK_SIGNAL || kind == WALK_DEREF ||
	    (k->rbp_at && k->rbp_at < k->rsp))
		w->n_fresh = WALK_KNOWN_MAX + 1;
}

// K is about to stand inside of CALLER.
static void join(struct walk_known *k, const struct walk_known *caller)
{
	k->hash += OUTWARDS * caller->hash;
	if (!caller->is_rbp_used)
		k->rbp_at = 0;
	else if (k->is_rbp_kept)
		k->is_rbp_used = true;
}

// The frames of this walk take the place of those inside of the N_KNOWN that it
// found again.
static void remember(struct walk *w, const struct walk_result *result)
{
	struct walk_memo *m = w->memo;

	if (w->n_known >= w->n_fresh) {
		m->n_useless = 0;
	} else if (++m->n_useless == USELESS_MAX) {
		m->n_useless = 0;
		m->n_resting = RESTS;
	}
	m->n = w->n_known;
	// Of a part of the stack there is no result.
	m->result.n_frames = UINT32_MAX;
	if (w->n_fresh > WALK_KNOWN_MAX - m->n)
		return;
	m->result = *result;
	while (w->n_fresh) {
		struct walk_known *k = &m->known[m->n];

		*k = m->fresh[--w->n_fresh];
		if (m->n++)
			join(k, k - 1);
	}
}

static void add_frame(struct walk *w, const struct frame *f, uint32_t n_before)
{
	uint64_t pc = f->is_exact ? f->pc | WALK_EXACT : f->pc;
	uint64_t hash = mix(pc);

	if (w->pcs)
		w->pcs[n_before] = pc;
	w->hash += w->factor * hash;
	w->factor *= OUTWARDS;
	note(w, f, hash);
}

// True: it came to the outermost frame, or to max_frames.
static bool run(struct walk *w, struct walk_result *r)
{
	const struct walk_start *s = w->start;
	struct frame f = {s->pc, s->rsp, s->rbp, !s->is_return, false};
	struct image im = {0};
	uint64_t rbp;
	uint32_t rule;

	for (;;) {
		uint64_t addr = f.is_exact ? f.pc : f.pc - 1;

		if (w->n_known && recall(w, &f, &r->n_frames))
			return true;
		if (r->n_frames == w->max_frames) {
			r->is_cut = true;
			return true;
		}
		if (addr - im.start >= im.limit - im.start &&
		    !find_image(w->tables, addr, &im))
			return false;
		add_frame(w, &f, r->n_frames++);
		rule = find_rule(&im, addr);
		if ((rule & 7) == WALK_END)
			break;
		rbp = f.rbp;
		if (!step(s, &f, rule))
			return false;
		note_step(w, rule, rbp, &f);
		if (!f.pc) {
			note(w, &f, 0);
			break;
		}
	}
	w->n_known = 0;
	return true;
}

// The stack is all the same: the memo's result is this one's.
static bool recall_all(const struct walk_memo *m,
		       const struct walk_start *start, uint32_t max_frames,
		       struct walk_result *ret)
{
	const struct walk_known *leaf = &m->known[m->n - 1];
	const struct frame f = {start->pc, start->rsp, start->rbp,
				!start->is_return, false};

	if (!is_known(leaf, &f) || m->result.n_frames > max_frames ||
	    verify(m, start, m->n - 1))
		return false;
	*ret = m->result;
	return true;
}

static void walk(struct walk *w, struct walk_result *ret)
{
	const struct walk_index *index = w->tables->index;
	struct walk_memo *m = w->memo;
	// acquire: pairs with the writer's release; what is read is not older
	uint32_t changes =
		atomic_load_explicit(&index->x_changes, memory_order_acquire);
	uint64_t limit = w->start->rsp + w->start->stack_bytes;
	uint32_t generation = w->start->generation;
	bool is_done;

	*ret = (struct walk_result){0};
	if (changes & 1 || generation & 1 ||
	    load32(&index->x_generation) != generation)
		return;
	w->factor = 1;
	if (m && m->n && m->changes == changes && m->stack_limit == limit) {
		if (recall_all(m, w->start, w->max_frames, ret))
			return;
		w->n_known = m->n;
	}
	is_done = run(w, ret);
	ret->hash = mix(w->hash ^ ((uint64_t)generation << 1 | ret->is_cut));
	// What was read comes before this look at the count.
	atomic_thread_fence(memory_order_acquire);
	if (!is_done || load32(&index->x_changes) != changes)
		ret->n_frames = 0;
	if (!m)
		return;
	m->changes = changes;
	m->stack_limit = limit;
	if (!ret->n_frames || ret->is_cut)
		m->n = 0;
	else
		remember(w, ret);
}

void walk_run(const struct walk_tables *t, const struct walk_start *start,
	      uint32_t max_frames, uint64_t *ret_pcs, struct walk_result *ret)
{
	walk(&(struct walk){.tables = t,
			    .start = start,
			    .max_frames = max_frames,
			    .pcs = ret_pcs},
	     ret);
}

void walk_again(const struct walk_tables *t, const struct walk_start *start,
		uint32_t max_frames, struct walk_memo *memo,
		struct walk_result *ret)
{
	struct walk w = {.tables = t,
			 .start = start,
			 .max_frames = max_frames,
			 .memo = memo};

	if (memo->n_resting) {
		memo->n_resting--;
		w.memo = NULL;
	}
	walk(&w, ret);
}

static void add_word(struct walk_word *list, uint32_t *n, uint64_t at,
		     uint64_t value)
{
	list[(*n)++] = (struct walk_word){(const uint64_t *)at, value};
}

uint32_t walk_proof(const struct walk_memo *m, const uintptr_t *rbp_at,
		    uint32_t max, struct walk_word *ret)
{
	const struct walk_known *k;
	uint32_t n = 0;

	if (!m->n || 2 * m->n > max || m->result.n_frames == UINT32_MAX)
		return 0;
	k = &m->known[m->n - 1];
	add_word(ret, &n, k->rsp - 8, k->pc);
	if (k->is_rbp_used)
		add_word(ret, &n, (uintptr_t)rbp_at, k->rbp);
	for (; k > m->known; k--) {
		// As in verify().
		add_word(ret, &n, k[-1].rsp - 8, k[-1].pc & ~WALK_LOST);
		if (k->rbp_at)
			add_word(ret, &n, k->rbp_at, k[-1].rbp);
	}
	return n;
}

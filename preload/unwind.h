// SPDX-License-Identifier: Apache-2.0
//
// Unwinding in the process itself: the walk of proto/walk.h along the thread's
// own stack, and which stacks were sent before. Where there are no tables, no
// known stack or no rule, the capture goes to the collector as it is. No
// unwinder, no loader, no lock, no system call. Any thread, async-signal-safe.
#ifndef CPROF_PRELOAD_UNWIND_H
#define CPROF_PRELOAD_UNWIND_H

#include "preload/capture.h"
#include "preload/sent.h"
#include "proto/walk.h"

struct unwound {
	struct walk_tables tables;
	struct walk_start start;
	struct walk_result result; // n_frames > 0
	struct sent_stack sent;
	bool is_sent; // its hash will do
};

// Walks the stack of C, whose frames must still be there. False: it can't be.
bool unwind_walk(const struct capture *c, uint32_t generation,
		 struct unwound *ret);

// What proves that a later stack of the thread is the one of its last walk, and
// so has the same hash.
#define UNWIND_WORDS_MAX 60u
struct unwind_proof {
	struct sent_stack sent;
	uint64_t stack_limit;
	uint32_t generation;
	uint32_t changes; // of the index
	uint32_t n_words;
	struct walk_word words[UNWIND_WORDS_MAX];
};

// The thread takes many samples: their walks are remembered.
bool unwind_has_memo(void);

// The proof of the stack of the call that left FRAME, which was walked just now
// and was sent. False: there is none.
bool unwind_prove(const uintptr_t *frame, struct unwind_proof *ret);

// True when P proves that the stack of the call whose frame is the one that it
// was made for is the same.
static inline bool unwind_is_proved(const struct unwind_proof *p)
{
	const struct walk_word *w = p->words, *end = w + p->n_words;

	// acquire: as in a walk, which looks at the same
	if (p->stack_limit != self.stack_high ||
	    p->generation != atomic_load_explicit(&state.status->x_generation,
						  memory_order_acquire) ||
	    p->changes != atomic_load_explicit(&state.walk_index->x_changes,
					       memory_order_acquire))
		return false;
	while (w != end && *w->at == w->value)
		w++;
	return w == end;
}

// The thread ends; or the process begins a session, and no thread is known.
void unwind_forget(void);
void unwind_clear(void);

// Walks again and writes the U->result.n_frames pcs to AT. False: the tables
// have changed since.
bool unwind_write(const struct unwound *u, uint64_t *at);

#endif

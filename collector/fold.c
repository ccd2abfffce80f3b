// SPDX-License-Identifier: Apache-2.0
//
// A link has what became of whom since the link before it. While no snapshot
// holds the last link, later folds are added to it rather than behind it, so
// that there are no more links than snapshots, however long one of them is
// kept: a thread's number is in a link once.
#include "collector/fold.h"

#include "collector/mem.h"
#include "proto/limits.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

// What the links of a session have together.
struct account {
	_Atomic uint32_t x_n_links; // as below; the last one frees it
	_Atomic size_t x_n_threads;
};

// Owner of next, list and n: the process's lock. They are written while no
// snapshot that was taken at this link or behind it exists, so whoever follows
// the chain from one snapshot to another reads what was there before.
struct fold {
	// References: the link before, the session, snapshots. The release of
	// each pairs with the acquire of the last.
	_Atomic uint32_t x_n_refs;
	_Atomic uint32_t x_n_snaps; // those of snapshots
	struct account *account;
	struct fold *next; // a reference; NULL: this is the last
	struct fold_thread *list;
	size_t n;
};

static struct fold *new_link(struct account *account)
{
	struct fold *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->account = account;
	atomic_init(&f->x_n_refs, 1);
	atomic_fetch_add_explicit(&account->x_n_links, 1, memory_order_relaxed);
	return f;
}

struct fold *fold_new(void)
{
	struct account *account = calloc(1, sizeof(*account));
	struct fold *f = account ? new_link(account) : NULL;

	if (!f)
		free(account);
	return f;
}

static void set_list(struct fold *f, struct fold_thread *list, size_t n)
{
	// Unsigned arithmetic: it may be less than before.
	atomic_fetch_add_explicit(&f->account->x_n_threads, n - f->n,
				  memory_order_relaxed);
	free(f->list);
	f->list = list;
	f->n = n;
}

static void free_link(struct fold *f)
{
	struct account *account = f->account;

	set_list(f, NULL, 0);
	free(f);
	if (atomic_fetch_sub_explicit(&account->x_n_links, 1,
				      memory_order_acq_rel) == 1)
		free(account);
}

void fold_end(struct fold *last)
{
	while (last && atomic_fetch_sub_explicit(&last->x_n_refs, 1,
						 memory_order_acq_rel) == 1) {
		struct fold *next = last->next;

		free_link(last);
		last = next;
	}
}

struct fold *fold_ref(struct fold *f)
{
	if (!f)
		return NULL;
	atomic_fetch_add_explicit(&f->x_n_snaps, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&f->x_n_refs, 1, memory_order_relaxed);
	return f;
}

void fold_unref(struct fold *f)
{
	if (!f)
		return;
	// Pairs with has_snaps(): the chain was followed before.
	atomic_fetch_sub_explicit(&f->x_n_snaps, 1, memory_order_release);
	fold_end(f);
}

static bool has_snaps(const struct fold *f)
{
	return atomic_load_explicit(&f->x_n_snaps, memory_order_acquire) > 0;
}

// Only the session has it: no snapshot is at it or before it.
static bool is_alone(const struct fold *f)
{
	return atomic_load_explicit(&f->x_n_refs, memory_order_acquire) == 1;
}

static int compare_tids(const void *a, const void *b)
{
	const struct fold_thread *x = a, *y = b;

	return (x->tid > y->tid) - (x->tid < y->tid);
}

uint32_t fold_find(const struct fold_thread *list, size_t n, uint32_t tid)
{
	const struct fold_thread key = {.tid = tid};
	const struct fold_thread *t =
		n ? bsearch(&key, list, n, sizeof(*list), compare_tids) : NULL;

	return t ? t->to : tid;
}

// F's list and LIST: who is in both became the first, and is that still.
static int merge(const struct fold *f, const struct fold_thread *list, size_t n,
		 struct fold_step *ret)
{
	struct fold_thread *all = calloc(f->n + n + 1, sizeof(*all));
	size_t i = 0, k = 0, n_all = 0;

	if (!all)
		return -ENOMEM;
	while (i < f->n || k < n) {
		if (k == n || (i < f->n && f->list[i].tid <= list[k].tid)) {
			k += k < n && f->list[i].tid == list[k].tid;
			all[n_all++] = f->list[i++];
		} else {
			all[n_all++] = list[k++];
		}
	}
	*ret = (struct fold_step){.list = all, .n = n_all};
	return 0;
}

static int append(const struct fold *f, const struct fold_thread *list,
		  size_t n, struct fold_step *ret)
{
	ret->link = new_link(f->account);
	ret->list = mem_copy(list, n, sizeof(*list));
	ret->n = n;
	return ret->link && ret->list ? 0 : -ENOMEM;
}

// How many threads there may be in a new link, or, IS_INSTEAD, in place of F's.
static size_t room(const struct fold *f, bool is_instead)
{
	size_t n = atomic_load_explicit(&f->account->x_n_threads,
					memory_order_relaxed) -
		   (is_instead ? f->n : 0);

	return n < FOLDED_MAX ? FOLDED_MAX - n : 0;
}

int fold_begin(const struct fold *last, const struct fold_thread *list,
	       size_t n, struct fold_step *ret)
{
	int err;

	*ret = (struct fold_step){0};
	if (is_alone(last))
		return 0;
	err = has_snaps(last) ? append(last, list, n, ret)
			      : merge(last, list, n, ret);
	if (!err && ret->n > room(last, ret->link == NULL))
		err = -ENOSPC;
	if (err)
		fold_cancel(ret);
	return err;
}

void fold_commit(struct fold **last, struct fold_step *step)
{
	struct fold *f = *last;

	if (step->link) {
		set_list(step->link, step->list, step->n);
		// The old one's reference, and the session's.
		atomic_fetch_add_explicit(&step->link->x_n_refs, 1,
					  memory_order_relaxed);
		f->next = step->link;
		*last = step->link;
		fold_end(f);
	} else {
		set_list(f, step->list, step->n);
	}
	*step = (struct fold_step){0};
}

void fold_cancel(struct fold_step *step)
{
	free(step->list);
	if (step->link)
		free_link(step->link);
	*step = (struct fold_step){0};
}

uint32_t fold_follow(const struct fold *from, const struct fold *to,
		     uint32_t tid)
{
	while (to && from && from != to) {
		from = from->next;
		if (from)
			tid = fold_find(from->list, from->n, tid);
	}
	return tid;
}

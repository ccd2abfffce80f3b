// SPDX-License-Identifier: Apache-2.0
//
// Files are looked at once, when they are new: what somebody else does to them
// later is no reason to remove more or fewer, and what has taken the place of
// one is not ours to remove.
#include "collector/keep.h"

#include "collector/log.h"
#include "collector/mem.h"

#include <stdlib.h>
#include <string.h>

// The files as they are now. One that can't be looked at stays for ever.
static void identify(struct proc_kept *kept)
{
	kept->ids = calloc(kept->files.n, sizeof(*kept->ids));
	for (size_t i = 0; kept->ids && i < kept->files.n; i++)
		if (!out_identify(kept->files.list[i], &kept->ids[i]))
			kept->n_bytes += kept->ids[i].n_bytes;
}

// The highest peak's dump; n_kept when none is a peak's.
static size_t highest(const struct proc *p)
{
	size_t best = p->n_kept;
	double most = 0;

	for (size_t i = 0; i < p->n_kept; i++)
		if (p->kept[i].peak_bytes > most) {
			most = p->kept[i].peak_bytes;
			best = i;
		}
	return best;
}

static bool is_too_much(const struct proc *p)
{
	uint64_t n_bytes = 0, max_bytes = p->hello->max_disk_bytes;

	for (size_t i = 0; i < p->n_kept; i++)
		n_bytes += p->kept[i].n_bytes;
	return (p->hello->keep && p->n_kept > p->hello->keep) ||
	       (max_bytes && n_bytes > max_bytes);
}

// The names leave the session's list as well, which says what there is.
static void forget(struct proc_texts *t, const char *path)
{
	for (size_t i = 0; i < t->n; i++)
		if (!strcmp(t->list[i], path)) {
			free(t->list[i]);
			t->n--;
			memmove(t->list + i, t->list + i + 1,
				(t->n - i) * sizeof(*t->list));
			return;
		}
}

// Takes one that has to go out of the list. False: none has to.
static bool take_one(struct proc *p, struct proc_kept *ret)
{
	size_t i = highest(p) == 0 ? 1 : 0;

	if (!is_too_much(p) || i >= p->n_kept)
		return false;
	*ret = p->kept[i];
	p->n_kept--;
	memmove(p->kept + i, p->kept + i + 1,
		(p->n_kept - i) * sizeof(*p->kept));
	for (size_t f = 0; f < ret->files.n; f++)
		forget(&p->files, ret->files.list[f]);
	return true;
}

static void remember(struct proc *p, const struct proc_kept *kept)
{
	struct proc_kept *list = mem_grow(p->kept, &p->kept_capacity,
					  p->n_kept + 1, sizeof(*list));

	if (!list)
		return; // one that stays
	p->kept = list;
	list[p->n_kept++] = *kept;
}

// Those that are still what was written: CPUPROFILE's file is a newer one.
static void remove_files(const struct proc *p, const struct proc_kept *kept)
{
	for (size_t i = 0; kept->ids && i < kept->files.n; i++) {
		int err = out_remove(kept->files.list[i], &kept->ids[i]);

		log_info("process %u: %s '%s'", p->pid,
			 err ? "leaves" : "removes", kept->files.list[i]);
	}
}

void keep_add(struct proc *p, const struct proc_texts *files, double peak_bytes)
{
	struct proc_kept kept = {.peak_bytes = peak_bytes};
	bool has_one;

	for (size_t i = 0; i < files->n; i++)
		proc_add_text(&kept.files, strdup(files->list[i]),
			      PROC_FILES_MAX);
	identify(&kept);
	proc_lock(p);
	remember(p, &kept);
	for (has_one = take_one(p, &kept); has_one;
	     has_one = take_one(p, &kept)) {
		proc_unlock(p);
		remove_files(p, &kept);
		proc_free_kept(&kept);
		proc_lock(p);
	}
	proc_unlock(p);
}

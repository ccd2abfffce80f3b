// SPDX-License-Identifier: Apache-2.0
//
// Sizes are asked for once, when the files are new: what somebody else does to
// them later is no reason to remove more or fewer.
#include "collector/keep.h"

#include "collector/log.h"
#include "collector/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t size_of(const struct proc_texts *files)
{
	struct stat st;
	uint64_t n = 0;

	for (size_t i = 0; i < files->n; i++)
		if (!stat(files->list[i], &st))
			n += (uint64_t)st.st_size;
	return n;
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

void keep_add(struct proc *p, const struct proc_texts *files, double peak_bytes)
{
	struct proc_kept kept = {.n_bytes = size_of(files),
				 .peak_bytes = peak_bytes};
	bool has_one;

	for (size_t i = 0; i < files->n; i++)
		proc_add_text(&kept.files, strdup(files->list[i]),
			      PROC_FILES_MAX);
	proc_lock(p);
	remember(p, &kept);
	for (has_one = take_one(p, &kept); has_one;
	     has_one = take_one(p, &kept)) {
		proc_unlock(p);
		for (size_t i = 0; i < kept.files.n; i++) {
			log_info("process %u: removes '%s'", p->pid,
				 kept.files.list[i]);
			(void)unlink(kept.files.list[i]); // gone is gone
		}
		proc_free_texts(&kept.files);
		proc_lock(p);
	}
	proc_unlock(p);
}

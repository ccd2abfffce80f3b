// SPDX-License-Identifier: Apache-2.0
//
// What Go tells as text: profiles in their old form, names of addresses, the
// command line, the numbers of its index.
#include "collector/drain.h"
#include "collector/memstats.h"
#include "collector/query.h"
#include "collector/sym.h"
#include "collector/take.h"
#include "collector/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool is_heap(unsigned kind)
{
	return kind == KIND_INUSE || kind == KIND_ALLOC;
}

int query_text(struct proc *p, unsigned kind, struct buf *ret,
	       struct query_error *ret_error)
{
	struct buf comments;
	struct snap *s;
	int err = -ENOMEM;

	buf_init(&comments);
	proc_lock(p);
	(void)drain_run(p);
	s = take_snap(p, kind);
	if (is_heap(kind))
		memstats_write(p, &comments);
	proc_unlock(p);
	take_finish(p, s);
	if (s && !buf_error(&comments))
		err = text_write(s, comments.data ? comments.data : "", ret);
	snap_free(s);
	buf_fini(&comments);
	if (err)
		return query_fail(ret_error, err, "no memory for the profile");
	return 0;
}

// The image of each address now, with a reference, or NULL.
static struct image **find_images(struct proc *p, const uint64_t *addresses,
				  size_t n)
{
	struct image **found = calloc(n + 1, sizeof(struct image *));
	struct images *images;

	if (!found)
		return NULL;
	proc_lock(p);
	(void)drain_run(p);
	images = p->ingest.images;
	for (size_t i = 0; images && i < n; i++) {
		uint32_t id = images_find(images, addresses[i], p->generation);

		if (id)
			found[i] = image_ref(images_get(images, id));
	}
	proc_unlock(p);
	return found;
}

void query_symbols(struct proc *p, const uint64_t *addresses, size_t n,
		   struct buf *ret)
{
	struct image **found = find_images(p, addresses, n);
	struct sym_line lines[SYM_INLINE_MAX];

	for (size_t i = 0; found && i < n; i++) {
		uint32_t n_lines;

		if (!found[i])
			continue;
		n_lines = sym_lookup(found[i], addresses[i], lines);
		// The function itself, not what is inlined there.
		if (n_lines)
			buf_printf(ret, "%#" PRIx64 " %s\n", addresses[i],
				   lines[n_lines - 1].name);
		image_unref(found[i]);
	}
	free(found);
}

void query_cmdline(struct proc *p, struct buf *ret)
{
	for (char **arg = p->argv; arg && *arg; arg++)
		buf_put(ret, *arg, strlen(*arg) + (arg[1] != NULL));
}

void query_counts(struct proc *p, size_t ret_counts[KIND_N])
{
	proc_lock(p);
	(void)drain_run(p);
	for (int i = 0; i < KIND_N; i++) {
		enum agg_table table = agg_table_of((enum kind)i);

		ret_counts[i] = table < AGG_N ? p->ingest.agg.tables[table].n
					      : p->ingest.threads.n;
		// The first row of a table is the one of what found no room.
		if (table < AGG_N && ret_counts[i])
			ret_counts[i]--;
	}
	proc_unlock(p);
}

size_t query_own_list(struct proc *p, struct query_own ret[PROFILES_MAX])
{
	size_t n = 0;

	proc_lock(p);
	(void)drain_run(p);
	for (unsigned i = 0; i < PROFILES_MAX; i++) {
		const char *name = p->ingest.profiles.names[i];
		size_t n_rows = agg_rows_of(&p->ingest.agg, KIND_N + i)->n;

		if (!*name)
			continue;
		// The first row is the one of what found no room.
		ret[n].count = n_rows ? n_rows - 1 : 0;
		memcpy(ret[n++].name, name, sizeof(ret->name));
	}
	proc_unlock(p);
	return n;
}

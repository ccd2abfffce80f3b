// SPDX-License-Identifier: Apache-2.0
//
// The arena is given out first fit, in the order of a list sorted by offset.
// What is in it may be overwritten while a process still walks with an index
// that names what was there: the walk checks every number, and then finds that
// its index has changed.
#include "collector/walktab.h"

#include "collector/log.h"
#include "collector/mem.h"
#include "collector/rows.h"
#include "proto/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// Linux 5.1: no new mapping can write. Older headers lack the name.
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

enum walktab_state {
	WALKTAB_WANTED, // its job is queued or running
	WALKTAB_READY,
	WALKTAB_NONE, // there is no table for this file
};

struct walktab {
	struct walktab *next;  // in walktabs.list
	struct walktab *after; // in walktabs.placed
	struct walktabs *owner;
	struct elf_identity identity;
	char build_id[ELF_BUILD_ID_CHARS];
	struct elf_file *file; // until it is compiled
	struct pool_job job;
	uint32_t n_refs;
	enum walktab_state state;
	size_t n_bytes; // in the arena, a multiple of 8
	struct walktab_place place;
};

struct walktabs {
	struct pool *pool;
	int memfd;
	unsigned char *arena;
	_Atomic uint32_t x_changes; // relaxed: asks for another look
	pthread_mutex_t lock;	    // rank 38
	// Under the lock.
	struct walktab *list;	// all, the latest first
	struct walktab *placed; // those in the arena, by offset
};

static int make_arena(struct walktabs *t)
{
	const int seals =
		F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
	void *p;

	t->memfd =
		memfd_create("cprof-tables", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (t->memfd < 0 || ftruncate(t->memfd, WALK_ARENA_BYTES))
		return -errno;
	p = mmap(NULL, WALK_ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		 t->memfd, 0);
	if (p == MAP_FAILED)
		return -errno;
	t->arena = p;
	return fcntl(t->memfd, F_ADD_SEALS, seals) ? -errno : 0;
}

struct walktabs *walktab_new(struct pool *pool)
{
	struct walktabs *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return NULL;
	t->pool = pool;
	pthread_mutex_init(&t->lock, NULL);
	err = make_arena(t);
	if (!err)
		return t;
	log_info("no unwinding in profiled processes: %s", strerror(-err));
	walktab_free(t);
	return NULL;
}

static void destroy(struct walktab *tab)
{
	elf_file_unref(tab->file);
	free(tab);
}

void walktab_free(struct walktabs *t)
{
	struct walktab *next;

	if (!t)
		return;
	for (struct walktab *tab = t->list; tab; tab = next) {
		next = tab->next;
		destroy(tab);
	}
	if (t->arena)
		munmap(t->arena, WALK_ARENA_BYTES);
	if (t->memfd >= 0)
		close(t->memfd);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

int walktab_fd(const struct walktabs *t)
{
	return t->memfd;
}

const unsigned char *walktab_arena(const struct walktabs *t)
{
	return t->arena;
}

uint32_t walktab_changes(const struct walktabs *t)
{
	return atomic_load_explicit(&t->x_changes, memory_order_relaxed);
}

// Where N_BYTES find room: behind *ret_after (NULL: at the front). False: no
// gap is large enough.
static bool find_gap(const struct walktabs *t, size_t n_bytes,
		     struct walktab **ret_after)
{
	struct walktab *after = NULL;
	uint64_t at = 0;

	for (struct walktab *tab = t->placed; tab; tab = tab->after) {
		if (tab->place.offset - at >= n_bytes)
			break;
		at = tab->place.offset + tab->n_bytes;
		after = tab;
	}
	*ret_after = after;
	return at + n_bytes <= WALK_ARENA_BYTES;
}

static void unplace(struct walktabs *t, struct walktab *tab)
{
	struct walktab **at = &t->placed;

	while (*at != tab)
		at = &(*at)->after;
	*at = tab->after;
}

// Forgets the tables that no process uses.
static void drop_unused(struct walktabs *t)
{
	struct walktab **at = &t->list, *tab;

	while ((tab = *at)) {
		if (tab->n_refs || tab->state == WALKTAB_WANTED ||
		    !pool_is_idle(t->pool, &tab->job)) {
			at = &tab->next;
			continue;
		}
		*at = tab->next;
		if (tab->state == WALKTAB_READY)
			unplace(t, tab);
		destroy(tab);
	}
}

static bool place(struct walktabs *t, struct walktab *tab)
{
	struct walktab *after;

	if (!find_gap(t, tab->n_bytes, &after)) {
		drop_unused(t);
		if (!find_gap(t, tab->n_bytes, &after))
			return false;
	}
	tab->after = after ? after->after : t->placed;
	tab->place.offset = after ? after->place.offset + after->n_bytes : 0;
	tab->place.limit = tab->place.offset + tab->n_bytes;
	if (after)
		after->after = tab;
	else
		t->placed = tab;
	return true;
}

// A page that could not be had later would be a SIGBUS in the processes that
// read it.
static bool has_memory(struct walktabs *t, struct walktab *tab)
{
	if (!fallocate(t->memfd, 0, (off_t)tab->place.offset,
		       (off_t)tab->n_bytes))
		return true;
	unplace(t, tab);
	return false;
}

static void publish(struct walktabs *t, struct walktab *tab,
		    const struct rows *rows)
{
	tab->n_bytes = (rows_bytes(rows) + 7) & ~(size_t)7;
	tab->place.base_vaddr = rows->base_vaddr;
	tab->place.n_blocks = rows->n_blocks;
	tab->place.n_rows = rows->n_rows;
	if (!place(t, tab) || !has_memory(t, tab)) {
		log_info("no room for an unwind table of %zu bytes",
			 tab->n_bytes);
		tab->state = WALKTAB_NONE;
		return;
	}
	memcpy(t->arena + tab->place.offset, rows->words, rows_bytes(rows));
	tab->state = WALKTAB_READY;
}

// A pool's job.
static uint64_t compile(void *context)
{
	struct walktab *tab = context;
	struct walktabs *t = tab->owner;
	struct elf_file *file = tab->file;
	struct rows rows;
	int err = rows_compile(file, WALK_ARENA_BYTES, &rows);

	pthread_mutex_lock(&t->lock);
	if (err)
		tab->state = WALKTAB_NONE;
	else
		publish(t, tab, &rows);
	tab->file = NULL;
	atomic_fetch_add_explicit(&t->x_changes, 1, memory_order_relaxed);
	pthread_mutex_unlock(&t->lock);
	if (!err)
		rows_fini(&rows);
	else if (err != -ENOENT)
		log_info("no unwind table of '%s': %s", file->name,
			 strerror(-err));
	elf_file_unref(file);
	return POOL_NEVER;
}

static bool is_of(const struct walktab *tab, const struct elf_file *file)
{
	const struct elf_identity *a = &tab->identity, *b = &file->identity;

	// The vdso has another inode in each process.
	if (file->name[0] == '[')
		return file->build_id[0] &&
		       !strcmp(tab->build_id, file->build_id);
	return a->inode == b->inode && a->dev == b->dev &&
	       a->mtime_ns == b->mtime_ns && a->size_bytes == b->size_bytes;
}

static struct walktab *find(struct walktabs *t, const struct elf_file *file)
{
	struct walktab *tab = t->list;

	while (tab && !is_of(tab, file))
		tab = tab->next;
	return tab;
}

static struct walktab *make(struct walktabs *t, struct elf_file *file)
{
	struct walktab *tab = calloc(1, sizeof(*tab));

	if (!tab)
		return NULL;
	tab->owner = t;
	tab->identity = file->identity;
	memcpy(tab->build_id, file->build_id, sizeof(tab->build_id));
	tab->file = elf_file_ref(file);
	pool_job_init(&tab->job, compile, tab);
	if (pool_post(t->pool, &tab->job, POOL_NOW)) {
		destroy(tab);
		return NULL;
	}
	tab->next = t->list;
	t->list = tab;
	return tab;
}

struct walktab *walktab_ref(struct walktabs *t, struct elf_file *file)
{
	struct walktab *tab;

	pthread_mutex_lock(&t->lock);
	tab = find(t, file);
	if (!tab)
		tab = make(t, file);
	if (tab)
		tab->n_refs++;
	pthread_mutex_unlock(&t->lock);
	return tab;
}

void walktab_unref(struct walktabs *t, struct walktab *tab)
{
	pthread_mutex_lock(&t->lock);
	ASSERT(tab->n_refs > 0);
	tab->n_refs--;
	pthread_mutex_unlock(&t->lock);
}

bool walktab_place(struct walktabs *t, const struct walktab *tab,
		   struct walktab_place *ret)
{
	bool is_ready;

	pthread_mutex_lock(&t->lock);
	is_ready = tab->state == WALKTAB_READY;
	*ret = tab->place;
	pthread_mutex_unlock(&t->lock);
	return is_ready;
}

bool walktab_is_wanted(struct walktabs *t, const struct walktab *tab)
{
	bool is_wanted;

	pthread_mutex_lock(&t->lock);
	is_wanted = tab->state == WALKTAB_WANTED;
	pthread_mutex_unlock(&t->lock);
	return is_wanted;
}

// SPDX-License-Identifier: Apache-2.0
//
// A session leaves in two steps: when it has ended it is taken off the lists;
// it is given up by the loop once no pool runs a job of it.
#include "collector/table.h"

#include "collector/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void table_init(struct table *t)
{
	memset(t, 0, sizeof(*t));
	pthread_mutex_init(&t->lock, NULL);
	hmap_init(&t->by_pid);
	t->active_ns = pool_now_ns();
}

void table_fini(struct table *t)
{
	for (size_t i = 0; i < t->n_procs; i++)
		proc_unref(t->procs[i]);
	for (size_t i = 0; i < t->n_graves; i++)
		proc_unref(t->graves[i]);
	for (size_t i = 0; i < TABLE_ENDED_MAX; i++)
		table_free_ended(&t->ended[i]);
	free(t->procs);
	free(t->graves);
	hmap_fini(&t->by_pid);
	pthread_mutex_destroy(&t->lock);
}

// Room for one more among the procs, and for all of them among the graves, so
// that an end never needs memory.
static int reserve(struct table *t)
{
	void *procs, *graves;

	if (t->n_procs >= SESSIONS_MAX)
		return -EUSERS;
	procs = mem_grow(t->procs, &t->capacity, t->n_procs + 1,
			 sizeof(*t->procs));
	if (!procs)
		return -ENOMEM;
	t->procs = procs;
	graves = mem_grow(t->graves, &t->graves_capacity,
			  t->n_procs + t->n_graves + 1, sizeof(*t->graves));
	if (!graves)
		return -ENOMEM;
	t->graves = graves;
	return 0;
}

int table_add(struct table *t, struct proc *p)
{
	int err;

	pthread_mutex_lock(&t->lock);
	err = reserve(t);
	if (!err)
		err = hmap_put(&t->by_pid, p->pid, (uintptr_t)p);
	if (!err) {
		t->procs[t->n_procs++] = p;
		t->active_ns = pool_now_ns();
	}
	pthread_mutex_unlock(&t->lock);
	return err;
}

struct proc *table_find(struct table *t, uint32_t pid)
{
	struct proc *p = NULL;
	uint64_t *value;

	pthread_mutex_lock(&t->lock);
	value = hmap_get(&t->by_pid, pid);
	if (value)
		p = proc_ref((struct proc *)(uintptr_t)*value);
	pthread_mutex_unlock(&t->lock);
	return p;
}

struct proc **table_list(struct table *t, size_t *ret_n)
{
	struct proc **list;

	pthread_mutex_lock(&t->lock);
	list = mem_copy(t->procs, t->n_procs, sizeof(*list));
	*ret_n = list ? t->n_procs : 0;
	for (size_t i = 0; i < *ret_n; i++)
		proc_ref(list[i]);
	pthread_mutex_unlock(&t->lock);
	return list;
}

void table_unlist(struct proc **procs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		proc_unref(procs[i]);
	free(procs);
}

static void copy_texts(struct proc_texts *to, const struct proc_texts *from)
{
	for (size_t i = 0; i < from->n; i++)
		proc_add_text(to, strdup(from->list[i]), PROC_FILES_MAX);
}

static struct table_ended remember(struct proc *p)
{
	struct table_ended e = {.pid = p->pid};

	memcpy(e.comm, p->comm, sizeof(e.comm));
	proc_lock(p);
	copy_texts(&e.files, &p->files);
	copy_texts(&e.warnings, &p->warnings);
	proc_unlock(p);
	return e;
}

void table_free_ended(struct table_ended *e)
{
	proc_free_texts(&e->files);
	proc_free_texts(&e->warnings);
}

static void unlink_proc(struct table *t, struct proc *p)
{
	uint64_t *value = hmap_get(&t->by_pid, p->pid);

	if (value && *value == (uintptr_t)p)
		hmap_remove(&t->by_pid, p->pid, NULL);
	for (size_t i = 0; i < t->n_procs; i++)
		if (t->procs[i] == p) {
			t->procs[i] = t->procs[--t->n_procs];
			t->graves[t->n_graves++] = p;
			return;
		}
}

void table_end(struct table *t, struct proc *p)
{
	struct table_ended e = remember(p);
	struct table_ended *place;

	pthread_mutex_lock(&t->lock);
	place = &t->ended[t->n_ended++ % TABLE_ENDED_MAX];
	table_free_ended(place);
	*place = e;
	unlink_proc(t, p);
	t->active_ns = pool_now_ns();
	pthread_mutex_unlock(&t->lock);
}

struct proc *table_exhume(struct table *t)
{
	struct proc *found = NULL;

	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < t->n_graves && !found; i++) {
		struct proc *p = t->graves[i];

		if (!pool_is_idle(p->env->readers, &p->visit_job) ||
		    !pool_is_idle(p->env->writers, &p->write_job) ||
		    !pool_is_idle(p->env->starters, &p->start_job) ||
		    !pool_is_idle(p->env->makers, &p->attach_job))
			continue;
		found = p;
		t->graves[i] = t->graves[--t->n_graves];
	}
	pthread_mutex_unlock(&t->lock);
	return found;
}

static const struct table_ended *last_ended(const struct table *t, uint32_t pid)
{
	size_t n = t->n_ended < TABLE_ENDED_MAX ? t->n_ended : TABLE_ENDED_MAX;

	for (size_t i = 1; i <= n; i++) {
		const struct table_ended *e =
			&t->ended[(t->n_ended - i) % TABLE_ENDED_MAX];

		if (e->pid == pid)
			return e;
	}
	return NULL;
}

int table_get_ended(struct table *t, uint32_t pid, struct table_ended *ret)
{
	const struct table_ended *e = NULL;

	pthread_mutex_lock(&t->lock);
	if (!hmap_get(&t->by_pid, pid))
		e = last_ended(t, pid);
	if (e) {
		*ret = (struct table_ended){.pid = pid};
		memcpy(ret->comm, e->comm, sizeof(ret->comm));
		copy_texts(&ret->files, &e->files);
		copy_texts(&ret->warnings, &e->warnings);
	}
	pthread_mutex_unlock(&t->lock);
	return e ? 0 : -ENOENT;
}

size_t table_count(struct table *t)
{
	size_t n;

	pthread_mutex_lock(&t->lock);
	n = t->n_procs + t->n_graves;
	pthread_mutex_unlock(&t->lock);
	return n;
}

bool table_has_graves(struct table *t)
{
	bool has;

	pthread_mutex_lock(&t->lock);
	has = t->n_graves;
	pthread_mutex_unlock(&t->lock);
	return has;
}

bool table_has_ended(struct table *t)
{
	bool has;

	pthread_mutex_lock(&t->lock);
	has = t->n_ended;
	pthread_mutex_unlock(&t->lock);
	return has;
}

uint64_t table_region_bytes(struct table *t)
{
	uint64_t n = 0;

	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < t->n_procs; i++)
		n += atomic_load_explicit(&t->procs[i]->x_region_bytes,
					  memory_order_relaxed);
	pthread_mutex_unlock(&t->lock);
	return n;
}

void table_touch(struct table *t)
{
	pthread_mutex_lock(&t->lock);
	t->active_ns = pool_now_ns();
	pthread_mutex_unlock(&t->lock);
}

uint64_t table_active_ns(struct table *t)
{
	uint64_t ns;

	pthread_mutex_lock(&t->lock);
	ns = t->active_ns;
	pthread_mutex_unlock(&t->lock);
	return ns;
}

// SPDX-License-Identifier: Apache-2.0
//
// A large program takes seconds to symbolise; so the threads that write are not
// those that read rings.
#include "collector/dump.h"

#include "collector/keep.h"
#include "collector/log.h"
#include "collector/mem.h"
#include "collector/out.h"
#include "collector/own.h"
#include "collector/paths.h"
#include "collector/pprof.h"
#include "collector/take.h"
#include "proto/limits.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

struct proc_dump {
	struct proc_dump *next;
	struct dump dump;
	bool is_exit;
};

// A process's own profiles go with all others, once they have a name.
static bool is_wanted(const struct proc *p, uint32_t kinds, unsigned kind)
{
	if (!take_has_samples(p, kind))
		return false;
	return kind < KIND_N
		       ? kinds >> kind & 1
		       : kinds == (1u << KIND_N) - 1 &&
				 p->ingest.profiles.names[kind - KIND_N][0];
}

void dump_take(struct proc *p, uint32_t kinds, struct dump *ret)
{
	struct snap *s;

	if (!p->dir)
		dump_choose_dir(p);
	take_thread_names(p, true);
	for (unsigned kind = 0; kind < DUMP_KINDS_MAX; kind++) {
		if (!is_wanted(p, kinds, kind))
			continue;
		s = kind == KIND_INUSE ? take_aged(p) : take_snap(p, kind);
		if (s)
			ret->snaps[ret->n_snaps++] = s;
		else
			proc_warn(p, "no memory for a profile");
	}
}

void dump_free(struct dump *d)
{
	for (unsigned i = 0; i < d->n_snaps; i++)
		snap_free(d->snaps[i]);
	snap_free(d->since);
	d->since = NULL;
	d->n_snaps = 0;
}

static void fall_back(struct proc *p, int err)
{
	char path[64];

	if (paths_fallback(path, sizeof(path))) {
		proc_warn(p, "can't write to '%s': %s", p->dir, strerror(-err));
		return;
	}
	if (!strcmp(path, p->dir))
		return;
	proc_warn(p, "can't write to '%s': %s; profiles go to '%s'", p->dir,
		  strerror(-err), path);
	free(p->dir);
	p->dir = strdup(path);
}

void dump_choose_dir(struct proc *p)
{
	const struct paths_names names = {
		.pid = p->pid,
		.comm = p->comm,
		.start_time_ns = p->start_time_ns,
		.cwd = p->hello->cwd,
		.environment = (const char *const *)p->hello->environment,
		.n_environment = p->hello->n_environment,
	};
	const char *unset;
	size_t n;
	int err;

	p->dir = paths_expand(p->hello->dir, &names);
	if (p->dir && !paths_has_cwd(&names) && *p->hello->dir != '/')
		proc_warn(p,
			  "it began in no folder that has a name: profiles go "
			  "to '%s'",
			  p->dir);
	unset = p->dir ? paths_unset(p->hello->dir, &names, &n) : NULL;
	if (unset)
		proc_warn(p, "CPROF_DIR: %.*s is not set: profiles go to '%s'",
			  (int)n, unset, p->dir);
	err = p->dir ? out_check(p->dir) : 0;
	if (err)
		fall_back(p, err);
}

// Opens the folder of the files, or the one to fall back to.
static int open_out(struct proc *p, struct out *ret)
{
	char *dir;
	int err;

	for (int i = 0; i < 2; i++) {
		proc_lock(p);
		dir = p->dir ? strdup(p->dir) : NULL;
		proc_unlock(p);
		err = dir ? out_open(dir, p->comm, p->pid, ret) : -ENOMEM;
		free(dir);
		if (!err || i)
			break;
		proc_lock(p);
		if (p->dir)
			fall_back(p, err);
		proc_unlock(p);
	}
	return err;
}

// What another folder may not suffer from. In /proc, and where the folder was
// removed, a new file is ENOENT.
static bool is_of_folder(int err)
{
	return err == -ENOSPC || err == -EDQUOT || err == -EROFS ||
	       err == -EIO || err == -EACCES || err == -EPERM ||
	       err == -ENOENT || err == -ESTALE;
}

// After ERR: OUT becomes the folder to fall back to. False: there is none.
static bool move_out(struct proc *p, struct out *out, int err)
{
	struct out other;
	bool is_other;

	proc_lock(p);
	if (p->dir)
		fall_back(p, err);
	proc_unlock(p);
	if (open_out(p, &other))
		return false;
	is_other = strcmp(other.dir, out->dir) != 0;
	out_close(is_other ? out : &other);
	if (is_other)
		*out = other;
	return is_other;
}

static void fail(struct proc *p, const char *what, int err)
{
	log_error("process %u: can't write %s: %s", p->pid, what,
		  strerror(-err));
	proc_lock(p);
	proc_warn(p, "can't write %s to '%s': %s", what, p->dir ? p->dir : "",
		  strerror(-err));
	proc_unlock(p);
}

// Where the files of a dump go.
struct place {
	struct proc *p;
	struct out *out;
	const char *kind; // NULL: that of the snapshot
};

// Under the name gperftools would give it, if it was asked for.
static int write_gperf(struct proc *p, enum kind kind, const struct buf *b,
		       char **ret_path)
{
	char *path;
	int err;

	proc_lock(p);
	path = gperf_name(&p->gperf, p->hello, kind);
	proc_unlock(p);
	if (!path)
		return -ENOENT;
	err = out_write_to(path, b);
	if (err) {
		fail(p, path, err);
		free(path);
		return -ENOENT;
	}
	*ret_path = path;
	return 0;
}

static int write_snap(const struct place *at, struct snap *s, char **ret_path)
{
	const char *kind = at->kind ? at->kind : snap_kind(s)->name;
	struct buf b;
	int err;

	buf_init(&b);
	take_comments(s);
	err = pprof_write(s, &b);
	if (!err && write_gperf(at->p, (enum kind)s->kind, &b, ret_path)) {
		err = out_write(at->out, kind, &b, ret_path);
		if (is_of_folder(err) && move_out(at->p, at->out, err))
			err = out_write(at->out, kind, &b, ret_path);
	}
	buf_fini(&b);
	return err;
}

static void add_file(struct proc *p, char *path, struct proc_texts *ret)
{
	log_info("process %u: wrote '%s'", p->pid, path);
	if (ret)
		proc_add_text(ret, strdup(path), PROC_FILES_MAX);
	proc_lock(p);
	proc_add_text(&p->files, path, PROC_FILES_MAX);
	proc_unlock(p);
}

// All of them first: rows stay where they are until each is copied, and to
// write one takes long.
static void finish_all(struct proc *p, struct dump *d)
{
	for (unsigned i = 0; i < d->n_snaps; i++)
		take_finish(p, d->snaps[i]);
	take_finish(p, d->since);
}

int dump_write(struct proc *p, struct dump *d, struct proc_texts *ret)
{
	struct out out;
	const struct place at = {p, &out, d->peak_bytes > 0 ? "peak" : NULL};
	int first_err = 0;
	int err;

	if (!d->n_snaps)
		return 0;
	finish_all(p, d);
	err = open_out(p, &out);
	if (err) {
		fail(p, "profiles", err);
		return err;
	}
	for (unsigned i = 0; i < d->n_snaps; i++) {
		char *path;

		err = 0;
		if (d->since && i + 1 == d->n_snaps)
			err = snap_subtract(d->snaps[i], d->since);
		if (!err)
			err = write_snap(&at, d->snaps[i], &path);
		if (!err) {
			add_file(p, path, ret);
			continue;
		}
		fail(p, snap_kind(d->snaps[i])->name, err);
		if (!first_err)
			first_err = err;
	}
	out_close(&out);
	return first_err;
}

int dump_post(struct proc *p, struct dump *d, bool is_exit)
{
	struct proc_dump *pd = calloc(1, sizeof(*pd));
	struct proc_dump **end = &p->dumps;

	if (!pd) {
		dump_free(d);
		return -ENOMEM;
	}
	pd->dump = *d;
	pd->is_exit = is_exit;
	while (*end)
		end = &(*end)->next;
	*end = pd;
	if (!pool_post(p->env->writers, &p->write_job, POOL_NOW))
		return 0;
	*end = NULL;
	dump_free(&pd->dump);
	free(pd);
	return -ENOMEM;
}

bool dump_is_full(const struct proc *p)
{
	unsigned n = 0;

	for (const struct proc_dump *d = p->dumps; d; d = d->next)
		n++;
	return n >= DUMPS_MAX;
}

// Whoever goes on elsewhere says there what was not said here.
static void close_region(struct proc *p, bool is_written)
{
	struct region_control *c = p->region->control;

	for (int i = 0; is_written && i < COUNTER_N; i++)
		atomic_store_explicit(&c->x_said[i], p->closed_counters[i],
				      memory_order_relaxed);
	if (is_written)
		atomic_store_explicit(&c->x_said[COUNTER_PUSHED],
				      own_n_settled(p), memory_order_relaxed);
	// Pairs with the shim's acquire.
	atomic_store_explicit(&c->x_closed, 1, memory_order_release);
}

void dump_announce(struct proc *p, bool is_written)
{
	const char done = 1;
	struct region_control *c;

	p->exit = PROC_WRITTEN;
	if (!p->region) {
		// A process that has gone needs no word.
		if (p->stream_fd >= 0)
			(void)send(p->stream_fd, &done, 1,
				   MSG_DONTWAIT | MSG_NOSIGNAL);
		return;
	}
	if (p->is_closed) {
		close_region(p, is_written);
		return;
	}
	c = p->region->control;
	// Pairs with the shim's acquire: the files are there.
	atomic_store_explicit(&c->x_written, 1, memory_order_release);
	(void)syscall(SYS_futex, &c->x_written, FUTEX_WAKE, INT_MAX, NULL, NULL,
		      0);
}

static struct proc_dump *next_dump(struct proc *p)
{
	struct proc_dump *pd;

	proc_lock(p);
	pd = p->dumps;
	if (pd)
		p->dumps = pd->next;
	p->is_writing = pd != NULL;
	proc_unlock(p);
	return pd;
}

static int write_posted(struct proc *p, struct dump *d)
{
	struct proc_texts files = {0};
	// It stands among the session's warnings as well.
	int err = dump_write(p, d, &files);

	if (d->is_regular && files.n)
		keep_add(p, &files, d->peak_bytes);
	proc_free_texts(&files);
	return err;
}

uint64_t dump_job(void *context)
{
	struct proc *p = context;
	struct proc_dump *pd;
	int err;

	ASSERT(p->magic == PROC_MAGIC);
	while ((pd = next_dump(p))) {
		err = write_posted(p, &pd->dump);
		dump_free(&pd->dump);
		if (pd->is_exit) {
			proc_lock(p);
			dump_announce(p, !err);
			proc_unlock(p);
		}
		free(pd);
	}
	// The session may have waited for this to be over.
	proc_poke(p);
	return POOL_NEVER;
}

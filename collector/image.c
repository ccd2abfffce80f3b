// SPDX-License-Identifier: Apache-2.0
//
// What maps shows at one moment becomes images that last: a stack holds on to
// the image it was captured in, whatever is loaded at that address afterwards.
#include "collector/image.h"

#include "collector/elf_file.h"
#include "collector/lives.h"
#include "collector/maps.h"
#include "collector/perfmap.h"
#include "proto/limits.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// An image and where it came from: the same mapping seen again is the same
// image.
struct known {
	struct image *im;
	uint64_t dev;
	uint64_t inode;
	bool is_used; // stacks have led, or will lead, through it
};

struct images {
	int maps_fd;
	struct maps_process process;
	struct perfmap *jit; // NULL: no memory for it
	uint64_t program_start;
	uint64_t main_dev; // the main program's file, 0 until known
	uint64_t main_inode;
	struct known *known; // known[id - 1]
	uint32_t n_known;
	uint32_t capacity;
	uint32_t epoch;
	uint64_t file_bytes; // held by the files of all images
	uint64_t n_refused;
	uint32_t n_unload_misses; // files of unloaded images that can't be had
	uint64_t changes;
	struct lives lives;
};

static const char *const pseudo_names[] = {
	[FRAME_TRUNCATED] = "[truncated]",
	[FRAME_UNKNOWN] = "[unknown]",
	[FRAME_SIGNAL_BLOCKED] = "[signal blocked]",
	[FRAME_OVERFLOW] = "[too many stacks]",
	[FRAME_UNASKED] = "[not interrupted]",
};
_Static_assert(sizeof(pseudo_names) / sizeof(*pseudo_names) == FRAME_PSEUDO_N,
	       "a name for each");

const char *frame_pseudo_name(enum frame_pseudo pseudo)
{
	if ((unsigned)pseudo >= FRAME_PSEUDO_N)
		pseudo = FRAME_UNKNOWN;
	return pseudo_names[pseudo];
}

struct image *image_ref(struct image *im)
{
	// Relaxed: the caller holds a reference already.
	atomic_fetch_add_explicit(&im->x_n_refs, 1, memory_order_relaxed);
	return im;
}

void image_unref(struct image *im)
{
	// Release: what this thread read of it comes before another's free;
	// acquire: pairs with the others' releases.
	if (!im || atomic_fetch_sub_explicit(&im->x_n_refs, 1,
					     memory_order_acq_rel) != 1)
		return;
	elf_file_unref(im->file);
	perfmap_unref(im->jit);
	free(im->path);
	free(im);
}

static bool is_called(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');

	return !strncmp(slash ? slash + 1 : path, name, strlen(name));
}

// All stacks lead through these: nobody need have seen one.
static bool is_always_used(const struct image *im)
{
	return im->is_main || im->is_shim || is_called(im->path, "libc.so");
}

// Takes over FILE, which may be NULL.
static struct image *new_image(const struct maps_entry *e,
			       struct elf_file *file)
{
	struct image *im = calloc(1, sizeof(*im));

	if (im)
		im->path = strdup(e->path[0] ? e->path : "//anon");
	if (!im || !im->path) {
		free(im);
		elf_file_unref(file);
		return NULL;
	}
	atomic_init(&im->x_n_refs, 1);
	im->start = e->start;
	im->limit = e->limit;
	im->file_offset = e->file_offset;
	im->is_shim = is_called(im->path, "libcprof.so");
	if (file &&
	    elf_file_bias(file, e->start, e->file_offset, &im->bias) < 0) {
		elf_file_unref(file);
		file = NULL;
	}
	im->file = file;
	if (file)
		memcpy(im->build_id, file->build_id, sizeof(im->build_id));
	return im;
}

static int reserve(struct images *ims)
{
	uint32_t capacity = ims->capacity ? 2 * ims->capacity : 64;
	struct known *known;

	if (ims->n_known < ims->capacity)
		return 0;
	known = realloc(ims->known, capacity * sizeof(*known));
	if (!known)
		return -1;
	ims->known = known;
	ims->capacity = capacity;
	return 0;
}

static bool is_full(struct images *ims)
{
	bool is = ims->n_known >= IMAGES_MAX;

	ims->n_refused += is;
	return is;
}

static bool has_file(const struct images *ims, const struct elf_file *file)
{
	for (uint32_t i = ims->n_known; i > 0; i--)
		if (ims->known[i - 1].im->file == file)
			return true;
	return false;
}

// FILE, or NULL when the process's images take up too much already: files are
// the process's choice, and their tables are kept in memory.
static struct elf_file *take_share(struct images *ims, struct elf_file *file)
{
	if (!file || has_file(ims, file))
		return file;
	if (ims->file_bytes + file->cfi_bytes > IMAGES_MAX_BYTES) {
		ims->n_refused++;
		elf_file_unref(file);
		return NULL;
	}
	ims->file_bytes += file->cfi_bytes;
	return file;
}

// Enters the image of mapping E with its FILE, which is taken over. Returns its
// id, or 0 when there is no room.
static uint32_t enter(struct images *ims, const struct maps_entry *e,
		      struct elf_file *file)
{
	struct image *im;

	if (is_full(ims) || reserve(ims) < 0) {
		elf_file_unref(file);
		return 0;
	}
	im = new_image(e, take_share(ims, file));
	if (!im)
		return 0;
	if (!im->file && ims->jit)
		im->jit = perfmap_ref(ims->jit);
	im->is_main = e->inode && e->dev == ims->main_dev &&
		      e->inode == ims->main_inode;
	ims->known[ims->n_known] = (struct known){
		.im = im,
		.dev = e->dev,
		.inode = e->inode,
		.is_used = is_always_used(im),
	};
	return ++ims->n_known;
}

static bool is_same_mapping(const struct known *k, const struct maps_entry *e)
{
	const struct image *im = k->im;

	return im->start == e->start && im->limit == e->limit &&
	       im->file_offset == e->file_offset && k->dev == e->dev &&
	       k->inode == e->inode &&
	       !strcmp(im->path, e->path[0] ? e->path : "//anon");
}

static uint32_t find_known(const struct images *ims, const struct maps_entry *e)
{
	for (uint32_t i = ims->n_known; i > 0; i--)
		if (is_same_mapping(&ims->known[i - 1], e))
			return i;
	return 0;
}

// The main program is the file mapped at program_start, else what the kernel
// calls the process's exe.
static void find_main(struct images *ims, const struct maps *m)
{
	char name[64];
	struct stat st;

	for (size_t i = 0; i < m->n_entries; i++) {
		const struct maps_entry *e = &m->entries[i];
		if (e->inode && ims->program_start >= e->start &&
		    ims->program_start < e->limit) {
			ims->main_dev = e->dev;
			ims->main_inode = e->inode;
			return;
		}
	}
	snprintf(name, sizeof(name), "/proc/%u/exe", ims->process.pid);
	if (stat(name, &st) == 0) {
		ims->main_dev = st.st_dev;
		ims->main_inode = st.st_ino;
	}
}

static void see(struct images *ims, const struct maps_entry *e,
		uint32_t generation)
{
	struct life *life = lives_at(&ims->lives, e->start, e->limit);
	struct life fresh = {
		.start = e->start,
		.limit = e->limit,
		.first_seen = generation,
		.last_seen = generation,
		.until = LIFE_OPEN,
	};

	if (life && is_same_mapping(&ims->known[life->image - 1], e)) {
		lives_keep(life, generation);
		return;
	}
	fresh.image = find_known(ims, e);
	// Opening a file for nothing, again and again, would cost too much.
	if (!fresh.image && !is_full(ims))
		fresh.image = enter(ims, e, maps_open(&ims->process, e));
	// Without room or memory its addresses are in no image.
	if (fresh.image)
		(void)lives_add(&ims->lives, &fresh);
}

void images_refresh(struct images *ims, uint32_t generation)
{
	struct maps m;

	// A process that is gone reads empty: what is known stays.
	if (maps_read(ims->maps_fd, &m) < 0)
		return;
	if (m.n_entries > 0) {
		if (!ims->main_inode)
			find_main(ims, &m);
		lives_begin(&ims->lives);
		for (size_t i = 0; i < m.n_entries; i++)
			see(ims, &m.entries[i], generation);
		if (lives_end(&ims->lives) > 0)
			ims->epoch++;
		ims->changes++;
		if (ims->jit)
			perfmap_open(ims->jit);
	}
	maps_fini(&m);
}

struct images *images_new(int maps_fd, uint32_t pid, uint64_t program_start)
{
	struct images *ims = calloc(1, sizeof(*ims));

	if (!ims) {
		close(maps_fd);
		return NULL;
	}
	ims->maps_fd = maps_fd;
	ims->process.pid = pid;
	ims->jit = perfmap_new(pid);
	ims->program_start = program_start;
	images_refresh(ims, 0);
	return ims;
}

void images_free(struct images *ims)
{
	if (!ims)
		return;
	for (uint32_t i = 0; i < ims->n_known; i++)
		image_unref(ims->known[i].im);
	perfmap_unref(ims->jit);
	lives_fini(&ims->lives);
	free(ims->known);
	close(ims->maps_fd);
	free(ims);
}

// Adds what FILE, loaded with BIAS, had mapped executable.
static void add_unloaded(struct images *ims, struct elf_file *file,
			 struct maps_entry *e, struct life *life)
{
	uint64_t bias = life->start;

	for (uint32_t i = 0; i < file->n_segments; i++) {
		const struct elf_segment *s = &file->segments[i];
		if (!s->is_exec)
			continue;
		e->start = (bias + s->vaddr) & ~4095ull;
		e->limit = (bias + s->vaddr + s->mem_bytes + 4095) & ~4095ull;
		e->file_offset = s->file_offset & ~4095ull;
		if (e->start >= e->limit)
			continue;
		life->start = e->start;
		life->limit = e->limit;
		life->image = find_known(ims, e);
		if (!life->image)
			life->image = enter(ims, e, elf_file_ref(file));
		if (life->image)
			(void)lives_add_closed(&ims->lives, life);
	}
}

// Ends the lives of the images of PATH at BIAS. The loader's name of a library
// may be a symbolic link where maps has the file: FILE, unless NULL, settles
// it.
static bool end_lives(struct images *ims, const char *path, uint64_t bias,
		      const struct elf_file *file, uint32_t generation)
{
	bool is_found = false;

	for (uint32_t i = 0; i < ims->n_known; i++) {
		const struct image *im = ims->known[i].im;
		if (im->file && im->bias == bias &&
		    (file ? im->file == file : !strcmp(im->path, path)))
			is_found |=
				lives_unload(&ims->lives, i + 1, generation);
	}
	return is_found;
}

// A process may name any number of files, and each costs an open().
static struct elf_file *open_unloaded(struct images *ims, const char *path)
{
	struct elf_file *file;

	if (is_full(ims))
		return NULL;
	if (ims->n_unload_misses >= IMAGES_MAX) {
		ims->n_refused++;
		return NULL;
	}
	file = maps_open_path(&ims->process, path);
	ims->n_unload_misses += !file;
	return file;
}

void images_unloaded(struct images *ims, const char *path, uint64_t bias,
		     uint32_t generation)
{
	// Until the dlclose is through: its destructors are sampled too.
	uint32_t until = generation | 1;
	struct life life = {
		.start = bias,
		.until = until,
		.last_seen = generation,
		.is_exact = true,
	};
	struct elf_file *file = NULL;
	struct maps_entry e = {.path = path};

	// As a rule the name is known, and the file with it.
	if (!end_lives(ims, path, bias, NULL, until))
		file = open_unloaded(ims, path);
	if (file && !end_lives(ims, path, bias, file, until)) {
		e.dev = file->identity.dev;
		e.inode = file->identity.inode;
		add_unloaded(ims, file, &e, &life);
		ims->epoch++;
	}
	elf_file_unref(file);
	ims->changes++;
}

void images_use(struct images *ims, uint32_t id)
{
	struct known *k = &ims->known[id - 1];

	if (k->is_used)
		return;
	k->is_used = true;
	ims->changes++;
}

uint64_t images_changes(const struct images *ims)
{
	return ims->changes;
}

uint32_t images_mapped(const struct images *ims, uint32_t max,
		       struct image **ret)
{
	uint32_t n = 0;

	for (size_t i = 0; i < ims->lives.n_open && n < max; i++) {
		const struct life *life = &ims->lives.open[i];
		const struct known *k = &ims->known[life->image - 1];

		if (life->until == LIFE_OPEN && k->is_used)
			ret[n++] = k->im;
	}
	return n;
}

uint32_t images_find(struct images *ims, uint64_t addr, uint32_t generation)
{
	return lives_find(&ims->lives, addr, generation);
}

struct image *images_get(const struct images *ims, uint32_t id)
{
	return ims->known[id - 1].im;
}

uint32_t images_count(const struct images *ims)
{
	return ims->n_known;
}

uint64_t images_refused(const struct images *ims)
{
	return ims->n_refused;
}

uint32_t images_epoch(const struct images *ims)
{
	return ims->epoch;
}

// SPDX-License-Identifier: Apache-2.0
//
// Naming an address takes microseconds to milliseconds, and every profile names
// the same ones again: answers are kept by (build-id, address in the file), for
// all processes and for programs that come back. Names that could not be found
// are answers too. A few files' debug information stays open, the rest is
// opened again when needed.
#include "collector/sym.h"

#include "collector/debuginfo.h"
#include "collector/demangle.h"
#include "collector/elf_file.h"
#include "collector/fetch.h"
#include "collector/names.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Answers kept (about 100 MiB when full); then all are forgotten.
#define ANSWERS_MAX (1u << 19)
#define ANSWERS_MIN 1024u
// What is being fetched from the network is waited for so long, by a profile
// that could use it; the next one has it.
#define FETCH_WAIT_MS 2000
// Debug information of this many files is open at a time.
#define OPEN_MAX 32u

struct answer {
	const void *file; // the kept build-id, or the file's number as one
	uint64_t vaddr;
	struct sym_line *lines;
	uint32_t n_lines;
	bool is_used;
};

struct open_file {
	struct elf_file *file;	// a reference
	struct debuginfo *info; // NULL: it has none, don't try again
	uint64_t last_use;
	bool is_awaited; // its debug file is being fetched
};

// One lock for all of this module: libdw wants it. Rank: above the registry of
// elf_file.
static pthread_mutex_t sym_lock = PTHREAD_MUTEX_INITIALIZER;
static struct answer *answers; // open addressing, at most half full
static uint32_t n_answers, answers_capacity;
static struct open_file open_files[OPEN_MAX];
static uint64_t use_count;

static const void *file_key(const struct elf_file *f)
{
	if (f->build_id[0])
		return names_keep(f->build_id);
	return (const void *)(uintptr_t)f->serial;
}

static uint32_t find_slot(const struct answer *table, uint32_t capacity,
			  const void *file, uint64_t vaddr)
{
	uint64_t h =
		((uint64_t)(uintptr_t)file ^ vaddr) * 0x9e3779b97f4a7c15ull;
	uint32_t at = (uint32_t)(h >> 32) & (capacity - 1);

	while (table[at].is_used &&
	       (table[at].file != file || table[at].vaddr != vaddr))
		at = (at + 1) & (capacity - 1);
	return at;
}

static void forget_answers(void)
{
	for (uint32_t i = 0; i < answers_capacity; i++)
		free(answers[i].lines);
	memset(answers, 0, answers_capacity * sizeof(*answers));
	n_answers = 0;
}

static int grow_answers(void)
{
	uint32_t capacity = answers ? 2 * answers_capacity : ANSWERS_MIN;
	struct answer *more;

	if (n_answers >= ANSWERS_MAX) {
		forget_answers();
		return 0;
	}
	more = calloc(capacity, sizeof(*more));
	if (!more)
		return -1;
	for (uint32_t i = 0; i < answers_capacity; i++) {
		const struct answer *a = &answers[i];
		if (a->is_used)
			more[find_slot(more, capacity, a->file, a->vaddr)] = *a;
	}
	free(answers);
	answers = more;
	answers_capacity = capacity;
	return 0;
}

static void keep_answer(const void *file, uint64_t vaddr,
			const struct sym_line *lines, uint32_t n_lines)
{
	struct answer a = {
		.file = file,
		.vaddr = vaddr,
		.n_lines = n_lines,
		.is_used = true,
	};

	if (2 * (n_answers + 1) > answers_capacity && grow_answers() < 0)
		return;
	if (n_lines > 0) {
		a.lines = malloc(n_lines * sizeof(*lines));
		if (!a.lines)
			return;
		memcpy(a.lines, lines, n_lines * sizeof(*lines));
	}
	answers[find_slot(answers, answers_capacity, file, vaddr)] = a;
	n_answers++;
}

static const struct answer *find_answer(const void *file, uint64_t vaddr)
{
	const struct answer *a;

	if (!answers)
		return NULL;
	a = &answers[find_slot(answers, answers_capacity, file, vaddr)];
	return a->is_used ? a : NULL;
}

// Where a file has no DWARF on this machine: asks whether it was fetched.
static void try_fetched(struct open_file *o)
{
	int fd = fetch_debuginfo(o->file->build_id);
	struct debuginfo *more;

	o->is_awaited = fd == -EAGAIN;
	if (fd < 0)
		return;
	more = debuginfo_new(o->file, fd);
	close(fd);
	if (!more)
		return;
	debuginfo_free(o->info);
	o->info = more;
}

// The open entry of FILE, in place of the least recently used one if need be.
static struct open_file *open_file(struct elf_file *file)
{
	struct open_file *oldest = &open_files[0];

	for (unsigned i = 0; i < OPEN_MAX; i++) {
		struct open_file *o = &open_files[i];
		if (o->file == file) {
			o->last_use = ++use_count;
			if (o->is_awaited)
				try_fetched(o);
			return o;
		}
		if (o->last_use < oldest->last_use)
			oldest = o;
	}
	debuginfo_free(oldest->info);
	elf_file_unref(oldest->file);
	oldest->file = elf_file_ref(file);
	oldest->info = debuginfo_new(file, -1);
	oldest->last_use = ++use_count;
	oldest->is_awaited = false;
	if (!oldest->info || !debuginfo_has_dwarf(oldest->info))
		try_fetched(oldest);
	return oldest;
}

// The path of FROM's file, absolute where it can be.
static const char *keep_path(const struct scopes_line *from)
{
	char path[PATH_MAX];

	if (!from->folder || !from->file)
		return names_keep(from->file);
	if (snprintf(path, sizeof(path), "%s/%s", from->folder, from->file) >=
	    (int)sizeof(path))
		return names_keep(from->file);
	return names_keep(path);
}

static void convert(const struct scopes_line *from, struct sym_line *ret_to)
{
	const char *system_name = from->linkage ? from->linkage : from->name;
	char *readable = demangle(system_name);

	ret_to->system_name = names_keep(system_name);
	ret_to->name = names_keep(readable ? readable : from->name);
	ret_to->file = keep_path(from);
	ret_to->line = from->line;
	ret_to->start_line = from->start_line;
	free(readable);
}

static uint32_t look_up(struct elf_file *file, const void *key, uint64_t vaddr,
			struct sym_line *ret_lines)
{
	struct scopes_line lines[SYM_INLINE_MAX];
	struct open_file *open;
	uint32_t n = 0;

	// libelf maps the file: one that was written to since must not be
	// touched (SIGBUS), nor believed.
	if (elf_file_check(file) < 0)
		return 0;
	open = open_file(file);
	if (open->info)
		n = debuginfo_lines(open->info, vaddr, SYM_INLINE_MAX, lines);
	for (uint32_t i = 0; i < n; i++) {
		if (!lines[i].name)
			lines[i].name = "[inlined]";
		convert(&lines[i], &ret_lines[i]);
	}
	if (!open->is_awaited)
		keep_answer(key, vaddr, ret_lines, n);
	return n;
}

uint32_t sym_lookup(const struct image *im, uint64_t addr,
		    struct sym_line *ret_lines)
{
	uint64_t vaddr = addr - im->bias;
	const struct answer *a;
	const void *key;
	uint32_t n;

	if (!im->file)
		return 0;
	pthread_mutex_lock(&sym_lock);
	key = file_key(im->file);
	a = find_answer(key, vaddr);
	if (a) {
		n = a->n_lines;
		if (n > 0)
			memcpy(ret_lines, a->lines, n * sizeof(*ret_lines));
	} else {
		n = look_up(im->file, key, vaddr, ret_lines);
	}
	pthread_mutex_unlock(&sym_lock);
	return n;
}

void sym_fetch(struct image *const *images, const struct frame *frames,
	       size_t n_frames, uint32_t n_images)
{
	struct sym_line lines[SYM_INLINE_MAX];

	if (!fetch_is_on())
		return;
	for (size_t i = 0; i < n_frames; i++)
		if (frames[i].image > 0 && frames[i].image <= n_images)
			(void)sym_lookup(images[frames[i].image - 1],
					 frames[i].addr, lines);
	fetch_wait(FETCH_WAIT_MS);
}

// SPDX-License-Identifier: Apache-2.0
//
// pprof wants each address once as a location. Every location has a line, so a
// mapping in which any symbol was found claims has_functions: `go tool pprof`
// would otherwise put its own names, poorer ones, in place of all of them. One
// in which none was found claims nothing, so that a tool with better symbols
// may try.
#include "collector/locs.h"

#include "collector/cfi.h"
#include "collector/elf_file.h"
#include "collector/perfmap.h"
#include "collector/sym.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/profile.pb-c.h"

#define SLOTS_MIN  1024u
#define NAME_BYTES 512u // of what is named by no symbol

// A table of messages that grows; items[i] has id i + 1.
struct table {
	void **items;
	size_t n;
	size_t capacity;
};

// Ids of a table by hash: open addressing, at most half full. Who looks
// something up compares the items.
struct slots {
	uint32_t *ids;
	uint32_t n;
};

// A location with what only the tables need to know of it.
struct place {
	struct Perftools__Profiles__Location message;
	struct frame frame;
	bool is_allocator;
};

struct locs {
	struct arena *arena;
	struct strtab *strings;
	struct image *const *images;
	uint32_t n_images;
	uint64_t *mapping_ids; // of images[i], 0 = none yet
	struct table mappings;
	struct table places;
	struct table functions;
	struct slots place_slots;
	struct slots function_slots;
};

static const char *const allocators[] = {
	"malloc",	   "calloc",	    "realloc",	      "reallocarray",
	"posix_memalign",  "aligned_alloc", "memalign",	      "valloc",
	"pvalloc",	   "__libc_malloc", "__libc_calloc",  "__libc_realloc",
	"__libc_memalign", "__libc_valloc", "__libc_pvalloc", "_Znwm",
	"_Znam",
};

static bool is_allocator(const char *name)
{
	if (!strncmp(name, "operator new", strlen("operator new")))
		return true;
	for (size_t i = 0; i < sizeof(allocators) / sizeof(*allocators); i++)
		if (!strcmp(name, allocators[i]))
			return true;
	return false;
}

// Appends ITEM; returns its id, 0 when there is no memory.
static uint64_t add_item(struct locs *l, struct table *t, void *item)
{
	size_t capacity = t->capacity ? 2 * t->capacity : 64;
	void **items;

	if (!item)
		return 0;
	if (t->n == t->capacity) {
		items = realloc(t->items, capacity * sizeof(*items));
		if (!items) {
			l->arena->error = -ENOMEM;
			return 0;
		}
		t->items = items;
		t->capacity = capacity;
	}
	t->items[t->n++] = item;
	return t->n;
}

static uint32_t mix(uint64_t a, uint64_t b)
{
	uint64_t h = (a ^ b * 0xbf58476d1ce4e5b9ull) * 0x9e3779b97f4a7c15ull;

	return (uint32_t)(h >> 32);
}

static uint32_t hash_place(const void *item)
{
	const struct place *p = item;

	return mix(p->frame.addr, p->frame.image);
}

static uint32_t hash_function(const void *item)
{
	const struct Perftools__Profiles__Function *f = item;

	return mix((uint64_t)f->name << 32 ^ (uint64_t)f->filename,
		   (uint64_t)f->system_name << 32 ^ (uint64_t)f->start_line);
}

// Makes room for one more id of table T.
static int grow_slots(struct locs *l, struct slots *s, const struct table *t,
		      uint32_t (*hash)(const void *))
{
	uint32_t n = s->n ? 2 * s->n : SLOTS_MIN;
	uint32_t *ids;

	if (2 * (t->n + 1) <= s->n)
		return 0;
	ids = calloc(n, sizeof(*ids));
	if (!ids) {
		l->arena->error = -ENOMEM;
		return -ENOMEM;
	}
	for (size_t i = 0; i < t->n; i++) {
		uint32_t at = hash(t->items[i]) & (n - 1);
		while (ids[at])
			at = (at + 1) & (n - 1);
		ids[at] = (uint32_t)i + 1;
	}
	free(s->ids);
	s->ids = ids;
	s->n = n;
	return 0;
}

static bool is_same_function(const struct Perftools__Profiles__Function *a,
			     const struct Perftools__Profiles__Function *b)
{
	return a->name == b->name && a->system_name == b->system_name &&
	       a->filename == b->filename && a->start_line == b->start_line;
}

static uint64_t function_id(struct locs *l, const struct sym_line *s)
{
	struct Perftools__Profiles__Function like, *f;
	uint32_t at;

	perftools__profiles__function__init(&like);
	like.name = strtab_index(l->strings, s->name);
	like.system_name = strtab_index(l->strings, s->system_name);
	like.filename = strtab_index(l->strings, s->file);
	like.start_line = s->start_line;
	if (grow_slots(l, &l->function_slots, &l->functions, hash_function) < 0)
		return 0;
	at = hash_function(&like) & (l->function_slots.n - 1);
	for (; l->function_slots.ids[at];
	     at = (at + 1) & (l->function_slots.n - 1)) {
		f = l->functions.items[l->function_slots.ids[at] - 1];
		if (is_same_function(f, &like))
			return f->id;
	}
	f = arena_get(l->arena, 1, sizeof(*f));
	if (!f)
		return 0;
	*f = like;
	f->id = add_item(l, &l->functions, f);
	l->function_slots.ids[at] = (uint32_t)f->id;
	return f->id;
}

static struct Perftools__Profiles__Mapping *add_mapping(struct locs *l,
							const char *path)
{
	struct Perftools__Profiles__Mapping *m =
		arena_get(l->arena, 1, sizeof(*m));

	if (!m)
		return NULL;
	perftools__profiles__mapping__init(m);
	m->filename = strtab_index(l->strings, path);
	// These hold until a named location breaks them, and count only where
	// there is one (has_functions).
	m->has_filenames = true;
	m->has_line_numbers = true;
	m->has_inline_frames = true;
	m->id = add_item(l, &l->mappings, m);
	return m->id ? m : NULL;
}

static uint64_t mapping_id(struct locs *l, uint32_t image)
{
	const struct image *im = l->images[image - 1];
	struct Perftools__Profiles__Mapping *m;

	if (l->mapping_ids[image - 1])
		return l->mapping_ids[image - 1];
	m = add_mapping(l, im->path);
	if (!m)
		return 0;
	m->memory_start = im->start;
	m->memory_limit = im->limit;
	m->file_offset = im->file_offset;
	m->build_id = strtab_index(l->strings, im->build_id);
	l->mapping_ids[image - 1] = m->id;
	return m->id;
}

// Mapping 1: the main program's, the lowest if it has several.
static void add_main(struct locs *l, const char *comm)
{
	uint32_t main = 0;

	for (uint32_t i = 1; i <= l->n_images; i++)
		if (l->images[i - 1]->is_main &&
		    (!main ||
		     l->images[i - 1]->start < l->images[main - 1]->start))
			main = i;
	if (main)
		(void)mapping_id(l, main); // an error sticks in the arena
	else
		(void)add_mapping(l, comm);
}

struct locs *locs_new(struct arena *arena, struct strtab *strings,
		      struct image *const *images, uint32_t n_images,
		      const char *comm)
{
	struct locs *l = arena_get(arena, 1, sizeof(*l));

	if (!l)
		return NULL;
	l->arena = arena;
	l->strings = strings;
	l->images = images;
	l->n_images = n_images;
	l->mapping_ids =
		arena_get(arena, n_images + 1, sizeof(*l->mapping_ids));
	if (!l->mapping_ids)
		return NULL;
	add_main(l, comm);
	return l;
}

void locs_free(struct locs *l)
{
	if (!l)
		return;
	free(l->mappings.items);
	free(l->places.items);
	free(l->functions.items);
	free(l->place_slots.ids);
	free(l->function_slots.ids);
}

static void set_lines(struct locs *l, struct place *p,
		      const struct sym_line *symbols, uint32_t n)
{
	struct Perftools__Profiles__Line *lines;

	p->message.line = arena_get(l->arena, n, sizeof(*p->message.line));
	lines = arena_get(l->arena, n, sizeof(*lines));
	if (!p->message.line || !lines)
		return;
	for (uint32_t i = 0; i < n; i++) {
		perftools__profiles__line__init(&lines[i]);
		lines[i].function_id = function_id(l, &symbols[i]);
		lines[i].line = symbols[i].line;
		p->message.line[i] = &lines[i];
	}
	p->message.n_line = n;
	p->is_allocator = is_allocator(symbols[n - 1].name);
}

// Where the function at VADDR begins, as the CFI has it; else VADDR.
static uint64_t function_start(const struct elf_file *file, uint64_t vaddr)
{
	struct cfi_function f;
	uint64_t first;
	uint32_t index;

	if (cfi_find(file, vaddr, &index) < 0 ||
	    cfi_open(file, index, &first, &f) < 0 ||
	    vaddr - f.vaddr >= f.n_bytes)
		return vaddr;
	return f.vaddr;
}

// A frame without a symbol gets the name of its file and where its function
// begins in it, so that one function is one name; else its own address.
static void name_unknown(const struct image *im, uint64_t addr, char *ret_name,
			 size_t n_bytes)
{
	const char *slash = strrchr(im->path, '/');
	uint64_t offset = im->file ? function_start(im->file, addr - im->bias)
				   : addr - im->start + im->file_offset;

	if (!strcmp(im->path, "//anon"))
		snprintf(ret_name, n_bytes, "[anon]");
	else
		snprintf(ret_name, n_bytes, "%s+%#lx",
			 slash ? slash + 1 : im->path, offset);
}

static void set_name(struct locs *l, struct place *p, const char *name)
{
	struct sym_line symbol = {
		.name = name,
		.system_name = name,
		.file = "",
	};

	set_lines(l, p, &symbol, 1);
}

static void name_mapped(struct locs *l, struct place *p)
{
	const struct image *im = l->images[p->frame.image - 1];
	struct Perftools__Profiles__Mapping *m;
	struct sym_line symbols[SYM_INLINE_MAX];
	uint32_t n = sym_lookup(im, p->frame.addr, symbols);
	char name[NAME_BYTES];

	p->message.mapping_id = mapping_id(l, p->frame.image);
	if (!p->message.mapping_id)
		return;
	m = l->mappings.items[p->message.mapping_id - 1];
	if (im->jit &&
	    perfmap_find(im->jit, p->frame.addr, name, sizeof(name))) {
		set_name(l, p, name);
		m->has_functions = true;
		m->has_filenames = false;
		m->has_line_numbers = m->has_inline_frames = false;
		return;
	}
	if (n == 0) {
		name_unknown(im, p->frame.addr, name, sizeof(name));
		set_name(l, p, name);
		return;
	}
	set_lines(l, p, symbols, n);
	m->has_functions = true;
	if (!symbols[0].file[0])
		m->has_filenames = false;
	if (symbols[0].line == 0)
		m->has_line_numbers = m->has_inline_frames = false;
}

// Pseudo frames get addresses of their own: some readers tell locations apart
// by their address alone.
static void fill(struct locs *l, struct place *p)
{
	const struct frame *f = &p->frame;

	p->message.address = f->addr;
	if (f->image == FRAME_PSEUDO) {
		p->message.address = f->addr + 1;
		set_name(l, p, frame_pseudo_name((enum frame_pseudo)f->addr));
	} else if (f->image == 0 || f->image > l->n_images) {
		set_name(l, p, frame_pseudo_name(FRAME_UNKNOWN));
	} else {
		name_mapped(l, p);
	}
}

static struct place *add_place(struct locs *l, const struct frame *frame)
{
	struct place *p = arena_get(l->arena, 1, sizeof(*p));

	if (!p)
		return NULL;
	perftools__profiles__location__init(&p->message);
	p->frame = *frame;
	p->message.id = add_item(l, &l->places, p);
	if (!p->message.id)
		return NULL;
	fill(l, p);
	return p;
}

uint64_t locs_id(struct locs *l, const struct frame *frame,
		 bool *ret_is_allocator)
{
	struct place *p = NULL, like = {.frame = *frame};
	struct slots *s = &l->place_slots;
	uint32_t at;

	if (grow_slots(l, s, &l->places, hash_place) < 0)
		return 0;
	at = hash_place(&like) & (s->n - 1);
	for (; s->ids[at]; at = (at + 1) & (s->n - 1)) {
		p = l->places.items[s->ids[at] - 1];
		if (p->frame.addr == frame->addr &&
		    p->frame.image == frame->image)
			break;
	}
	if (!s->ids[at]) {
		p = add_place(l, frame);
		if (!p)
			return 0;
		s->ids[at] = (uint32_t)p->message.id;
	}
	*ret_is_allocator = p->is_allocator;
	return p->message.id;
}

static void drop_empty_claims(struct locs *l)
{
	for (size_t i = 0; i < l->mappings.n; i++) {
		struct Perftools__Profiles__Mapping *m = l->mappings.items[i];
		m->has_filenames &= m->has_functions;
		m->has_line_numbers &= m->has_functions;
		m->has_inline_frames &= m->has_functions;
	}
}

void locs_finish(struct locs *l, struct Perftools__Profiles__Profile *profile)
{
	drop_empty_claims(l);
	// A place begins with its message.
	profile->location =
		(struct Perftools__Profiles__Location **)l->places.items;
	profile->n_location = l->places.n;
	profile->mapping =
		(struct Perftools__Profiles__Mapping **)l->mappings.items;
	profile->n_mapping = l->mappings.n;
	profile->function =
		(struct Perftools__Profiles__Function **)l->functions.items;
	profile->n_function = l->functions.n;
}

// SPDX-License-Identifier: Apache-2.0
//
// libdw finds the scopes of an address by walking the whole compilation unit,
// which takes milliseconds in an amalgamation like sqlite3.c. Here the ranges
// of units are indexed when a file is opened and those of functions when a unit
// is first asked for; only the one function found is walked for inlined calls.
#include "collector/scopes.h"

#include "collector/dwp.h"

#include <dwarf.h>
#include <errno.h>
#include <gelf.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Nesting that a real program has; more is a hostile file.
#define DEPTH_MAX 64u

// Code [start, limit) of the DIE at an offset of the Dwarf.
struct range {
	uint64_t start;
	uint64_t limit;
	Dwarf_Off die;
	uint32_t unit; // index, in unit ranges
};

struct ranges {
	struct range *items;
	size_t n;
	size_t capacity;
};

struct unit {
	Dwarf_Die lines;   // the unit's in the file itself
	Dwarf_Die die;	   // that with the functions: the same, or a .dwo's
	uint64_t split_id; // of the .dwo if it is not found yet, else 0
	struct dwp_unit package;
	const char *folder; // the compiler's, NULL when unknown
	struct ranges functions;
	bool is_indexed;
};

// What a unit of a package refers to is copied for it, to the end of its
// section where its own end is not told; beyond this, units have no names.
#define PACKAGE_MAX_BYTES ((size_t)512 << 20)

struct scopes {
	Dwarf *dwarf;
	char *path;	 // of the package, NULL when there is none
	struct dwp *dwp; // open from the first need on
	struct unit *units;
	uint32_t n_units;
	struct ranges unit_ranges;
	size_t package_bytes; // copied for the package's units
};

static int add_range(struct ranges *r, const struct range *range)
{
	if (r->n == r->capacity) {
		size_t capacity = r->capacity ? 2 * r->capacity : 64;
		struct range *items =
			realloc(r->items, capacity * sizeof(*items));
		if (!items)
			return -ENOMEM;
		r->items = items;
		r->capacity = capacity;
	}
	r->items[r->n++] = *range;
	return 0;
}

// Adds the code ranges of DIE. Discarded sections (--gc-sections) are at 0.
static void add_die(struct ranges *r, Dwarf_Die *die, uint32_t unit)
{
	Dwarf_Addr base, start, limit;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(die, at, &base, &start, &limit)) > 0) {
		struct range range = {
			.start = start,
			.limit = limit,
			.die = dwarf_dieoffset(die),
			.unit = unit,
		};
		if (start == 0 || start >= limit)
			continue;
		if (add_range(r, &range) < 0)
			return;
	}
}

static int compare_ranges(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

static void sort_ranges(struct ranges *r)
{
	if (r->n > 1)
		qsort(r->items, r->n, sizeof(*r->items), compare_ranges);
}

static const struct range *find_range(const struct ranges *r, uint64_t addr)
{
	size_t low = 0, high = r->n;

	while (low < high) {
		size_t middle = (low + high) / 2;
		if (r->items[middle].start <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || addr >= r->items[low - 1].limit)
		return NULL;
	return &r->items[low - 1];
}

static const char *string_of(Dwarf_Die *die, unsigned attribute)
{
	Dwarf_Attribute found;

	if (!dwarf_attr_integrate(die, attribute, &found))
		return NULL;
	return dwarf_formstring(&found);
}

// A unit; with -gsplit-dwarf its functions are in its .dwo file or a package.
static int add_unit(struct scopes *s, Dwarf_CU *cu)
{
	Dwarf_Die die, split;
	uint8_t type;
	uint64_t id;
	struct unit *units, *u;

	if (dwarf_cu_info(cu, NULL, &type, &die, &split, &id, NULL, NULL) < 0)
		return 0;
	if (type != DW_UT_compile && type != DW_UT_skeleton)
		return 0;
	units = realloc(s->units, (s->n_units + 1) * sizeof(*units));
	if (!units)
		return -ENOMEM;
	s->units = units;
	u = &units[s->n_units];
	*u = (struct unit){
		.lines = die,
		.die = die,
		.folder = string_of(&die, DW_AT_comp_dir),
	};
	if (type == DW_UT_skeleton && dwarf_tag(&split) == DW_TAG_compile_unit)
		u->die = split;
	else if (type == DW_UT_skeleton)
		u->split_id = id;
	add_die(&s->unit_ranges, &die, s->n_units);
	s->n_units++;
	return 0;
}

struct scopes *scopes_new(Dwarf *dwarf, const char *path)
{
	struct scopes *s = calloc(1, sizeof(*s));
	Dwarf_CU *cu = NULL;

	if (!s)
		return NULL;
	s->dwarf = dwarf;
	if (path && asprintf(&s->path, "%s.dwp", path) < 0)
		s->path = NULL;
	while (dwarf_get_units(dwarf, cu, &cu, NULL, NULL, NULL, NULL) == 0)
		if (add_unit(s, cu) < 0)
			break;
	sort_ranges(&s->unit_ranges);
	return s;
}

static bool may_hold_functions(int tag)
{
	return tag == DW_TAG_namespace || tag == DW_TAG_module ||
	       tag == DW_TAG_class_type || tag == DW_TAG_structure_type ||
	       tag == DW_TAG_union_type;
}

static void index_functions(struct ranges *r, Dwarf_Die *parent, unsigned depth)
{
	Dwarf_Die die;

	if (depth > DEPTH_MAX || dwarf_child(parent, &die) != 0)
		return;
	do {
		int tag = dwarf_tag(&die);
		if (tag == DW_TAG_subprogram)
			add_die(r, &die, 0);
		else if (may_hold_functions(tag))
			index_functions(r, &die, depth + 1);
	} while (dwarf_siblingof(&die, &die) == 0);
}

// Bytes from BASE to the end of what belongs to one unit. DWARF 5 has a length
// of 4 bytes in front of each such piece, 4 bytes of other things, then BASE.
static size_t cut_to_contribution(const Elf_Data *data, size_t base,
				  unsigned attribute)
{
	size_t n_left = data->d_size - base;
	uint32_t length;

	if (attribute != DW_AT_addr_base || base < 8)
		return n_left;
	memcpy(&length, (const char *)data->d_buf + base - 8, sizeof(length));
	return length >= 4 && length - 4 < n_left ? length - 4 : n_left;
}

// What section NAME of the file has from the place on that ATTRIBUTE of the
// unit tells.
static size_t find_base(const struct scopes *s, struct unit *unit,
			const char *name, unsigned attribute,
			const void **ret_bytes)
{
	Elf *elf = dwarf_getelf(s->dwarf);
	Dwarf_Attribute found;
	Elf_Scn *scn = NULL;
	Dwarf_Word base = 0;
	GElf_Shdr shdr;
	size_t names;

	if (!dwarf_attr(&unit->lines, attribute, &found) ||
	    dwarf_formudata(&found, &base) != 0 ||
	    elf_getshdrstrndx(elf, &names))
		return 0;
	while ((scn = elf_nextscn(elf, scn))) {
		const char *is = NULL;
		const Elf_Data *data;
		if (gelf_getshdr(scn, &shdr))
			is = elf_strptr(elf, names, shdr.sh_name);
		if (!is || strcmp(is, name) != 0)
			continue;
		data = elf_getdata(scn, NULL);
		if (!data || !data->d_buf || base > data->d_size)
			return 0;
		*ret_bytes = (const char *)data->d_buf + base;
		return cut_to_contribution(data, base, attribute);
	}
	return 0;
}

static void take_from_package(struct scopes *s, struct unit *unit)
{
	struct dwp_skeleton skeleton = {.id = unit->split_id};
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;

	unit->split_id = 0;
	if (s->path && !s->dwp) {
		s->dwp = dwp_open(s->path);
		free(s->path);
		s->path = NULL;
	}
	if (!s->dwp)
		return;
	skeleton.n_addresses_bytes = find_base(
		s, unit, ".debug_addr", DW_AT_addr_base, &skeleton.addresses);
	if (!skeleton.addresses)
		skeleton.n_addresses_bytes =
			find_base(s, unit, ".debug_addr", DW_AT_GNU_addr_base,
				  &skeleton.addresses);
	skeleton.n_ranges_bytes =
		find_base(s, unit, ".debug_ranges", DW_AT_GNU_ranges_base,
			  &skeleton.ranges);
	s->package_bytes +=
		skeleton.n_addresses_bytes + skeleton.n_ranges_bytes;
	if (s->package_bytes > PACKAGE_MAX_BYTES ||
	    dwp_take(s->dwp, &skeleton, &unit->package) < 0)
		return;
	while (dwarf_get_units(unit->package.dwarf, cu, &cu, NULL, NULL, &die,
			       NULL) == 0)
		if (dwarf_tag(&die) == DW_TAG_compile_unit)
			unit->die = die;
}

static const struct range *find_function(struct scopes *s, struct unit *unit,
					 uint64_t addr)
{
	if (unit->split_id)
		take_from_package(s, unit);
	if (!unit->is_indexed) {
		index_functions(&unit->functions, &unit->die, 0);
		sort_ranges(&unit->functions);
		unit->is_indexed = true;
	}
	return find_range(&unit->functions, addr);
}

void scopes_free(struct scopes *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->n_units; i++) {
		free(s->units[i].functions.items);
		dwp_unit_fini(&s->units[i].package);
	}
	dwp_close(s->dwp);
	free(s->path);
	free(s->units);
	free(s->unit_ranges.items);
	free(s);
}

static int64_t number_of(Dwarf_Die *die, unsigned attribute)
{
	Dwarf_Attribute found;
	Dwarf_Word value;

	if (!dwarf_attr_integrate(die, attribute, &found) ||
	    dwarf_formudata(&found, &value) != 0)
		return 0;
	return (int64_t)value;
}

// The inlined call or block of code in PARENT that holds ADDR.
static bool find_child(Dwarf_Die *parent, uint64_t addr, Dwarf_Die *ret_child)
{
	Dwarf_Die die;

	if (dwarf_child(parent, &die) != 0)
		return false;
	do {
		int tag = dwarf_tag(&die);
		if ((tag == DW_TAG_inlined_subroutine ||
		     tag == DW_TAG_lexical_block || tag == DW_TAG_try_block ||
		     tag == DW_TAG_catch_block) &&
		    dwarf_haspc(&die, addr) == 1) {
			*ret_child = die;
			return true;
		}
	} while (dwarf_siblingof(&die, &die) == 0);
	return false;
}

// The function DIE and the inlined calls in it that hold ADDR, outermost first.
static uint32_t find_chain(Dwarf_Die *function, uint64_t addr,
			   Dwarf_Die *ret_chain)
{
	Dwarf_Die at = *function;
	uint32_t n = 1;

	ret_chain[0] = at;
	for (unsigned depth = 0; depth < 4 * DEPTH_MAX; depth++) {
		Dwarf_Die child;
		if (!find_child(&at, addr, &child))
			break;
		if (dwarf_tag(&child) == DW_TAG_inlined_subroutine) {
			// Deeper calls push out the outer ones' lines, not the
			// function itself.
			if (n == DEPTH_MAX)
				break;
			ret_chain[n++] = child;
		}
		at = child;
	}
	return n;
}

static void set_file(const struct unit *unit, const char *file,
		     struct scopes_line *ret_line)
{
	ret_line->file = file;
	ret_line->folder = file && file[0] != '/' ? unit->folder : NULL;
}

static void set_call_site(struct unit *unit, Dwarf_Die *call,
			  struct scopes_line *ret_line)
{
	Dwarf_Files *files;
	size_t n_files;
	int64_t file = number_of(call, DW_AT_call_file);

	ret_line->line = number_of(call, DW_AT_call_line);
	if ((dwarf_getsrcfiles(&unit->die, &files, &n_files) == 0 ||
	     dwarf_getsrcfiles(&unit->lines, &files, &n_files) == 0) &&
	    file >= 0 && (size_t)file < n_files)
		set_file(unit, dwarf_filesrc(files, (size_t)file, NULL, NULL),
			 ret_line);
}

static void set_position(struct unit *unit, uint64_t addr,
			 struct scopes_line *ret_line)
{
	Dwarf_Line *line = dwarf_getsrc_die(&unit->lines, addr);
	int number = 0;

	if (!line)
		return;
	set_file(unit, dwarf_linesrc(line, NULL, NULL), ret_line);
	if (dwarf_lineno(line, &number) == 0)
		ret_line->line = number;
}

static void set_function(Dwarf_Die *die, struct scopes_line *ret_line)
{
	ret_line->name = dwarf_diename(die);
	ret_line->linkage = string_of(die, DW_AT_linkage_name);
	if (!ret_line->linkage)
		ret_line->linkage = string_of(die, DW_AT_MIPS_linkage_name);
	if (!ret_line->name)
		ret_line->name = ret_line->linkage;
	ret_line->start_line = number_of(die, DW_AT_decl_line);
}

// Each line: the function, and where in it the next inner call is.
static uint32_t chain_lines(struct unit *unit, Dwarf_Die *function,
			    uint64_t addr, uint32_t n_max,
			    struct scopes_line *ret_lines)
{
	Dwarf_Die chain[DEPTH_MAX];
	uint32_t n = find_chain(function, addr, chain);

	if (n > n_max)
		n = n_max;
	memset(ret_lines, 0, n * sizeof(*ret_lines));
	set_position(unit, addr, &ret_lines[0]);
	for (uint32_t i = 0; i < n; i++) {
		set_function(&chain[n - 1 - i], &ret_lines[i]);
		if (i + 1 < n)
			set_call_site(unit, &chain[n - 1 - i],
				      &ret_lines[i + 1]);
	}
	return n;
}

uint32_t scopes_lines(struct scopes *s, uint64_t addr, uint32_t n_max,
		      struct scopes_line *ret_lines)
{
	const struct range *in_unit = find_range(&s->unit_ranges, addr);
	const struct range *found;
	struct unit *unit;
	Dwarf_Die function;

	if (!in_unit)
		return 0;
	unit = &s->units[in_unit->unit];
	found = find_function(s, unit, addr);
	if (!found || !dwarf_offdie(dwarf_cu_getdwarf(unit->die.cu), found->die,
				    &function))
		return 0;
	return chain_lines(unit, &function, addr, n_max, ret_lines);
}

void scopes_position(const struct scopes *s, uint64_t addr,
		     struct scopes_line *line)
{
	const struct range *in_unit = find_range(&s->unit_ranges, addr);

	if (in_unit)
		set_position(&s->units[in_unit->unit], addr, line);
}

// SPDX-License-Identifier: Apache-2.0
//
// libdw finds the scopes of an address by walking the whole compilation unit,
// which takes milliseconds in an amalgamation like sqlite3.c. Here the ranges
// of units are indexed when a file is opened and those of functions when a unit
// is first asked for; only the one function found is walked for inlined calls.
#include "collector/debuginfo.h"

#include "collector/elf_file.h"
#include "collector/symtab.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
	Dwarf_Die die;
	struct ranges functions;
	bool is_indexed;
};

struct debuginfo {
	Dwfl *dwfl;
	Dwfl_Module *module;
	Dwarf *dwarf;	 // NULL when there is none
	Dwarf_Addr bias; // file address = DWARF address + bias
	struct symtab symbols;
	struct unit *units;
	uint32_t n_units;
	struct ranges unit_ranges;
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

// A unit's DIE, or with -gsplit-dwarf that of its .dwo file.
static int add_unit(struct debuginfo *d, Dwarf_CU *cu)
{
	Dwarf_Die die, split;
	uint8_t type;
	struct unit *units;

	if (dwarf_cu_info(cu, NULL, &type, &die, &split, NULL, NULL, NULL) < 0)
		return 0;
	if (type != DW_UT_compile && type != DW_UT_skeleton)
		return 0;
	units = realloc(d->units, (d->n_units + 1) * sizeof(*units));
	if (!units)
		return -ENOMEM;
	d->units = units;
	units[d->n_units] = (struct unit){.die = die};
	if (type == DW_UT_skeleton && dwarf_tag(&split) == DW_TAG_compile_unit)
		units[d->n_units].die = split;
	add_die(&d->unit_ranges, &die, d->n_units);
	d->n_units++;
	return 0;
}

static void index_units(struct debuginfo *d)
{
	Dwarf_CU *cu = NULL;

	while (dwarf_get_units(d->dwarf, cu, &cu, NULL, NULL, NULL, NULL) == 0)
		if (add_unit(d, cu) < 0)
			break;
	sort_ranges(&d->unit_ranges);
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

static const struct range *find_function(struct unit *unit, uint64_t addr)
{
	if (!unit->is_indexed) {
		index_functions(&unit->functions, &unit->die, 0);
		sort_ranges(&unit->functions);
		unit->is_indexed = true;
	}
	return find_range(&unit->functions, addr);
}

struct debuginfo *debuginfo_new(const struct elf_file *file)
{
	static const Dwfl_Callbacks callbacks = {
		.find_elf = dwfl_build_id_find_elf,
		.find_debuginfo = dwfl_standard_find_debuginfo,
		.section_address = dwfl_offline_section_address,
	};
	struct debuginfo *d = calloc(1, sizeof(*d));
	int fd = -1;

	if (d)
		d->dwfl = dwfl_begin(&callbacks);
	if (d && d->dwfl)
		fd = dup(file->fd);
	if (fd >= 0) {
		dwfl_report_begin(d->dwfl);
		d->module = dwfl_report_elf(d->dwfl, file->name, file->name, fd,
					    0, true);
		dwfl_report_end(d->dwfl, NULL, NULL);
		if (!d->module)
			close(fd); // else libdwfl's
	}
	if (!d || !d->module) {
		debuginfo_free(d);
		return NULL;
	}
	symtab_init(&d->symbols, d->module);
	d->dwarf = dwfl_module_getdwarf(d->module, &d->bias);
	if (d->dwarf)
		index_units(d);
	return d;
}

void debuginfo_free(struct debuginfo *d)
{
	if (!d)
		return;
	for (uint32_t i = 0; i < d->n_units; i++)
		free(d->units[i].functions.items);
	free(d->units);
	free(d->unit_ranges.items);
	symtab_fini(&d->symbols);
	if (d->dwfl)
		dwfl_end(d->dwfl);
	free(d);
}

static const char *string_of(Dwarf_Die *die, unsigned attribute)
{
	Dwarf_Attribute found;

	if (!dwarf_attr_integrate(die, attribute, &found))
		return NULL;
	return dwarf_formstring(&found);
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

static void set_call_site(Dwarf_Die *unit, Dwarf_Die *call,
			  struct debuginfo_line *ret_line)
{
	Dwarf_Files *files;
	size_t n_files;
	int64_t file = number_of(call, DW_AT_call_file);

	ret_line->line = number_of(call, DW_AT_call_line);
	if (dwarf_getsrcfiles(unit, &files, &n_files) == 0 && file >= 0 &&
	    (size_t)file < n_files)
		ret_line->file = dwarf_filesrc(files, (size_t)file, NULL, NULL);
}

static void set_position(Dwarf_Die *unit, uint64_t addr,
			 struct debuginfo_line *ret_line)
{
	Dwarf_Line *line = dwarf_getsrc_die(unit, addr);
	int number = 0;

	if (!line)
		return;
	ret_line->file = dwarf_linesrc(line, NULL, NULL);
	if (dwarf_lineno(line, &number) == 0)
		ret_line->line = number;
}

static void set_function(Dwarf_Die *die, struct debuginfo_line *ret_line)
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
static uint32_t chain_lines(Dwarf_Die *unit, Dwarf_Die *function, uint64_t addr,
			    uint32_t n_max, struct debuginfo_line *ret_lines)
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

static uint32_t dwarf_lines(struct debuginfo *d, uint64_t addr, uint32_t n_max,
			    struct debuginfo_line *ret_lines)
{
	const struct range *in_unit = find_range(&d->unit_ranges, addr);
	const struct range *found;
	struct unit *unit;
	Dwarf_Die function;

	if (!in_unit)
		return 0;
	unit = &d->units[in_unit->unit];
	found = find_function(unit, addr);
	if (!found || !dwarf_offdie(dwarf_cu_getdwarf(unit->die.cu), found->die,
				    &function))
		return 0;
	return chain_lines(&unit->die, &function, addr, n_max, ret_lines);
}

// A unit without functions (assembly) still has lines for its symbols.
static uint32_t symbol_line(struct debuginfo *d, uint64_t vaddr,
			    struct debuginfo_line *ret_line)
{
	const struct symtab_entry *e = symtab_find(&d->symbols, vaddr);
	const struct range *in_unit;

	if (!e)
		return 0;
	*ret_line = (struct debuginfo_line){.name = e->name};
	in_unit = find_range(&d->unit_ranges, vaddr - d->bias);
	if (in_unit)
		set_position(&d->units[in_unit->unit].die, vaddr - d->bias,
			     ret_line);
	return 1;
}

static bool is_mangled(const char *linkage)
{
	return linkage && linkage[0] == '_' &&
	       (linkage[1] == 'Z' || linkage[1] == 'R');
}

// DWARF has the name in the source (__libc_write), the symbol table also the
// one that programs call (write). Returns the number of lines, fewer when the
// compiler had split the function and inlined it into its own shell.
static uint32_t prefer_public_name(struct debuginfo *d, uint64_t vaddr,
				   struct debuginfo_line *lines, uint32_t n)
{
	struct debuginfo_line *line = &lines[n - 1];
	const char *name = line->name;
	const struct symtab_entry *e;

	if (name[0] != '_' || is_mangled(line->linkage))
		return n;
	e = symtab_find(&d->symbols, vaddr);
	if (!e || e->name[0] == '_' || strchr(e->name, '.'))
		return n;
	if (n > 1 && lines[n - 2].name && !strcmp(lines[n - 2].name, name))
		n--;
	lines[n - 1].name = e->name;
	lines[n - 1].linkage = NULL;
	return n;
}

uint32_t debuginfo_lines(struct debuginfo *d, uint64_t vaddr, uint32_t n_max,
			 struct debuginfo_line *ret_lines)
{
	uint32_t n = 0;

	if (d->dwarf)
		n = dwarf_lines(d, vaddr - d->bias, n_max, ret_lines);
	if (n == 0 || !ret_lines[n - 1].name)
		return symbol_line(d, vaddr, ret_lines);
	return prefer_public_name(d, vaddr, ret_lines, n);
}

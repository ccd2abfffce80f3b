// SPDX-License-Identifier: Apache-2.0
//
// DWARF knows most, symbols are there when it is not, and sometimes know
// better.
#include "collector/debuginfo.h"

#include "collector/cfi.h"
#include "collector/elf_file.h"
#include "collector/symtab.h"

#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct debuginfo {
	const struct elf_file *file; // the caller's, open as long as this
	Dwfl *dwfl;
	Dwfl_Module *module;
	struct scopes *scopes; // NULL: no DWARF
	Dwarf_Addr bias;       // file address = DWARF address + bias
	struct symtab symbols;
};

// libdwfl's own search, and then what was fetched.
static int find_separate(Dwfl_Module *module, void **userdata, const char *name,
			 Dwarf_Addr base, const char *file, const char *link,
			 GElf_Word crc, char **ret_name)
{
	const int *fetched_fd = *userdata;
	int fd = dwfl_standard_find_debuginfo(module, userdata, name, base,
					      file, link, crc, ret_name);

	if (fd >= 0 || !fetched_fd || *fetched_fd < 0)
		return fd;
	return dup(*fetched_fd);
}

static Dwfl_Module *report(Dwfl *dwfl, const struct elf_file *file)
{
	int fd = dup(file->fd);
	Dwfl_Module *module;

	if (fd < 0)
		return NULL;
	dwfl_report_begin(dwfl);
	module = dwfl_report_elf(dwfl, file->name, file->name, fd, 0, true);
	dwfl_report_end(dwfl, NULL, NULL);
	if (!module)
		close(fd); // else libdwfl's
	return module;
}

struct debuginfo *debuginfo_new(const struct elf_file *file, int fetched_fd)
{
	static const Dwfl_Callbacks callbacks = {
		.find_elf = dwfl_build_id_find_elf,
		.find_debuginfo = find_separate,
		.section_address = dwfl_offline_section_address,
	};
	struct debuginfo *d = calloc(1, sizeof(*d));
	void **userdata;
	Dwarf *dwarf;

	if (!d)
		return NULL;
	d->file = file;
	d->dwfl = dwfl_begin(&callbacks);
	if (d->dwfl)
		d->module = report(d->dwfl, file);
	if (!d->module) {
		debuginfo_free(d);
		return NULL;
	}
	dwfl_module_info(d->module, &userdata, NULL, NULL, NULL, NULL, NULL,
			 NULL);
	*userdata = &fetched_fd; // asked for in here only
	symtab_init(&d->symbols, d->module);
	dwarf = dwfl_module_getdwarf(d->module, &d->bias);
	if (dwarf)
		d->scopes = scopes_new(dwarf, file->name);
	*userdata = NULL;
	return d;
}

bool debuginfo_has_dwarf(const struct debuginfo *d)
{
	return d->scopes != NULL;
}

void debuginfo_free(struct debuginfo *d)
{
	if (!d)
		return;
	scopes_free(d->scopes);
	symtab_fini(&d->symbols);
	if (d->dwfl)
		dwfl_end(d->dwfl);
	free(d);
}

// A label without a size (assembly) holds what follows it up to the next
// symbol; but where the symbols of other functions were stripped, their CFI
// still tells where they begin.
static const struct symtab_entry *find_symbol(const struct debuginfo *d,
					      uint64_t vaddr)
{
	const struct symtab_entry *e = symtab_find(&d->symbols, vaddr);
	struct cfi_function f;
	uint32_t index;
	uint64_t first;

	if (!e || e->is_sized || cfi_find(d->file, vaddr, &index) < 0 ||
	    cfi_open(d->file, index, &first, &f) < 0 || f.vaddr <= e->start)
		return e;
	return NULL;
}

// A unit without functions (assembly) still has lines for its symbols.
static uint32_t symbol_line(struct debuginfo *d, uint64_t vaddr,
			    struct scopes_line *ret_line)
{
	const struct symtab_entry *e = find_symbol(d, vaddr);

	if (!e)
		return 0;
	*ret_line = (struct scopes_line){.name = e->name};
	if (d->scopes)
		scopes_position(d->scopes, vaddr - d->bias, ret_line);
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
static uint32_t prefer_public_name(struct scopes_line *lines, uint32_t n,
				   const struct symtab_entry *e)
{
	const char *name = lines[n - 1].name;

	if (e->name[0] == '_' || strchr(e->name, '.'))
		return n;
	if (n > 1 && lines[n - 2].name && !strcmp(lines[n - 2].name, name))
		n--;
	lines[n - 1].name = e->name;
	lines[n - 1].linkage = NULL;
	return n;
}

// What the symbol table adds to DWARF's name of the outermost function: to one
// that is local to a C++ file DWARF gives no linker name, so neither namespace
// nor class.
static uint32_t prefer_symbol(struct debuginfo *d, uint64_t vaddr,
			      struct scopes_line *lines, uint32_t n)
{
	struct scopes_line *line = &lines[n - 1];
	bool is_reserved = line->name[0] == '_' && !is_mangled(line->linkage);
	const struct symtab_entry *e;

	if (line->linkage && !is_reserved)
		return n;
	e = find_symbol(d, vaddr);
	if (e && is_mangled(e->name))
		line->linkage = e->name;
	else if (e && is_reserved)
		n = prefer_public_name(lines, n, e);
	return n;
}

uint32_t debuginfo_lines(struct debuginfo *d, uint64_t vaddr, uint32_t n_max,
			 struct scopes_line *ret_lines)
{
	uint32_t n = 0;

	if (d->scopes)
		n = scopes_lines(d->scopes, vaddr - d->bias, n_max, ret_lines);
	if (n == 0 || !ret_lines[n - 1].name)
		return symbol_line(d, vaddr, ret_lines);
	return prefer_symbol(d, vaddr, ret_lines, n);
}

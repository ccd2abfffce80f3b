// SPDX-License-Identifier: Apache-2.0
//
// Of several names for one function the public one is shown: the fewest leading
// underscores, then global before local, then the shortest.
#include "collector/symtab.h"

#include <gelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

// How far back a function that encloses later labels is searched.
#define ENCLOSING_MAX 16u
#define RANK_LOCAL    1u
#define RANK_UNDERBAR 4u

static bool is_function(const GElf_Sym *sym, GElf_Word section)
{
	unsigned type = GELF_ST_TYPE(sym->st_info);

	if (section == SHN_UNDEF || section == SHN_ABS)
		return false;
	return type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE;
}

static uint8_t rank_name(const char *name, const GElf_Sym *sym)
{
	unsigned rank = (unsigned)strspn(name, "_");

	rank = RANK_UNDERBAR * (rank < 32 ? rank : 32);
	if (GELF_ST_BIND(sym->st_info) == STB_LOCAL)
		rank += RANK_LOCAL;
	if (GELF_ST_TYPE(sym->st_info) == STT_NOTYPE)
		rank += 2 * RANK_LOCAL;
	return (uint8_t)rank;
}

// The end of an executable section as a difference to the symbol's own address
// in its file; 0 when the section holds no code.
static uint64_t section_rest(Elf *elf, GElf_Word section, const GElf_Sym *sym)
{
	Elf_Scn *scn = elf ? elf_getscn(elf, section) : NULL;
	GElf_Shdr shdr;

	if (!scn || !gelf_getshdr(scn, &shdr) ||
	    !(shdr.sh_flags & SHF_EXECINSTR) || sym->st_value < shdr.sh_addr ||
	    sym->st_value - shdr.sh_addr >= shdr.sh_size)
		return 0;
	return shdr.sh_size - (sym->st_value - shdr.sh_addr);
}

static bool read_symbol(Dwfl_Module *module, int i,
			struct symtab_entry *ret_entry)
{
	GElf_Sym sym;
	GElf_Addr addr;
	GElf_Word section;
	Elf *elf;
	Dwarf_Addr bias;
	uint64_t size;
	const char *name = dwfl_module_getsym_info(module, i, &sym, &addr,
						   &section, &elf, &bias);

	if (!name || !name[0] || name[0] == '$' || !is_function(&sym, section))
		return false;
	size = sym.st_size ? sym.st_size : section_rest(elf, section, &sym);
	if (size == 0 || addr + size < addr)
		return false;
	*ret_entry = (struct symtab_entry){
		.start = addr,
		.limit = addr + size,
		.name = name,
		.rank = rank_name(name, &sym),
		.is_sized = sym.st_size != 0,
	};
	return true;
}

// By address; of one address the best name first.
static int compare(const void *a, const void *b)
{
	const struct symtab_entry *x = a, *y = b;
	size_t x_chars, y_chars;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->is_sized != y->is_sized)
		return x->is_sized ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	x_chars = strlen(x->name);
	y_chars = strlen(y->name);
	if (x_chars != y_chars)
		return x_chars < y_chars ? -1 : 1;
	return strcmp(x->name, y->name);
}

void symtab_init(struct symtab *t, Dwfl_Module *module)
{
	int n = dwfl_module_getsymtab(module);
	size_t n_kept = 0;

	*t = (struct symtab){0};
	if (n <= 0)
		return;
	t->entries = calloc((size_t)n, sizeof(*t->entries));
	if (!t->entries)
		return;
	for (int i = 1; i < n; i++)
		if (read_symbol(module, i, &t->entries[t->n_entries]))
			t->n_entries++;
	if (t->n_entries > 0)
		qsort(t->entries, t->n_entries, sizeof(*t->entries), compare);
	for (size_t i = 0; i < t->n_entries; i++)
		if (i == 0 || t->entries[i].start != t->entries[i - 1].start)
			t->entries[n_kept++] = t->entries[i];
	t->n_entries = n_kept;
}

void symtab_fini(struct symtab *t)
{
	free(t->entries);
	*t = (struct symtab){0};
}

const struct symtab_entry *symtab_find(const struct symtab *t, uint64_t addr)
{
	size_t low = 0, high = t->n_entries;
	const struct symtab_entry *last;

	while (low < high) {
		size_t middle = (low + high) / 2;
		if (t->entries[middle].start <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return NULL;
	last = &t->entries[low - 1];
	// A sized function around it is surer than a label before it.
	for (size_t i = low; i > 0 && low - i < ENCLOSING_MAX; i--) {
		const struct symtab_entry *e = &t->entries[i - 1];
		if (e->is_sized && addr < e->limit)
			return e;
	}
	return !last->is_sized && addr < last->limit ? last : NULL;
}

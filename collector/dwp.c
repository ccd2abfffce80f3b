// SPDX-License-Identifier: Apache-2.0
//
// A package is what the sections of all .dwo files are one after the other, and
// an index: for each unit, by its id, where in each section its own piece is.
// Two forms of index are in use, GNU's for DWARF 4 and that of DWARF 5. All of
// it is anybody's bytes.
#include "collector/dwp.h"

#include "proto/arch.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE_BYTES	4096u
#define INDEX_WORDS	4u // the header's
#define COLUMNS_MAX	16u
#define PIECE_MAX_BYTES ((size_t)256 << 20)

enum part {
	PART_INFO,
	PART_ABBREV,
	PART_LINE,
	PART_OFFSETS,
	PART_RNGLISTS,
	PART_STRINGS,
	PART_ADDRESSES, // from here on not the package's
	PART_RANGES,
	PART_N
};

static const struct {
	const char *name;
	uint32_t id; // in the index; 0 when it has no pieces
} parts[] = {
	[PART_INFO] = {".debug_info.dwo", 1},
	[PART_ABBREV] = {".debug_abbrev.dwo", 3},
	[PART_LINE] = {".debug_line.dwo", 4},
	[PART_OFFSETS] = {".debug_str_offsets.dwo", 6},
	[PART_RNGLISTS] = {".debug_rnglists.dwo", 8},
	[PART_STRINGS] = {".debug_str.dwo", 0},
	[PART_ADDRESSES] = {".debug_addr.dwo", 0},
	[PART_RANGES] = {".debug_ranges.dwo", 0},
};
_Static_assert(sizeof(parts) / sizeof(*parts) == PART_N, "a row for each");

// Some bytes of the package.
struct piece {
	const uint8_t *bytes;
	size_t n_bytes;
};

struct dwp {
	int fd;
	Elf *elf;
	struct piece sections[PART_N];
	uint64_t strings_offset; // in the file
	struct piece index;
	uint32_t n_columns, n_units, n_slots;
};

static uint32_t word(const struct piece *p, size_t at)
{
	uint32_t value;

	memcpy(&value, p->bytes + 4 * at, 4);
	return value;
}

static void keep_section(struct dwp *p, Elf_Scn *scn, const char *name,
			 const GElf_Shdr *shdr)
{
	const Elf_Data *data = elf_rawdata(scn, NULL);
	struct piece piece;

	if (!data || !data->d_buf || shdr->sh_flags & SHF_COMPRESSED)
		return;
	piece = (struct piece){data->d_buf, data->d_size};
	if (!strcmp(name, ".debug_cu_index"))
		p->index = piece;
	for (unsigned i = 0; i < PART_ADDRESSES; i++)
		if (!strcmp(name, parts[i].name))
			p->sections[i] = piece;
	if (!strcmp(name, parts[PART_STRINGS].name))
		p->strings_offset = shdr->sh_offset;
}

static int find_sections(struct dwp *p)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;
	size_t names;

	if (elf_getshdrstrndx(p->elf, &names))
		return -EINVAL;
	while ((scn = elf_nextscn(p->elf, scn))) {
		const char *name = NULL;
		if (gelf_getshdr(scn, &shdr))
			name = elf_strptr(p->elf, names, shdr.sh_name);
		if (name && shdr.sh_type == SHT_PROGBITS)
			keep_section(p, scn, name, &shdr);
	}
	return p->sections[PART_INFO].n_bytes ? 0 : -EINVAL;
}

// Header, hash table (8 + 4 bytes a slot), then two tables, of offsets and of
// sizes: a row a unit, a word a column; the first has a row of ids before.
static int check_index(struct dwp *p)
{
	uint32_t version;
	uint64_t n_bytes;

	if (p->index.n_bytes < 4 * INDEX_WORDS)
		return -EINVAL;
	version = word(&p->index, 0);
	p->n_columns = word(&p->index, 1);
	p->n_units = word(&p->index, 2);
	p->n_slots = word(&p->index, 3);
	n_bytes = 4ull * INDEX_WORDS + 12ull * p->n_slots;
	if ((version != 2 && (version & 0xffff) != 5) ||
	    p->n_columns > COLUMNS_MAX || !p->n_slots ||
	    p->n_slots & (p->n_slots - 1))
		return -EINVAL;
	n_bytes += 4ull * p->n_columns * (2ull * p->n_units + 1);
	return n_bytes <= p->index.n_bytes ? 0 : -EINVAL;
}

struct dwp *dwp_open(const char *path)
{
	struct dwp *p = calloc(1, sizeof(*p));
	struct stat st;

	if (!p)
		return NULL;
	p->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (p->fd >= 0 && !fstat(p->fd, &st) && S_ISREG(st.st_mode))
		p->elf = elf_begin(p->fd, ELF_C_READ_MMAP, NULL);
	if (!p->elf || find_sections(p) < 0 || check_index(p) < 0) {
		dwp_close(p);
		return NULL;
	}
	return p;
}

void dwp_close(struct dwp *p)
{
	if (!p)
		return;
	elf_end(p->elf);
	if (p->fd >= 0)
		close(p->fd);
	free(p);
}

// The row of unit ID, from 1; 0: it is not there.
static uint32_t find_row(const struct dwp *p, uint64_t id)
{
	uint32_t mask = p->n_slots - 1, at = (uint32_t)id & mask;
	uint32_t step = ((uint32_t)(id >> 32) & mask) | 1;

	for (uint32_t i = 0; i < p->n_slots; i++, at = (at + step) & mask) {
		uint32_t row =
			word(&p->index, INDEX_WORDS + 2 * p->n_slots + at);
		uint64_t found;

		memcpy(&found, p->index.bytes + 4 * INDEX_WORDS + 8 * at, 8);
		if (row == 0 || row > p->n_units)
			return 0;
		if (found == id)
			return row;
	}
	return 0;
}

static int take_pieces(const struct dwp *p, uint32_t row, struct piece *pieces)
{
	size_t ids = INDEX_WORDS + 3ull * p->n_slots;
	size_t offsets = ids + (size_t)p->n_columns * row;
	size_t sizes = offsets + (size_t)p->n_columns * p->n_units;

	for (uint32_t c = 0; c < p->n_columns; c++)
		for (unsigned i = 0; i < PART_STRINGS; i++) {
			const struct piece *all = &p->sections[i];
			uint32_t offset = word(&p->index, offsets + c);
			uint32_t n = word(&p->index, sizes + c);

			if (word(&p->index, ids + c) != parts[i].id)
				continue;
			if (offset > all->n_bytes || n > all->n_bytes - offset)
				return -EINVAL;
			pieces[i] = (struct piece){all->bytes + offset, n};
		}
	return pieces[PART_INFO].n_bytes ? 0 : -EINVAL;
}

// The file that is made: header, names, sections' headers, copied pieces; from
// a page's beginning on the pages of the strings.
struct layout {
	Elf64_Ehdr header;
	char names[256];
	Elf64_Shdr sections[PART_N + 2]; // none first, the names last
};

static size_t lay_out(const struct piece *pieces, struct layout *l)
{
	size_t at = sizeof(*l), at_names = 1;

	for (unsigned i = 0; i < PART_N; i++) {
		Elf64_Shdr *s = &l->sections[i + 1];
		size_t n = strlen(parts[i].name) + 1;

		memcpy(l->names + at_names, parts[i].name, n);
		s->sh_name = (Elf64_Word)at_names;
		s->sh_type = SHT_PROGBITS;
		s->sh_addralign = 1;
		s->sh_size = pieces[i].n_bytes;
		s->sh_offset = at;
		at_names += n;
		if (i != PART_STRINGS)
			at += pieces[i].n_bytes;
	}
	l->sections[PART_N + 1] = (Elf64_Shdr){
		.sh_type = SHT_STRTAB,
		.sh_offset = offsetof(struct layout, names),
		.sh_size = sizeof(l->names),
		.sh_addralign = 1,
	};
	return (at + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1);
}

static void set_header(Elf64_Ehdr *h)
{
	memcpy(h->e_ident, ELFMAG, SELFMAG);
	h->e_ident[EI_CLASS] = ELFCLASS64;
	h->e_ident[EI_DATA] = ELFDATA2LSB;
	h->e_ident[EI_VERSION] = EV_CURRENT;
	h->e_type = ET_REL;
	h->e_machine = ARCH_ELF_MACHINE;
	h->e_version = EV_CURRENT;
	h->e_ehsize = sizeof(*h);
	h->e_shoff = offsetof(struct layout, sections);
	h->e_shentsize = sizeof(Elf64_Shdr);
	h->e_shnum = PART_N + 2;
	h->e_shstrndx = PART_N + 1;
}

// Puts the pieces into memory as one file.
static int build(const struct dwp *p, const struct piece *pieces,
		 struct dwp_unit *u)
{
	struct layout l = {0};
	size_t n_own = lay_out(pieces, &l);
	uint64_t skip = p->strings_offset % PAGE_BYTES;
	size_t n_strings = pieces[PART_STRINGS].n_bytes + skip;

	set_header(&l.header);
	l.sections[PART_STRINGS + 1].sh_offset = n_own + skip;
	u->image_bytes = n_own + n_strings;
	u->image = mmap(NULL, u->image_bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (u->image == MAP_FAILED) {
		u->image = NULL;
		return -ENOMEM;
	}
	if (n_strings > 0 &&
	    mmap((char *)u->image + n_own, n_strings, PROT_READ,
		 MAP_PRIVATE | MAP_FIXED, p->fd,
		 (off_t)(p->strings_offset - skip)) == MAP_FAILED)
		return -ENOMEM;
	memcpy(u->image, &l, sizeof(l));
	for (unsigned i = 0; i < PART_N; i++)
		if (i != PART_STRINGS && pieces[i].n_bytes > 0)
			memcpy((char *)u->image + l.sections[i + 1].sh_offset,
			       pieces[i].bytes, pieces[i].n_bytes);
	return 0;
}

int dwp_take(const struct dwp *p, const struct dwp_skeleton *skeleton,
	     struct dwp_unit *ret)
{
	struct piece pieces[PART_N] = {0};
	uint32_t row = find_row(p, skeleton->id);
	struct dwp_unit u = {0};
	int error;

	if (!row)
		return -ENOENT;
	if (take_pieces(p, row, pieces) < 0)
		return -EINVAL;
	pieces[PART_STRINGS] = p->sections[PART_STRINGS];
	pieces[PART_ADDRESSES] = (struct piece){skeleton->addresses,
						skeleton->n_addresses_bytes};
	pieces[PART_RANGES] =
		(struct piece){skeleton->ranges, skeleton->n_ranges_bytes};
	for (unsigned i = 0; i < PART_N; i++)
		if (i != PART_STRINGS && pieces[i].n_bytes > PIECE_MAX_BYTES)
			return -EINVAL;
	error = build(p, pieces, &u);
	if (!error) {
		u.elf = elf_memory(u.image, u.image_bytes);
		u.dwarf = u.elf ? dwarf_begin_elf(u.elf, DWARF_C_READ, NULL)
				: NULL;
		error = u.dwarf ? 0 : -EINVAL;
	}
	if (error < 0)
		dwp_unit_fini(&u);
	else
		*ret = u;
	return error;
}

void dwp_unit_fini(struct dwp_unit *u)
{
	dwarf_end(u->dwarf);
	elf_end(u->elf);
	if (u->image)
		munmap(u->image, u->image_bytes);
	*u = (struct dwp_unit){0};
}

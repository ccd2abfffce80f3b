// SPDX-License-Identifier: Apache-2.0
//
// The kernel and the dynamic linker ignore a preload silently where they can't
// use it; the reasons can be read in the file: no dynamic linker named
// (static), another one (musl), another word size, set-user-ID.
#include "collector/ctl_elf.h"

#include "proto/arch.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SCRIPTS_MAX    4 // as the kernel follows
#define LINE_MAX_BYTES 256
#define DEFAULT_PATH   "/usr/local/bin:/usr/bin:/bin"

// The file execvp(PROG) would take. -1 when there is none.
static int find_program(const char *prog, char ret_path[PATH_MAX])
{
	const char *dirs = getenv("PATH");

	if (strchr(prog, '/'))
		return snprintf(ret_path, PATH_MAX, "%s", prog) < PATH_MAX ? 0
									   : -1;
	for (dirs = dirs ? dirs : DEFAULT_PATH;; dirs++) {
		size_t n = strcspn(dirs, ":");

		if (snprintf(ret_path, PATH_MAX, "%.*s%s%s", (int)n, dirs,
			     n ? "/" : "", prog) < PATH_MAX &&
		    !access(ret_path, X_OK))
			return 0;
		dirs += n;
		if (!*dirs)
			return -1;
	}
}

// The interpreter in a script's first line. -1 when FD is no script.
static int read_interpreter(int fd, char ret_path[PATH_MAX])
{
	char line[LINE_MAX_BYTES + 1];
	ssize_t n = pread(fd, line, LINE_MAX_BYTES, 0);
	char *word = line + 2;

	line[n > 0 ? n : 0] = '\0';
	if (strncmp(line, "#!", 2))
		return -1;
	word += strspn(word, " \t");
	word[strcspn(word, " \t\n")] = '\0';
	return *word && snprintf(ret_path, PATH_MAX, "%s", word) < PATH_MAX
		       ? 0
		       : -1;
}

// Opens the ELF file behind PATH, through scripts; PATH becomes its name.
static int open_program(char path[PATH_MAX])
{
	for (int i = 0; i <= SCRIPTS_MAX; i++) {
		int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

		if (fd < 0 || read_interpreter(fd, path))
			return fd;
		(void)close(fd);
	}
	return -1;
}

static bool is_setid(int fd)
{
	struct stat st;

	return !fstat(fd, &st) &&
	       (((st.st_mode & S_ISUID) && st.st_uid != geteuid()) ||
		((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) &&
		 st.st_gid != getegid()));
}

// They make a program as privileged as set-user-ID does.
static bool has_capabilities(int fd)
{
	return geteuid() && fgetxattr(fd, "security.capability", NULL, 0) > 0;
}

static const char *check_linker(Elf *elf, const GElf_Phdr *ph)
{
	size_t n_bytes;
	const char *image = elf_rawfile(elf, &n_bytes);
	const char *name;

	if (!image || !ph->p_filesz || ph->p_offset >= n_bytes ||
	    ph->p_filesz > n_bytes - ph->p_offset ||
	    image[ph->p_offset + ph->p_filesz - 1])
		return NULL;
	name = image + ph->p_offset;
	if (strstr(name, "ld-musl"))
		return "it is linked with musl, and the shim needs glibc";
	if (strcmp(strrchr(name, '/') ? strrchr(name, '/') + 1 : name,
		   ARCH_GLIBC_LINKER))
		return "its dynamic linker is not glibc's";
	return NULL;
}

static const char *find_obstacle(Elf *elf, int fd)
{
	GElf_Ehdr eh;
	GElf_Phdr ph;
	size_t n = 0;

	if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &eh))
		return NULL;
	if (gelf_getclass(elf) == ELFCLASS32)
		return "it is a 32-bit program";
	if (eh.e_machine != ARCH_ELF_MACHINE)
		return "it is a program for another processor";
	if (is_setid(fd) || has_capabilities(fd))
		return "it is set-user-ID, set-group-ID or has file "
		       "capabilities, where the dynamic linker ignores "
		       "LD_PRELOAD";
	if (elf_getphdrnum(elf, &n))
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (gelf_getphdr(elf, (int)i, &ph) && ph.p_type == PT_INTERP)
			return check_linker(elf, &ph);
	return "it is statically linked, so there is no dynamic linker to "
	       "load the shim";
}

static void take_needed(const char *name, struct ctl_elf *e)
{
	static const char *const allocators[] = {
		"libjemalloc.so", "libtcmalloc", "libmimalloc.so"};

	if (!strncmp(name, "libasan.so", 10))
		(void)snprintf(e->sanitizer, sizeof(e->sanitizer), "%s", name);
	for (size_t i = 0; i < sizeof(allocators) / sizeof(*allocators); i++)
		if (!strncmp(name, allocators[i], strlen(allocators[i])))
			(void)snprintf(e->allocator, sizeof(e->allocator), "%s",
				       name);
}

static void read_needed(Elf *elf, Elf_Scn *section, const GElf_Shdr *sh,
			struct ctl_elf *e)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t n = data && sh->sh_entsize ? data->d_size / sh->sh_entsize : 0;

	for (size_t i = 0; i < n; i++) {
		GElf_Dyn dyn;
		const char *name;

		if (!gelf_getdyn(data, (int)i, &dyn) || dyn.d_tag != DT_NEEDED)
			continue;
		name = elf_strptr(elf, sh->sh_link, dyn.d_un.d_val);
		if (name)
			take_needed(name, e);
	}
}

// Does this table of symbols define malloc? Calls within the file go to it.
static bool defines_malloc(Elf *elf, Elf_Scn *section, const GElf_Shdr *sh)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t n = data && sh->sh_entsize ? data->d_size / sh->sh_entsize : 0;

	for (size_t i = 0; i < n; i++) {
		GElf_Sym sym;
		const char *name;

		if (!gelf_getsym(data, (int)i, &sym) ||
		    sym.st_shndx == SHN_UNDEF ||
		    GELF_ST_TYPE(sym.st_info) != STT_FUNC)
			continue;
		name = elf_strptr(elf, sh->sh_link, sym.st_name);
		if (name && !strcmp(name, "malloc"))
			return true;
	}
	return false;
}

// zlib's can be read by every libelf, zstd's by those built with it.
static bool is_unreadable(Elf_Scn *section, const GElf_Shdr *sh)
{
	GElf_Chdr ch;

	return sh->sh_flags & SHF_COMPRESSED && gelf_getchdr(section, &ch) &&
	       ch.ch_type != ELFCOMPRESS_ZLIB &&
	       elf_compress(section, 0, 0) < 0;
}

static void read_section(Elf *elf, Elf_Scn *section, size_t names,
			 struct ctl_elf *e)
{
	GElf_Shdr sh;
	const char *name;

	if (!gelf_getshdr(section, &sh))
		return;
	name = elf_strptr(elf, names, sh.sh_name);
	if (sh.sh_type == SHT_DYNAMIC)
		read_needed(elf, section, &sh, e);
	if (sh.sh_type == SHT_SYMTAB) {
		e->has_symbols = true;
		if (defines_malloc(elf, section, &sh))
			e->own_malloc = "malloc";
	}
	if (name &&
	    (!strcmp(name, ".debug_info") || !strcmp(name, ".zdebug_info"))) {
		e->has_dwarf = true;
		e->is_dwarf_unreadable = is_unreadable(section, &sh);
	}
}

static void read_sections(Elf *elf, struct ctl_elf *e)
{
	Elf_Scn *section = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return;
	while ((section = elf_nextscn(elf, section)))
		read_section(elf, section, names, e);
}

#define DEBUG_FOLDER "/usr/lib/debug/.build-id/"

// The note of the build-id in a segment of notes, as the debug file's name.
static void name_debug_file(const unsigned char *id, size_t n,
			    char ret_path[PATH_MAX])
{
	int at = snprintf(ret_path, PATH_MAX, DEBUG_FOLDER);

	for (size_t i = 0; i < n; i++)
		at += snprintf(ret_path + at, (size_t)(PATH_MAX - at), "%s%02x",
			       i == 1 ? "/" : "", id[i]);
	(void)snprintf(ret_path + at, (size_t)(PATH_MAX - at), ".debug");
	if (access(ret_path, R_OK))
		*ret_path = '\0';
}

static void find_debug_file(Elf *elf, char ret_path[PATH_MAX])
{
	size_t n = 0, next, at_name, at_desc;
	GElf_Phdr ph;
	GElf_Nhdr note;

	if (elf_getphdrnum(elf, &n))
		return;
	for (size_t i = 0; i < n; i++) {
		Elf_Data *data;

		if (!gelf_getphdr(elf, (int)i, &ph) || ph.p_type != PT_NOTE)
			continue;
		data = elf_getdata_rawchunk(elf, (int64_t)ph.p_offset,
					    ph.p_filesz, ELF_T_NHDR);
		for (size_t at = 0;
		     data && (next = gelf_getnote(data, at, &note, &at_name,
						  &at_desc)) > 0;
		     at = next)
			if (note.n_type == NT_GNU_BUILD_ID &&
			    note.n_descsz < 64)
				name_debug_file((unsigned char *)data->d_buf +
							at_desc,
						note.n_descsz, ret_path);
	}
}

int ctl_elf_find(const char *prog)
{
	char path[PATH_MAX];

	return find_program(prog, path) || access(path, F_OK) ? -ENOENT : 0;
}

void ctl_elf_look(const char *prog, struct ctl_elf *ret_elf)
{
	char path[PATH_MAX];
	int fd = find_program(prog, path) ? -1 : open_program(path);
	Elf *elf;

	memset(ret_elf, 0, sizeof(*ret_elf));
	if (fd < 0)
		return;
	(void)snprintf(ret_elf->path, sizeof(ret_elf->path), "%s", path);
	if (elf_version(EV_CURRENT) != EV_NONE &&
	    (elf = elf_begin(fd, ELF_C_READ_MMAP, NULL))) {
		ret_elf->is_elf = elf_kind(elf) == ELF_K_ELF;
		ret_elf->obstacle = find_obstacle(elf, fd);
		read_sections(elf, ret_elf);
		find_debug_file(elf, ret_elf->debug_file);
		(void)elf_end(elf);
	}
	(void)close(fd);
}

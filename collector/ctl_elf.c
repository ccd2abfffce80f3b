// SPDX-License-Identifier: Apache-2.0
//
// The kernel and the dynamic linker ignore a preload silently where they can't
// use it; the reasons can be read in the file: no dynamic linker named
// (static), another one (musl), another word size, set-user-ID.
#include "collector/ctl_elf.h"

#include <elf.h>
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
#define GLIBC_LINKER   "ld-linux-x86-64.so.2"
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
		   GLIBC_LINKER))
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
	if (eh.e_machine != EM_X86_64)
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

static void read_needed(Elf *elf, Elf_Scn *section, const GElf_Shdr *sh,
			char *ret_sanitizer)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t n = data && sh->sh_entsize ? data->d_size / sh->sh_entsize : 0;

	for (size_t i = 0; i < n; i++) {
		GElf_Dyn dyn;
		const char *name;

		if (!gelf_getdyn(data, (int)i, &dyn) || dyn.d_tag != DT_NEEDED)
			continue;
		name = elf_strptr(elf, sh->sh_link, dyn.d_un.d_val);
		if (name && !strncmp(name, "libasan.so", 10))
			(void)snprintf(ret_sanitizer, NAME_MAX + 1, "%s", name);
	}
}

// AddressSanitizer's runtime ends the program unless it is loaded first.
static void find_sanitizer(Elf *elf, char *ret_sanitizer)
{
	Elf_Scn *section = NULL;
	GElf_Shdr sh;

	while ((section = elf_nextscn(elf, section)))
		if (gelf_getshdr(section, &sh) && sh.sh_type == SHT_DYNAMIC)
			read_needed(elf, section, &sh, ret_sanitizer);
}

void ctl_elf_look(const char *prog, struct ctl_elf *ret_elf)
{
	char path[PATH_MAX];
	int fd = find_program(prog, path) ? -1 : open_program(path);
	Elf *elf;

	memset(ret_elf, 0, sizeof(*ret_elf));
	if (fd < 0)
		return;
	if (elf_version(EV_CURRENT) != EV_NONE &&
	    (elf = elf_begin(fd, ELF_C_READ_MMAP, NULL))) {
		ret_elf->obstacle = find_obstacle(elf, fd);
		find_sanitizer(elf, ret_elf->sanitizer);
		(void)elf_end(elf);
	}
	(void)close(fd);
}

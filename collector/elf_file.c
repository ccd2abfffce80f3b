// SPDX-License-Identifier: Apache-2.0
//
// Opened once, read with pread into memory of our own, shared by all processes
// that map it. What is read here was written by whoever built the program:
// every offset and count is checked against the size of the file.
#include "collector/elf_file.h"

#include "proto/arch.h"

#include <elf.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PHDRS_MAX     256u
#define NOTES_MAX     (64u << 10)
#define BUILD_ID_MAX  32u
#define CFI_MAX_BYTES ((size_t)128 << 20)
#define PAGE_MASK     4095ull

// .eh_frame_hdr as every linker writes it: version 1, frame pointer pc-relative
// 32 bits, count 32 bits, table of pairs of 32 bits relative to the header.
#define EH_HDR_FORM  0x3b031b01u
#define EH_HDR_ENTRY 8u

// All open files. Rank: leaf lock, nothing is called under it but libc.
static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct elf_file *registry;
static uint64_t last_serial;

static int read_all(int fd, void *bytes, size_t n_bytes, uint64_t offset)
{
	size_t done = 0;

	while (done < n_bytes) {
		ssize_t n = pread(fd, (char *)bytes + done, n_bytes - done,
				  (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENODATA;
		done += (size_t)n;
	}
	return 0;
}

static bool is_inside(uint64_t offset, uint64_t n_bytes, uint64_t limit)
{
	return offset <= limit && n_bytes <= limit - offset;
}

static int read_identity(int fd, struct elf_identity *ret_identity)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOEXEC;
	*ret_identity = (struct elf_identity){
		.dev = st.st_dev,
		.inode = st.st_ino,
		.size_bytes = (uint64_t)st.st_size,
		.mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 +
			    st.st_mtim.tv_nsec,
	};
	return 0;
}

static bool is_same(const struct elf_identity *a, const struct elf_identity *b)
{
	return a->dev == b->dev && a->inode == b->inode &&
	       a->size_bytes == b->size_bytes && a->mtime_ns == b->mtime_ns;
}

static int read_header(struct elf_file *f, Elf64_Ehdr *ret_header)
{
	Elf64_Ehdr h;

	if (f->identity.size_bytes < sizeof(h))
		return -ENOEXEC;
	if (read_all(f->fd, &h, sizeof(h), 0) < 0)
		return -EIO;
	if (memcmp(h.e_ident, ELFMAG, SELFMAG) != 0 ||
	    h.e_ident[EI_CLASS] != ELFCLASS64 ||
	    h.e_ident[EI_DATA] != ELFDATA2LSB ||
	    h.e_machine != ARCH_ELF_MACHINE)
		return -ENOEXEC;
	if (h.e_phentsize != sizeof(Elf64_Phdr) || h.e_phnum == 0 ||
	    h.e_phnum > PHDRS_MAX ||
	    !is_inside(h.e_phoff, h.e_phnum * sizeof(Elf64_Phdr),
		       f->identity.size_bytes))
		return -ENOEXEC;
	*ret_header = h;
	return 0;
}

static void add_segment(struct elf_file *f, const Elf64_Phdr *p)
{
	uint64_t end;

	if (!is_inside(p->p_offset, p->p_filesz, f->identity.size_bytes) ||
	    p->p_filesz > p->p_memsz ||
	    __builtin_add_overflow(p->p_vaddr, p->p_memsz, &end))
		return;
	f->segments[f->n_segments++] = (struct elf_segment){
		.vaddr = p->p_vaddr,
		.mem_bytes = p->p_memsz,
		.file_offset = p->p_offset,
		.file_bytes = p->p_filesz,
		.is_exec = p->p_flags & PF_X,
	};
}

static void write_hex(const uint8_t *bytes, size_t n_bytes, char *ret_text)
{
	for (size_t i = 0; i < n_bytes; i++)
		snprintf(ret_text + 2 * i, 3, "%02x", bytes[i]);
}

// Looks for the GNU build-id among the N_BYTES of notes.
static void scan_notes(struct elf_file *f, const uint8_t *notes, size_t n_bytes)
{
	size_t at = 0;

	while (n_bytes - at >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr note;
		size_t name_bytes, desc_bytes, body = at + sizeof(note);

		memcpy(&note, notes + at, sizeof(note));
		name_bytes = ((size_t)note.n_namesz + 3) & ~(size_t)3;
		desc_bytes = ((size_t)note.n_descsz + 3) & ~(size_t)3;
		if (!is_inside(body, name_bytes + desc_bytes, n_bytes))
			return;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    !memcmp(notes + body, "GNU", 4) && note.n_descsz > 0 &&
		    note.n_descsz <= BUILD_ID_MAX) {
			write_hex(notes + body + name_bytes, note.n_descsz,
				  f->build_id);
			return;
		}
		at = body + name_bytes + desc_bytes;
	}
}

static void read_notes(struct elf_file *f, const Elf64_Phdr *p)
{
	uint8_t *notes;

	if (f->build_id[0] || p->p_filesz > NOTES_MAX ||
	    !is_inside(p->p_offset, p->p_filesz, f->identity.size_bytes))
		return;
	notes = malloc(p->p_filesz + 1);
	if (!notes)
		return;
	if (read_all(f->fd, notes, p->p_filesz, p->p_offset) == 0)
		scan_notes(f, notes, p->p_filesz);
	free(notes);
}

static const struct elf_segment *find_segment(const struct elf_file *f,
					      uint64_t vaddr)
{
	for (uint32_t i = 0; i < f->n_segments; i++) {
		const struct elf_segment *s = &f->segments[i];
		if (vaddr >= s->vaddr && vaddr - s->vaddr < s->mem_bytes)
			return s;
	}
	return NULL;
}

// Copies the file's bytes from VADDR to the end of its segment: the linker puts
// .eh_frame_hdr and .eh_frame together, and only section headers, which may be
// stripped, would tell where they end.
static int copy_cfi(struct elf_file *f, const struct elf_segment *s,
		    uint64_t vaddr)
{
	uint64_t skip = vaddr - s->vaddr;
	size_t n_bytes;

	if (skip >= s->file_bytes || s->file_bytes - skip > CFI_MAX_BYTES)
		return -ENOEXEC;
	n_bytes = s->file_bytes - skip;
	f->cfi = malloc(n_bytes);
	if (!f->cfi)
		return -ENOMEM;
	if (read_all(f->fd, f->cfi, n_bytes, s->file_offset + skip) < 0)
		return -EIO;
	f->cfi_vaddr = vaddr;
	f->cfi_bytes = n_bytes;
	return 0;
}

// Where PT_GNU_EH_FRAME points to. A file without CFI, or with CFI in a form no
// linker writes, is no error: its frames are walked by frame pointer.
static void read_cfi(struct elf_file *f, const Elf64_Phdr *p)
{
	const struct elf_segment *s = find_segment(f, p->p_vaddr);
	uint32_t hdr[ELF_EH_HDR_BYTES / 4];
	uint64_t frames, first, skip;

	if (!s || p->p_filesz < ELF_EH_HDR_BYTES)
		return;
	skip = p->p_vaddr - s->vaddr;
	if (!is_inside(skip, ELF_EH_HDR_BYTES, s->file_bytes) ||
	    read_all(f->fd, hdr, ELF_EH_HDR_BYTES, s->file_offset + skip) < 0 ||
	    hdr[0] != EH_HDR_FORM)
		return;
	frames = p->p_vaddr + 4 + (uint64_t)(int64_t)(int32_t)hdr[1];
	if (find_segment(f, frames) != s)
		return;
	first = frames < p->p_vaddr ? frames : p->p_vaddr;
	if (copy_cfi(f, s, first) < 0)
		return;
	skip = p->p_vaddr - first + ELF_EH_HDR_BYTES;
	if (is_inside(skip, (uint64_t)hdr[2] * EH_HDR_ENTRY, f->cfi_bytes)) {
		f->eh_hdr_vaddr = p->p_vaddr;
		f->n_fdes = hdr[2];
	}
}

static int parse_phdrs(struct elf_file *f, const Elf64_Phdr *phdrs, uint32_t n)
{
	f->segments = calloc(n, sizeof(*f->segments));
	if (!f->segments)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		if (phdrs[i].p_type == PT_LOAD)
			add_segment(f, &phdrs[i]);
		else if (phdrs[i].p_type == PT_NOTE)
			read_notes(f, &phdrs[i]);
	}
	for (uint32_t i = 0; i < n; i++)
		if (phdrs[i].p_type == PT_GNU_EH_FRAME && !f->cfi)
			read_cfi(f, &phdrs[i]);
	return f->n_segments > 0 ? 0 : -ENOEXEC;
}

static int parse(struct elf_file *f)
{
	Elf64_Ehdr header;
	Elf64_Phdr *phdrs;
	int error = read_header(f, &header);

	if (error < 0)
		return error;
	phdrs = malloc(header.e_phnum * sizeof(*phdrs));
	if (!phdrs)
		return -ENOMEM;
	error = read_all(f->fd, phdrs, header.e_phnum * sizeof(*phdrs),
			 header.e_phoff);
	if (error == 0)
		error = parse_phdrs(f, phdrs, header.e_phnum);
	free(phdrs);
	return error;
}

static void destroy(struct elf_file *f)
{
	close(f->fd);
	free(f->name);
	free(f->segments);
	free(f->cfi);
	free(f);
}

// The vdso is read from each process's memory and is one all the same.
static bool is_twin(const struct elf_file *a, const struct elf_file *b)
{
	return a->name[0] == '[' && a->build_id[0] &&
	       a->identity.size_bytes == b->identity.size_bytes &&
	       !strcmp(a->name, b->name) && !strcmp(a->build_id, b->build_id);
}

// A new reference to the open file of that identity, or NULL.
static struct elf_file *find_open(const struct elf_identity *identity)
{
	struct elf_file *f;

	pthread_mutex_lock(&registry_lock);
	for (f = registry; f && !is_same(&f->identity, identity); f = f->next)
		;
	if (f)
		elf_file_ref(f);
	pthread_mutex_unlock(&registry_lock);
	return f;
}

// Enters F; when another thread was faster, F goes and the other is returned.
static struct elf_file *enter(struct elf_file *f)
{
	struct elf_file *other;

	pthread_mutex_lock(&registry_lock);
	for (other = registry; other; other = other->next)
		if (is_same(&other->identity, &f->identity) ||
		    is_twin(other, f))
			break;
	if (other) {
		elf_file_ref(other);
	} else {
		f->serial = ++last_serial;
		f->next = registry;
		registry = f;
	}
	pthread_mutex_unlock(&registry_lock);
	if (!other)
		return f;
	destroy(f);
	return other;
}

// Reading a file is slow: it happens outside the lock, at worst twice.
static int make(int fd, const char *name, const struct elf_identity *identity,
		struct elf_file **ret_file)
{
	struct elf_file *f = calloc(1, sizeof(*f));
	int error;

	if (!f) {
		close(fd);
		return -ENOMEM;
	}
	atomic_init(&f->x_n_refs, 1);
	f->fd = fd;
	f->identity = *identity;
	f->name = strdup(name);
	error = f->name ? parse(f) : -ENOMEM;
	if (error < 0) {
		destroy(f);
		return error;
	}
	*ret_file = enter(f);
	return 0;
}

int elf_file_open(int fd, const char *name, struct elf_file **ret_file)
{
	struct elf_identity identity = {0};
	struct elf_file *found;
	int error = read_identity(fd, &identity);

	if (error == 0) {
		found = find_open(&identity);
		if (!found)
			return make(fd, name, &identity, ret_file);
		*ret_file = found;
	}
	close(fd);
	return error;
}

struct elf_file *elf_file_ref(struct elf_file *file)
{
	// Relaxed: whoever calls this holds a reference or the registry.
	atomic_fetch_add_explicit(&file->x_n_refs, 1, memory_order_relaxed);
	return file;
}

// The count falls under the registry's lock, so that find_open() never revives
// a file that is being destroyed.
void elf_file_unref(struct elf_file *file)
{
	struct elf_file **at;

	if (!file)
		return;
	pthread_mutex_lock(&registry_lock);
	if (atomic_fetch_sub_explicit(&file->x_n_refs, 1,
				      memory_order_acq_rel) != 1) {
		pthread_mutex_unlock(&registry_lock);
		return;
	}
	for (at = &registry; *at != file; at = &(*at)->next)
		;
	*at = file->next;
	pthread_mutex_unlock(&registry_lock);
	destroy(file);
}

int elf_file_check(const struct elf_file *file)
{
	struct elf_identity now = {0};
	int error = read_identity(file->fd, &now);

	if (error < 0)
		return error;
	return is_same(&now, &file->identity) ? 0 : -ESTALE;
}

static bool holds_offset(const struct elf_segment *s, uint64_t file_offset)
{
	uint64_t first = s->file_offset & ~PAGE_MASK;

	return file_offset >= first &&
	       file_offset < s->file_offset + s->file_bytes;
}

int elf_file_bias(const struct elf_file *file, uint64_t start,
		  uint64_t file_offset, uint64_t *ret_bias)
{
	const struct elf_segment *best = NULL;

	// Segments may share a page of the file: the executable one counts.
	for (uint32_t i = 0; i < file->n_segments; i++) {
		const struct elf_segment *s = &file->segments[i];
		if (holds_offset(s, file_offset) &&
		    (!best || (s->is_exec && !best->is_exec)))
			best = s;
	}
	if (!best)
		return -ENOENT;
	*ret_bias = start - file_offset + best->file_offset - best->vaddr;
	return 0;
}

int elf_file_word(const struct elf_file *file, uint64_t vaddr,
		  uint64_t *ret_word)
{
	uint64_t at = vaddr - file->cfi_vaddr, word = 0;

	if (at < file->cfi_bytes) {
		size_t n = file->cfi_bytes - at;
		memcpy(&word, file->cfi + at, n < 8 ? n : 8);
	} else if (!find_segment(file, vaddr) &&
		   !find_segment(file, vaddr + 7)) {
		return -EFAULT;
	}
	*ret_word = word;
	return 0;
}

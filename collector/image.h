// SPDX-License-Identifier: Apache-2.0
//
// Images: the file mappings of one profiled process, as far as addresses need
// them. An image is one executable mapping of one file (or [vdso], or an
// anonymous one). It is never changed after it was made and is counted by
// reference, so that a stack keeps the name it had when it was captured, even
// after a dlclose and a new library at the same address.
//
// struct images is the process's view: which image an address meant at a given
// generation (region_status.x_generation). Images are only ever added to it;
// image ids are their indexes + 1 and stay valid for the life of the process
// state. images_* calls of one process: one thread at a time (its ingest).
// struct image: any thread, for whoever holds a reference.
#ifndef CPROF_COLLECTOR_IMAGE_H
#define CPROF_COLLECTOR_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

// A stack frame: an address and the image it lies in. addr is what pprof calls
// Location.address: the exact pc of an interrupted frame, else the return
// address minus one. image 0: in no known image. image FRAME_PSEUDO: addr is an
// enum frame_pseudo.
struct frame {
	uint64_t addr;
	uint32_t image;
	uint32_t reserved; // 0: frames are compared and hashed as bytes
};
#define FRAME_PSEUDO UINT32_MAX

enum frame_pseudo {
	FRAME_TRUNCATED,      // [truncated]: the rest of the stack was cut
	FRAME_UNKNOWN,	      // [unknown]: nothing could be unwound
	FRAME_SIGNAL_BLOCKED, // [signal blocked]: ticks that came late
	FRAME_OVERFLOW,	      // [too many stacks]: aggregated beyond a bound
	FRAME_UNASKED,	      // [not interrupted]: of a thread that sleeps
	FRAME_PSEUDO_N
};
// Its name, with brackets. Static text.
const char *frame_pseudo_name(enum frame_pseudo pseudo);

struct elf_file; // an ELF file mapped read-only, shared by build-id; elf_file.h
struct perfmap;

struct image {
	_Atomic uint32_t x_n_refs;
	uint64_t start; // of the mapping in the process, limit is exclusive
	uint64_t limit;
	uint64_t file_offset;
	char *path; // as in maps, without " (deleted)"; "[vdso]", "//anon"
	char build_id[65];     // lower-case hex, "" when there is none
	bool is_main;	       // the main program
	bool is_shim;	       // libcprof.so itself: its frames are dropped
	struct elf_file *file; // NULL when it can't be had
	struct perfmap *jit;   // names code that is in no file, else NULL
	uint64_t bias; // address in the process - address in the ELF file
};

struct image *image_ref(struct image *im);
void image_unref(struct image *im);

struct images;

// Takes ownership of the descriptor of /proc/PID/maps and reads it once.
// PROGRAM_START is an address inside the main program. NULL: no memory.
struct images *images_new(int maps_fd, uint32_t pid, uint64_t program_start);
void images_free(struct images *ims);

// Reads maps again. Called when GENERATION has moved, when an address is in no
// image (at most every 100 ms), and before the process goes.
void images_refresh(struct images *ims, uint32_t generation);

// A library that was mapped with load bias BIAS until GENERATION: adds its
// images from the file when no refresh has seen them.
void images_unloaded(struct images *ims, const char *path, uint64_t bias,
		     uint32_t generation);

// The id of the image that held ADDR when the generation was GENERATION; 0 when
// none did or nobody can tell.
uint32_t images_find(struct images *ims, uint64_t addr, uint32_t generation);

// The image with that id (1..images_count), borrowed.
struct image *images_get(const struct images *ims, uint32_t id);
uint32_t images_count(const struct images *ims);

// How often a mapping was left out, or left without its file, for want of room.
uint64_t images_refused(const struct images *ims);

// A stack led through image ID: its unwind table is worth having.
void images_use(struct images *ims, uint32_t id);
// Moves when images_mapped() may have more or others to tell.
uint64_t images_changes(const struct images *ims);
// The images that stacks lead through, from the start the main program's,
// libc's and the shim's, as far as they are mapped now; borrowed, at most MAX
// of them, by address.
uint32_t images_mapped(const struct images *ims, uint32_t max,
		       struct image **ret);

// Moves when an address may have lost or changed its meaning; what was derived
// from images before (cached unwindings) must be forgotten then.
uint32_t images_epoch(const struct images *ims);

#endif

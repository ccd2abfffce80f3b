// SPDX-License-Identifier: Apache-2.0
//
// Description: any ELF file mapped by a process, and any capture of its
// registers and stack: unwinding ends, with frames that are in the images; and
// what is remembered of one unwinding never changes another.
//
// The input is struct header, then the stack, then the ELF file.
// fuzz: -max_len=65536
#include "collector/unwind.h"
#include "proto/limits.h"

#include "test/fuzz/file.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#define BASE	   0x400000ull
#define STACK	   0x7ffe00000000ull
#define POKES	   4
#define FRAMES_MAX 64u

struct header {
	uint16_t stack_words;
	uint16_t flags;
	uint32_t rest; // 0
	uint64_t regs[RECORD_REGS];
	// The second capture differs from the first in these words, and by
	// where its stack lies.
	struct {
		uint32_t word;
		uint32_t flip;
	} pokes[POKES];
	uint64_t moved_bytes;
};

struct capture {
	struct record_raw raw;
	uint64_t stack[STACK_COPY_MAX_BYTES / 8];
	uint16_t flags;
};

static void read_capture(struct fuzz_input *in, const struct header *h,
			 struct capture *ret)
{
	size_t n = h->stack_words % (STACK_COPY_MAX_BYTES / 8 + 1);

	memset(ret, 0, sizeof(*ret));
	n = fuzz_take(in, ret->stack, n * 8) / 8;
	memcpy(ret->raw.regs, h->regs, sizeof(h->regs));
	ret->raw.stack_bytes = (uint32_t)(n * 8);
	ret->flags = h->flags;
}

static void change_capture(const struct header *h, struct capture *c)
{
	uint32_t n = c->raw.stack_bytes / 8 + RECORD_REGS;

	for (int i = 0; i < POKES; i++) {
		uint32_t at = h->pokes[i].word % n;

		if (at < RECORD_REGS)
			c->raw.regs[at] ^= h->pokes[i].flip;
		else
			c->stack[at - RECORD_REGS] ^= h->pokes[i].flip;
	}
	c->raw.regs[RECORD_REG_SP] += h->moved_bytes;
}

// Most frames of any stack so far.
static uint32_t n_deepest;

static struct images *map_file(int fd)
{
	struct stat st;
	char text[256];
	int n;

	REQUIRE(!fstat(fd, &st));
	n = snprintf(text, sizeof(text),
		     "%llx-%llx r-xp 00000000 %x:%x %lu /proc/self/fd/%d\n",
		     BASE, BASE + (((uint64_t)st.st_size + 4095) & ~4095ull),
		     major(st.st_dev), minor(st.st_dev), st.st_ino, fd);
	return images_new(file_make(text, (size_t)n), 0, BASE);
}

static uint32_t unwind(struct unwinder *u, struct images *images,
		       const struct capture *c, struct frame *ret_frames)
{
	const struct unwind_input input = {
		.raw = &c->raw,
		.stack = (const uint8_t *)c->stack,
		.flags = c->flags,
	};
	uint32_t n;

	memset(ret_frames, 0, FRAMES_MAX * sizeof(*ret_frames));
	n = unwind_capture(u, &input, FRAMES_MAX, ret_frames);
	REQUIRE(n && n <= FRAMES_MAX);
	if (n > n_deepest)
		n_deepest = n;
	for (uint32_t i = 0; i < n; i++)
		REQUIRE(ret_frames[i].image == FRAME_PSEUDO ||
			ret_frames[i].image <= images_count(images));
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
	static struct capture first, second;
	struct frame frames[FRAMES_MAX], expected[FRAMES_MAX];
	struct fuzz_input in = {data, n_bytes};
	struct unwinder *used, *fresh;
	struct images *images;
	struct header h;
	uint32_t n, n_expected;
	int fd;

	fuzz_take(&in, &h, sizeof(h));
	read_capture(&in, &h, &first);
	second = first;
	change_capture(&h, &second);
	fd = file_make(in.data, in.n_bytes);
	images = map_file(fd);
	used = unwind_new(images);
	fresh = unwind_new(images);
	REQUIRE(images && used && fresh);
	unwind(used, images, &first, frames);
	n = unwind(used, images, &second, frames);
	n_expected = unwind(fresh, images, &second, expected);
	REQUIRE(n == n_expected && !memcmp(frames, expected, sizeof(frames)));
	unwind_free(used);
	unwind_free(fresh);
	images_free(images);
	close(fd);
	return 0;
}

// A stack full of return addresses near the functions of the sample.
static void write_seed(const char *sample, uint64_t pc)
{
	static uint8_t bytes[1 << 17];
	struct header h = {.stack_words = 128, .flags = RECORD_SIGNAL};
	uint64_t stack[128];
	size_t n;
	uint8_t *elf = file_sample(sample, &n);

	for (int i = 0; i < 128; i++)
		stack[i] = i % 2 ? pc + (uint64_t)i % 8 * 16
				 : STACK + (uint64_t)i * 8 + 16;
	h.regs[RECORD_REG_PC] = pc;
	h.regs[RECORD_REG_SP] = STACK;
	h.regs[RECORD_REG_FP] = STACK + 32;
	h.moved_bytes = 4096;
	REQUIRE(sizeof(h) + sizeof(stack) + n <= sizeof(bytes));
	memcpy(bytes, &h, sizeof(h));
	memcpy(bytes + sizeof(h), stack, sizeof(stack));
	memcpy(bytes + sizeof(h) + sizeof(stack), elf, n);
	n += sizeof(h) + sizeof(stack);
	fuzz_seed(sample, bytes, n);
	n_deepest = 0;
	LLVMFuzzerTestOneInput(bytes, n);
	REQUIRE(n_deepest > 2);
	free(elf);
}

static void write_seeds(void)
{
	write_seed("stripped.so", BASE + 0x300);
	write_seed("cfi.so", BASE + 0x200);
}

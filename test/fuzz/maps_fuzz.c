// SPDX-License-Identifier: Apache-2.0
//
// Description: any text as the maps of a process, and any other text a moment
// later: addresses lie in the images of either, and a library that goes leaves
// nothing broken.
//
// The input is both texts, with a NUL between them.
// fuzz: -max_len=8192
#include "collector/image.h"

#include "test/fuzz/file.h"

#include <sys/sysmacros.h>

static const uint64_t addresses[] = {0,	       0x1000,	       0x400000,
				     0x401234, 0x7ffff7fc1000, UINT64_MAX};

static void look_at(struct images *images, uint32_t generation)
{
	uint32_t n = images_count(images);

	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
		uint32_t id = images_find(images, addresses[i], generation);
		const struct image *im;

		REQUIRE(id <= n);
		im = id ? images_get(images, id) : NULL;
		REQUIRE(!im || (addresses[i] >= im->start &&
				addresses[i] < im->limit));
	}
}

// The maps become TEXT.
static void rewrite(int fd, const uint8_t *text, size_t n_bytes)
{
	REQUIRE(!ftruncate(fd, 0));
	REQUIRE(pwrite(fd, text, n_bytes, 0) == (ssize_t)n_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
	const uint8_t *end = n_bytes ? memchr(data, 0, n_bytes) : NULL;
	size_t n_first = end ? (size_t)(end - data) : n_bytes;
	int maps_fd = file_make(data, n_first);
	struct images *images = images_new(dup(maps_fd), 0, 0x401234);

	REQUIRE(images);
	look_at(images, 0);
	if (end) {
		rewrite(maps_fd, end + 1, n_bytes - n_first - 1);
		images_refresh(images, 2);
		look_at(images, 0);
		look_at(images, 2);
		images_unloaded(images, "/proc/self/exe", 0x400000, 3);
		images_unloaded(images, "/proc/self/exe", UINT64_MAX, 4);
		look_at(images, 3);
		look_at(images, 6);
	}
	images_free(images);
	close(maps_fd);
	return 0;
}

static void write_seeds(void)
{
	static const char text[] =
		"00400000-00452000 r-xp 00000000 08:02 173521 /usr/bin/a\n"
		"00651000-00652000 r--p 00051000 08:02 173521 /usr/bin/a\n"
		"7ffff7fc1000-7ffff7fc3000 r-xp 00000000 00:00 0 [vdso]\n"
		"7ffff8000000-7ffff8001000 rwxp 00000000 00:00 0 \n"
		"7ffff9000000-7ffff9001000 r-xp 00001000 fe:01 77 /b "
		"(deleted)\n"
		"\0"
		"00401000-00452000 r-xp 00001000 08:02 173521 /usr/bin/a\n"
		"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 "
		"[vsyscall]\n";

	fuzz_seed("two", text, sizeof(text) - 1);
}

// SPDX-License-Identifier: Apache-2.0
//
// Description: a region is sealed, allocated, laid out as its header says, and
// its parts don't overlap.
#include "collector/region.h"
#include "proto/version.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

// Nobody can take from a mapping of FD what it has, nor add to it.
static bool is_sealed(int fd)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	struct stat st;

	return fcntl(fd, F_GET_SEALS) == seals && !fstat(fd, &st) &&
	       ftruncate(fd, 0) && ftruncate(fd, st.st_size * 2);
}

// How much of FD is there already: what isn't may be missed when it is touched.
static off_t present_bytes(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return (off_t)st.st_blocks * 512;
}

static void check_header(const struct region *r)
{
	const struct region_control *c = r->control;

	assert_true(c->magic == REGION_MAGIC);
	assert_int_equal(c->proto_version, PROTO_VERSION);
	assert_int_equal(c->size_bytes, r->size_bytes);
	assert_int_equal(c->n_stripes, r->size.n_stripes);
	assert_true(c->n_stripes <= STRIPES_MAX);
	assert_true(c->stripe_bytes >= STRIPE_MIN_BYTES);
	assert_true(c->stripe_bytes <= STRIPE_MAX_BYTES);
	assert_true(1u << c->lg_live_buckets <= LIVE_BUCKETS_MAX);
	assert_int_equal(c->stripes_offset % REGION_PAGE, 0);
	assert_int_equal(c->live_offset % REGION_PAGE, 0);
	assert_int_equal(c->ids_offset % REGION_PAGE, 0);
}

static void check_layout(const struct region *r)
{
	unsigned char *base = (unsigned char *)r->control;
	const struct region_control *c = r->control;
	uint32_t last = c->n_stripes - 1;
	struct stripe *s = region_stripe(r, last);

	assert_ptr_equal(region_stripe(r, 0), base + c->stripes_offset);
	assert_true(s->data + c->stripe_bytes <= base + c->live_offset);
	assert_ptr_equal(region_bucket(r, 0), base + c->live_offset);
	assert_true((unsigned char *)region_bucket(r, region_n_buckets(r)) <=
		    base + c->ids_offset);
	last = region_n_buckets(r) - 1;
	assert_true((unsigned char *)(region_id(r, last, LIVE_SLOTS - 1) + 1) <=
		    base + c->size_bytes);
}

// Only the last stripes have no memory at first; no side may touch a page that
// isn't there, so this is what both go by.
static void check_growth(struct region *r)
{
	uint32_t n_later = r->size.n_stripes - r->n_ready;
	off_t before = present_bytes(r->memfd);
	int fd = dup(r->memfd);

	assert_int_equal(r->control->x_n_ready, r->n_ready);
	assert_in_range(r->n_ready, 1, r->size.n_stripes);
	assert_true(before + (off_t)n_later * r->size.stripe_bytes +
			    (n_later + 1) * (off_t)REGION_PAGE >=
		    (off_t)r->size_bytes);
	assert_int_equal(region_grow(r), 0);
	assert_int_equal(r->memfd, -1);
	assert_int_equal(r->n_ready, r->size.n_stripes);
	assert_int_equal(r->control->x_n_ready, r->size.n_stripes);
	r->memfd = fd;
	assert_int_equal(present_bytes(fd), r->size_bytes);
}

static void check_size(const struct region_size *size)
{
	struct region *r;

	assert_int_equal(region_new(size, &r), 0);
	assert_true(is_sealed(r->memfd));
	assert_int_equal(lseek(r->memfd, 0, SEEK_END), r->size_bytes);
	check_header(r);
	check_layout(r);
	check_growth(r);
	region_close_fd(r);
	// The mapping stays.
	memset(region_stripe(r, 0)->data, 1, size->stripe_bytes);
	region_free(r);
}

static void test_sizes(void **state)
{
	(void)state;
	check_size(&region_default);
	check_size(&region_exact);
	check_size(&region_small);
}

// The other side sees what this one writes.
static void test_shared(void **state)
{
	struct region *r;
	struct region_control *other;

	(void)state;
	assert_int_equal(region_new(&region_small, &r), 0);
	other = mmap(NULL, r->size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
		     r->memfd, 0);
	assert_ptr_not_equal(other, MAP_FAILED);
	r->control->x_cpu_hz = 77;
	assert_int_equal(other->x_cpu_hz, 77);
	munmap(other, r->size_bytes);
	region_free(r);
}

// The checks above can fail: a memfd that is only made and sized is neither
// sealed nor there.
static void test_naive_memfd(void **state)
{
	int fd = memfd_create("naive", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	assert_int_equal(present_bytes(fd), 0);
	assert_false(is_sealed(fd));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_naive_memfd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

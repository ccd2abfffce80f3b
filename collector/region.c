// SPDX-License-Identifier: Apache-2.0
//
// Every page is allocated here, by fallocate, before anybody may touch it: a
// page that could not be had later would be a SIGBUS in the profiled process.
// The seals make sure that neither side can take one away. Pages are not mapped
// ahead as well (MAP_POPULATE): that is most of the cost of a region (1.6
// of 2.7 ms measured), and a short process touches few of them.
#include "collector/region.h"

#include "proto/version.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

// About 5 MiB: at a sample every 512 KiB and 100 Hz a thread this holds several
// visits' worth of captures of 16 KiB. Three stripes do for the first visits;
// the other 3.3 MiB are most of what a start costs.
const struct region_size region_default = {.n_stripes = 16,
					   .stripe_bytes = 256 << 10,
					   .lg_live_buckets = 13,
					   .lg_sent = 11,
					   .lg_log = 16,
					   .n_first = 3};
// 68 MiB: half for records between two visits, half for two million live
// blocks.
const struct region_size region_exact = {.n_stripes = 8,
					 .stripe_bytes = 4 << 20,
					 .lg_live_buckets = 18,
					 .lg_sent = 15,
					 .lg_log = 21,
					 .n_first = 8};
// About 0.8 MiB.
const struct region_size region_small = {.n_stripes = 8,
					 .stripe_bytes = 64 << 10,
					 .lg_live_buckets = 11,
					 .lg_sent = 9,
					 .lg_log = 14,
					 .n_first = 8};

static size_t page_align(size_t n_bytes)
{
	return (n_bytes + REGION_PAGE - 1) & ~(size_t)(REGION_PAGE - 1);
}

static size_t stripe_step(const struct region *r)
{
	return sizeof(struct stripe) + r->size.stripe_bytes;
}

static void lay_out(struct region *r, const struct region_size *size)
{
	size_t n_slots = (size_t)LIVE_SLOTS << size->lg_live_buckets;

	r->size = *size;
	r->walk_offset = 2 * REGION_PAGE;
	r->sent_offset = r->walk_offset + page_align(sizeof(struct walk_index));
	r->log_offset = r->sent_offset +
			page_align(2 * sizeof(uint64_t) << size->lg_sent);
	r->stripes_offset = r->log_offset + page_align(2ul << size->lg_log);
	r->live_offset = page_align(r->stripes_offset +
				    size->n_stripes * stripe_step(r));
	r->ids_offset = r->live_offset + page_align(n_slots * sizeof(uint64_t));
	r->size_bytes = r->ids_offset + page_align(n_slots * sizeof(uint64_t));
}

const struct region_size *region_size_of(uint64_t n_bytes)
{
	const struct region_size *const sizes[] = {
		&region_default, &region_exact, &region_small};
	struct region r;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		lay_out(&r, sizes[i]);
		if (r.size_bytes == n_bytes)
			return sizes[i];
	}
	return NULL;
}

static int allocate(const struct region *r, size_t from, size_t to)
{
	return fallocate(r->memfd, 0, (off_t)from, (off_t)(to - from)) ? -errno
								       : 0;
}

// The first stripes, and what lies in front of and behind the stripes.
static int allocate_first(struct region *r)
{
	int err;

	r->n_ready = r->size.n_first;
	err = allocate(r, 0, r->stripes_offset + r->n_ready * stripe_step(r));
	return err ? err : allocate(r, r->live_offset, r->size_bytes);
}

static int make_memfd(struct region *r)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

	r->memfd = memfd_create("cprof", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (r->memfd < 0)
		return -errno;
	if (ftruncate(r->memfd, (off_t)r->size_bytes) ||
	    fcntl(r->memfd, F_ADD_SEALS, seals))
		return -errno;
	return allocate_first(r);
}

static void fill_header(const struct region *r)
{
	struct region_control *c = r->control;

	c->proto_version = PROTO_VERSION;
	c->n_stripes = r->size.n_stripes;
	c->size_bytes = r->size_bytes;
	c->stripes_offset = r->stripes_offset;
	c->live_offset = r->live_offset;
	c->ids_offset = r->ids_offset;
	c->stripe_bytes = r->size.stripe_bytes;
	c->lg_live_buckets = r->size.lg_live_buckets;
	c->stack_bytes = STACK_COPY_MAX_BYTES;
	c->walk_offset = r->walk_offset;
	c->sent_offset = r->sent_offset;
	c->lg_sent = r->size.lg_sent;
	c->log_offset = r->log_offset;
	c->lg_log = r->size.lg_log;
	atomic_init(&c->x_n_ready, r->n_ready);
	c->magic = REGION_MAGIC;
}

static int map(struct region *r)
{
	unsigned char *p = mmap(NULL, r->size_bytes, PROT_READ | PROT_WRITE,
				MAP_SHARED, r->memfd, 0);

	if (p == MAP_FAILED)
		return -errno;
	r->control = (struct region_control *)p;
	r->status = (struct region_status *)(p + REGION_PAGE);
	// Another process's stacks have no place in our core dump.
	(void)madvise(p, r->size_bytes, MADV_DONTDUMP);
	fill_header(r);
	return 0;
}

int region_new(const struct region_size *size, struct region **ret)
{
	struct region *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	lay_out(r, size);
	err = make_memfd(r);
	if (!err)
		err = map(r);
	if (err) {
		region_free(r);
		return err;
	}
	*ret = r;
	return 0;
}

int region_grow(struct region *r)
{
	size_t from = r->stripes_offset + r->n_ready * stripe_step(r);
	int err = r->n_ready < r->size.n_stripes
			  ? allocate(r, from, r->live_offset)
			  : 0;

	region_close_fd(r);
	if (err)
		return err;
	r->n_ready = r->size.n_stripes;
	atomic_store_explicit(&r->control->x_n_ready, r->n_ready,
			      memory_order_release);
	return 0;
}

void region_free(struct region *r)
{
	if (!r)
		return;
	if (r->control)
		munmap(r->control, r->size_bytes);
	region_close_fd(r);
	free(r);
}

void region_close_fd(struct region *r)
{
	if (r->memfd >= 0)
		close(r->memfd);
	r->memfd = -1;
}

struct stripe *region_stripe(const struct region *r, uint32_t i)
{
	unsigned char *base = (unsigned char *)r->control;

	return (struct stripe *)(base + r->stripes_offset + i * stripe_step(r));
}

struct live_bucket *region_bucket(const struct region *r, uint32_t i)
{
	unsigned char *base = (unsigned char *)r->control;

	return (struct live_bucket *)(base + r->live_offset) + i;
}

_Atomic uint64_t *region_id(const struct region *r, uint32_t i, uint32_t slot)
{
	unsigned char *base = (unsigned char *)r->control;

	return (_Atomic uint64_t *)(base + r->ids_offset) +
	       (size_t)i * LIVE_SLOTS + slot;
}

struct walk_index *region_walk_index(const struct region *r)
{
	unsigned char *base = (unsigned char *)r->control;

	return (struct walk_index *)(base + r->walk_offset);
}

// SPDX-License-Identifier: Apache-2.0
//
// Nothing of a region is believed before its seals and its header were looked
// at: a page that could be taken away would be a SIGBUS in the host.
#include "preload/mapping.h"

#include "preload/conf.h"
#include "preload/former.h"
#include "preload/sent.h"
#include "preload/state.h"
#include "preload/sys.h"
#include "proto/limits.h"
#include "proto/version.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

// The tables of a program in C and its libraries. All of the arena would be
// made present, and counted, when the host locks its memory (mlockall).
#define TABLES_FIRST_BYTES (1u << 20)

static bool is_layout_sane(const struct region_control *c, uint64_t size)
{
	uint64_t buckets = 1ull << (c->lg_live_buckets & 31);
	uint64_t step = sizeof(struct stripe) + c->stripe_bytes;

	return c->magic == REGION_MAGIC && c->proto_version == PROTO_VERSION &&
	       c->size_bytes == size && c->n_stripes &&
	       c->n_stripes <= STRIPES_MAX &&
	       !(c->stripe_bytes & (c->stripe_bytes - 1)) &&
	       c->stripe_bytes >= STRIPE_MIN_BYTES &&
	       c->stripe_bytes <= STRIPE_MAX_BYTES &&
	       buckets <= LIVE_BUCKETS_MAX &&
	       c->stripes_offset >= 2 * REGION_PAGE &&
	       c->stripes_offset + c->n_stripes * step <= size &&
	       c->live_offset + buckets * sizeof(struct live_bucket) <= size &&
	       c->ids_offset + buckets * LIVE_SLOTS * sizeof(uint64_t) <=
		       size &&
	       c->walk_offset + sizeof(struct walk_index) <=
		       c->stripes_offset &&
	       c->lg_sent <= LG_SENT_MAX && c->lg_log >= LG_LOG_MIN &&
	       c->lg_log <= LG_LOG_MAX &&
	       c->sent_offset + (2 * sizeof(uint64_t) << c->lg_sent) <=
		       c->log_offset &&
	       c->log_offset + (2ull << c->lg_log) <= c->stripes_offset;
}

// Reads the header by a mapping of its own, so that nothing is replaced by what
// does not fit.
static bool is_layout_good(int fd, uint64_t size)
{
	const struct region_control *old = state_control();
	const struct region_control *c;
	long at = sys_call(SYS_mmap, 0, REGION_PAGE, PROT_READ, MAP_SHARED, fd,
			   0);
	bool is_good;

	if (at < 0 && at > -4096)
		return false;
	c = (const struct region_control *)at;
	is_good = is_layout_sane(c, size) &&
		  (!old ||
		   !memcmp(old, c, offsetof(struct region_control, x_n_ready)));
	(void)sys_call(SYS_munmap, at, REGION_PAGE);
	return is_good;
}

static bool keep_former(int fd)
{
	long at = sys_call(SYS_mmap, 0, REGION_PAGE, PROT_READ | PROT_WRITE,
			   MAP_SHARED, fd, REGION_PAGE);

	if (at < 0 && at > -4096)
		return false;
	former_keep((struct region_status *)at);
	(void)sys_call(SYS_munmap, at, REGION_PAGE);
	return true;
}

struct region_control *mapping_make(int fd)
{
	const struct region_control *old = state_control();
	struct stat st;
	struct region_control *c;
	uint64_t n;
	long at;

	if (sys_call(SYS_fstat, fd, &st) ||
	    (sys_call(SYS_fcntl, fd, F_GET_SEALS) & SEALS) != SEALS ||
	    st.st_size < (off_t)(2 * REGION_PAGE) ||
	    !is_layout_good(fd, (uint64_t)st.st_size) ||
	    (old && !keep_former(fd)))
		return NULL;
	if (old)
		atomic_fetch_add_explicit(&state.x_region, 1,
					  memory_order_relaxed);
	n = old ? old->live_offset : (uint64_t)st.st_size;
	at = sys_call(SYS_mmap, old, n, PROT_READ | PROT_WRITE,
		      MAP_SHARED | (old ? MAP_FIXED : 0), fd, 0);
	if (at < 0 && at > -4096) {
		if (old)
			former_drop();
		return NULL;
	}
	c = (struct region_control *)at;
	(void)sys_call(SYS_madvise, c, n, MADV_DONTFORK);
	(void)sys_call(SYS_madvise, c, n, MADV_DONTDUMP);
	return c;
}

// Who set a limit counted what he needs himself.
static bool is_address_space_limited(void)
{
	struct rlimit64 r;

	return !sys_call(SYS_prlimit64, 0, RLIMIT_AS, 0, &r) &&
	       r.rlim_cur != RLIM64_INFINITY;
}

// Where they are and how far, in this order: see state.h.
static void use_tables(long at, uint64_t n)
{
	(void)sys_call(SYS_madvise, at, n, MADV_DONTFORK);
	(void)sys_call(SYS_madvise, at, n, MADV_DONTDUMP);
	atomic_store_explicit(&state.x_tables, (const unsigned char *)at,
			      memory_order_relaxed);
	atomic_store_explicit(&state.x_tables_bytes, n, memory_order_release);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool map_tables(int fd)
{
	const unsigned char *old =
		atomic_load_explicit(&state.x_tables, memory_order_relaxed);
	uint64_t n = atomic_load_explicit(&state.x_tables_bytes,
					  memory_order_relaxed);
	struct stat st;
	long at;

	if (fd < 0 || (state_control() && !old) ||
	    sys_call(SYS_fstat, fd, &st) || st.st_size <= 0 ||
	    (old && (uint64_t)st.st_size < n) ||
	    !(sys_call(SYS_fcntl, fd, F_GET_SEALS) & F_SEAL_SHRINK))
		return false;
	if (!old)
		n = least((uint64_t)st.st_size, TABLES_FIRST_BYTES);
	at = sys_call(SYS_mmap, old, n, PROT_READ,
		      MAP_SHARED | (old ? MAP_FIXED : 0), fd, 0);
	if (at < 0 && at > -4096)
		return false;
	atomic_store_explicit(&state.x_tables_limit_bytes,
			      least((uint64_t)st.st_size, WALK_ARENA_BYTES),
			      memory_order_relaxed);
	use_tables(at, n);
	return true;
}

// Somebody may be walking: what is mapped stays, and mremap() of no bytes makes
// a second mapping of it, which is larger. Each is twice the one before, so
// those that stay are together no more than the last.
void mapping_grow_tables(void)
{
	const unsigned char *old =
		atomic_load_explicit(&state.x_tables, memory_order_relaxed);
	uint64_t n = atomic_load_explicit(&state.x_tables_bytes,
					  memory_order_relaxed);
	uint64_t wanted = atomic_load_explicit(
		&state.walk_index->x_tables_bytes, memory_order_relaxed);
	uint64_t limit = atomic_load_explicit(&state.x_tables_limit_bytes,
					      memory_order_relaxed);
	long at = -ENOMEM;

	while (n < wanted && n < limit)
		n *= 2;
	n = least(n, limit);
	if (!is_address_space_limited())
		at = sys_call(SYS_mremap, old, 0, n, MREMAP_MAYMOVE);
	if (at < 0 && at > -4096)
		atomic_store_explicit(&state.x_tables_limit_bytes, 0,
				      memory_order_relaxed); // and not again
	else
		use_tables(at, n);
}

void mapping_tables(int fd)
{
	// The tables of before would not be those that the new index means.
	bool is_off = is_address_space_limited() || !map_tables(fd);

	atomic_store_explicit(&state.x_walk_off, is_off, memory_order_relaxed);
}

void mapping_use(const struct region_control *c)
{
	unsigned char *base = (unsigned char *)c;

	state.status = (struct region_status *)(base + REGION_PAGE);
	state.stripes = base + c->stripes_offset;
	state.stripe_step_bytes = sizeof(struct stripe) + c->stripe_bytes;
	state.buckets = (struct live_bucket *)(base + c->live_offset);
	state.x_ids = (_Atomic uint64_t *)(base + c->ids_offset);
	state.live_mask = (1u << c->lg_live_buckets) - 1;
	state.walk_index = (struct walk_index *)(base + c->walk_offset);
	state.sent = sent_tables(c, (uintptr_t)base);
	state.n_stripes = c->n_stripes;
}

const struct region_control *mapping_private(void)
{
	static struct {
		_Alignas(REGION_PAGE) struct region_control control;
		_Alignas(REGION_PAGE) struct region_status status;
		_Alignas(REGION_PAGE) struct live_bucket buckets[2048];
		_Atomic uint64_t x_ids[2048 * LIVE_SLOTS];
	} r;
	struct region_control *c = &r.control;

	memset(&r, 0, sizeof(r));
	c->lg_live_buckets = 11;
	c->stack_bytes = STACK_COPY_MAX_BYTES;
	c->live_offset = (uint64_t)((char *)r.buckets - (char *)&r);
	c->ids_offset = (uint64_t)((char *)r.x_ids - (char *)&r);
	c->x_heap_rate = conf.values[SETTING_HEAP_RATE];
	c->x_cpu_hz = conf.values[SETTING_CPU_HZ];
	c->x_block_rate_ns = conf.values[SETTING_BLOCK_RATE];
	c->x_mutex_fraction = conf.values[SETTING_MUTEX_FRACTION];
	return c;
}

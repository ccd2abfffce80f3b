// SPDX-License-Identifier: Apache-2.0
//
// Nothing of a region is believed before its seals and its header were looked
// at: a page that could be taken away would be a SIGBUS in the host.
#include "preload/mapping.h"

#include "preload/former.h"
#include "preload/state.h"
#include "preload/sys.h"
#include "proto/limits.h"
#include "proto/version.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

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
	       c->ids_offset + buckets * LIVE_SLOTS * sizeof(uint64_t) <= size;
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
	n = old ? old->live_offset : (uint64_t)st.st_size;
	at = sys_call(SYS_mmap, old, n, PROT_READ | PROT_WRITE,
		      MAP_SHARED | (old ? MAP_FIXED : 0), fd, 0);
	if (at < 0 && at > -4096) {
		if (old)
			former_cancel();
		return NULL;
	}
	c = (struct region_control *)at;
	(void)sys_call(SYS_madvise, c, n, MADV_DONTFORK);
	(void)sys_call(SYS_madvise, c, n, MADV_DONTDUMP);
	return c;
}

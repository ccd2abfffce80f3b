// SPDX-License-Identifier: Apache-2.0
//
// The only code that reads a ring. The sizes in it decide what is copied and
// how far the reader moves, so each is compared with what there can be before
// it is used, and used from the private copy only.
#include "collector/ringread.h"

#include <errno.h>
#include <string.h>

void ringread_init(struct ringread *r, struct stripe *s, uint32_t stripe_bytes)
{
	*r = (struct ringread){.stripe = s, .stripe_bytes = stripe_bytes};
}

// The writer reads the tail's line: it is told in steps.
#define TELL_BYTES 16384u

static void tell(struct ringread *r)
{
	if (r->tail == r->tail_told)
		return;
	r->tail_told = r->tail;
	// Pairs with the writer's acquire: the bytes were copied before.
	atomic_store_explicit(&r->stripe->x_tail, r->tail,
			      memory_order_release);
}

static void set_tail(struct ringread *r, uint64_t tail)
{
	r->tail = tail;
	if (tail - r->tail_told >= TELL_BYTES)
		tell(r);
}

static void reset(struct ringread *r, uint64_t head)
{
	r->n_resets++;
	r->tail = head;
	tell(r);
}

uint64_t ringread_head(struct ringread *r)
{
	// Pairs with the writer's release: the records before it are written.
	uint64_t head =
		atomic_load_explicit(&r->stripe->x_head, memory_order_acquire);

	// Until all before HEAD is read it stays as it is.
	r->base =
		atomic_load_explicit(&r->stripe->x_base, memory_order_relaxed) &
		~7ull;
	if (head < r->tail || head - r->tail > r->stripe_bytes || head % 8)
		reset(r, head & ~7ull);
	return head & ~7ull;
}

// Bytes of payload that FORM needs at least behind the header, given the copy
// of the record (N_PAYLOAD bytes of payload); UINT64_MAX when it can't be.
static uint64_t payload_needed(const union ringread_record *record,
			       size_t n_payload)
{
	const unsigned char *payload = record->bytes + sizeof(struct record);
	struct record_raw raw;
	struct record_frames frames;

	switch (record->header.form) {
	case FORM_RAW:
		if (n_payload < sizeof(raw))
			return UINT64_MAX;
		memcpy(&raw, payload, sizeof(raw));
		if (raw.stack_bytes > STACK_COPY_MAX_BYTES)
			return UINT64_MAX;
		return sizeof(raw) + raw.stack_bytes;
	case FORM_FRAMES:
		if (n_payload < sizeof(frames))
			return UINT64_MAX;
		memcpy(&frames, payload, sizeof(frames));
		if (frames.n_frames > STACK_DEPTH_MAX)
			return UINT64_MAX;
		return sizeof(frames) + frames.n_frames * sizeof(uint64_t);
	case FORM_HASH:
		return sizeof(uint64_t);
	case FORM_NONE:
	case FORM_TEXT:
	case FORM_WORDS:
		return 0;
	}
	return UINT64_MAX; // FORM_BRIEF has none
}

// Which forms a type may have, as bits; 0 for a type that is not known: such a
// record may hold anything and is skipped by whoever dispatches it.
static unsigned forms_of(uint8_t type)
{
	static const unsigned forms[RECORD_N] = {
		[RECORD_PAD] = 1 << FORM_NONE,
		[RECORD_FREE] = 1 << FORM_NONE,
		[RECORD_THREAD_END] = 1 << FORM_TEXT | 1 << FORM_NONE,
		[RECORD_THREAD_NAME] = 1 << FORM_TEXT,
		[RECORD_UNLOAD] = 1 << FORM_TEXT,
		[RECORD_DUMP] = 1 << FORM_NONE,
		[RECORD_GOODBYE] = 1 << FORM_NONE,
		[RECORD_COUNTERS] = 1 << FORM_WORDS,
		[RECORD_LABELS] = 1 << FORM_TEXT,
		[RECORD_MARK] = 1 << FORM_TEXT,
		[RECORD_PROFILE] = 1 << FORM_TEXT,
		[RECORD_THREAD_BEGIN] = 1 << FORM_NONE,
	};
	const unsigned stack = 1 << FORM_NONE | 1 << FORM_RAW |
			       1 << FORM_FRAMES | 1 << FORM_HASH;

	if (type >= RECORD_N)
		return 0;
	return forms[type] ? forms[type] : stack;
}

static int check_brief(const union ringread_record *record, size_t n_bytes)
{
	if (record->head.type == RECORD_FREE)
		return n_bytes == sizeof(record->free) && record->free.id
			       ? 0
			       : -EBADMSG;
	if (record->head.type == RECORD_ALLOC)
		return n_bytes == sizeof(record->alloc) && record->alloc.id
			       ? 0
			       : -EBADMSG;
	return -EBADMSG;
}

int ringread_check(const union ringread_record *record, size_t n_bytes)
{
	const struct record *h = &record->header;
	unsigned forms;

	if (n_bytes >= RECORD_MIN_BYTES && record->head.form == FORM_BRIEF &&
	    record->head.size_bytes == n_bytes)
		return check_brief(record, n_bytes);
	if (n_bytes < sizeof(*h) || h->size_bytes != n_bytes || n_bytes % 8 ||
	    n_bytes > RECORD_MAX_BYTES)
		return -EBADMSG;
	forms = forms_of(h->type);
	if (forms && (h->form >= FORM_N || !(forms >> h->form & 1)))
		return -EBADMSG;
	if (forms &&
	    payload_needed(record, n_bytes - sizeof(*h)) > n_bytes - sizeof(*h))
		return -EBADMSG;
	if ((h->type == RECORD_ALLOC || h->type == RECORD_FREE) && !h->id)
		return -EBADMSG;
	return 0;
}

// N_BYTES, a multiple of 8; nearly always few.
static void copy_words(unsigned char *to, const unsigned char *from, size_t n)
{
	if (n > 64) {
		memcpy(to, from, n);
		return;
	}
	for (size_t i = 0; i < n; i += 8)
		memcpy(to + i, from + i, 8);
}

// Copies the record at the tail. False: there is no record here; the tail has
// moved past the filler, or the stripe was reset.
static bool copy_record(struct ringread *r, uint64_t head,
			union ringread_record *ret)
{
	uint64_t offset = (r->tail - r->base) & (r->stripe_bytes - 1);
	uint64_t room = r->stripe_bytes - offset;
	uint64_t n_filled = head - r->tail;
	const unsigned char *from = r->stripe->data + offset;
	struct record_head h;

	if (n_filled > room)
		n_filled = room;
	// tail, base, head and the stripe's size are multiples of 8
	memcpy(&h, from, sizeof(h));
	if (h.type == RECORD_PAD && n_filled == room) {
		set_tail(r, r->tail + room);
		return false;
	}
	if (h.size_bytes < RECORD_MIN_BYTES || h.size_bytes % 8 ||
	    h.size_bytes > RECORD_MAX_BYTES || h.size_bytes > n_filled) {
		reset(r, head);
		return false;
	}
	ret->head = h;
	copy_words(ret->bytes + sizeof(h), from + sizeof(h),
		   h.size_bytes - sizeof(h));
	set_tail(r, r->tail + h.size_bytes);
	return true;
}

bool ringread_next(struct ringread *r, uint64_t head,
		   union ringread_record *ret)
{
	while (r->tail < head) {
		if (!copy_record(r, head, ret))
			continue;
		if (ret->head.type == RECORD_PAD)
			continue;
		if (!ringread_check(ret, ret->head.size_bytes))
			return true;
		r->n_bad++;
	}
	tell(r);
	return false;
}

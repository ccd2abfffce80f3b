// SPDX-License-Identifier: Apache-2.0
//
// Writer's side of the stripes (proto/region.h has their invariants) and of the
// socket transport.
#include "preload/ring.h"

#include "preload/labels.h"
#include "preload/names.h"
#include "preload/slack.h"
#include "preload/state.h"
#include "preload/stripe.h"
#include "preload/sys.h"
#include "preload/unwind.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

// By a socket, how long after a wait for room that ran out the next one begins.
#define SOCKET_PAUSE_NS 1000000u

// A record in up to three pieces, as it will lie in the ring.
struct pieces {
	struct iovec v[3];
	uint32_t n;
	uint32_t total_bytes;
	// Rings only: the frames of this stack come behind the pieces;
	const struct unwound *frames;
	// the pieces are a hash, of this stack;
	const struct sent_stack *sent;
	// or they bring a stack that is worth remembering.
	bool is_stack;
};

// Nearly all pieces are headers, and a string instruction takes longer to begin
// than they need.
static void put_piece(unsigned char *at, const struct iovec *v)
{
	const unsigned char *from = v->iov_base;

	if (v->iov_len == sizeof(struct record_free))
		memcpy(at, from, sizeof(struct record_free));
	else if (v->iov_len == sizeof(struct record_alloc))
		memcpy(at, from, sizeof(struct record_alloc));
	else if (v->iov_len == sizeof(struct record))
		memcpy(at, from, sizeof(struct record));
	else if (v->iov_len == sizeof(uint64_t))
		memcpy(at, from, sizeof(uint64_t));
	else
		sys_copy(at, from, v->iov_len);
}

static int put(unsigned char *at, const struct pieces *p)
{
	if (p->sent && !sent_is_valid(p->sent))
		return -EAGAIN;
	for (uint32_t i = 0; i < p->n; i++) {
		put_piece(at, &p->v[i]);
		at += p->v[i].iov_len;
	}
	if (p->frames && !unwind_write(p->frames, (uint64_t *)at))
		return -EAGAIN;
	return 0;
}

// What may be written from offset AT of a stripe before the next look at the
// reader's line, a record of N_BYTES at least.
static uint32_t until_look(uint32_t at, uint32_t n_bytes)
{
	return at + n_bytes <= STRIPE_WINDOW_BYTES
		       ? STRIPE_WINDOW_BYTES - at
		       : n_bytes + STRIPE_LOOK_BYTES;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

// The rest of S behind *HEAD, N_BYTES at AT, is left to a PAD record.
static void stripe_pad(struct stripe *s, uint64_t *head, uint32_t at,
		       uint32_t n_bytes)
{
	struct record_head pad = {.size_bytes = n_bytes, .type = RECORD_PAD};

	memcpy(s->data + at, &pad, sizeof(pad));
	*head += n_bytes;
	// release: as in stripe_write()
	atomic_store_explicit(&s->x_head, *head, memory_order_release);
}

// All before HEAD in S, which this thread holds, is read: the next record goes
// to the front.
static uint64_t stripe_begin_anew(struct stripe *s, uint64_t head,
				  uint64_t base)
{
	uint32_t size = state_control()->stripe_bytes;

	if (head == base)
		return base;
	slack_note(s, (uint32_t)least(head - base, size));
	atomic_store_explicit(&s->x_base, head, memory_order_relaxed);
	return head;
}

// Makes room for N_BYTES in one piece behind *HEAD in S, which this thread
// holds: at the front when all is read, or when they would cross the end.
static __attribute__((noinline)) bool
stripe_make_room(struct stripe *s, uint64_t *head, uint32_t n_bytes)
{
	uint32_t size = state_control()->stripe_bytes, at, skip;
	uint64_t base = atomic_load_explicit(&s->x_base, memory_order_relaxed);
	// acquire: pairs with the collector's release after copying out
	uint64_t tail = atomic_load_explicit(&s->x_tail, memory_order_acquire);

	if (tail == *head)
		base = stripe_begin_anew(s, *head, base);
	at = (uint32_t)(*head - base) & (size - 1);
	skip = at + n_bytes > size ? size - at : 0;
	if (*head - tail + skip + n_bytes > size)
		return false;
	if (skip) {
		stripe_pad(s, head, at, skip);
		at = 0;
	}
	atomic_store_explicit(
		&s->x_limit,
		*head + least(least(size - at, size - (*head - tail)),
			      until_look(at, n_bytes)),
		memory_order_relaxed);
	return true;
}

// Writes P behind the head of stripe S, which this thread holds.
static int stripe_write(struct stripe *s, const struct pieces *p)
{
	// relaxed: only the holder of the stripe writes these
	uint64_t head = atomic_load_explicit(&s->x_head, memory_order_relaxed);
	uint64_t base;
	unsigned char *to;

	if (UNLIKELY(head + p->total_bytes >
		     atomic_load_explicit(&s->x_limit, memory_order_relaxed)) &&
	    !stripe_make_room(s, &head, p->total_bytes))
		return -ENOSPC;
	base = atomic_load_explicit(&s->x_base, memory_order_relaxed);
	to = s->data +
	     ((uint32_t)(head - base) & (state_control()->stripe_bytes - 1));
	if (put(to, p))
		return -EAGAIN; // as if nothing had been written
	// release: pairs with the collector's acquire; the bytes come before
	atomic_store_explicit(&s->x_head, head + p->total_bytes,
			      memory_order_release);
	if (p->is_stack)
		sent_keep(
			(const struct record_frames *)(to +
						       sizeof(struct record)));
	return 0;
}

bool ring_make_room(struct stripe *s, uint32_t n_bytes)
{
	uint64_t head = atomic_load_explicit(&s->x_head, memory_order_relaxed);

	return stripe_make_room(s, &head, n_bytes);
}

static int rings_write(const struct pieces *p)
{
	uint32_t n = state_n_ready();
	uint32_t i = stripe_own(n);
	int err = -EBUSY;

	for (uint32_t tries = n; tries--;) {
		struct stripe *s = state_stripe(i);

		if (stripe_take(sys_is_single_threaded(), s)) {
			err = stripe_write(s, p);
			stripe_give(s);
			if (!err || err == -EAGAIN)
				return err;
		}
		i = i + 1 == n ? 0 : i + 1;
	}
	return err;
}

// The descriptor may have been closed and its number reused by the host at any
// time, so it is asked who it is before each use.
static bool is_ours(int fd)
{
	struct stat st;

	return !sys_call(SYS_fstat, fd, &st) && st.st_dev == state.fd_device &&
	       st.st_ino == state.fd_inode;
}

// Of several that find it broken only one closes it: the next may have the
// number by then.
static void lose_socket(uint32_t fd)
{
	if (atomic_compare_exchange_strong_explicit(&state.x_fd, &fd, 0,
						    memory_order_relaxed,
						    memory_order_relaxed))
		(void)sys_call(SYS_close, fd - 1);
}

static int socket_write(const struct pieces *p)
{
	struct msghdr msg = {.msg_iov = (struct iovec *)p->v,
			     .msg_iovlen = p->n};
	uint32_t fd = atomic_load_explicit(&state.x_fd, memory_order_relaxed);
	long n;

	if (!fd || state_is_sandboxed())
		return -ENOTCONN;
	if (!is_ours((int)fd - 1)) {
		// Gone for good: nothing to close, it is not ours any more.
		atomic_store_explicit(&state.x_fd, 0, memory_order_relaxed);
		return -ENOTCONN;
	}
	n = sys_call(SYS_sendmsg, fd - 1, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && n != -EAGAIN)
		lose_socket(fd);
	return n >= 0 ? 0 : n == -EAGAIN ? -ENOSPC : -ENOTCONN;
}

void ring_count_drop(int err)
{
	if (err && err != -EAGAIN)
		state_count(err == -EBUSY ? COUNTER_STRIPES_BUSY
					  : COUNTER_RING_FULL,
			    1);
}

// acquire: pairs with hook_dl's release: not older than the mappings this
// thread sees.
static void note_generation(struct record *head)
{
	const struct region_control *c = state_control();

	if (!c)
		return;
	head->generation = atomic_load_explicit(&state.status->x_generation,
						memory_order_acquire);
	if (UNLIKELY(atomic_load_explicit(&c->x_is_traced,
					  memory_order_relaxed)) &&
	    !head->time_ns && !state_is_sandboxed())
		head->time_ns = sys_slow_now_ns();
}

bool ring_knows_thread(void)
{
	if (LIKELY(self.serial == state.serial && self.tid))
		return true;
	// One that only frees never registers.
	if (LIKELY(waiting.asked_serial == state.serial && self.tid))
		return true;
	if (state_is_sandboxed())
		return false;
	self.tid = (uint32_t)sys_call(SYS_gettid);
	// A vfork child's number is not the one to remember.
	if (state_is_own_process())
		waiting.asked_serial = state.serial;
	return true;
}

// 0: self.tid is known, and there is somebody to write to.
static int may_write(void)
{
	if (!state_control())
		return -ENOTCONN;
	return ring_knows_thread() ? 0 : -EBUSY;
}

// After may_write().
static int write_pieces(const struct pieces *p)
{
	int err = state.n_stripes ? rings_write(p) : socket_write(p);

	if (!err) {
		state_count(COUNTER_PUSHED, 1);
		if (UNLIKELY(!(self.flags & THREAD_SEEN)))
			state_set_flags(THREAD_SEEN);
	}
	return err;
}

static int push_now(struct record *head, struct pieces *p)
{
	int err = may_write();

	if (err)
		return err;
	head->size_bytes = p->total_bytes;
	head->tid = self.tid;
	return write_pieces(p);
}

static int tell_snapshots(uint32_t n)
{
	struct record r = {.type = RECORD_DUMP, .form = FORM_NONE, .value = n};
	struct pieces p = {
		.v = {{&r, sizeof(r)}}, .n = 1, .total_bytes = sizeof(r)};
	const struct region_control *c = state_control();

	if (!state.n_stripes)
		return push_now(&r, &p);
	if (atomic_load_explicit(&c->x_closed, memory_order_relaxed))
		return -ENOTCONN;
	// The collector looks at the word on its next round.
	atomic_fetch_add_explicit(&state.status->x_dump_requests, n,
				  memory_order_relaxed);
	return 0;
}

void ring_ask_snapshots(void)
{
	uint32_t n;

	// seq_cst: a request is owed before the control page is looked at here,
	// and session.c stores the control page before it asks: one of the two
	// sees the other.
	if (!atomic_load(&state.x_control))
		return;
	n = atomic_exchange(&state.x_snapshots_owed, 0);
	if (n && tell_snapshots(n))
		atomic_fetch_add(&state.x_snapshots_owed, n);
}

static void pay_snapshots(void)
{
	if (UNLIKELY(atomic_load_explicit(&state.x_snapshots_owed,
					  memory_order_relaxed)))
		ring_ask_snapshots();
}

static int push(struct record *head, struct pieces *p)
{
	pay_snapshots();
	return push_now(head, p);
}

int ring_try_push_free(uint64_t id)
{
	struct record_free r = {.size_bytes = sizeof(r),
				.type = RECORD_FREE,
				.form = FORM_BRIEF,
				.id = id};
	struct pieces p = {
		.v = {{&r, sizeof(r)}}, .n = 1, .total_bytes = sizeof(r)};
	int err;

	pay_snapshots();
	err = may_write();
	return err ? err : write_pieces(&p);
}

// The capture itself, for the collector to unwind.
static int push_raw(struct record *head, const struct capture *c)
{
	struct record_raw raw = {.stack_bytes = c->stack_bytes};
	struct pieces p = {
		.v = {{head, sizeof(*head)},
		      {&raw, sizeof(raw)},
		      {(void *)c->regs[RECORD_REG_SP], c->stack_bytes}},
		.n = 3,
		.total_bytes = (uint32_t)(sizeof(*head) + sizeof(raw)) +
			       c->stack_bytes};

	memcpy(raw.regs, c->regs, sizeof(raw.regs));
	head->form = FORM_RAW;
	if (c->flags & RECORD_FOREIGN)
		state_count(COUNTER_STACK_FOREIGN, 1);
	if (c->flags & RECORD_CUT)
		state_count(COUNTER_STACK_CUT, 1);
	return push(head, &p);
}

// HEAD says nothing that a struct record_alloc has no room for.
static bool is_brief(const struct record *head)
{
	return head->type == RECORD_ALLOC && head->aux == 1 &&
	       head->value <= UINT32_MAX &&
	       !(head->time_ns | head->labels | head->profile | head->flags);
}

static int push_brief(const struct record *head, const struct unwound *u)
{
	struct record_alloc r = {.size_bytes = sizeof(r),
				 .type = RECORD_ALLOC,
				 .form = FORM_BRIEF,
				 .tid = self.tid,
				 .n_bytes = (uint32_t)head->value,
				 .id = head->id,
				 .hash = u->result.hash};
	struct pieces p = {.v = {{&r, sizeof(r)}},
			   .n = 1,
			   .total_bytes = sizeof(r),
			   .sent = &u->sent};
	int err;

	pay_snapshots();
	err = may_write();
	return err ? err : write_pieces(&p);
}

static int push_hash(struct record *head, const struct unwound *u)
{
	uint64_t hash = u->result.hash;
	struct pieces p = {.v = {{head, sizeof(*head)}, {&hash, sizeof(hash)}},
			   .n = 2,
			   .total_bytes = sizeof(*head) + sizeof(hash),
			   .sent = &u->sent};

	if (is_brief(head))
		return push_brief(head, u);
	head->form = FORM_HASH;
	return push(head, &p);
}

static int push_frames(struct record *head, const struct unwound *u)
{
	struct record_frames frames = {.hash = u->result.hash,
				       .n_frames = u->result.n_frames,
				       .generation = head->generation};
	struct pieces p = {
		.v = {{head, sizeof(*head)}, {&frames, sizeof(frames)}},
		.n = 2,
		.total_bytes = (uint32_t)(sizeof(*head) + sizeof(frames)) +
			       u->result.n_frames * 8,
		.frames = u,
		.is_stack = true};

	head->form = FORM_FRAMES;
	return push(head, &p);
}

// -EAGAIN: the stack could not be unwound here.
static int push_unwound(struct record *head, const struct capture *c)
{
	struct unwound u;
	int err;

	if (!unwind_walk(c, head->generation, &u))
		return -EAGAIN;
	if (u.result.is_cut)
		head->flags |= RECORD_CUT;
	err = u.is_sent ? push_hash(head, &u) : -EAGAIN;
	return err == -EAGAIN ? push_frames(head, &u) : err;
}

// Tells the collector what SET is made of, the outermost first; what finds no
// room now goes with a later sample.
static COLD void send_labels(uint32_t set, uint32_t token)
{
	uint32_t sets[LABEL_DEPTH_MAX];
	struct labels_set s;
	uint32_t n = 0;

	for (; n < LABEL_DEPTH_MAX && set && !labels_is_sent(set, token) &&
	       labels_get(set, &s);
	     set = s.parent)
		sets[n++] = set;
	while (n--) {
		struct record r = {.type = RECORD_LABELS, .value = sets[n]};

		if (!labels_get(sets[n], &s))
			return;
		r.aux = s.parent;
		if (ring_push_text(&r, s.text, s.n_bytes))
			return;
		labels_set_sent(sets[n], token);
	}
}

static COLD int send_profile(int profile, uint32_t token)
{
	struct record r = {.type = RECORD_PROFILE, .value = (uint32_t)profile};
	const char *name = names_get(NAMES_PROFILES, profile);
	int err;

	if (!name || names_is_sent(profile, token))
		return 0;
	err = ring_push_text(&r, name, (uint32_t)strlen(name));
	if (!err)
		names_set_sent(profile, token);
	return err;
}

// What the collector must know before it reads a record with such numbers. 0,
// or negative errno: the record must not go before its profile's name.
static COLD int tell_numbers(uint32_t labels, uint32_t profile)
{
	uint32_t token = state_collector_token();

	if (labels && labels < LABEL_SETS_MAX && !labels_is_sent(labels, token))
		send_labels(labels, token);
	return profile ? send_profile((int)profile, token) : 0;
}

static int tell(const struct record *r)
{
	return UNLIKELY(r->labels || r->profile)
		       ? tell_numbers(r->labels, r->profile)
		       : 0;
}

int ring_try_push(struct record *head, const struct capture *c)
{
	struct pieces p = {.v = {{head, sizeof(*head)}},
			   .n = 1,
			   .total_bytes = sizeof(*head)};
	// From an earlier try of the caller's.
	uint16_t flags = head->flags & (uint16_t)~RECORD_CUT;
	int err = tell(head);

	if (err)
		return err;
	note_generation(head);
	if (!c) {
		head->form = FORM_NONE;
		return push(head, &p);
	}
	head->flags = flags | (c->flags & (uint16_t)~RECORD_CUT);
	err = push_unwound(head, c);
	if (err != -EAGAIN)
		return err;
	if (c->is_return)
		return -EAGAIN;
	head->flags = flags | c->flags;
	return push_raw(head, c);
}

int ring_push(struct record *head, const struct capture *c)
{
	int err = ring_try_push(head, c);

	ring_count_drop(err);
	return err;
}

// R as it is. A stack that it brings is in the log from then on.
static int move_whole(const struct record_head *r,
		      const struct sent_stack *sent)
{
	uint32_t n = r->form == FORM_BRIEF ? r->size_bytes
					   : (uint32_t)sizeof(struct record);
	struct pieces p = {.v = {{(void *)r, n},
				 {(char *)r + n, r->size_bytes - n}},
			   .n = 2,
			   .total_bytes = r->size_bytes,
			   .sent = sent,
			   .is_stack = r->form == FORM_FRAMES};

	return rings_write(&p);
}

// HEAD, with the frames F in place of their hash.
static int move_frames(struct record *head, const struct record_frames *f)
{
	struct pieces p = {.v = {{head, sizeof(*head)},
				 {(void *)f, sizeof(*f) + f->n_frames * 8}},
			   .n = 2,
			   .is_stack = true};

	p.total_bytes = (uint32_t)(sizeof(*head) + p.v[1].iov_len);
	head->size_bytes = p.total_bytes;
	head->form = FORM_FRAMES;
	return rings_write(&p);
}

// R names a stack by its hash: in *RET_HEAD what else it says, in *RET_HASH
// that.
static bool has_hash(const struct record_head *r, struct record *ret_head,
		     uint64_t *ret_hash)
{
	if (r->form == FORM_HASH &&
	    r->size_bytes == sizeof(*ret_head) + sizeof(*ret_hash)) {
		*ret_head = *(const struct record *)r;
		*ret_hash = *(const uint64_t *)((const struct record *)r + 1);
		return true;
	}
	if (r->form == FORM_BRIEF &&
	    r->size_bytes == sizeof(struct record_alloc)) {
		const struct record_alloc *a = (const struct record_alloc *)r;

		*ret_head = (struct record){.type = RECORD_ALLOC,
					    .tid = a->tid,
					    .value = a->n_bytes,
					    .aux = 1,
					    .id = a->id};
		*ret_hash = a->hash;
		return true;
	}
	return false;
}

int ring_move(const struct record_head *r, const struct sent_tables *t)
{
	const struct record_frames *f;
	struct record head;
	struct sent_stack sent;
	int err = r->form == FORM_BRIEF ? 0 : tell((const struct record *)r);
	uint64_t hash;

	if (err)
		return err;
	err = -EAGAIN;
	if (!has_hash(r, &head, &hash))
		return move_whole(r, NULL);
	if (sent_has(hash, &sent))
		err = move_whole(r, &sent);
	if (err != -EAGAIN)
		return err;
	f = sent_find(t, hash);
	if (!f)
		return move_whole(r, NULL);
	head.generation = f->generation;
	return move_frames(&head, f);
}

int ring_push_text(struct record *head, const char *text, uint32_t n_bytes)
{
	static const char zeroes[8];
	uint32_t fill = -n_bytes & 7u;
	struct pieces p = {.v = {{head, sizeof(*head)},
				 {(void *)text, n_bytes},
				 {(void *)zeroes, fill}},
			   .n = 3,
			   .total_bytes =
				   (uint32_t)sizeof(*head) + n_bytes + fill};
	int err;

	if (p.total_bytes > RECORD_MAX_BYTES)
		return -EMSGSIZE;
	head->form = FORM_TEXT;
	note_generation(head);
	err = push(head, &p);
	ring_count_drop(err);
	return err;
}

void ring_push_counters(void)
{
	struct record head = {.type = RECORD_COUNTERS, .form = FORM_WORDS};
	uint64_t words[COUNTER_N];
	struct pieces p = {.v = {{&head, sizeof(head)}, {words, sizeof(words)}},
			   .n = 2,
			   .total_bytes = sizeof(head) + sizeof(words)};

	note_generation(&head);
	for (int i = 0; i < COUNTER_N; i++)
		words[i] = atomic_load_explicit(&state.status->x_counters[i],
						memory_order_relaxed);
	ring_count_drop(push(&head, &p));
}

uint64_t ring_progress(void)
{
	uint64_t sum = 1;
	uint32_t n = state_n_ready();

	// What a socket's reader has taken can't be seen. Were this constant,
	// one wait that ran out would be the last.
	if (!state.n_stripes)
		return 1 + sys_slow_now_ns() / SOCKET_PAUSE_NS;
	for (uint32_t i = 0; i < n; i++)
		sum += atomic_load_explicit(&state_stripe(i)->x_tail,
					    memory_order_relaxed);
	return sum;
}

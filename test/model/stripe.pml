// SPDX-License-Identifier: Apache-2.0
//
// A stripe: two writers of one process (one of which may die anywhere), the
// collector that reads, and that frees what the dead one held.
//
//	writer      preload/stripe.h: stripe_take; preload/ring.c:
//	            stripe_make_room, stripe_write, rings_write;
//	            preload/exact.c: begin_push, put_alloc, release
//	collector   collector/drain.c: drain_run, drain_free_stripes;
//	            collector/ringread.c: ringread_head, copy_record
//
// A unit is a PAD record's first word; a record has two of them or (one of
// them) three, the ring eight, its window five; so it wraps, with rests of one
// and two, and goes back to the front when all is read. Records are told from
// each other by what every unit of them holds.
//
// Promises: a record whose head was stored is read once, whole; none that
// wasn't is read at all; what comes before a goodbye is read; a stripe whose
// writer died is free again; nobody writes where another reads.
//
// config: -DN_EACH=2
// config: -DN_WRITERS=1 -DN_EACH=6
//
// mutant PUBLISH_EARLY: the head is stored before the bytes
// mutant TAIL_EARLY: the tail is stored before the bytes are copied
// mutant TAKE_BY_STORE: a look and a store instead of a compare-and-swap
// mutant FREE_THE_LIVING: the collector frees a stripe without asking whether its owner lives
// mutant FREE_NOTHING: the collector never frees a stripe
// mutant SKIP_IS_FREE -DN_WRITERS=1 -DN_EACH=4 -DLONG=4: the room that a PAD takes is not counted
// mutant NO_PAD: the rest of the ring is left without a PAD record
// mutant FRONT_TOO_SOON: a record goes to the front while others are unread
// mutant BASE_READ_EARLY: the collector reads the base before the head
// mutant BASE_STORED_LATE: the writer stores the base after the head
// mutant LIMIT_BLIND -DN_WRITERS=1 -DN_EACH=6: the limit is set without a look at what is unread
// mutant LIMIT_OVER_END -DN_WRITERS=1 -DN_EACH=6: the limit lies beyond the end of the data
// mutant LATE_GOODBYE: the goodbye is looked at after the head
// mutant NO_ROOM_ASKED: the tail is not looked at
#ifndef N_EACH
#define N_EACH 2
#endif
#ifndef N_WRITERS
#define N_WRITERS 2
#endif
#define N_RECORDS (N_WRITERS * N_EACH)
#define RING	  8
#define WINDOW	  5
#define PAD	  100
#define LEAST(a, b) ((a) < (b) -> (a) : (b))
// Of make_room's variables.
#define UNTIL_LOOK  (at + size <= WINDOW -> WINDOW - at : size + 2)
#ifndef LONG
#define LONG (N_RECORDS - 1)
#endif
#define SIZE_OF(id) ((id) == LONG -> 3 : 2)

byte x_owner; // writer + 1
byte x_head, x_tail, x_base, x_limit;
byte unit[RING]; // the record (from 1 on) whose bytes these are
bool is_goodbye;

// What is known to be so.
bool is_alive[N_WRITERS] = true;
bool is_committed[N_RECORDS + 1];
bool is_read[N_RECORDS + 1];
byte n_running = N_WRITERS;

inline maybe_die()
{
	if
	:: w == 0 -> is_alive[w] = false; goto end
	:: true
	fi
}

inline put_bytes()
{
	i = 0;
	do
	:: i < size ->
		unit[(head - base) % RING + i] = id;
		i++;
		maybe_die()
	:: else -> break
	od
}

inline publish()
{
	atomic {
		x_head = head + size;
		is_committed[id] = true
	}
	maybe_die()
}

inline make_room()
{
	tail = x_tail;
	if
#ifdef FRONT_TOO_SOON
	:: head != base
#else
	:: tail == head && head != base
#endif
		-> base = head;
#ifndef BASE_STORED_LATE
		x_base = base;
#endif
		maybe_die()
	:: else
	fi;
	at = (head - base) % RING;
	gap = (at + size > RING -> RING - at : 0);
	if
#ifdef NO_ROOM_ASKED
	:: false
#elif defined(SKIP_IS_FREE)
	:: head - tail + size > RING
#else
	:: head - tail + gap + size > RING
#endif
		-> goto release
	:: else
	fi;
	if
	:: gap ->
#ifndef NO_PAD
		unit[at] = PAD;
#endif
		maybe_die();
		head = head + gap;
		at = 0;
		x_head = head;
		maybe_die()
	:: else
	fi;
#ifdef LIMIT_BLIND
	x_limit = head + RING - at;
#elif defined(LIMIT_OVER_END)
	x_limit = head + LEAST(RING - (head - tail), UNTIL_LOOK);
#else
	x_limit = head + LEAST(LEAST(RING - at, RING - (head - tail)),
			       UNTIL_LOOK);
#endif
	maybe_die()
}

proctype writer(byte w)
{
	byte id, size, head, tail, base, at, gap, i, k = 0;

	do
	:: k < N_EACH ->
		id = w * N_EACH + k + 1;
		size = SIZE_OF(id);
		k++;
#ifdef TAKE_BY_STORE
		if
		:: x_owner == 0 -> x_owner = w + 1
		:: else -> goto next // counted as lost
		fi;
#else
		atomic {
			if
			:: x_owner == 0 -> x_owner = w + 1
			:: else -> goto next
			fi
		}
#endif
		maybe_die();
		head = x_head;
		base = x_base;
		if
		:: head + size > x_limit -> make_room()
		:: else
		fi;
#ifdef PUBLISH_EARLY
		publish();
		put_bytes();
#else
		put_bytes();
		publish();
#endif
#ifdef BASE_STORED_LATE
		x_base = base;
#endif
release:
		x_owner = 0;
next:
		skip
	:: else -> break
	od;
end:
	n_running--
}

// The process ends when its threads have.
proctype process()
{
	n_running == 0 -> is_goodbye = true
}

inline copy_bytes()
{
	i = 0;
	do
	:: i < size ->
		assert(unit[at + i] == id);
		i++
	:: else -> break
	od
}

inline read_records(until)
{
	do
	:: tail < until ->
		at = (tail - base) % RING;
		id = unit[at];
		if
		:: id == PAD ->
			tail = tail + RING - at;
			x_tail = tail
		:: else ->
			assert(id >= 1 && id <= N_RECORDS);
			size = SIZE_OF(id);
			assert(tail + size <= until && at + size <= RING);
#ifdef TAIL_EARLY
			x_tail = tail + size;
			copy_bytes();
#else
			copy_bytes();
			x_tail = tail + size;
#endif
			tail = tail + size;
			assert(is_committed[id] && !is_read[id]);
			is_read[id] = true
		fi
	:: else -> break
	od
}

// A stripe is freed when its owner and head are those of the last visit and
// the owner is no thread any more.
inline free_stripe()
{
	owner = x_owner;
	head = x_head;
	if
#ifdef FREE_NOTHING
	:: false
#elif defined(FREE_THE_LIVING)
	:: owner && owner == last_owner && head == last_head
#else
	:: owner && owner == last_owner && head == last_head &&
	   !is_alive[owner - 1]
#endif
		-> atomic {
			if
			:: x_owner == owner -> x_owner = 0
			:: else
			fi
		}
	:: else
	fi;
	last_owner = owner;
	last_head = head
}

proctype collector()
{
	byte head, tail, base, at, id, size, i, owner, last_owner, last_head;
	bool is_over;

	do
	:: is_over -> break
	:: else ->
#ifdef BASE_READ_EARLY
		base = x_base;
#endif
#ifdef LATE_GOODBYE
		head = x_head;
		is_over = is_goodbye;
#else
		is_over = is_goodbye;
		head = x_head;
#endif
#ifndef BASE_READ_EARLY
		base = x_base;
#endif
		read_records(head);
		free_stripe()
	od;
	// Two visits more: the first sees the dead owner, the second frees.
	free_stripe();
	free_stripe();
	assert(x_owner == 0);
	assert(tail == x_head);
	id = 1;
	do
	:: id <= N_RECORDS ->
		assert(is_read[id] == is_committed[id]);
		id++
	:: else -> break
	od
}

init {
	atomic {
		run writer(0);
#if N_WRITERS > 1
		run writer(1);
#endif
		run process();
		run collector()
	}
}

// SPDX-License-Identifier: Apache-2.0
//
// A stripe: two writers of one process (one of which may die anywhere), the
// collector that reads, and that frees what the dead one held.
//
//	writer      preload/ring.c: stripe_take, stripe_write, rings_write
//	collector   collector/drain.c: drain_run, drain_free_stripes;
//	            collector/ringread.c: ringread_head, copy_record
//
// A unit stands for 24 bytes: a header is two of them, a record two or (one of
// them) three, the ring eight; so it wraps, with a PAD record and with a rest
// too short for one. Records are told from each other by what every unit of
// them holds.
//
// Promises: a record whose head was stored is read once, whole; none that
// wasn't is read at all; what comes before a goodbye is read; a stripe whose
// writer died is free again; nobody writes where another reads.
//
// config: -DN_EACH=2
//
// mutant PUBLISH_EARLY: the head is stored before the bytes
// mutant TAIL_EARLY: the tail is stored before the bytes are copied
// mutant TAKE_BY_STORE: a look and a store instead of a compare-and-swap
// mutant FREE_THE_LIVING: the collector frees a stripe without asking whether its owner lives
// mutant FREE_NOTHING: the collector never frees a stripe
// mutant SKIP_IS_FREE: the room that a PAD takes is not counted
// mutant NO_PAD: the rest of the ring is left without a PAD record
// mutant LATE_GOODBYE: the goodbye is looked at after the head
// mutant NO_ROOM_ASKED: the tail is not looked at
#ifndef N_EACH
#define N_EACH 2
#endif
#define N_WRITERS 2
#define N_RECORDS (N_WRITERS * N_EACH)
#define RING	  8
#define HEADER	  2
#define PAD	  100
#define SIZE_OF(id) ((id) == N_RECORDS -> 3 : 2)

byte x_owner; // writer + 1
byte x_head, x_tail;
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
		unit[(head + gap) % RING + i] = id;
		i++;
		maybe_die()
	:: else -> break
	od
}

inline publish()
{
	atomic {
		x_head = head + gap + size;
		is_committed[id] = true
	}
	maybe_die()
}

proctype writer(byte w)
{
	byte id, size, head, tail, gap, i, k = 0;

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
		tail = x_tail;
		gap = (head % RING + size > RING -> RING - head % RING : 0);
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
#ifndef NO_PAD
		if
		:: gap >= HEADER -> unit[head % RING] = PAD
		:: else
		fi;
#endif
#ifdef PUBLISH_EARLY
		publish();
		put_bytes();
#else
		put_bytes();
		publish();
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
		at = tail % RING;
		id = unit[at];
		if
		:: RING - at < HEADER || id == PAD ->
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
	byte head, tail, at, id, size, i, owner, last_owner, last_head;
	bool is_over;

	do
	:: is_over -> break
	:: else ->
#ifdef LATE_GOODBYE
		head = x_head;
		is_over = is_goodbye;
#else
		is_over = is_goodbye;
		head = x_head;
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
		run writer(1);
		run process();
		run collector()
	}
}

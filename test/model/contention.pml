// SPDX-License-Identifier: Apache-2.0
//
// The contention table: waiters who come to two locks and leave, and a holder
// who charges the waiting. An entry is read by halves and changed by one
// compare-and-swap of both, so every swap must find the entry exact.
//
//	waiter   preload/contention.c: contention_enter, join, contention_leave
//	holder   preload/contention.c: contention_charge, charge
//
// Both locks share a bucket of two slots. Time goes on by itself.
//
// Promises, after every swap: an entry's n is the number of waiters who are in
// it, and its sum that of max(start, base) - base over them; so a charge is
// what its waiters waited since the last one, never less than nothing. In the
// end every slot is free.
//
// config: -DOTHER_LOCK=1
// config: -DOTHER_LOCK=2 -DTIME_MAX=2
//
// mutant HALF_SWAP: the swap looks at one half only
// mutant CLOCK_EARLY: a charge reads the clock before the entry
// mutant KEY_UNASKED -DOTHER_LOCK=2: a waiter enters a free slot without asking whether it still is
// mutant SUM_KEPT: a charge leaves the sum as it was
// mutant PART_WHOLE: who leaves takes its whole wait out, not what is since base
#ifndef N_ROUNDS
#define N_ROUNDS 1
#endif
#ifndef TIME_MAX
#define TIME_MAX 3
#endif
#ifndef OTHER_LOCK
#define OTHER_LOCK 1
#endif
#define N_WAITERS 2
#define N_SLOTS	  2
#define NO_SLOT	  N_SLOTS

// The high half has key, n; the low one base and sum.
typedef entry {
	byte key, n, base, sum
};
entry x_slot[N_SLOTS];
byte now; // CLOCK_MONOTONIC

// What is known to be so: where a waiter is, and since when.
byte slot_of[N_WAITERS] = NO_SLOT;
byte start_of[N_WAITERS];
byte n_running = N_WAITERS;

#define LATER(a, b) ((a) > (b) -> (a) - (b) : 0)
#define PART(w, i)                                                     \
	(slot_of[w] == (i) -> LATER(start_of[w], x_slot[i].base) : 0)
#define IS_IN(w, i) (slot_of[w] == (i) -> 1 : 0)

inline check(i)
{
	assert(x_slot[i].n == IS_IN(0, i) + IS_IN(1, i));
	assert(x_slot[i].sum == PART(0, i) + PART(1, i))
}

// load(): the halves may be of different times.
inline load(i)
{
	d_step { base = x_slot[i].base; sum = x_slot[i].sum }
	d_step { key = x_slot[i].key; n = x_slot[i].n }
}

#ifdef HALF_SWAP
#define IS_SAME(i) (x_slot[i].key == key && x_slot[i].n == n)
#else
#define IS_SAME(i)                                       \
	(x_slot[i].key == key && x_slot[i].n == n &&     \
	 x_slot[i].base == base && x_slot[i].sum == sum)
#endif

// An entry without waiters is all zeroes.
#define STORE(i, k, m, b, s)                  \
	x_slot[i].sum = ((m) -> (s) : 0);     \
	x_slot[i].base = ((m) -> (b) : 0);    \
	x_slot[i].key = ((m) -> (k) : 0);     \
	x_slot[i].n = (m)

// The slot that holds KEY or, if none does, a free one.
inline find(k)
{
	i = 0;
	do
	:: i < N_SLOTS && x_slot[i].key != k -> i++
	:: else -> break
	od;
	if
	:: i == N_SLOTS ->
		i = 0;
		do
		:: i < N_SLOTS && x_slot[i].key != 0 -> i++
		:: else -> break
		od
	:: else
	fi
}

inline enter(k)
{
	start = now;
	do
	:: true ->
		find(k);
		if
		:: i == N_SLOTS -> break
		:: else
		fi;
		load(i);
		if
#ifdef KEY_UNASKED
		:: false -> skip
#else
		:: n && key != k -> skip // somebody else's by now
#endif
		:: else ->
			atomic {
				if
				:: IS_SAME(i) ->
					d_step {
						if
						:: n -> STORE(i, k, n + 1, base,
							      sum + LATER(start, base))
						:: else -> STORE(i, k, 1, start, 0)
						fi;
						slot_of[w] = i;
						start_of[w] = start;
						check(i)
					}
					break
				:: else
				fi
			}
		fi
	od
}

#ifdef PART_WHOLE
#define MY_PART (now - start)
#else
#define MY_PART LATER(start, base)
#endif

inline leave(k)
{
	i = slot_of[w];
	do
	:: true ->
		load(i);
		atomic {
			if
			:: IS_SAME(i) ->
				d_step {
					assert(n && key == k && sum >= MY_PART);
					STORE(i, k, n - 1, base, sum - MY_PART);
					slot_of[w] = NO_SLOT;
					check(i)
				}
				break
			:: else
			fi
		}
	od
}

proctype waiter(byte w; byte k)
{
	byte i, start, key, n, base, sum, rounds;

	do
	:: rounds == N_ROUNDS -> break
	:: else ->
		rounds++;
		enter(k);
		if
		:: slot_of[w] != NO_SLOT -> leave(k)
		:: else // no room: it is not counted
		fi;
		skip;
		d_step { i = 0; start = 0; key = 0; n = 0; base = 0; sum = 0 }
	od;
	n_running--
}

// contention_charge() of lock 1, once.
proctype holder()
{
	byte i, key, n, base, sum, time;

	do
	:: i < N_SLOTS ->
#ifdef CLOCK_EARLY
		time = now;
		load(i);
#else
		load(i);
		time = now;
#endif
		if
		:: key != 1 -> i++
		:: else ->
			atomic {
				if
				:: IS_SAME(i) ->
					d_step {
						assert(n * (time - base) >= sum);
#ifdef SUM_KEPT
						STORE(i, key, n, time, sum);
#else
						STORE(i, key, n, time, 0);
#endif
						check(i);
						i++
					}
				:: else
				fi
			}
		fi
	:: else -> break
	od
}

proctype clock()
{
	do
	:: now < TIME_MAX && n_running -> now++
	:: else -> break
	od
}

init {
	atomic {
		run waiter(0, 1);
		run waiter(1, OTHER_LOCK);
		run holder();
		run clock()
	}
	n_running == 0;
	assert(x_slot[0].n == 0 && x_slot[1].n == 0)
}

// SPDX-License-Identifier: Apache-2.0
//
// The live table: threads that allocate, free and realloc a few addresses, as
// fast as the heap gives them to one another, with every allocation a sample;
// and the sweep of frees whose record found no room.
//
//	thread      preload/live.c, called as in preload/sample.c: push_alloc,
//	            end_stale and preload/hook_heap.c: hook_heap_free, push_free,
//	            realloc_sampled; preload/exact.c: put_alloc, exact_free
//	collector   collector/drain.c: sweep_bucket; with the socket transport the
//	            threads sweep: preload/live.c: live_sweep
//
// All addresses share one bucket and one counter of the filter, which is the
// worst there is. The rings have room or not, as they like.
//
// Promises: each sample that the table held is freed once, and not before its
// block is; the free of such a block is never missed (so the filter never says
// no to a live one); after all sweeps no slot is lost.
//
// config: -DN_OPS=2
// config: -DN_OPS=2 -DUNSEEN
// config: -DN_OPS=2 -DSOCKET
// config: -DN_OPS=2 -DMANY=1
//
// mutant TAKE_BY_STORE: an empty slot is taken by a look and a store
// mutant FILTER_BY_STORE: the filter is counted by a load and a store
// mutant FILTER_FORGETS -DMANY=1: a counter that was full is counted down
// mutant FREE_LATE: a free is recorded after the memory was given back
// mutant REALLOC_LATE: the old block is looked up after the real realloc
// mutant SWEEP_TAKEN: the collector clears slots that are being filled
// mutant SWEEP_BY_STORE -DSOCKET: a sweeper does not take the slot first
// mutant STALE_FORGOTTEN -DUNSEEN: a block whose free was not seen gives way to the next
// mutant DEFER_NOTHING: a free whose record found no room is forgotten
#ifndef N_OPS
#define N_OPS 2
#endif
#ifndef MANY
#define MANY 3
#endif
#define N_THREADS   2
#define N_SLOTS	    2
#define N_ADDRESSES 2
#define N_IDS	    (2 * N_THREADS * N_OPS)
#define NONE	    N_SLOTS

#define TAKEN	  100
#define FREED	  10 // + address
#define IS_FREED(v) ((v) > FREED && (v) < TAKEN)

byte x_slot[N_SLOTS];
byte x_id[N_SLOTS];
byte x_filter;
byte x_last_id;

// What is known to be so.
bool is_held[N_ADDRESSES + 1]; // the heap gave it away
byte id_at[N_ADDRESSES + 1];   // the sample that the table has of it
bool is_live[N_IDS + 1];
bool is_tracked[N_IDS + 1]; // it was published in the table
byte n_freed[N_IDS + 1];
byte n_running = N_THREADS;

inline filter_add()
{
#ifdef FILTER_BY_STORE
	v = x_filter;
	x_filter = (v == MANY -> v : v + 1);
	v = 0
#else
	x_filter = (x_filter == MANY -> MANY : x_filter + 1)
#endif
}

inline filter_remove()
{
#ifdef FILTER_BY_STORE
	v = x_filter;
	x_filter = (v == 0 || v == MANY -> v : v - 1);
	v = 0
#elif defined(FILTER_FORGETS)
	x_filter = (x_filter == 0 -> 0 : x_filter - 1)
#else
	x_filter = (x_filter == 0 || x_filter == MANY -> x_filter :
							x_filter - 1)
#endif
}

// A FREE record of ID is read by the collector.
inline account(id)
{
	d_step {
		n_freed[id]++;
		assert(n_freed[id] == 1);
		assert(!is_live[id])
	}
}

// The slot that holds address P, looked at one by one.
inline find(ret)
{
	ret = 0;
	do
	:: ret < N_SLOTS && x_slot[ret] != p -> ret++
	:: else -> break
	od
}

// live_take: the slot of P and the id in it, or NONE.
inline take()
{
	find(s);
	if
	:: s < N_SLOTS ->
		old = x_id[s];
		atomic {
			if
			:: x_slot[s] == p -> x_slot[s] = TAKEN
			:: else -> s = NONE // never: its owner alone frees it
			fi
		}
	:: else
	fi
}

inline take_empty()
{
	s = 0;
	do
	:: s == N_SLOTS -> break
	:: s < N_SLOTS ->
#ifdef TAKE_BY_STORE
		if
		:: x_slot[s] == 0 -> x_slot[s] = TAKEN; break
		:: else -> s++
		fi
#else
		atomic {
			if
			:: x_slot[s] == 0 -> x_slot[s] = TAKEN; break
			:: else -> s++
			fi
		}
#endif
	od
}

// live_defer and live_release, by whether the rings have room.
inline push_free()
{
	if
	:: account(old); filter_remove(); x_slot[s] = 0
#ifdef DEFER_NOTHING
	:: filter_remove(); x_slot[s] = 0
#else
	:: filter_remove(); x_slot[s] = FREED + p
#endif
	fi
}

// The free of the block that the table has at P went past us: it is told now.
inline end_stale()
{
	if
	:: account(old); filter_remove()
#ifdef STALE_FORGOTTEN
	:: filter_remove()
#else
	:: filter_remove(); x_slot[s] = FREED + p; take_empty()
#endif
	fi
}

inline sweep()
{
	j = 0;
	do
	:: j < N_SLOTS ->
		v = x_slot[j];
		if
		:: IS_FREED(v) ->
#ifdef SWEEP_BY_STORE
			account(x_id[j]);
			x_slot[j] = 0
#else
			atomic {
				if
				:: x_slot[j] == v -> x_slot[j] = TAKEN
				:: else -> goto swept
				fi
			}
			if
			:: account(x_id[j]); x_slot[j] = 0
			:: x_slot[j] = v; break
			fi
#endif
		:: else
		fi;
swept:
		j++
	:: else -> break
	od;
	j = 0;
	v = 0
}

// The heap gives a free address, and the sample gets its id.
inline alloc()
{
	atomic {
		if
		:: !is_held[1] -> p = 1
		:: !is_held[2] -> p = 2
		:: else -> goto next
		fi;
		is_held[p] = true
	}
	atomic { x_last_id++; id = x_last_id }
	take();
	if
	:: s < N_SLOTS ->
#ifdef UNSEEN
		end_stale()
#else
		assert(false)
#endif
	:: else -> take_empty()
	fi;
#ifdef SOCKET
	sweep();
#endif
	if
	:: s == NONE -> skip // untracked
	:: s < N_SLOTS -> x_slot[s] = 0 // no room for its record
	:: s < N_SLOTS ->
		filter_add();
		x_id[s] = id;
		d_step { id_at[p] = id; is_live[id] = true; is_tracked[id] = true }
		x_slot[s] = p
	fi
}

// What the program frees is nobody else's from here on.
inline choose()
{
	atomic {
		if
		:: is_held[1] && mine[1] -> p = 1
		:: is_held[2] && mine[2] -> p = 2
		:: else -> goto next
		fi;
		mine[p] = false
	}
}

inline give_back()
{
	d_step {
		is_live[id_at[p]] = false;
		id_at[p] = 0;
		is_held[p] = false
	}
}

// live_maybe, live_take: nothing that is in the table may be missed.
inline look_up()
{
	s = NONE;
	if
	:: x_filter != 0 -> take()
	:: else
	fi
}

inline free_block()
{
#ifdef FREE_LATE
	give_back();
	look_up();
	if
	:: s < N_SLOTS -> push_free()
	:: else
	fi
#else
	look_up();
	assert((s < N_SLOTS) == (id_at[p] != 0));
	if
	:: s < N_SLOTS ->
		assert(old == id_at[p]);
		is_live[old] = false;
		push_free()
	:: else
	fi;
	give_back()
#endif
}

inline realloc_block()
{
#ifdef REALLOC_LATE
	give_back();
	look_up();
	if
	:: s < N_SLOTS -> push_free()
	:: else
	fi
#else
	look_up();
	assert((s < N_SLOTS) == (id_at[p] != 0));
	if
	:: true -> // it fails: the block lives on
		if
		:: s < N_SLOTS -> x_slot[s] = p
		:: else
		fi;
		mine[p] = true
	:: true -> // it moves away, and the address is free for others
		give_back();
		if
		:: s < N_SLOTS -> push_free()
		:: else
		fi
	fi
#endif
}

bool mine[N_ADDRESSES + 1]; // may be freed by whoever wants to

proctype thread()
{
	byte p, s, id, old, j, v, n;

	do
	:: n == N_OPS -> break
	:: n < N_OPS ->
		n++;
		if
		:: true -> alloc(); mine[p] = true
		:: true -> choose(); free_block()
		:: true -> choose(); realloc_block()
#ifdef UNSEEN
		:: true -> choose(); give_back()
#endif
		fi;
next:
		skip;
		d_step { p = 0; s = 0; id = 0; old = 0 }
	od;
	n_running--
}

proctype collector()
{
	byte j, v, id;
	bool is_over;

	do
	:: is_over -> break
	:: else ->
		is_over = n_running == 0;
		j = 0;
#ifdef SOCKET
		n_running == 0;
#endif
		do
		:: j < N_SLOTS ->
			v = x_slot[j];
			if
#ifdef SWEEP_TAKEN
			:: v > FREED ->
#else
			:: IS_FREED(v) ->
#endif
				id = x_id[j];
				atomic {
					if
					:: x_slot[j] == v ->
						x_slot[j] = 0;
						account(id)
					:: else
					fi
				}
			:: else
			fi;
			j++
		:: else -> break
		od
	od;
	j = 0;
	do
	:: j < N_SLOTS ->
		// What is left are live blocks, and those whose free nobody
		// saw: they have no other end yet.
		assert(x_slot[j] <= N_ADDRESSES);
		if
		:: x_slot[j] -> n_freed[x_id[j]]++
		:: else
		fi;
		j++
	:: else -> break
	od;
	id = 1;
	do
	:: id <= x_last_id ->
		assert(n_freed[id] == (is_tracked[id] -> 1 : 0));
		id++
	:: else -> break
	od
}

init {
	atomic {
		run thread();
		run thread();
		run collector()
	}
}

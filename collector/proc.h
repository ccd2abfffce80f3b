// SPDX-License-Identifier: Apache-2.0
//
// One session: a profiled process from its hello to its end (an exec ends one
// and begins another). It owns the region or stream, the state that samples add
// up to, and what is known about the process; who visits it and writes its
// files is above (visit.h, dump.h).
//
// A proc is counted by reference; a session that is over stays readable for
// whoever holds one. Everything in the second half of the struct belongs to
// the holder of the lock.
//
//	rank 20 proc.turnstile, rank 30 proc.lock: taken by proc_lock() only.
//	The lock is held while rings are drained and snapshots copied, never
//	while symbols are looked up or files written.
#ifndef CPROF_COLLECTOR_PROC_H
#define CPROF_COLLECTOR_PROC_H

#include "collector/askable.h"
#include "collector/gperf.h"
#include "collector/ingest.h"
#include "collector/loop.h"
#include "collector/out.h"
#include "collector/pool.h"
#include "collector/region.h"
#include "collector/ringread.h"
#include "collector/share.h"
#include "collector/walkindex.h"
#include "proto/cprof.pb-c.h"
#include "proto/setting.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#define PROC_MAGIC 0x636f72707270ull
// Of each kind in each form (query.h).
#define PROC_FORMS	  3
#define PROC_SHARES	  (PROC_FORMS * KIND_N)
#define PROC_FILES_MAX	  1000u
#define PROC_WARNINGS_MAX 32u

struct proc_texts {
	char **list;
	size_t n;
	size_t capacity;
};

// A dump that was not asked for by name (keep.h).
struct proc_kept {
	struct proc_texts files;
	struct out_file *ids; // of files[i]; NULL: no memory, they stay
	uint64_t n_bytes;
	double peak_bytes; // 0: not a peak's
};

// Dumps by themselves (regular.h): when the next are due, and a peak's snapshot
// that is still to be written.
struct proc_regular {
	bool is_started;
	uint64_t next_ns;
	double next_alloc_bytes;
	uint64_t alloc_ns; // of the last
	uint64_t peak_ns;
	struct snap *peak; // NULL: none
	double peak_bytes;
	unsigned n_peaks; // snapshots since the last visit
};

// An interval that somebody has begun.
struct proc_begun {
	struct snap *first; // NULL: none
	uint64_t until_ns;
};

struct proc_rates {
	uint64_t heap_rate;
	uint64_t cpu_hz;
	uint64_t block_rate_ns;
	uint64_t mutex_fraction;
};

enum proc_exit {
	PROC_RUNS,    // no goodbye yet
	PROC_WRITING, // the files of its end are being written
	PROC_WRITTEN, // they are there, or there was nothing to write
};

struct proc;
struct proc_dump; // a dump on its way to the writers, dump.c

// What is shared by all sessions; constant while there is one.
struct proc_env {
	struct loop *loop;
	struct pool *readers;	   // visits: rings, unwinding; NULL: none
	struct pool *writers;	   // files: symbols, compression
	struct pool *makers;	   // regions: megabytes of memory
	struct pool *starters;	   // hellos: maps and the files they name
	struct walktabs *walktabs; // NULL: processes do not unwind themselves
	bool is_checking_walks;
	bool is_emulated; // /proc does not know what they have mapped
	// The session is over, drained and written: called once, by a visit,
	// without its lock.
	void (*on_finished)(void *context, struct proc *p);
	void *context;
};

struct proc {
	uint64_t magic;
	const struct proc_env *env;
	// Constant after proc_new().
	uint64_t session;
	uint32_t pid; // as this collector sees it
	uid_t uid;
	uint64_t start_ticks; // of /proc/PID/stat: with the pid, who it is
	char comm[16];
	Cprof__Hello *hello;
	char **argv;	       // NULL-terminated
	bool has_other_pids;   // its thread ids are not ours (pid namespace)
	int64_t start_time_ns; // CLOCK_REALTIME
	uint64_t attached_ns;  // CLOCK_MONOTONIC
	uint64_t base_filters; // seccomp filters it had from the start
	int stream_fd;	       // -1: ring transport
	int pid_fd;
	struct loop_watch pid_watch; // owner: the loop's thread
	struct loop_watch stream_watch;
	struct pool_job visit_job;
	struct pool_job write_job;
	struct pool_job start_job;
	struct pool_job attach_job; // and what they work on: attach.c
	struct attach *attach;
	const struct region_size *attach_size;
	struct proc *next_dead; // once no job and no list has it
	int answer_fd;		// until the hello is answered, else -1
	_Atomic uint32_t x_n_refs;
	_Atomic uint64_t x_region_bytes; // relaxed: for adding up
	// 1: the process has ended, or exec'd. Release by the loop's thread
	// pairs with the visit's acquire.
	_Atomic uint32_t x_is_over;
	// Bumped to cut timed profiles short; relaxed.
	_Atomic uint32_t x_stops;
	struct share shares[PROC_SHARES]; // profiles that many ask for
	pthread_mutex_t turnstile;
	pthread_mutex_t lock;

	// Under the lock.
	struct region *region; // NULL: none yet, or socket transport
	struct ingest ingest;
	struct walkindex walk;
	int maps_fd; // until the first drain, then the images own it
	bool is_started;
	bool is_finished;
	enum proc_exit exit;
	struct ringread rings[STRIPES_MAX];
	uint32_t owners[STRIPES_MAX]; // writers seen at the last visit
	uint64_t owner_heads[STRIPES_MAX];
	uint64_t frees_deferred; // counter value when the table was swept
	uint64_t n_stripes_freed;
	uint64_t longest_pause_ns; // that a snapshot held the lock
	uint64_t longest_pause_cpu_ns;
	size_t most_copied_bytes; // under one hold of the lock, for a snapshot
	uint32_t generation;
	uint32_t n_dumps_served;
	bool is_goodbye; // seen before the last complete drain
	// This collector ends before the process: nothing is read any more, and
	// the files are to say the shim's counters as they were then.
	bool is_closed;
	uint64_t closed_counters[COUNTER_N];
	size_t n_threads_named;
	uint64_t fold_after_ns; // ended.c: when the next attempt may be
	bool has_fold_failed;	// the last one
	uint64_t sandbox_checked_ns;
	bool is_stream_ended;
	uint64_t n_bad_messages;
	struct proc_rates rates;
	bool is_cpu_profiled; // by a request; one at a time
	bool is_cpu_hz_set;   // by another request since that began
	struct proc_begun begun[KIND_N + PROFILES_MAX]; // begun.h
	uint64_t begun_old_hz;
	uint32_t n_rolls; // requests for all stacks; the last's number
	// When threads are told next that there are CPU samples now, 0 = never;
	// the distance from the last time, 0 = not yet; when that ends; and the
	// thread where a round that has begun goes on, 0 = none (nudge.h).
	uint64_t nudge_ns;
	uint64_t nudge_step_ns;
	uint64_t nudge_end_ns;
	uint32_t nudge_from_tid;
	bool is_traced;
	uint32_t n_trims;     // requests to give memory back; the last's number
	uint64_t trimmed_ns;  // when that was made
	uint64_t interval_ns; // between visits
	struct proc_dump *dumps; // to be written
	bool is_writing;
	struct proc_texts files;
	struct proc_texts warnings;
	struct proc_regular regular;
	struct proc_kept *kept; // the oldest first
	size_t n_kept;
	size_t kept_capacity;
	struct gperf gperf;
	struct snap *toggled; // when CPUPROFILESIGNAL began a profile, or NULL
	char *dir;
};

// What a hello brought.
struct proc_start {
	const struct proc_env *env;
	uint32_t pid;
	uid_t uid;
	int maps_fd;
	int pid_fd;
	Cprof__Hello *hello;
};

// Takes everything in START over, also when it fails. 0 or negative errno.
int proc_new(const struct proc_start *start, struct proc **ret);
// Gives up what START holds.
void proc_drop_start(const struct proc_start *start);
struct proc *proc_ref(struct proc *p);
void proc_unref(struct proc *p);

// Fair: a waiting thread gets the lock before the holder gets it again.
void proc_lock(struct proc *p);
void proc_unlock(struct proc *p);

// A visit soon. Any thread.
void proc_poke(struct proc *p);
// The process is over: drain it and write what is to be written. Any thread.
void proc_set_over(struct proc *p);
bool proc_is_over(struct proc *p);
// The process itself is gone: not before an image of it, and not who has got
// its pid since.
bool proc_is_gone(const struct proc *p);
// True once the process uses its region: it can be asked for things. With the
// socket transport nobody can tell, and it is taken to.
bool proc_is_attached(const struct proc *p);

// The rest needs the lock.

// The session samples into REGION from now on (taken over), or comes through
// the stream FD.
void proc_use_region(struct proc *p, struct region *region);
void proc_use_stream(struct proc *p, int fd);
// The region did not reach the process: it is the caller's again.
void proc_drop_region(struct proc *p);

// Changes a rate for good. -EINVAL: not a setting that can be changed;
// -EOPNOTSUPP: the socket transport has no way to tell the process.
int proc_set_rate(struct proc *p, enum setting setting, uint64_t value);
uint64_t proc_rate(const struct proc *p, enum setting setting);

// Who may be sent the shim's signal: .sig is 0 where nobody handles it. The
// session has a region.
struct askable_policy proc_ask_policy(const struct proc *p);

// While a trace runs records tell the time, and rates are raised so far that it
// sees something: waits of 10 us and more, and CPU time. The session has a
// region.
void proc_set_traced(struct proc *p, bool is_traced);

// Adds a line to the warnings, once.
void proc_warn(struct proc *p, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
// Adds TEXT, which it takes over, to a bounded list.
void proc_add_text(struct proc_texts *t, char *text, size_t max);
void proc_free_texts(struct proc_texts *t);
void proc_free_kept(struct proc_kept *kept);

// Bytes held for the process, here and in the region.
size_t proc_bytes(const struct proc *p);

#endif

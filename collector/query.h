// SPDX-License-Identifier: Apache-2.0
//
// The only door to sessions for those who ask from outside: finds the process
// that is meant, takes profiles of now or of an interval, changes rates, and
// tells what there is as JSON. It knows nothing of HTTP. Any thread that may
// wait; errors are a line of text for the user.
#ifndef CPROF_COLLECTOR_QUERY_H
#define CPROF_COLLECTOR_QUERY_H

#include "collector/buf.h"
#include "collector/push_spool.h"
#include "collector/table.h"

#include <jansson.h>

#define QUERY_ERROR_BYTES 1024

// Why not: a negative errno and a line for the user.
//	-ENOENT    no such process, kind or setting
//	-ENOTUNIQ  several processes are meant
//	-EINVAL    a bad value
//	-EBUSY     a cpu profile is running
//	other      what failed
struct query_error {
	int err;
	char text[QUERY_ERROR_BYTES];
};

// Answers are counted by the first digit of their status.
#define QUERY_ANSWERS_N 6

struct query {
	struct table *table;
	const struct push_status *push;		     // NULL: nothing is pushed
	_Atomic uint64_t x_answers[QUERY_ANSWERS_N]; // relaxed: only shown
	// 1: the collector is ending; waiting requests answer at once.
	_Atomic uint32_t x_is_ending;
	// Where it is served over TCP, "http://127.0.0.1:6060/", or NULL.
	// Written once, with release; the text is constant.
	_Atomic(const char *) x_http_url;
};

// Which process is meant: by pid, by name, or the only one there is.
struct query_target {
	uint32_t pid;	  // 0 = not by pid
	const char *comm; // NULL = not by name
};

enum query_form {
	QUERY_PROTOBUF,
	QUERY_TEXT,   // Go's debug=1
	QUERY_BLOCKS, // debug=2, of threads: a block for each
	QUERY_FORM_N
};

// What a profile is asked for with.
struct query_profile {
	enum query_form form; // for query_shared()
	unsigned kind;	      // enum kind, or what query_own_kind() says
	uint64_t seconds;     // 0: everything since the start
	bool is_begun;	      // since query_begin(), which it ends
	uint64_t hz;	      // for cpu with seconds; 0: as it is
	bool interrupts;      // for threads: those too whose calls end by it
	// True when whoever asked has gone; asked now and then while waiting.
	bool (*is_abandoned)(void *context);
	void *context;
};

// The process TARGET means, with a reference, or NULL and *ret_error.
struct proc *query_find(struct query *q, const struct query_target *target,
			struct query_error *ret_error);

// Appends the profile to *ret. 0, or negative errno and *ret_error.
int query_profile(struct query *q, struct proc *p,
		  const struct query_profile *profile, struct buf *ret,
		  struct query_error *ret_error);

// The kind of P's own profile called NAME, or -ENOENT.
int query_own_kind(struct proc *p, const char *name);

// Begins an interval of PROFILE's kind, one at a time of each; one that nobody
// ends in its seconds (0: ever) is given up. 0, or negative errno and
// *ret_error.
int query_begin(struct query *q, struct proc *p,
		const struct query_profile *profile,
		struct query_error *ret_error);

// Where all threads are, as text of FORM; INTERRUPTS as above. 0, or negative
// errno and *ret_error.
int query_threads(struct proc *p, enum query_form form, bool interrupts,
		  struct buf *ret, struct query_error *ret_error);

// A trace of the next DURATION_NS.
struct query_trace {
	uint64_t duration_ns;
	bool is_json; // Chrome's JSON, else Perfetto's protobuf
	bool (*is_abandoned)(void *context); // as above
	void *context;
};

// Appends a trace to *ret. 0, or negative errno and
// *ret_error.
int query_trace(struct query *q, struct proc *p, const struct query_trace *t,
		struct buf *ret, struct query_error *ret_error);

// A profile of now (seconds 0), in any form, made once for all who ask at the
// same time and not too often (share.h).
int query_shared(struct query *q, struct proc *p,
		 const struct query_profile *profile, struct buf *ret,
		 struct query_error *ret_error);

// Has P give the free memory of its heap back to the system first: what became
// of that, in words.
const char *query_trim(struct proc *p, bool (*is_abandoned)(void *context),
		       void *context);

// Appends the profile of now in Go's text form (text.h), for heap kinds with
// the memory figures. Not for cpu. 0, or negative errno and *ret_error.
int query_text(struct proc *p, unsigned kind, struct buf *ret,
	       struct query_error *ret_error);

// Appends a line "0xADDRESS NAME" for each of the N addresses that has one now.
// Errors stick in RET.
void query_symbols(struct proc *p, const uint64_t *addresses, size_t n,
		   struct buf *ret);

// Appends the command line, its arguments separated by NULs.
void query_cmdline(struct proc *p, struct buf *ret);

// How many rows each kind has.
void query_counts(struct proc *p, size_t ret_counts[KIND_N]);

// P's own profiles and how many rows each has; their number.
struct query_own {
	char name[PROFILE_NAME_MAX_BYTES + 1];
	size_t count;
};
size_t query_own_list(struct proc *p, struct query_own ret[PROFILES_MAX]);

// Cuts the timed profiles and the trace of P short.
void query_stop(struct proc *p);

// Changes the rate KEY to the text VALUE. 0, or negative errno and *ret_error.
int query_set(struct proc *p, const char *key, const char *value,
	      struct query_error *ret_error);

// The answers of API.md; NULL: no memory, or negative errno in *ret_error.
json_t *query_rates(struct proc *p);
json_t *query_ps(struct query *q);
json_t *query_stats(struct proc *p);
json_t *query_dump(struct proc *p, struct query_error *ret_error);
json_t *query_ended(struct query *q, uint32_t pid,
		    struct query_error *ret_error);

// Appends what /metrics says. 0 or -ENOMEM.
int query_metrics(struct query *q, struct buf *ret);
// The processes as targets at ADDRESS (host:port), in Prometheus's http_sd
// form.
json_t *query_targets(struct query *q, const char *address);

// Fills *ret_error and returns ERR.
int query_fail(struct query_error *ret_error, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif

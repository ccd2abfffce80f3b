// SPDX-License-Identifier: Apache-2.0
//
// The profile of now for scrapers, of whom there may be many.
#include "collector/query.h"

#include <assert.h>
#include <errno.h>

static_assert((int)QUERY_FORM_N == PROC_FORMS, "a share for each");

struct snapshot {
	struct query *query;
	struct proc *p;
	const struct query_profile *profile;
	struct query_error *error;
};

static int make(void *context, struct buf *ret)
{
	const struct snapshot *s = context;
	const struct query_profile *q = s->profile;

	if (q->form == QUERY_PROTOBUF)
		return query_profile(s->query, s->p, q, ret, s->error);
	if (q->kind == KIND_THREADS)
		return query_threads(s->p, q->form, q->interrupts, ret,
				     s->error);
	return query_text(s->p, q->kind, ret, s->error);
}

static bool is_abandoned(void *context)
{
	const struct snapshot *s = context;

	return s->profile->is_abandoned(s->profile->context);
}

int query_shared(struct query *q, struct proc *p,
		 const struct query_profile *profile, struct buf *ret,
		 struct query_error *ret_error)
{
	struct snapshot s = {q, p, profile, ret_error};
	const struct share_work work = {make, is_abandoned, &s};
	struct share *share =
		&p->shares[profile->form * KIND_N + profile->kind];
	int err = share_get(share, &work, ret);

	if (err == -EPIPE)
		query_fail(ret_error, err, "the client has gone");
	else if (err && !ret_error->err) // another one's, who was told
		query_fail(ret_error, err, "the profile can't be made");
	return err;
}

// SPDX-License-Identifier: Apache-2.0
//
// Finding processes and changing rates. Timed profiles are in query_interval.c,
// the JSON in query_report.c.
#include "collector/query.h"

#include "collector/trim.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int query_fail(struct query_error *ret_error, int err, const char *format, ...)
{
	va_list args;

	ret_error->err = err;
	va_start(args, format);
	vsnprintf(ret_error->text, sizeof(ret_error->text), format, args);
	va_end(args);
	return err;
}

static bool is_meant(const struct proc *p, const struct query_target *t)
{
	if (t->pid)
		return p->pid == t->pid;
	return !t->comm || !strncmp(p->comm, t->comm, sizeof(p->comm));
}

static void fail_none(const struct query_target *t,
		      struct query_error *ret_error)
{
	if (t->pid)
		query_fail(ret_error, -ENOENT, "no profiled process has pid %u",
			   t->pid);
	else if (t->comm)
		query_fail(ret_error, -ENOENT,
			   "no profiled process is called '%s'", t->comm);
	else
		query_fail(ret_error, -ENOENT, "no process is profiled");
}

// Names the candidates, as many as there is room for.
static void fail_ambiguous(struct proc **found, size_t n,
			   struct query_error *ret_error)
{
	size_t used;

	query_fail(ret_error, -ENOTUNIQ, "%zu processes match:", n);
	for (size_t i = 0; i < n; i++) {
		used = strlen(ret_error->text);
		snprintf(ret_error->text + used, QUERY_ERROR_BYTES - used,
			 "%s %u (%s)", i ? "," : "", found[i]->pid,
			 found[i]->comm);
	}
	used = strlen(ret_error->text);
	snprintf(ret_error->text + used, QUERY_ERROR_BYTES - used,
		 "; choose one by its pid");
}

// Moves the processes that are meant to the front; returns their number. A
// session that is over, but not written yet, is not meant by name.
static size_t select_meant(struct proc **list, size_t n,
			   const struct query_target *t)
{
	size_t n_meant = 0;

	for (size_t i = 0; i < n; i++) {
		struct proc *p = list[i];

		if (!is_meant(p, t) || proc_is_over(p))
			continue;
		list[i] = list[n_meant];
		list[n_meant++] = p;
	}
	return n_meant;
}

struct proc *query_find(struct query *q, const struct query_target *target,
			struct query_error *ret_error)
{
	size_t n, n_meant;
	struct proc **list = table_list(q->table, &n);
	struct proc *found = NULL;

	if (!list) {
		query_fail(ret_error, -ENOMEM, "no memory");
		return NULL;
	}
	n_meant = select_meant(list, n, target);
	if (n_meant == 1)
		found = proc_ref(list[0]);
	else if (n_meant)
		fail_ambiguous(list, n_meant, ret_error);
	else
		fail_none(target, ret_error);
	table_unlist(list, n);
	return found;
}

const char *query_trim(struct proc *p, bool (*is_abandoned)(void *context),
		       void *context)
{
	return trim_text(trim_ask(p, is_abandoned, context));
}

void query_stop(struct proc *p)
{
	atomic_fetch_add_explicit(&p->x_stops, 1, memory_order_relaxed);
}

static void list_keys(char *ret_keys, size_t n_bytes)
{
	size_t n = 0;

	ret_keys[0] = '\0';
	for (int i = 0; i < SETTING_N && n < n_bytes; i++)
		if (setting_table[i].key[0])
			n += (size_t)snprintf(ret_keys + n, n_bytes - n, "%s%s",
					      n ? ", " : "",
					      setting_table[i].key);
}

static int find_key(const char *key, struct query_error *ret_error)
{
	char keys[256];

	for (int i = 0; i < SETTING_N; i++)
		if (setting_table[i].key[0] &&
		    !strcmp(setting_table[i].key, key))
			return i;
	list_keys(keys, sizeof(keys));
	return query_fail(ret_error, -ENOENT, "'%s' can't be set; what can: %s",
			  key, keys);
}

int query_set(struct proc *p, const char *key, const char *value,
	      struct query_error *ret_error)
{
	int setting = find_key(key, ret_error);
	enum setting_type type;
	uint64_t number;
	int err;

	if (setting < 0)
		return setting;
	type = setting_table[setting].type;
	if (setting_parse(type, value, &number))
		return query_fail(ret_error, -EINVAL,
				  "%s '%s' is not valid: %s", key, value,
				  setting_allowed(type));
	proc_lock(p);
	err = proc_set_rate(p, (enum setting)setting, number);
	p->is_cpu_hz_set |= !err && setting == SETTING_CPU_HZ;
	proc_unlock(p);
	if (err)
		return query_fail(ret_error, err,
				  "%s of process %u can't be changed: it uses "
				  "the socket transport",
				  key, p->pid);
	return 0;
}

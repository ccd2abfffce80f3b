// SPDX-License-Identifier: Apache-2.0
//
// Prints whatever the collector sends, in its order: a figure it learns to give
// is shown without a change here. What a counter means stands beside it, from
// the tables of the shim's and the collector's.
#include "collector/ctl_stats.h"

#include "collector/ctl_fail.h"
#include "collector/ctl_http.h"
#include "collector/ctl_json.h"
#include "collector/ctl_target.h"
#include "collector/ctl_units.h"

#include <stdio.h>
#include <string.h>

struct counter_help {
	const char *name;
	const char *help;
};

static const struct counter_help counter_table[] = {
#define COUNTER(id, name, is_loss, help) {name, help},
#include "proto/counters.def"
#undef COUNTER
#define OWN(id, name, is_loss, value, help) {name, help},
#include "collector/own.def"
#undef OWN
	{NULL, NULL}};

static const char *help_of(const char *name)
{
	const struct counter_help *c = counter_table;

	while (c->name && strcmp(c->name, name))
		c++;
	return c->name ? c->help : "";
}

static bool is_bytes(const char *name)
{
	size_t n = strlen(name), n_end = strlen("_bytes");

	return n > n_end && !strcmp(name + n - n_end, "_bytes");
}

static void put_memory(const json_t *memory)
{
	const char *key;
	json_t *value;

	(void)printf("memory (heap_*: estimates from samples)\n");
	json_object_foreach((json_t *)memory, key, value)
	{
		uint64_t n = ctl_json_number(memory, key);
		char text[CTL_UNITS_MAX];

		(void)printf("  %-22s %15llu%s%s\n", key, (unsigned long long)n,
			     is_bytes(key) ? "  " : "",
			     is_bytes(key) ? ctl_units_bytes(n, text) : "");
	}
}

static void put_counters(const json_t *counters)
{
	const char *key;
	json_t *value;

	(void)printf("counters\n");
	json_object_foreach((json_t *)counters, key, value)(void)
		printf("  %-22s %15llu%s%s\n", key,
		       (unsigned long long)ctl_json_number(counters, key),
		       *help_of(key) ? "  " : "", help_of(key));
}

int ctl_stats(const struct ctl_options *options)
{
	char path[64];
	struct ctl_request request = {.socket = options->socket, .path = path};
	struct ctl_target target;
	json_t *root;
	int status = ctl_target_only(options, &target);

	if (status)
		return status;
	(void)snprintf(path, sizeof(path), "/%u/api/stats", target.pid);
	status = ctl_http_json(&request, &root);
	if (status)
		return status;
	if (options->is_json) {
		ctl_json_print(root);
	} else {
		(void)printf("%u (", target.pid);
		ctl_json_put_text(target.comm);
		(void)printf(")\n");
		put_memory(json_object_get(root, "memory"));
		put_counters(json_object_get(root, "counters"));
	}
	json_decref(root);
	return CTL_OK;
}

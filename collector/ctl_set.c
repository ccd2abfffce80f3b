// SPDX-License-Identifier: Apache-2.0
//
// Every pair is checked with the shim's own parsers before anything is sent:
// either all of them are set or none is.
#include "collector/ctl_set.h"

#include "collector/ctl_fail.h"
#include "collector/ctl_http.h"
#include "collector/ctl_json.h"
#include "collector/ctl_target.h"
#include "collector/ctl_units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Every key once, with a number of at most 20 digits and a unit.
#define QUERY_MAX_BYTES 512

static void list_keys(char *ret_list, size_t size)
{
	size_t n = 0;

	*ret_list = '\0';
	for (int i = 0; i < SETTING_N; i++)
		if (*setting_table[i].key && n < size)
			n += (size_t)snprintf(ret_list + n, size - n, "%s%s",
					      n ? ", " : "",
					      setting_table[i].key);
}

static const struct setting_info *find_key(const char *key, size_t n_bytes)
{
	for (int i = 0; i < SETTING_N; i++)
		if (n_bytes && strlen(setting_table[i].key) == n_bytes &&
		    !memcmp(setting_table[i].key, key, n_bytes))
			return &setting_table[i];
	return NULL;
}

// PAIR checked; values hold nothing that would have to be escaped in a query,
// since all live settings are numbers with units.
static int check_pair(const char *pair)
{
	size_t n_key = strcspn(pair, "=");
	const struct setting_info *s = find_key(pair, n_key);
	char list[256];
	uint64_t v;

	if (!s) {
		list_keys(list, sizeof(list));
		return ctl_fail(CTL_USAGE,
				"set: unknown key '%.*s'; there are %s",
				(int)n_key, pair, list);
	}
	if (setting_parse(s->type, pair + n_key + 1, &v))
		return ctl_fail(CTL_USAGE,
				"set: '%s' is not allowed for %s, but %s",
				pair + n_key + 1, s->key,
				setting_allowed(s->type));
	return CTL_OK;
}

// Takes the pairs out of the words; what is left is the target.
static int read_words(const struct ctl_options *o, char *ret_query,
		      const char **ret_target)
{
	size_t n = 0;
	int status;

	*ret_target = NULL;
	*ret_query = '\0';
	for (int i = 0; i < o->n_words; i++) {
		const char *word = o->words[i];

		if (!strchr(word, '=')) {
			if (*ret_target)
				return ctl_fail(CTL_USAGE,
						"set: '%s' is not KEY=VALUE",
						word);
			*ret_target = word;
			continue;
		}
		status = check_pair(word);
		if (status)
			return status;
		if (n + strlen(word) + 2 > QUERY_MAX_BYTES)
			return ctl_fail(CTL_USAGE, "set: too many values");
		n += (size_t)sprintf(ret_query + n, "%s%s", n ? "&" : "", word);
	}
	return CTL_OK;
}

static void put_rates(const json_t *root)
{
	const json_t *rates = json_object_get(root, "rates");

	for (int i = 0; i < SETTING_N; i++) {
		const struct setting_info *s = &setting_table[i];
		char value[CTL_UNITS_MAX];

		if (*s->key && json_object_get(rates, s->key))
			(void)printf("%s=%s\n", s->key,
				     ctl_units_setting(s->type,
						       ctl_json_number(rates,
								       s->key),
						       value));
	}
}

int ctl_set(const struct ctl_options *options)
{
	char query[QUERY_MAX_BYTES], path[QUERY_MAX_BYTES + 64];
	struct ctl_request request = {
		.socket = options->socket, .is_post = true, .path = path};
	struct ctl_target target;
	const char *word;
	json_t *root;
	int status = read_words(options, query, &word);

	if (!status && !*query)
		return ctl_fail(CTL_USAGE, "set: nothing to set; it takes "
					   "KEY=VALUE, such as cpu.hz=100");
	if (!status)
		status = ctl_target_choose(options, word, &target);
	if (status)
		return status;
	(void)snprintf(path, sizeof(path), "/%u/api/set?%s", target.pid, query);
	status = ctl_http_json(&request, &root);
	if (status)
		return status;
	put_rates(root);
	json_decref(root);
	return CTL_OK;
}

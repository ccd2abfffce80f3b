// SPDX-License-Identifier: Apache-2.0
//
// A node's key is what pprof puts in it: a frame that has no function is known
// by its address and file, one with a name by that.
#include "collector/report_node.h"

#include "collector/hmap.h"
#include "collector/report_index.h"
#include "collector/report_mem.h"
#include "collector/report_path.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// How a node with KEY is called.
static char *name(const struct report_profile *p,
		  const struct report_node_key *key)
{
	const char *function = report_profile_text(p, key->name);
	const char *file = report_profile_text(p, key->file);
	const char *object = report_profile_text(p, key->object);
	char address[24] = "", line[32] = "", *base = NULL, *text;
	int n;

	if (key->address)
		(void)snprintf(address, sizeof(address), "%016" PRIx64 " ",
			       key->address);
	if (key->line)
		(void)snprintf(line, sizeof(line), ":%" PRId64, key->line);
	if (key->line || *file) {
		n = asprintf(&text, "%s%s%s%s%s", address, function,
			     *function ? " " : "", file, line);
	} else if (*function) {
		n = asprintf(&text, "%s%s", address, function);
	} else if (*object) {
		base = report_path_base(object);
		n = asprintf(&text, "%s[%s]", address, base);
		free(base);
	} else {
		n = asprintf(&text, "%s<unknown>", address);
	}
	if (n < 0)
		report_mem_fail();
	return text;
}

struct same_node {
	const struct report_nodes *x;
	const struct report_node_key *key;
};

static bool is_same(void *arg, uint32_t value)
{
	const struct same_node *s = arg;

	// Keys are zeroed first: their padding compares.
	return !memcmp(&s->x->list[value].key, s->key, sizeof(*s->key));
}

static uint32_t find_node(struct report_nodes *x, struct report_index *index,
			  const struct report_node_key *key)
{
	struct same_node same = {x, key};
	uint64_t hash = hmap_hash(key, sizeof(*key));
	uint32_t at = report_index_find(index, hash, is_same, &same);
	struct report_node *n;

	if (at != REPORT_NONE)
		return at;
	x->list = report_mem_grow(x->list, &x->capacity, x->n + 1,
				  sizeof(*x->list));
	n = &x->list[x->n];
	memset(n, 0, sizeof(*n));
	n->key = *key;
	n->printable = name(x->report->profile, key);
	n->first_in = n->first_out = REPORT_NONE;
	report_index_add(index, hash, (uint32_t)x->n);
	return (uint32_t)x->n++;
}

// FILE (a text) cleaned up.
static uint32_t clean_file(const struct report *r, uint32_t file)
{
	const struct report_settings *s = &r->settings;
	const char *rest;
	char *clean;
	uint32_t text;

	if (!file)
		return 0;
	rest = report_path_trim(report_profile_text(r->profile, file),
				s->trim_path ? s->trim_path : "",
				s->source_path ? s->source_path : "");
	if (!*rest)
		return 0;
	clean = report_path_clean(rest);
	text = report_profile_intern(r->profile, clean);
	free(clean);
	return text;
}

// The clean names of all functions' files.
static uint32_t *clean_files(const struct report *r)
{
	const struct report_profile *p = r->profile;
	size_t n_texts = p->texts->n_texts;
	uint32_t *known = report_mem_zero(n_texts, sizeof(*known));
	uint32_t *files = report_mem_zero(p->n_functions, sizeof(*files));

	for (size_t i = 0; i < p->n_functions; i++) {
		uint32_t file = p->functions[i].file;

		if (!known[file])
			known[file] = clean_file(r, file);
		files[i] = known[file];
	}
	free(known);
	return files;
}

static uint32_t object_of(const struct report_profile *p,
			  const struct report_location *l)
{
	return l->mapping == REPORT_NONE ? 0 : p->mappings[l->mapping].file;
}

struct making {
	struct report_nodes *x;
	struct report_index index;
	uint32_t *files; // of functions
	bool has_objects;
};

static uint32_t node_of_line(struct making *m, const struct report_location *l,
			     const struct report_line *line)
{
	const struct report_profile *p = m->x->report->profile;
	const struct report_function *f = &p->functions[line->function];
	struct report_node_key key;

	memset(&key, 0, sizeof(key));
	key.address = l->address;
	key.line = line->line;
	key.name = f->name;
	key.file = m->files[line->function];
	if (m->has_objects || !f->name) {
		key.object = object_of(p, l);
		key.start_line = f->start_line;
	}
	return find_node(m->x, &m->index, &key);
}

static uint32_t node_of_location(struct making *m,
				 const struct report_location *l)
{
	struct report_node_key key;

	memset(&key, 0, sizeof(key));
	key.address = l->address;
	key.object = object_of(m->x->report->profile, l);
	return find_node(m->x, &m->index, &key);
}

void report_node_make(struct report_nodes *x, const struct report *r,
		      bool has_objects)
{
	const struct report_profile *p = r->profile;
	struct making m = {.x = x,
			   .files = clean_files(r),
			   .has_objects = has_objects && r->need.has_objects};

	*x = (struct report_nodes){.report = r};
	x->of_line = report_mem_zero(p->n_lines, sizeof(uint32_t));
	x->of_location = report_mem_zero(p->n_locations, sizeof(uint32_t));
	for (size_t i = 0; i < p->n_locations; i++) {
		const struct report_location *l = &p->locations[i];

		if (!l->n_lines)
			x->of_location[i] = node_of_location(&m, l);
		for (uint32_t k = 0; k < l->n_lines; k++)
			x->of_line[l->first_line + k] = node_of_line(
				&m, l, &p->lines[l->first_line + k]);
	}
	report_index_fini(&m.index);
	free(m.files);
}

void report_node_free(struct report_nodes *x)
{
	for (size_t i = 0; i < x->n; i++)
		free(x->list[i].printable);
	free(x->list);
	free(x->of_line);
	free(x->of_location);
	*x = (struct report_nodes){0};
}

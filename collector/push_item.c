// SPDX-License-Identifier: Apache-2.0
//
// A server's name for an application may have letters, digits and "-._/"; a
// label's value anything but what ends it.
#include "collector/push_item.h"

#include "collector/hello_labels.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct type {
	enum kind kind;
	const char *type;
	const char *units;
	const char *display;
	const char *aggregation;
	bool is_sampled;
};

static const struct type types[] = {
#define PUSH_TYPE(kind, type, units, display, aggregation, is_sampled) \
	{KIND_##kind, type, units, display, aggregation, is_sampled},
#include "collector/push_type.def"
#undef PUSH_TYPE
};

static void put_app(struct buf *b, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool is_fine = isalnum((unsigned char)text[i]) ||
			       strchr("-._/", text[i]);

		buf_put(b, is_fine ? &text[i] : "_", 1);
	}
	if (!n)
		buf_puts(b, "unnamed");
}

static void put_value(struct buf *b, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];
		bool is_fine = c >= ' ' && c < 0x7f && !strchr("{},=\"", c);

		buf_put(b, is_fine ? &text[i] : "_", 1);
	}
}

static void put_head(struct buf *b, const struct push_source *s)
{
	struct hello_label service;

	if (hello_labels_service(s->labels, &service))
		put_app(b, service.value, service.value_bytes);
	else
		put_app(b, s->comm, strlen(s->comm));
}

char *push_item_name(const struct push_source *s)
{
	const char *at = s->labels;
	struct hello_label l;
	struct buf b;

	buf_init(&b);
	put_head(&b, s);
	buf_puts(&b, "{hostname=");
	put_value(&b, s->host, strlen(s->host));
	buf_printf(&b, ",pid=%u", s->pid);
	while (hello_labels_next(&at, &l)) {
		if (!l.key_bytes || hello_labels_is_service(&l))
			continue;
		buf_puts(&b, ",");
		put_value(&b, l.key, l.key_bytes);
		buf_puts(&b, "=");
		put_value(&b, l.value, l.value_bytes);
	}
	buf_puts(&b, "}");
	if (buf_error(&b))
		buf_fini(&b);
	return b.data;
}

static json_t *config_of(enum kind kind)
{
	json_t *o = json_object();

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		const struct type *t = &types[i];
		json_t *config;

		if (t->kind != kind)
			continue;
		config = json_pack("{s:s,s:s,s:b,s:b}", "units", t->units,
				   "aggregation", t->aggregation, "cumulative",
				   0, "sampled", t->is_sampled);
		if (*t->display)
			json_object_set_new(config, "display-name",
					    json_string(t->display));
		json_object_set_new(o, t->type, config);
	}
	return o;
}

void push_item_write(const struct push_item *i, enum kind kind, struct buf *ret)
{
	json_t *o = json_pack("{s:s,s:I,s:I,s:I,s:o}", "name", i->name, "from",
			      (json_int_t)i->from_ns, "until",
			      (json_int_t)i->until_ns, "hz",
			      (json_int_t)i->cpu_hz, "config", config_of(kind));
	char *line = o ? json_dumps(o, JSON_COMPACT) : NULL;

	json_decref(o);
	if (line)
		buf_printf(ret, "%s\n", line);
	else
		ret->error = -ENOMEM;
	free(line);
}

static int read_line(json_t *o, struct push_item *i)
{
	json_int_t from, until, hz;
	const char *name;
	json_t *config;

	if (json_unpack(o, "{s:s,s:I,s:I,s:I,s:o}", "name", &name, "from",
			&from, "until", &until, "hz", &hz, "config", &config))
		return -EINVAL;
	i->from_ns = from;
	i->until_ns = until;
	i->cpu_hz = hz;
	i->name = strdup(name);
	i->config = json_dumps(config, JSON_COMPACT);
	return i->name && i->config ? 0 : -ENOMEM;
}

int push_item_read(const char *data, size_t n_bytes, struct push_item *ret)
{
	const char *end = n_bytes ? memchr(data, '\n', n_bytes) : NULL;
	struct push_item i = {0};
	json_t *o;
	int err;

	if (!end)
		return -EINVAL;
	o = json_loadb(data, (size_t)(end - data), 0, NULL);
	err = o ? read_line(o, &i) : -EINVAL;
	json_decref(o);
	if (err) {
		push_item_free(&i);
		return err;
	}
	i.profile = end + 1;
	i.profile_bytes = n_bytes - (size_t)(end + 1 - data);
	*ret = i;
	return 0;
}

void push_item_free(struct push_item *i)
{
	free(i->name);
	free(i->config);
}

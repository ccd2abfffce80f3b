// SPDX-License-Identifier: Apache-2.0
//
// One walk over settings.def; the parsers are proto/setting.c's.
#include "preload/conf.h"

#include <string.h>
#include <unistd.h>

struct conf conf;

const char *conf_getenv(const char *name)
{
	size_t n = strlen(name);

	for (char **e = environ; e && *e; e++)
		if (!strncmp(*e, name, n) && (*e)[n] == '=')
			return *e + n + 1;
	return NULL;
}

static void read_one(enum setting id)
{
	const struct setting_info *info = &setting_table[id];
	const char *text = conf_getenv(info->env);

	conf.texts[id] = info->def;
	(void)setting_parse(info->type, info->def, &conf.values[id]);
	// Set to nothing means not set, as everywhere in the shell.
	if (!text || !*text)
		return;
	if (setting_parse(info->type, text, &conf.values[id]))
		conf.is_bad[id] = true;
	else
		conf.texts[id] = text;
}

void conf_init(void)
{
	for (int id = 0; id < SETTING_N; id++)
		read_one((enum setting)id);
}

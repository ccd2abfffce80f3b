// SPDX-License-Identifier: Apache-2.0
//
// A name becomes part of the names of files and of paths: a few characters are
// allowed, and none of them leads out of a folder.
#include "collector/profiles.h"

#include <errno.h>
#include <string.h>

static bool is_name(const char *name, size_t n)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-";

	if (!n || n > PROFILE_NAME_MAX_BYTES)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!memchr(allowed, name[i], sizeof(allowed) - 1))
			return false;
	return kind_find(name, n) < 0;
}

void profiles_put(struct profiles *p, uint64_t number, const char *text,
		  size_t n_bytes)
{
	size_t n = strnlen(text, n_bytes);
	char name[PROFILE_NAME_MAX_BYTES + 1] = "";

	if (!number || number > PROFILES_MAX || !is_name(text, n))
		return;
	memcpy(name, text, n);
	if (profiles_find(p, name) < 0 && !p->names[number - 1][0])
		memcpy(p->names[number - 1], name, sizeof(name));
}

int profiles_find(const struct profiles *p, const char *name)
{
	for (unsigned i = 0; i < PROFILES_MAX; i++)
		if (*name && !strcmp(p->names[i], name))
			return (int)(KIND_N + i);
	return -ENOENT;
}

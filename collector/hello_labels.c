// SPDX-License-Identifier: Apache-2.0
//
// A label without "=" has no value.
#include "collector/hello_labels.h"

#include <string.h>

bool hello_labels_next(const char **at, struct hello_label *ret)
{
	size_t n = strcspn(*at, ",");
	size_t key = strcspn(*at, "=");

	if (!**at)
		return false;
	ret->key = *at;
	ret->key_bytes = key < n ? key : n;
	ret->value = *at + ret->key_bytes + (key < n);
	ret->value_bytes = key < n ? n - key - 1 : 0;
	*at += n + ((*at)[n] == ',');
	return true;
}

bool hello_labels_is_service(const struct hello_label *l)
{
	return l->key_bytes == strlen(HELLO_SERVICE) &&
	       !memcmp(l->key, HELLO_SERVICE, l->key_bytes);
}

bool hello_labels_service(const char *labels, struct hello_label *ret)
{
	while (hello_labels_next(&labels, ret))
		if (hello_labels_is_service(ret))
			return true;
	return false;
}

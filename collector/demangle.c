// SPDX-License-Identifier: Apache-2.0
//
// libiberty's header is the only one that declares its functions, and its
// include folder has names that clash with others: it stays in this file.
//
// A name is the program's word. Parts of a mangled name may refer to earlier
// parts, so that each few characters of it double what is printed: 300 of them
// are more than there is memory, and time. So the text is taken as it comes,
// and left where it gets too long.
#include "collector/demangle.h"

#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 4096u
#define TEXT_MAX_BYTES (64u << 10)

struct output {
	char *text; // TEXT_MAX_BYTES and a NUL
	size_t n_bytes;
	jmp_buf too_long;
};

typedef int (*demangler_fn)(const char *name, int options,
			    demangle_callbackref put, void *output);

// Jumps out of libiberty when there is no room: that it holds nothing then but
// its stack is why it offers this interface (an identifier of Rust in Punycode
// excepted, whose letters are lost).
static void put(const char *bytes, size_t n_bytes, void *context)
{
	struct output *o = context;

	if (n_bytes > TEXT_MAX_BYTES - o->n_bytes)
		longjmp(o->too_long, 1);
	if (n_bytes) // else there may be no BYTES
		memcpy(o->text + o->n_bytes, bytes, n_bytes);
	o->n_bytes += n_bytes;
}

static bool run(demangler_fn fn, const char *name, int options,
		struct output *o)
{
	o->n_bytes = 0;
	if (setjmp(o->too_long))
		return false;
	return fn(name, options, put, o) && o->n_bytes;
}

static char *demangle_as(const char *name, int options)
{
	struct output o;
	char *shorter;

	// Only what can be mangled: "_Z" C++ and old Rust, "_R" Rust. Other
	// schemes (D, Ada) would misread plain C names.
	if (name[0] != '_' || (name[1] != 'Z' && name[1] != 'R') ||
	    strlen(name) > NAME_MAX_BYTES)
		return NULL;
	o.text = malloc(TEXT_MAX_BYTES + 1);
	if (!o.text)
		return NULL;
	if (!run(rust_demangle_callback, name, options, &o) &&
	    !run(cplus_demangle_v3_callback, name, options, &o)) {
		free(o.text);
		return NULL;
	}
	o.text[o.n_bytes] = '\0';
	shorter = realloc(o.text, o.n_bytes + 1);
	if (shorter)
		return shorter;
	return o.text;
}

char *demangle(const char *name)
{
	return demangle_as(name, DMGL_AUTO | DMGL_PARAMS | DMGL_ANSI);
}

char *demangle_short(const char *name)
{
	return demangle_as(name, DMGL_AUTO | DMGL_ANSI);
}

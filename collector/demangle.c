// SPDX-License-Identifier: Apache-2.0
//
// libiberty's header is the only one that declares its functions, and its
// include folder has names that clash with others: it stays in this file.
#include "collector/demangle.h"

#include <libiberty/demangle.h>
#include <stddef.h>
#include <string.h>

// A name is the program's word, and demangling may blow it up or recurse.
#define NAME_MAX_BYTES 4096u

static char *demangle_as(const char *name, int options)
{
	// Only what can be mangled: "_Z" C++ and old Rust, "_R" Rust. Other
	// schemes (D, Ada) would misread plain C names.
	if (name[0] != '_' || (name[1] != 'Z' && name[1] != 'R') ||
	    strlen(name) > NAME_MAX_BYTES)
		return NULL;
	return cplus_demangle(name, options);
}

char *demangle(const char *name)
{
	return demangle_as(name, DMGL_AUTO | DMGL_PARAMS | DMGL_ANSI);
}

char *demangle_short(const char *name)
{
	return demangle_as(name, DMGL_AUTO | DMGL_ANSI);
}

// SPDX-License-Identifier: Apache-2.0
//
// Libraries that are loaded when they are used, not when the program starts:
// what libcurl and libmicrohttpd bring with them (TLS, LDAP, Kerberos ...)
// would take the loader 7 of the 10 ms in which a collector starts, and
// somebody's program waits for that. Each has a table of the functions used
// (lib_NAME.def) and a struct of pointers to them (lib_NAME.h) with the types
// of the library's own header. A library stays loaded to the end.
#ifndef CPROF_COLLECTOR_LIB_H
#define CPROF_COLLECTOR_LIB_H

#include <stdbool.h>
#include <stddef.h>

struct lib {
	const char *file;
	const char *const *names; // of the functions
	size_t n;
	void *calls; // N pointers, which lib_load() sets
	bool is_loaded;
};

// 0, as well when it is there already; or -ELIBACC: the file or one of the
// functions can't be had, and lib_error() says why. One thread at a time.
int lib_load(struct lib *l);

// Of the last lib_load() of this thread that failed; it names the file. Valid
// until the next one.
const char *lib_error(void);

#endif

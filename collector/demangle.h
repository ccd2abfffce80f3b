// SPDX-License-Identifier: Apache-2.0
//
// Readable names for C++ and Rust symbols, by libiberty. Stateless; any thread.
#ifndef CPROF_COLLECTOR_DEMANGLE_H
#define CPROF_COLLECTOR_DEMANGLE_H

// The demangled form of NAME, to be freed by the caller; NULL when it is not
// mangled, or by nobody's rules.
char *demangle(const char *name);

// The same without parameters and return type.
char *demangle_short(const char *name);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// The empty shim: stands in front of every function that libcprof.so stands in
// front of, and only forwards. What it costs is the price of being preloaded at
// all; what libcprof.so costs beyond it is cprof's own.
#include "preload/real.h"

#include <dlfcn.h>

#define EXPORT __attribute__((visibility("default")))

static void resolve(void);

// Until it is resolved each function is a stub that resolves all of them.
#define REAL_VERSION(version, ret, name, params, args) \
	REAL(ret, name, params, args)
#define REAL(ret, name, params, args)                                 \
	static ret boot_##name params;                                \
	static ret(*real_##name) params = boot_##name;                \
	static ret boot_##name params                                 \
	{                                                             \
		resolve();                                            \
		return real_##name args;                              \
	}                                                             \
	/* by its name in the library only: libc's headers declare */ \
	/* some of these otherwise */                                 \
	EXPORT ret empty_##name params __asm__(#name);                \
	EXPORT ret empty_##name params                                \
	{                                                             \
		return real_##name args;                              \
	}
#include "preload/real.def"
#undef REAL
#undef REAL_VERSION

static void *find(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

static void *find_version(const char *name, const char *version)
{
	void *p = dlvsym(RTLD_NEXT, name, version);

	return p ? p : find(name);
}

__attribute__((constructor)) static void resolve(void)
{
#define REAL(ret, name, params, args) *(void **)&real_##name = find(#name);
#define REAL_VERSION(version, ret, name, params, args) \
	*(void **)&real_##name = find_version(#name, version);
#include "preload/real.def"
#undef REAL
#undef REAL_VERSION
}

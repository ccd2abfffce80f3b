// SPDX-License-Identifier: Apache-2.0
//
// Resolving: dlsym(RTLD_NEXT) for every row of real.def. Up to glibc 2.35 or so
// dlsym itself may allocate (and a miss always does, for dlerror's text), which
// comes back into our malloc: while resolving on this thread such calls are
// served from a small static arena until the real malloc is known. The heap
// rows come first in real.def, so that is a matter of a few calls.
#include "preload/real.h"

#include "preload/live.h"
#include "preload/state.h"
#include "preload/sys.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>

#define BOOT_BYTES (64u << 10)
#define BOOT_ALIGN 16u

static _Alignas(BOOT_ALIGN) char boot[BOOT_BYTES];
static _Atomic size_t x_boot_used;
// 0 not begun, 1 resolving, 2 resolved. Atomic, not plain: glibc declares
// dlsym "leaf", so gcc would drop plain stores around it.
static _Atomic int x_phase;
// Whose thread resolves: the address of its struct thread.
static _Atomic(const struct thread *) x_resolver;

// dlvsym is not in every libc (musl), so it may be absent: then the function
// counts as missing, and the shim stays inert there.
extern void *dlvsym(void *, const char *, const char *) __attribute__((weak));

static void *boot_alloc(size_t align, size_t n)
{
	size_t size, at;

	if (align > BOOT_ALIGN || __builtin_add_overflow(n, 15, &size) ||
	    (size &= ~(size_t)15) > BOOT_BYTES)
		return NULL;
	at = atomic_fetch_add_explicit(&x_boot_used, size,
				       memory_order_relaxed);
	if (at > BOOT_BYTES - size)
		return NULL;
	// So that the hooks' fast path need not know the arena.
	live_pin(boot + at);
	return boot + at;
}

bool real_is_boot(const void *p)
{
	return (uintptr_t)p - (uintptr_t)boot < BOOT_BYTES;
}

size_t real_boot_bytes(const void *p)
{
	return (size_t)(boot + BOOT_BYTES - (const char *)p);
}

// What a function answers that this libc does not have.
static int missing_int(void)
{
	return ENOSYS;
}

static void *missing_pointer(void)
{
	return NULL;
}

#define OLDEST_VERSION "GLIBC_2.2.5"

#define MISSING(ret)                                                     \
	__builtin_choose_expr(__builtin_types_compatible_p(ret, void *), \
			      (void *)missing_pointer, (void *)missing_int)

// One stub per row: resolve, then call the real one. While this thread
// resolves, dlsym and the allocator behind it may call any function not yet
// resolved (jemalloc starts up with syscall): that one is then looked up alone.
#define REAL_VERSION(version, ret, name, params, args) \
	REAL(ret, name, params, args)
#define REAL(ret, name, params, args) static ret boot_##name params;
#include "preload/real.def"
#undef REAL

struct real real = {
#define REAL(ret, name, params, args) boot_##name,
#include "preload/real.def"
#undef REAL
};

static void *boot_void_malloc(size_t n)
{
	return boot_alloc(BOOT_ALIGN, n);
}

static void *boot_void_calloc(size_t n, size_t size)
{
	size_t bytes;

	// Fresh static memory is zero.
	return __builtin_mul_overflow(n, size, &bytes)
		       ? NULL
		       : boot_alloc(BOOT_ALIGN, bytes);
}

static void boot_void_free(void *p)
{
	(void)p;
}

// In force while dlsym runs and the real ones are not known yet.
static const struct real during = {
	.malloc = boot_void_malloc,
	.calloc = boot_void_calloc,
	.free = boot_void_free,
};

static void fill_slot(void **slot, void *found, void *otherwise)
{
	*slot = found ? found : otherwise;
}

static void *find_one(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

#define REAL(ret, name, params, args)                                 \
	static ret boot_##name params                                 \
	{                                                             \
		ret(*real_fn) params;                                 \
                                                                      \
		real_init();                                          \
		real_fn = real.name;                                  \
		if (UNLIKELY(real_fn == boot_##name))                 \
			fill_slot((void **)&real_fn, find_one(#name), \
				  MISSING(ret));                      \
		return real_fn args;                                  \
	}
#include "preload/real.def"
#undef REAL
#undef REAL_VERSION

// An old libc's dlsym finds the oldest of libc's versions; but what another
// library puts in front of libc (a sanitizer's runtime) has no version at all,
// and to go past it would hide the call from it.
static void *find_version(const char *name, const char *version)
{
	void *next = dlsym(RTLD_NEXT, name);

	if (dlvsym && next == dlvsym(RTLD_NEXT, name, OLDEST_VERSION))
		return dlvsym(RTLD_NEXT, name, version);
	return next;
}

static void resolve(void)
{
	real.malloc = during.malloc;
	real.calloc = during.calloc;
	real.free = during.free;
#define REAL(ret, name, params, args) \
	fill_slot((void **)&real.name, dlsym(RTLD_NEXT, #name), MISSING(ret));
#define REAL_VERSION(version, ret, name, params, args)               \
	fill_slot((void **)&real.name, find_version(#name, version), \
		  MISSING(ret));
#include "preload/real.def"
#undef REAL
#undef REAL_VERSION
}

COLD void real_init(void)
{
	int none = 0;

	if (atomic_compare_exchange_strong_explicit(&x_phase, &none, 1,
						    memory_order_acquire,
						    memory_order_acquire)) {
		atomic_store_explicit(&x_resolver, &self, memory_order_relaxed);
		resolve();
		atomic_store_explicit(&x_phase, 2, memory_order_release);
		return;
	}
	// relaxed: only this thread could have stored its own address
	if (atomic_load_explicit(&x_resolver, memory_order_relaxed) == &self)
		return;
	// Another thread is at it: possible only when a constructor of another
	// library started it. It ends soon and takes no lock of the host's.
	while (atomic_load_explicit(&x_phase, memory_order_acquire) != 2)
		(void)sys_call(SYS_sched_yield);
}

void *real_find(const char *name)
{
	// Libraries of a dlopened plugin are not in the scope RTLD_NEXT looks
	// in; these two hold the operators for nearly every C++ program.
	static const char *const libs[] = {"libstdc++.so.6", "libc++abi.so.1",
					   "libc++.so.1"};
	void *p = dlsym(RTLD_NEXT, name);

	for (unsigned i = 0; !p && i < sizeof(libs) / sizeof(*libs); i++) {
		void *handle = dlopen(libs[i], RTLD_NOLOAD | RTLD_LAZY);

		if (handle)
			p = dlsym(handle, name);
	}
	return p;
}

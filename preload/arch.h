// SPDX-License-Identifier: Apache-2.0
//
// What C has no word for, one file for each machine: a raw system call, a new
// process on a stack of its own, registers, and instructions that nothing comes
// in between of. Async-signal-safe; touches no errno.
//
//	arch_call6(nr, args)       system call: its result, or negative errno
//	arch_clone(...)            see sys_clone
//	arch_copy(to, from, n)     memcpy that no sanitizer stands in front of
//	arch_cas128(p, old, new)   16 bytes, as one full barrier
//	arch_count_down(left, n)   *left -= n unless that ends it: then true
//	arch_add(x, n), arch_casN  as rmw.h has them, while there is one thread
//	arch_registers(regs)       of the point of use
//	arch_context(uc, regs)     of an interrupted one
#ifndef CPROF_PRELOAD_ARCH_H
#define CPROF_PRELOAD_ARCH_H

#include "proto/arch.h"

#include <features.h>

#ifndef __GLIBC__
#error "the shim is for glibc"
#endif

#if defined(__x86_64__)
#include "preload/arch_x86_64.h"
#else
#include "preload/arch_aarch64.h"
#endif

#endif

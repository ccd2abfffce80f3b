// SPDX-License-Identifier: Apache-2.0
//
// The machine both processes run on, one file for each: registers of a capture,
// what an ELF file of it says, whether stacks are walked in the process.
#ifndef CPROF_PROTO_ARCH_H
#define CPROF_PROTO_ARCH_H

#if defined(__x86_64__)
#include "proto/arch_x86_64.h"
#elif defined(__aarch64__) && defined(__LP64__) && defined(__AARCH64EL__)
#include "proto/arch_aarch64.h"
#else
#error "for x86-64 and 64-bit little-endian ARM: another machine needs its arch_*.h"
#endif

#endif

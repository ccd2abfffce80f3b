// SPDX-License-Identifier: Apache-2.0
//
// Classes of block sizes: what a heap profile tells its blocks apart by (label
// `bytes`). Steps of 16 bytes up to 1 KiB, then eight to each power of two, so
// that a class is at most an eighth larger than what is in it. As in Go, whose
// label is the size class too, not what was asked for. Pure; any thread.
#ifndef CPROF_COLLECTOR_SIZE_CLASS_H
#define CPROF_COLLECTOR_SIZE_CLASS_H

#include <stdint.h>

// Classes are 1 to SIZE_CLASS_N - 1; 0 stands for none.
#define SIZE_CLASS_N 512u

unsigned size_class_of(uint64_t n_bytes);

// The largest size in CLASS; 0 for none.
uint64_t size_class_bytes(unsigned size_class);

#endif

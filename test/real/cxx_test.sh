#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run: 240 any
#
# A C++ program with exceptions and std::mutex, on libc's allocator and on three
# others that are preloaded behind the shim.
set -u
. "$(dirname "$0")/lib.sh"
need go

status_bare=0 # set by same
same "$B/test/real/cxx"
all_readable
in_top "$(profile cxx cpu)" 25 shop::work shop::sort_prices
in_top "$(profile cxx alloc)" 25 shop::parse_order shop::work
in_top "$(profile cxx threadcreate)" 10 main
in_top "$(profile cxx block)" 25 shop::work

for name in libjemalloc.so.2 libtcmalloc_minimal.so.4 libmimalloc.so.2; do
	allocator=$(ldconfig -p | sed -n "s,.*$name .*=> ,,p" | head -n 1)
	[ -n "$allocator" ] || skip "$name is not installed"
	CPROF_DIR="$T/$name"
	mkdir -p "$CPROF_DIR"
	LD_PRELOAD="$B/libcprof.so:$allocator" CPROF_HEAP_RATE=64k \
		"$B/test/real/cxx" >"$T/out" 2>"$T/err"
	status=$?
	[ "$status" = "$status_bare" ] || fail "$name: status $status"
	cmp "$T/out.bare" "$T/out" || fail "$name: another output"
	[ ! -s "$T/err" ] || fail "$name: noise: $(cat "$T/err")"
	all_readable
	in_top "$(profile cxx alloc)" 25 shop::parse_order shop::work
done

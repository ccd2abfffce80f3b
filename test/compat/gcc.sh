#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# make -j2 and gcc build the shim; what comes out is the same, byte by byte.
set -u
. "$HERE/lib.sh"

cp -r "$HERE/../../Makefile" "$HERE/../../preload" "$HERE/../../proto" \
	"$HERE/../../test" "$T"
cd "$T" || exit 1
env -u MAKEFLAGS make -j2 B=built CFLAGS='-O1 -g0' built/libcprof.so |
	sort || fail make
sha256sum built/libcprof.so

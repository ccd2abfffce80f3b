#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
#
# cprof.h in programs of every shape: C11 and C++11, gcc and clang, PIE, non-PIE
# and static, without a warning. They link with nothing, find the shim where
# there is one, and do nothing where there is none or where it is off.
set -u
B=$PWD/${CPROF_BUILD:-build}
[ -d "$B" ] || B=$CPROF_BUILD
include=$PWD/preload
cd "$CPROF_TEST_TMP" || exit 1
export CPROF_DIR=$PWD
n_failed=0

fail() {
	echo "FAIL $*"
	n_failed=$((n_failed + 1))
}

cat >user.c <<'END'
#include <cprof.h>
#include <stdio.h>
int main(void)
{
	unsigned outside = cprof_label("key", "value");
	int dumped = cprof_dump(), marked = cprof_mark("here");

	printf("[%s] %d %d %d %d\n", cprof_version(), cprof_is_active(),
	       dumped, marked, cprof_labels() != outside);
	cprof_labels_use(outside);
	return cprof_labels() != outside;
}
END
cp user.c user.cc
version=$(sed -n 's/^#define CPROF_VERSION "\(.*\)"/\1/p' \
	"$include/../proto/version.h")
none='[] 0 -107 -107 0'

check() { # WHAT WANTED COMMAND...
	local what=$1 wanted=$2
	shift 2
	got=$("$@" 2>&1) || fail "$what: status $?"
	[ "$got" = "$wanted" ] || fail "$what: '$got', not '$wanted'"
}

try() { # NAME WITH-SHIM COMPILER...
	local name=$1 with=$2
	shift 2
	"$@" -Wall -Wextra -Wpedantic -Wshadow -Werror -O1 -I"$include" \
		-o "$name" || {
		fail "$name: '$*'"
		return
	}
	check "$name alone" "$none" "./$name"
	check "$name preloaded" "$with" env LD_PRELOAD="$B/libcprof.so" "./$name"
	echo "done: $name"
}

for language in c cc; do
	for compiler in gcc clang-14; do
		std=-std=c11
		if [ $language = cc ]; then
			compiler=${compiler/gcc/g++}
			compiler=${compiler/clang/clang++}
			std=-std=c++11
		fi
		c="$compiler $std user.$language"
		yes="[$version] 1 0 0 1"
		# shellcheck disable=SC2086 # a command and its arguments
		{
			try "$compiler.pie" "$yes" $c -fPIE -pie
			try "$compiler.nopie" "$yes" $c -fno-pie -no-pie
			try "$compiler.lto" "$yes" $c -flto=auto -fuse-ld=bfd
			try "$compiler.static" "$none" $c -static
		}
	done
done
# Nothing is linked with, and a file's own use of dlsym stays as strong.
nm -u gcc.static | grep -w dlsym && fail "a static program has dlsym"
check "off" "[$version] 0 -107 -107 1" env CPROF=off \
	LD_PRELOAD="$B/libcprof.so" ./gcc.pie
exit $((n_failed > 0))

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
#
# `cprofctl doctor` says what of a program or process will not be profiled, and
# what to do.

# bats runs each test in a subshell of its own and sets these itself.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ctl_lib

# Each finding with something to do says what.
found() { # LEVEL TEXT
	echo "$output"
	grep -q "^$1  .*$2" <<<"$output"
}

@test "an ordinary program is fine" {
	echo 'int main(void) { return 0; }' >plain.c
	gcc -g -o plain plain.c
	run -0 "$CTL" doctor ./plain
	found 'ok  ' "'./plain' is linked dynamically with glibc"
	found 'ok  ' "debug information"
	found 'ok  ' "the shim is '$B/libcprof.so'"
	found note "no collector answers at '$T/s'"
	strip plain
	run -0 "$CTL" doctor ./plain
	found note "it is stripped"
	[[ $output == *"do: install its debug package"* ]]
}

@test "what can't be loaded into is named, with status 3" {
	for kind in "static:statically linked" "i386:32-bit" "musl:musl"; do
		[ -e "$B/test/hook/hello_${kind%%:*}" ] || continue
		run -3 "$CTL" doctor "$B/test/hook/hello_${kind%%:*}"
		found 'BAD ' "it can't be profiled: .*${kind#*:}"
	done
}

@test "an allocator is named" {
	cat >own.c <<-'EOF2'
		#include <stddef.h>
		void *malloc(size_t n) { static char b[1 << 20]; (void)n; return b; }
		int main(void) { return 0; }
	EOF2
	gcc -fno-builtin -fvisibility=hidden -o own own.c
	run -3 "$CTL" doctor ./own
	found 'BAD ' "it has an allocator linked in"
	echo 'int main(void) { return 0; }' >plain.c
	gcc -Wl,--no-as-needed -o jem plain.c -ljemalloc || skip "no jemalloc"
	run -0 "$CTL" doctor ./jem
	found 'ok  ' "its allocator is libjemalloc.so"
}

@test "a process: profiled, not profiled, its signals" {
	start_profiled
	run -0 "$CTL" doctor -p "$PROFILED"
	found 'ok  ' "it is being profiled (ring)"
	bash -c 'trap : USR1; : >ready; while :; do sleep 0.1; done' 3>&- &
	STARTED+=("$!")
	until_true test -e ready
	run -3 "$CTL" doctor -p "$!"
	found 'BAD ' "the shim is not loaded in process $!"
	found note "handler of its own for SIGUSR1"
	run -1 "$CTL" doctor -p 999999999
	run -2 "$CTL" doctor
	run -1 "$CTL" doctor no-such-program
	one_line "cannot find 'no-such-program'"
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# run: 300 any
#
# `make install` puts everything in its place, what is installed works from
# there, and `make uninstall` takes away just what was put.

# bats runs each test in a subshell of its own and sets these itself.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ctl_lib

make_it() {
	make -s -C "$REPO" "B=$B" "PREFIX=$1" "DESTDIR=$2" "$3"
}

@test "everything is installed below DESTDIR and PREFIX" {
	make_it /opt/cprof "$T/root" install
	cd "$T/root/opt/cprof"
	for file in bin/cprofd bin/cprofctl lib/libcprof.so include/cprof.h include/cprof.hpp \
		lib/pkgconfig/cprof.pc lib/systemd/user/cprofd.service \
		share/man/man1/cprofctl.1 share/man/man8/cprofd.8 \
		share/man/man7/libcprof.7 share/man/man3/cprof.3 \
		lib/systemd/user/cprofd.socket \
		lib/systemd/system/cprofd.service \
		lib/systemd/system/cprofd.socket \
		share/zsh/site-functions/_cprofctl \
		share/bash-completion/completions/cprofctl; do
		[ -s "$file" ]
	done
	grep -q '^ExecStart=/opt/cprof/bin/cprofd --socket' \
		lib/systemd/user/cprofd.service
	PKG_CONFIG_PATH=lib/pkgconfig pkg-config --exists cprof
	run ! grep -rq '@PREFIX@\|@VERSION@' lib
}

@test "uninstall takes away what was put and nothing else" {
	mkdir -p "$T/root/opt/cprof/include" "$T/root/opt/cprof/bin"
	echo mine >"$T/root/opt/cprof/bin/mine"
	find "$T/root" | sort >before
	make_it /opt/cprof "$T/root" install
	make_it /opt/cprof "$T/root" install
	make_it /opt/cprof "$T/root" uninstall
	find "$T/root" | sort | diff before -
}

@test "uninstall says when there is nothing" {
	run make_it /opt/cprof "$T/root" uninstall
	[ "$status" -ne 0 ]
	[[ $output == *"nothing is installed in '$T/root/opt/cprof'"* ]]
}

@test "installed programs find each other and the shim" {
	make_it "$T/prefix" "" install 2>/dev/null
	run "$T/prefix/bin/cprofctl" run --cpu-hz 1000 -- \
		bash -c 'n=0; while [ $n -lt 60000 ]; do n=$((n+1)); done'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *".cpu.001.pb.gz"* ]]
	make_it "$T/prefix" "" uninstall 2>/dev/null
	[ ! -e "$T/prefix" ]
}

@test "a program with cprof.h links, and finds the shim when it is there" {
	cat >user.c <<-'EOF'
		#include <cprof.h>
		#include <stdio.h>
		int main(void)
		{
			if (!*cprof_version())
				return puts("no shim"), cprof_is_active();
			printf("%s %d %d\n", cprof_version(), cprof_is_active(),
			       cprof_dump());
			return 0;
		}
	EOF
	gcc -Wall -Wextra -Wpedantic -Werror -I"$REPO/preload" -o user user.c
	[ "$(./user)" = "no shim" ]
	run --separate-stderr "$CTL" run -- ./user
	[[ $output == *" 1 0" ]]
	CPROF=off LD_PRELOAD=$B/libcprof.so ./user | grep -q ' 0 -107$'
}

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

@test "debug information that can't be read is told" {
	echo '#include <stdio.h>
	int main(void) { return 0; }' >plain.c
	gcc -g3 -o plain plain.c
	objcopy --compress-debug-sections=zlib plain
	run -0 "$CTL" doctor ./plain
	found 'ok  ' "debug information"
	objcopy --decompress-debug-sections plain
	objcopy --compress-debug-sections=zstd plain || skip "objcopy has no zstd"
	libelf=$(ldd "$B/cprofctl" | awk '/libelf/ { print $3 }')
	! ldd "$libelf" | grep -q libzstd || skip "libelf reads zstd"
	run -0 "$CTL" doctor ./plain
	found note "compressed as libelf can't read it"
	[[ $output == *"do: objcopy --decompress-debug-sections"* ]]
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
	for file in /etc/passwd "$T"; do
		run -3 "$CTL" doctor "$file"
		found 'BAD ' "'$file' is no program"
		[[ $output != *"linked dynamically"* ]]
	done
}

# Starts ./PROG built from the C text on stdin, which says "ready" by a file.
start_c() { # NAME [COMMAND...]
	gcc -g -w -pthread -o "$1" -x c -
	"${@:2}" "./$1" 3>&- &
	STARTED+=("$!")
	until_true test -e "$1.ready"
	PID=$(cat "$1.ready")
}

said_ready='static void ready(const char *name) {
	FILE *f = fopen("new", "w"); fprintf(f, "%d\n", (int)getpid());
	fclose(f); rename("new", name); for (;;) pause(); }'

@test "a process: a seccomp filter, threads that block the timers' signal" {
	start_c filtered <<-EOF2
		#include <linux/filter.h>
		#include <linux/seccomp.h>
		#include <stdio.h>
		#include <sys/prctl.h>
		#include <unistd.h>
		$said_ready
		int main(void) {
			struct sock_filter all = {BPF_RET, 0, 0, SECCOMP_RET_ALLOW};
			struct sock_fprog p = {1, &all};
			prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
			if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p)) return 1;
			ready("filtered.ready");
		}
	EOF2
	run -3 "$CTL" doctor -p "$PID"
	found note "seccomp is on (mode 2)"
	[[ $output == *"do: CPU samples need timer_create"* ]]
	start_c blocking <<-EOF2
		#include <pthread.h>
		#include <signal.h>
		#include <stdio.h>
		#include <unistd.h>
		$said_ready
		static void *idle(void *arg) { for (;;) pause(); return arg; }
		int main(void) {
			sigset_t set; pthread_t t;
			sigemptyset(&set); sigaddset(&set, SIGURG);
			signal(SIGUSR1, SIG_IGN);
			pthread_sigmask(SIG_BLOCK, &set, NULL);
			pthread_create(&t, NULL, idle, NULL);
			ready("blocking.ready");
		}
	EOF2
	run -3 "$CTL" doctor -p "$PID"
	found note "threads that block SIGURG, the CPU timers' signal: 2"
	found note "it ignores SIGUSR1, the snapshot signal"
}

@test "a process: of another pid namespace, another user, another libc" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	unshare --fork --pid --mount-proc sleep 60 3>&- &
	STARTED+=("$!")
	until_true pgrep -P "$!" sleep
	PID=$(pgrep -P "$!" sleep)
	STARTED+=("$PID")
	run -3 "$CTL" doctor -p "$PID"
	found note "in another pid namespace, as process 1 there"
	# A folder that another user may enter, for the answer that there is none.
	run -3 setpriv --reuid 65534 --regid 65534 --clear-groups \
		env CPROF_SOCKET=/nonexistent/s "$CTL" doctor -p "$$"
	found 'BAD ' "it belongs to user 0: his collector has it"
	[[ $output == *"do: ask as that user or as root, with --socket"* ]]
	command -v musl-gcc >/dev/null || skip "no musl"
	echo 'int main(void) { for (;;) pause(); }' >idle.c
	musl-gcc -w -o idle idle.c
	./idle 3>&- &
	STARTED+=("$!")
	until_true grep -q linux-musl "/proc/$!/maps"
	run -3 "$CTL" doctor -p "$!"
	found 'BAD ' "it runs with another libc than glibc: .*musl"
}

@test "a set-user-ID program, and a debug file of its own" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	echo 'int main(void) { return 0; }' >plain.c
	gcc -g -Wl,--build-id=uuid -o plain plain.c
	chmod 755 "$T" .
	install -m 4755 plain setuid
	run -3 setpriv --reuid 65534 --regid 65534 --clear-groups \
		env CPROF_SOCKET=/nonexistent/s "$CTL" doctor ./setuid
	found 'BAD ' "it can't be profiled: it is set-user-ID"
	id=$(readelf -n plain | sed -n 's/.*Build ID: //p')
	debug=/usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug
	[ -d "${debug%/*}" ] || made=${debug%/*}
	install -D plain "$debug"
	strip plain
	run -0 "$CTL" doctor ./plain
	rm "$debug"
	[ -z "${made-}" ] || rmdir "$made"
	found 'ok  ' "its debug file is '$debug'"
}

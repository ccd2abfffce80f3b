#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
#
# `cprofctl leaks` finds what is in use, by stack and by age, and leaves out
# what is expected; `cprofctl check` compares totals. Both tell it by status 3.

# bats runs each test in a subshell of its own and sets these itself.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ctl_lib

# Leaks 100 blocks of 1000 bytes in leak_it, keeps 10 of 50 in cache_it, and
# frees the rest.
make_leaky() {
	cat >leaky.c <<-'EOF2'
		#include <stdlib.h>
		#include <unistd.h>
		void *keep[200], *volatile freed;
		__attribute__((noinline)) void leak_it(int i) { keep[i] = malloc(1000); }
		__attribute__((noinline)) void cache_it(int i) { keep[100 + i] = malloc(50); }
		int main(int argc, char **argv)
		{
			for (int i = 0; i < 100; i++)
				leak_it(i);
			for (int i = 0; i < 10; i++)
				cache_it(i);
			for (int i = 0; i < 1000; i++) {
				freed = malloc(100);
				free(freed);
			}
			while (argc > 1 && access(argv[1], F_OK))
				usleep(10000);
			return 0;
		}
	EOF2
	gcc -O1 -g -fno-builtin -o leaky leaky.c
}

run_leaky() {
	make_leaky
	"$CTL" run --heap-rate 1 --memprofile mem.pb.gz -- ./leaky 2>/dev/null
}

@test "leaks lists what is in use at the end, and exits with 3" {
	run_leaky
	run -3 --separate-stderr "$CTL" leaks mem.pb.gz
	echo "$output"
	[[ $output == *"97.66kB in 100 objects still in use, allocated at
    #0 leak_it $T/leaky.c:4
    #1 main $T/leaky.c:9"* ]]
	[[ $output == *"500B in 10 objects"* ]]
	[[ $output == *"in 110 objects, 2 stacks"* ]]
}

@test "suppressions are LeakSanitizer's" {
	run_leaky
	printf '# known\nleak:cache_it\n\nleak:^leak*$\n' >known
	run -0 "$CTL" leaks mem.pb.gz --suppressions known
	[[ $output == *"suppressed: 500 bytes in 10 objects by leak:cache_it"* ]]
	[[ $output == *"total: 0 in 0 objects, 0 stacks"* ]]
	echo 'leak:aky.c' >known
	run -0 "$CTL" leaks mem.pb.gz --suppressions known
	echo 'leak:^eak_it' >known
	run -3 "$CTL" leaks mem.pb.gz --suppressions known
	echo 'race:x' >known
	run -1 "$CTL" leaks mem.pb.gz --suppressions known
	one_line "'known' line 1: 'race:x' is not allowed"
	run -1 "$CTL" leaks mem.pb.gz --suppressions missing
}

# Something in use is a second old.
has_old() {
	! "$CTL" leaks --age 1s >/dev/null
}

@test "a running process's memory tells its age" {
	make_leaky
	CPROF_HEAP_RATE=1 LD_PRELOAD=$B/libcprof.so ./leaky stop 3>&- &
	STARTED+=("$!")
	until_true is_listed "$!"
	"$CTL" heap -o young.pb.gz
	until_true has_old
	run -3 "$CTL" leaks --age 1s
	[[ $output == *"in 110 objects, 2 stacks"* ]]
	run -0 "$CTL" leaks --age 1h
	# The parts are the whole, whatever the age.
	"$CTL" heap -o inuse.pb.gz && "$CTL" allocs -o alloc.pb.gz
	for type in alloc_objects alloc_space inuse_objects inuse_space; do
		[ "$(go tool pprof -top -sample_index=$type -unit=bytes inuse.pb.gz |
			grep Showing)" = "$(go tool pprof -top \
			-sample_index=$type -unit=bytes alloc.pb.gz | grep Showing)" ]
	done
	go tool pprof -top -tagfocus='age=<1' inuse.pb.gz | grep -q leak_it
	run -1 "$CTL" leaks alloc.pb.gz --age 1s
	one_line "does not tell ages"
	run -2 "$CTL" leaks --age 5s
	one_line "'5s' is not allowed, but 1s, 10s, 1m, 10m, 1h or 1d"
}

@test "check compares totals, and exits with 3 beyond a limit" {
	run_leaky
	sed -i 's/i < 100;/i < 90;/' leaky.c
	gcc -O1 -g -fno-builtin -o leaky leaky.c
	"$CTL" run --heap-rate 1 --memprofile less.pb.gz -- ./leaky 2>/dev/null
	run -0 "$CTL" check mem.pb.gz less.pb.gz --max inuse_space=+0%
	run -3 --separate-stderr "$CTL" check less.pb.gz mem.pb.gz \
		--max inuse_space=+5%,alloc_objects=+5%
	echo "$output"
	[[ $output == *"inuse_space: 98.14kB, was 88.38kB (+11.0%), allowed 92.80kB: TOO MUCH"* ]]
	[[ $output == *"alloc_objects: "*": ok"* ]]
	run -0 "$CTL" check less.pb.gz mem.pb.gz --max inuse_space=+10k
	run -3 --separate-stderr "$CTL" check less.pb.gz mem.pb.gz \
		--max inuse_objects=109
	run -1 "$CTL" check less.pb.gz mem.pb.gz --max delay=+5%
	run -2 "$CTL" check less.pb.gz mem.pb.gz
	run -2 "$CTL" check less.pb.gz mem.pb.gz --max inuse_space
	one_line "--max: 'inuse_space' is not allowed"
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# run: 300 any
#
# Commands about a running process: which one is meant, what comes out, and
# where it goes.

# bats runs each test in a subshell of its own and sets these itself.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ctl_lib

@test "the only process is the target; names and pids choose as well" {
	start_profiled
	for target in '' burner "$PROFILED" "-p $PROFILED"; do
		# shellcheck disable=SC2086
		run "$CTL" heap $target
		echo "$output"
		[ "$status" -eq 0 ]
		[ -s "$output" ]
	done
	for number in 1 2 3 4; do
		[ -s "burner.$PROFILED.inuse.00$number.pb.gz" ]
	done
	[ "$(stat -c %a "$output")" = 600 ]
}

@test "two candidates are listed, and an unknown one says who is there" {
	start_profiled twin
	first=$PROFILED
	start_profiled twin
	for target in '' twin; do
		# shellcheck disable=SC2086
		run "$CTL" heap $target
		[ "$status" -eq 1 ]
		one_line "2 processes are meant, choose one by -p PID"
		[[ $output == *"$first (twin)"* ]]
		[[ $output == *"$PROFILED (twin)"* ]]
	done
	run "$CTL" heap nobody-here
	[ "$status" -eq 1 ]
	one_line "no profiled process is called 'nobody-here'; there are:"
	run "$CTL" heap -p 999999
	[ "$status" -eq 1 ]
	one_line "no profiled process has the pid 999999; there are:"
}

@test "every kind is written and readable by go tool pprof" {
	start_profiled
	for kind in cpu inuse alloc block mutex threadcreate \
		profile heap allocs; do
		seconds=
		case $kind in cpu | profile) seconds='--seconds 1' ;; esac
		# shellcheck disable=SC2086
		run "$CTL" $kind $seconds
		echo "$kind: $output"
		[ "$status" -eq 0 ]
		go tool pprof -raw "$output" >raw
	done
	[ -s "burner.$PROFILED.cpu.001.pb.gz" ]
	[ -s "burner.$PROFILED.inuse.002.pb.gz" ]
}

@test "threads are text, or a profile, or a report" {
	start_profiled
	run "$CTL" threads
	[ "$status" -eq 0 ]
	[[ $output == "goroutine "*'thread "burner"'* ]]
	run "$CTL" threads -o threads.pb.gz
	[ "$status" -eq 0 ]
	go tool pprof -raw threads.pb.gz >raw
	grep -q '^goroutine/count$' raw
	run "$CTL" threads --interrupt -o threads.folded
	[ "$status" -eq 0 ]
	[ -s threads.folded ]
	run "$CTL" goroutine -o threads.txt
	[ "$status" -eq 0 ]
	grep -q '^goroutine [0-9]' threads.txt
}

@test "a trace is written under the next free name" {
	start_profiled
	for number in 1 2; do
		run "$CTL" trace
		echo "$output"
		[ "$status" -eq 0 ]
		[ "$output" = "burner.$PROFILED.trace.00$number.pftrace" ]
		[ -s "$output" ]
	done
	run "$CTL" trace --seconds 1 -o t.pftrace
	[ "$status" -eq 0 ]
	[ -s t.pftrace ]
	run "$CTL" trace -o t.json
	[ "$status" -eq 0 ]
	python3 -c 'import json, sys
names = {e["name"] for e in json.load(open("t.json"))["traceEvents"]}
sys.exit(f"{names}" if not {"cpu sample", "heap in use"} <= names else 0)'
}

@test "a CPU profile takes the time and the rate asked for" {
	start_profiled
	run "$CTL" profile --seconds 2 --hz 500 -o cpu.pb.gz
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$output" = cpu.pb.gz ]
	go tool pprof -raw cpu.pb.gz >raw
	grep -q '^Period: 2000000$' raw
	duration=$(sed -n 's/^Duration: \([0-9]*\).*/\1/p' raw)
	[ "$duration" -ge 2 ]
	[ "$duration" -le 4 ]
}

@test "-o - is stdout, and nothing else is on it" {
	start_profiled
	"$CTL" heap -o - >heap.gz
	gzip -t heap.gz
	go tool pprof -raw heap.gz >raw
}

@test "-o FILE is replaced, through a symbolic link as well" {
	start_profiled
	echo old >file.pb.gz
	ln -s file.pb.gz link.pb.gz
	"$CTL" heap -o link.pb.gz
	[ -L link.pb.gz ]
	gzip -t file.pb.gz
	[ -z "$(find . -name '.c*')" ]
}

@test "a file that can't be written is refused before the profile is taken" {
	start_profiled
	run timeout 10 "$CTL" profile --seconds 60 -o "$T/missing/x.pb.gz"
	[ "$status" -eq 1 ]
	one_line "cannot write '$T/missing/x.pb.gz': No such file"
	run timeout 10 "$CTL" profile --seconds 60 -o x.pdf
	[ "$status" -eq 2 ]
	one_line "'x.pdf' is not allowed, but a name ending in .pb.gz"
	mkdir folder.pb.gz
	run timeout 10 "$CTL" profile --seconds 60 -o folder.pb.gz
	[ "$status" -eq 1 ]
	one_line "cannot write 'folder.pb.gz': Is a directory"
}

@test "a folder that can't be written to is refused" {
	local plainly=()
	# root may write anywhere, unless it leaves that right behind.
	[ "$(id -u)" -ne 0 ] || plainly=(setpriv --bounding-set=-dac_override
		--inh-caps=-dac_override)
	start_profiled
	mkdir locked && chmod 500 locked && cd locked
	run "${plainly[@]}" "$CTL" heap
	[ "$status" -eq 1 ]
	one_line "cannot write '.': Permission denied"
}

@test "a full disk is an error, and leaves nothing behind" {
	start_profiled
	run bash -c '"$1" heap -o - >/dev/full' - "$CTL"
	[ "$status" -eq 1 ]
	one_line "cannot write 'stdout': No space left on device"
}

@test "Ctrl-C ends a timed profile early and still writes it" {
	start_profiled
	(
		# A shell's background job ignores Ctrl-C; a terminal's doesn't.
		exec env --default-signal=INT "$CTL" profile --seconds 600 --hz 777 \
			-o early.pb.gz 3>&-
	) &
	pid=$!
	STARTED+=("$pid")
	until_true has_begun "$PROFILED"
	kill -INT "$pid"
	ended=0
	wait "$pid" || ended=$?
	[ "$ended" -eq 0 ]
	go tool pprof -raw early.pb.gz >raw
}

# The CPU profile with --hz 777 has begun.
has_begun() {
	"$CTL" ps | grep -q "^ *$1 .*cpu.hz=777 "
}

@test "a second CPU profile at the same time is refused" {
	start_profiled
	"$CTL" profile --seconds 600 --hz 777 -o /dev/null 3>&- &
	STARTED+=("$!")
	until_true has_begun "$PROFILED"
	run "$CTL" profile --seconds 1
	[ "$status" -eq 1 ]
	one_line "Could not enable CPU profiling: cpu profiling already in use"
}

@test "dump writes where the process writes, and prints the names" {
	start_profiled
	run "$CTL" dump
	echo "$output"
	[ "$status" -eq 0 ]
	for file in "${lines[@]}"; do
		[[ $file == "$T"/burner.$PROFILED.*.pb.gz ]]
		go tool pprof -raw "$file" >raw
	done
	[ "${#lines[@]}" -ge 3 ]
}

@test "set changes the rates that ps shows" {
	start_profiled
	run "$CTL" set cpu.hz=250 burner heap.rate=1M block.rate=0
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"cpu.hz=250"* ]]
	[[ $output == *"heap.rate=1M"* ]]
	[[ $output == *"block.rate=off"* ]]
	run "$CTL" ps
	[[ $output == *"heap.rate=1M cpu.hz=250 block.rate=off"* ]]
}

@test "ps is a table, or JSON" {
	start_profiled
	run "$CTL" ps
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == *PID*COMMAND*RATES* ]]
	[[ ${lines[1]} == *"$PROFILED"*burner* ]]
	"$CTL" ps --json | python3 -c '
import json, sys
p = json.load(sys.stdin)["processes"][0]
assert p["pid"] == int(sys.argv[1]) and p["comm"] == "burner"' "$PROFILED"
}

@test "stats shows memory and counters, or JSON" {
	start_profiled
	run "$CTL" stats
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *rss_bytes* ]]
	[[ $output == *pushed*"records written"* ]]
	"$CTL" stats --json | python3 -c '
import json, sys
s = json.load(sys.stdin)
assert s["memory"]["rss_bytes"] > 0 and "pushed" in s["counters"]'
}

@test "a process that ends during a timed profile still gives one" {
	start_profiled
	"$CTL" profile --seconds 600 --hz 777 -o rest.pb.gz 3>&- &
	pid=$!
	STARTED+=("$pid")
	until_true has_begun "$PROFILED"
	kill -9 "$PROFILED"
	ended=0
	wait "$pid" || ended=$?
	[ "$ended" -eq 0 ]
	go tool pprof -raw rest.pb.gz >raw
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# run: 300 any
#
# `cprofctl run` is transparent to the program, passes on how it ended, and
# says what it left or why it left nothing.

# bats runs each test in a subshell of its own and sets these itself.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ctl_lib

burn='n=0; while [ $n -lt 60000 ]; do n=$((n+1)); x=$x$n; x=${x:0:9}; done'

@test "it passes on output, input and status" {
	run --separate-stderr bash -c \
		'echo in | "$1" run -- bash -c "cat; echo err >&2; exit 7"' - "$CTL"
	[ "$status" -eq 7 ]
	[ "$output" = in ]
	[[ $stderr == *err* ]]
}

@test "it needs no -- and leaves the program's options alone" {
	run --separate-stderr "$CTL" run bash -c 'echo "$0 $1"' --help -x
	[ "$status" -eq 0 ]
	[ "$output" = "--help -x" ]
}

@test "it names the files written and the next command" {
	run --separate-stderr "$CTL" run --cpu-hz 1000 -- bash -c "$burn"
	echo "stderr: $stderr"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	files=$(sed -n 's/^cprofctl: wrote //p' <<<"$stderr")
	[ -n "$files" ]
	while read -r file; do
		[ -s "$file" ]
		[ "$(stat -c %a "$file")" = 600 ]
	done <<<"$files"
	next=$(sed -n 's/^cprofctl: next: //p' <<<"$stderr")
	[[ $next == "$CTL top '"*.cpu.001.pb.gz\' ]]
	eval "$next" >top
	grep -q flat top
}

@test "its options are the shim's settings" {
	run "$CTL" run --dir "$T/profiles" --exit cpu --cpu-hz 1000 -- \
		bash -c "$burn"
	[ "$status" -eq 0 ]
	ls "$T"/profiles/bash.*.cpu.001.pb.gz
	[ "$(find "$T/profiles" -type f | wc -l)" -eq 1 ]
}

@test "--cpuprofile and its like add up what it and its children did" {
	run -7 "$CTL" run --cpuprofile cpu.pb.gz --memprofile 'mem.%e.%p' \
		--blockprofile block.pb.gz --mutexprofile mutex.txt \
		--threadprofile "$T/threads.html" --cpu-hz 1000 -- \
		bash -c "(bash -c '$burn'; :); (bash -c '$burn'; :); exit 7"
	echo "$output"
	[ -z "$(find . -name '*.cpu.*.pb.gz')" ]
	go tool pprof -top cpu.pb.gz >top
	go tool pprof -top mem.bash.*
	# An empty one is a profile as well.
	go tool pprof -raw block.pb.gz | grep -q contentions/count
	grep -qi doctype threads.html
	[ "$("$CTL" tags --tagshow tid cpu.pb.gz | grep -c '[0-9]%')" -ge 2 ]
	[ -z "$(find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'cprof-run-*' \
		-newer "$T/s.lock" -user "$(id -u)" -empty)" ]
}

@test "--cpuprofile is refused before the run where it can't be written" {
	run -1 "$CTL" run --cpuprofile /nonexistent/x -- touch ran
	one_line "cannot write '/nonexistent/x'"
	run -2 "$CTL" run --cpuprofile x --dir d -- touch ran
	one_line "--dir and --exit are not allowed"
	[ ! -e ran ]
}

@test "--trace is the timeline of the program, to its end" {
	run -7 "$CTL" run --trace 't.%e.json' --exit none --cpu-hz 1000 -- \
		sh -c "exec bash -c '$burn; exit 7'"
	echo "$output"
	# In a script that becomes another program the last one is meant.
	python3 - t.sh.json <<-'PY'
		import json, sys
		events = json.load(open(sys.argv[1]))["traceEvents"]
		samples = [e for e in events if e.get("name") == "cpu sample"]
		assert len(samples) > 50, len(samples)
	PY
	run "$CTL" run --trace p.pftrace --exit none -- bash -c "$burn"
	[ -s p.pftrace ]
	run -1 "$CTL" run --trace /nonexistent/x -- touch ran
	one_line "cannot write '/nonexistent/x'"
	[ ! -e ran ]
}

@test "it puts the shim before what LD_PRELOAD has already" {
	run --separate-stderr env LD_PRELOAD=/nonexistent.so "$CTL" run -- \
		bash -c 'echo "$LD_PRELOAD"'
	[ "$output" = "$B/libcprof.so:/nonexistent.so" ]
}

@test "a program that is not there is 127, one that can't be started 126" {
	run -127 "$CTL" run -- /nonexistent/program
	one_line "cannot start '/nonexistent/program': No such file"
	run -127 "$CTL" run -- no-such-program
	one_line "cannot start 'no-such-program'"
	touch data
	run "$CTL" run -- ./data
	[ "$status" -eq 126 ]
	one_line "cannot start './data': Permission denied"
	run "$CTL" run -- "$T"
	[ "$status" -eq 126 ]
}

@test "a killed program is 128 + signal, and its profiles are written" {
	run "$CTL" run --cpu-hz 1000 -- bash -c "$burn; kill -9 \$\$"
	echo "$output"
	[ "$status" -eq 137 ]
	[[ $output == *"'bash' was ended by SIGKILL"* ]]
	[[ $output == *".cpu.001.pb.gz"* ]]
}

@test "signals sent to it reach the program" {
	setsid "$CTL" run -- bash -c 'trap "exit 33" TERM; : >ready
		while :; do sleep 0.01; done' 2>err 3>&- &
	pid=$!
	STARTED+=("-$pid")
	until_true test -e ready
	kill -TERM "$pid"
	ended=0
	wait "$pid" || ended=$?
	[ "$ended" -eq 33 ]
}

@test "Ctrl-C is the program's: cprofctl outlives it and reports" {
	# A process group of its own, as the foreground job of a terminal has,
	# and SIGINT not ignored, as it is in a background job.
	env --default-signal=INT setsid "$CTL" run --cpu-hz 1000 -- bash -c "
		trap 'exit 44' INT; $burn; : >ready
		while :; do sleep 0.01; done" 2>err 3>&- &
	pid=$!
	STARTED+=("-$pid")
	until_true test -e ready
	kill -INT -- "-$pid"
	ended=0
	wait "$pid" || ended=$?
	cat err
	[ "$ended" -eq 44 ]
	grep -q 'cprofctl: wrote' err
}

@test "the program finds its signals as they were" {
	run --separate-stderr "$CTL" run -- grep -E '^Sig(Ign|Blk|Cgt)' \
		/proc/self/status
	through_ctl=$output
	run --separate-stderr env "LD_PRELOAD=$B/libcprof.so" grep -E \
		'^Sig(Ign|Blk|Cgt)' /proc/self/status
	diff <(echo "$through_ctl") <(echo "$output")
}

not_profiled() { # PROGRAM REASON
	[ -e "$1" ] || skip "not built: $1"
	run "$CTL" run -- "$1"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *ok* ]]
	[[ $output == *"was not profiled: it is $2"* ]]
}

@test "it says that a static program can't be profiled" {
	not_profiled "$B/test/hook/hello_static" "statically linked"
	not_profiled "$B/test/hook/hello_static_pie" "statically linked"
}

@test "it says that a 32-bit program can't be profiled" {
	not_profiled "$B/test/hook/hello_i386" "a 32-bit program"
}

@test "it says that a musl program can't be profiled" {
	not_profiled "$B/test/hook/hello_musl" "linked with musl"
}

@test "it says that a set-user-ID program can't be profiled" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	cp /bin/true suid && chown nobody suid && chmod 4755 suid
	run "$CTL" run -- ./suid
	[ "$status" -eq 0 ]
	[[ $output == *"was not profiled: it is set-user-ID"* ]]
}

@test "a program with AddressSanitizer runs, its runtime first" {
	[ -e "$B/test/hook/hello_asan" ] || skip "not built"
	run --separate-stderr "$CTL" run -- "$B/test/hook/hello_asan"
	echo "stderr: $stderr"
	[ "$status" -eq 0 ]
	[ "$output" = ok ]
}

@test "a script is looked at through its interpreter" {
	[ -e "$B/test/hook/hello_static" ] || skip "not built"
	echo "#! $B/test/hook/hello_static" >script
	chmod +x script
	run "$CTL" run -- ./script
	[ "$status" -eq 0 ]
	[[ $output == *"statically linked"* ]]
}

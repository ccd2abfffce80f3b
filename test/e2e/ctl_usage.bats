#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
#
# Wrong usage is one line that names the thing and what is allowed, and 2.

# bats runs each test in a subshell of its own and sets these itself.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ctl_lib

refused() { # TEXT ARGS...
	local text=$1
	shift
	run "$CTL" "$@"
	[ "$status" -eq 2 ]
	[[ $output == cprofctl:* ]]
	one_line "$text"
}

@test "no command prints the usage and is wrong" {
	run "$CTL"
	[ "$status" -eq 2 ]
	[[ $output == usage:* ]]
}

@test "an unknown command lists the commands" {
	refused "unknown command 'frobnicate'" frobnicate
	for command in run ps profile heap allocs block mutex threadcreate dump \
		set stats threads trace; do
		[[ $output == *"$command"* ]]
	done
}

@test "an unknown option lists the command's options" {
	refused "unknown option '--foo'; it takes" heap --foo
	refused "unknown option '-x'; it takes" heap -x
	refused "unknown option '--hz'" heap --hz 10
	refused "unknown option '--json'" heap --json
}

@test "an option without its value says so" {
	refused "'--seconds' needs a value" profile --seconds
	refused "'-o' needs a value" heap -o
	refused "'--cpuprofile' needs a value" run --cpuprofile -- true
}

@test "bad seconds are refused with what is allowed" {
	for bad in 0 -1 1.5 abc '' ' 5' 1500ms 86401 99999999999999999999; do
		refused "--seconds: '$bad' is not allowed" profile "--seconds=$bad"
		[[ $output == *"from 1 to 86400"* ]]
	done
}

@test "bad rates, pids and files are refused with what is allowed" {
	refused "--hz: '0' is not allowed" profile --hz 0
	refused "--hz: '10001' is not allowed" profile --hz 10001
	refused "--pid: 'abc' is not allowed" heap -p abc
	refused "--pid: '0' is not allowed" heap -p 0
	refused "--output: '' is not allowed" heap -o ''
}

@test "set refuses unknown keys and bad values before it asks anybody" {
	refused "unknown key 'foo'; there are heap.rate, cpu.hz" set foo=1
	refused "'fast' is not allowed for cpu.hz, but 0 to 10000" set cpu.hz=fast
	refused "'' is not allowed for heap.rate" set heap.rate=
	refused "nothing to set" set
	refused "is not KEY=VALUE" set one two cpu.hz=1
}

@test "words too many are refused" {
	refused "'extra' is one word too many" ps extra
	refused "'two' is one word too many" heap one two
	refused "two targets" heap one -p 1
}

@test "run refuses bad settings and a missing program" {
	refused "no program given" run
	refused "no program given" run --
	refused "--heap-rate: 'lots' is not allowed" run --heap-rate lots -- true
	refused "--follow: 'some' is not allowed, but all, exec" \
		run --follow some -- true
	refused "unknown option '--socket-path'" run --socket-path x -- true
}

@test "without a collector every command says what to do, and fails" {
	for command in ps profile heap allocs block mutex threadcreate dump \
		threads trace stats 'set cpu.hz=1'; do
		# shellcheck disable=SC2086
		run "$CTL" $command
		[ "$status" -eq 1 ]
		one_line "no collector is running at '$T/s'; start a program"
	done
}

@test "a socket name that is too long is refused" {
	run "$CTL" ps --socket "/tmp/$(printf 'a%.0s' {1..200})"
	[ "$status" -eq 1 ]
	one_line "107 bytes are allowed"
}

@test "a file in the socket's place is no collector" {
	echo hello >"$T/s"
	run "$CTL" ps
	[ "$status" -eq 1 ]
	one_line "no collector is running"
	run "$CTL" -S "$T/s/s" ps
	[ "$status" -eq 1 ]
	one_line "'$T/s/s' would not lie in a folder"
}

@test "help and version go to stdout and succeed" {
	for how in help --help -h; do
		run "$CTL" "$how"
		[ "$status" -eq 0 ]
		[[ $output == *threadcreate* ]]
	done
	run "$CTL" --version
	[ "$status" -eq 0 ]
	[[ $output == "cprofctl "[0-9]* ]]
	for command in run ps profile heap dump set stats; do
		run "$CTL" "$command" --help
		[ "$status" -eq 0 ]
		[[ $output == "usage: cprofctl $command"* ]]
	done
}

@test "options may stand before the command" {
	for command in ps heap 'set cpu.hz=1'; do
		# shellcheck disable=SC2086
		run "$CTL" --socket "$T/other" $command
		[ "$status" -eq 1 ]
		one_line "no collector is running at '$T/other'"
	done
	run "$CTL" -jS "$T/other" -p 5 stats
	one_line "no collector is running at '$T/other'"
	run "$CTL" --socket="$T/other" run --heap-rate 1M -- sh -c 'exit 7'
	[ "$status" -eq 7 ]
	refused "heap: unknown option '--hz'" --hz 10 heap
	refused "--seconds: '0' is not allowed" --seconds 0 heap
	refused "no command behind" --socket "$T/other"
	refused "no command behind '--frobnicate'" --frobnicate
	refused "unknown command 'frobnicate'" --socket "$T/other" frobnicate
}

@test "help names a command, and --help may come first" {
	run "$CTL" help heap
	[ "$status" -eq 0 ]
	[[ $output == "usage: cprofctl heap"* ]]
	run "$CTL" --help heap
	[[ $output == "usage: cprofctl heap"* ]]
	run "$CTL" --socket x --help
	[ "$status" -eq 0 ]
	[[ $output == "usage: cprofctl COMMAND"* ]]
	refused "unknown command 'nothing'" help nothing
}

@test "help fits 80 columns" {
	[ "$("$CTL" help | wc -L)" -le 80 ]
	[ "$("$CTL" run --help | wc -L)" -le 80 ]
}

@test "stdout that can't be written is an error" {
	run bash -c '"$1" help >/dev/full' - "$CTL"
	[ "$status" -eq 1 ]
	one_line "cannot write to stdout"
}

@test "bash completes commands, options and settings from the program" {
	run bash -c '
		PATH=$1:$PATH
		. "$2"
		complete_line() {
			COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
			_cprofctl && echo "${COMPREPLY[*]}"
		}
		complete_line cprofctl threadc
		complete_line cprofctl run --heap
		complete_line cprofctl set block
	' - "$B" "$REPO/scripts/completion.bash"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = threadcreate ]
	[ "${lines[1]}" = --heap-rate ]
	[ "${lines[2]}" = block.rate= ]
}

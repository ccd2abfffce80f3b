#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
#
# The report commands: what they take, where they write, and what of them
# `go tool pprof` has not.

# bats runs each test in a subshell of its own and sets these itself.
# shellcheck disable=SC2016,SC2030,SC2031,SC2094,SC2154
load ctl_lib

profile() { # NAME
	echo "$REPO/test/e2e/profiles/$1.pb.gz"
}

refused() { # STATUS TEXT ARGS...
	local wanted=$1 text=$2
	shift 2
	run "$CTL" "$@"
	[ "$status" -eq "$wanted" ]
	[[ $output == cprofctl:* ]]
	one_line "$text"
}

@test "wrong usage is one line, and 2" {
	refused 2 "no profile given" top
	refused 2 "no REGEX given" peek
	refused 2 "no profile given" peek main
	refused 2 "one word too many" top heap one two
	refused 2 "two targets" top heap one -p 1
	refused 2 "'nonsense' is no kind of profile" top nonsense -p 1
	refused 2 "diff takes two files" diff "$(profile go.heap)"
	refused 2 "'nonsense' is no report" diff nonsense "$(profile go.heap)" \
		"$(profile go.heap)"
	refused 2 "unknown option '-s'" diff -s 1 "$(profile go.heap)" \
		"$(profile go.heap)"
	refused 2 "--seconds is not allowed with files" top -s 1 "$(profile go.heap)"
	refused 2 "--hz is not allowed with files" flame -F 1 "$(profile go.heap)"
	refused 2 "no file given" merge
	refused 2 "-o 'a.html' is not allowed" merge "$(profile go.heap)" -o a.html
	refused 2 "--unit: 'parsec' is not allowed, but ns, us" top --unit parsec \
		"$(profile go.heap)"
	refused 2 "only one of --functions" top --lines --files "$(profile go.heap)"
	refused 2 "--nodecount: '-1' is not allowed" top -n -1 "$(profile go.heap)"
	refused 2 "--nodefraction: '2' is not allowed" top --nodefraction 2 \
		"$(profile go.heap)"
	refused 2 "--sample-index: 'x' is not allowed, but alloc_objects" top -i x \
		"$(profile go.heap)"
	refused 2 "--focus '(' is no regular expression" top --focus '(' \
		"$(profile go.heap)"
	refused 2 "the pattern '*' is no regular expression" peek '*' \
		"$(profile go.heap)"
	refused 2 "unknown option '--focus'; it takes" merge --focus x a b
}

@test "what can't be read is named, and 1" {
	refused 1 "'nowhere': No such file or directory" top nowhere
	refused 1 "'$T': Is a directory" top "$T"
	refused 1 "no function matches 'nosuch'" peek nosuch "$(profile go.heap)"
	refused 1 "profiles of different kinds" top "$(profile go.heap)" \
		"$(profile go.profile)"
	refused 1 "'$(profile go.profile)' and '$(profile go.heap)' are profiles" \
		diff "$(profile go.heap)" "$(profile go.profile)"
	refused 1 "'nowhere'" top --diff-base nowhere "$(profile go.heap)"
	refused 1 "no collector is running" top heap
}

@test "a filter that matches nothing says so" {
	run --separate-stderr "$CTL" top --focus nosuch "$(profile go.heap)"
	[ "$status" -eq 0 ]
	[[ $stderr == "cprofctl: --focus matched nothing" ]]
}

@test "stdin is a profile, packed or not" {
	"$CTL" top "$(profile go.heap)" >expected
	"$CTL" top - <"$(profile go.heap)" | cmp - expected
	gunzip <"$(profile go.heap)" | "$CTL" top - | cmp - expected
}

@test "-o writes a file whole, and prints its name only" {
	"$CTL" tree "$(profile shop.cpu)" >expected
	run "$CTL" tree "$(profile shop.cpu)" -o out.txt
	[ "$output" = "$T/out.txt" ] || [ "$output" = out.txt ]
	cmp out.txt expected
	run "$CTL" tree "$(profile shop.cpu)" -o /nowhere/out
	[ "$status" -eq 1 ]
	one_line /nowhere/out
}

@test "folded stacks add up to the total" {
	"$CTL" folded "$(profile shop.cpu)" >folded
	total=$("$CTL" raw "$(profile shop.cpu)" |
		awk '/^Locations/ { exit } $2 ~ /:$/ { n += $2 } END { print n }')
	[ "$total" -gt 0 ]
	[ "$(awk '{ n += $NF } END { print n }' folded)" -eq "$total" ]
	grep -q '^_start;__libc_start_main;.*main;' folded ||
		grep -q '^_start;.*;main;' folded
	[ -z "$(sed 's, [0-9-]*$,,' folded | sort | uniq -d)" ]
}

@test "folded stacks of a difference have both values" {
	"$CTL" diff folded "$(profile go.heap)" "$(profile go.heap-later)" >folded
	"$CTL" folded "$(profile go.heap)" >before
	"$CTL" folded "$(profile go.heap-later)" >after
	while read -r line; do
		grep -qxF "${line% * *} $(awk '{ print $(NF - 1) }' <<<"$line")" before ||
			[ "$(awk '{ print $(NF - 1) }' <<<"$line")" -eq 0 ]
		grep -qxF "${line% * *} $(awk '{ print $NF }' <<<"$line")" after ||
			[ "$(awk '{ print $NF }' <<<"$line")" -eq 0 ]
	done <folded
	[ -s folded ]
}

@test "diff is any report, and top by default" {
	before=$(profile go.heap) after=$(profile go.heap-later)
	"$CTL" top --diff-base "$before" "$after" | cmp - <("$CTL" diff "$before" "$after")
	"$CTL" peek main --diff-base "$before" "$after" |
		cmp - <("$CTL" diff peek main "$before" "$after")
}

@test "a kind of a running process is a profile" {
	start_profiled
	"$CTL" top heap -p "$PROFILED" >heap
	grep -q '^Type: inuse_space$' heap
	"$CTL" folded allocs burner -i alloc_objects >allocs
	[ -s allocs ]
	"$CTL" tags profile --seconds 1 "$PROFILED" >tags
	grep -q ' thread: Total' tags
}

@test "svg is a drawing of the graph" {
	"$CTL" svg "$(profile shop.cpu)" -o out.svg
	grep -q '<svg ' out.svg
	n=$("$CTL" dot "$(profile shop.cpu)" | grep -c '^N[0-9]* \[')
	[ "$(grep -c 'class="node"' out.svg)" -ge "$n" ]
	PATH=/nowhere run "$CTL" svg "$(profile shop.cpu)"
	[ "$status" -eq 1 ]
	one_line "dot is not installed"
}

@test "a profile's file may be a report by its name" {
	start_profiled
	"$CTL" heap "$PROFILED" -o heap.html
	grep -q '^<!doctype html>' heap.html
	"$CTL" allocs "$PROFILED" -o allocs.txt
	grep -q '^Type: alloc_space$' allocs.txt
	run "$CTL" heap "$PROFILED" -o heap.pdf
	[ "$status" -eq 2 ]
	one_line "ending in .pb.gz, .html"
}

# Runs a command with a terminal of so many columns as its stdout.
on_terminal() { # COLUMNS COMMAND...
	local columns=$1
	shift
	TERM=xterm script -qec "stty cols $columns; $(printf '%q ' "$@")" /dev/null </dev/null |
		tr -d '\r'
}

@test "a terminal gets colours and its width" {
	on_terminal 60 "$CTL" top "$(profile shop.cpu)" >out
	grep -q $'\033\[31m' out
	sed 's/\x1b\[[0-9;]*m//g' out >plain
	[ "$(awk '{ if (length > n) n = length } END { print n }' plain)" -eq 60 ]
	"$CTL" top "$(profile shop.cpu)" | cut -c1-50 |
		cmp - <(cut -c1-50 plain)
	NO_COLOR=1 on_terminal 60 "$CTL" top "$(profile shop.cpu)" >out
	run ! grep -q $'\033' out
}

@test "a name can't drive the terminal" {
	python3 - "$REPO/test/lib" <<-'END'
		import sys
		sys.path.insert(0, sys.argv[1])
		import profile_maker
		m = profile_maker.good().function(2, "evil\033[2Jname")
		m.location(2, 0x401010, [(2, 1)]).sample([2], [5, 50000000])
		open("evil.pb.gz", "wb").write(m.packed())
	END
	on_terminal 120 "$CTL" top evil.pb.gz >out
	grep -qF 'evil?[2Jname' out
	run ! grep -qF $'\033[2J' out
	"$CTL" top evil.pb.gz | grep -qF $'evil\033[2Jname'
	on_terminal 80 "$CTL" callgrind evil.pb.gz >out
	grep -q 'callgrind is not for a terminal' out
}

@test "completion knows the reports" {
	export PATH=$B:$PATH
	# shellcheck source=/dev/null
	source "$REPO/scripts/completion.bash"
	COMP_WORDS=(cprofctl pe) COMP_CWORD=1
	_cprofctl
	[ "${COMPREPLY[*]}" = peek ]
	COMP_WORDS=(cprofctl top threadc) COMP_CWORD=2
	_cprofctl
	[ "${COMPREPLY[*]}" = threadcreate ]
	COMP_WORDS=(cprofctl top --tagf) COMP_CWORD=2
	_cprofctl
	[ "${COMPREPLY[*]}" = --tagfocus ]
}

@test "flame is one page with the stacks in it" {
	"$CTL" flame "$(profile shop.cpu)" -o out.html
	grep -q '^<!doctype html>' out.html
	run ! grep -q '"@DATA@"' out.html
	run ! grep -q 'https\?://' out.html
	[ "$(sed -n 's/^"self":\[\(.*\)\],$/\1/p' out.html | tr , '\n' |
		awk '{ n += $1 } END { print n }')" -eq \
		"$("$CTL" folded "$(profile shop.cpu)" |
			awk '{ n += $NF } END { print n }')" ]
}

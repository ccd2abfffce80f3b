#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
#
# What stands in the programs' tables stands in the manual as well, and what
# the manual and the README show can be typed.

# bats runs each test in a subshell of its own and sets these itself.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ctl_lib

@test "the manual has every command" {
	for command in $("$CTL" help |
		sed -n '/^commands:/,/^TARGET/s/^  \([a-z]\{1,\}\) .*/\1/p'); do
		grep -q "^\.BR\? $command\b" "$REPO/collector/man/cprofctl.1"
		grep -q "\b$command\b" "$REPO/README.md"
	done
}

@test "the manual has every option" {
	for command in run ps profile heap set stats top merge leaks check; do
		for option in $("$CTL" $command --help | grep -o -e '^ .\{5\}--[a-z-]*' |
			grep -o -e '--.*'); do
			sed 's/\\-/-/g' "$REPO/collector/man/cprofctl.1" |
				grep -q -e "$option\b"
		done
	done
	for option in $("$B/cprofd" --help | grep -o -e '--[a-z-]*' | sort -u); do
		sed 's/\\-/-/g' "$REPO/collector/man/cprofd.8" |
			grep -q -e "$option\b"
	done
}

@test "the manual and the README have every setting with its default" {
	sed -n 's/^SETTING([A-Z_]*, *"\([A-Z_]*\)", *"[^"]*", *[A-Z]*, *"\([^"]*\)",$/\1 \2/p' \
		"$REPO/proto/settings.def" >settings
	[ "$(wc -l <settings)" -ge 17 ]
	while read -r name default; do
		echo "$name $default"
		if [ -n "$default" ]; then
			grep -q "^\.BR $name \" ($default)\"" \
				"$REPO/collector/man/libcprof.7"
			grep -q "^| \`$name\` | \`$default\` |" "$REPO/README.md"
		else
			grep -q "^\.B $name\$" "$REPO/collector/man/libcprof.7"
			grep -q "^| \`$name\` |" "$REPO/README.md"
		fi
	done <settings
}

@test "the manual pages have no errors" {
	for page in "$REPO"/collector/man/*.[1-8]; do
		run groff -man -ww -Tutf8 -z "$page"
		[ -z "$output" ]
	done
}

@test "links of the README lead somewhere" {
	while read -r link; do
		echo "$link"
		[ -e "$REPO/$link" ]
	done < <(grep -o '](\([^)#]*\))' "$REPO/README.md" | tr -d ']()' |
		grep -v '^http')
}

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# glib.sh LETTERS: those of GLib's installed tests whose name begins with one of
# them, each line led by the test's name. Left out are the benchmarks, and one that
# preloads a library of its own instead.
set -eu
. "$HERE/lib.sh"
cd "$T"
for test in /usr/share/installed-tests/glib/["$1"]*.test; do
	name=$(basename "$test" .test)
	command=$(sed -n 's/^Exec=//p' "$test")
	case $command in
	*LD_PRELOAD* | *performance*) continue ;;
	esac
	# shellcheck disable=SC2086 # words
	timeout 120 $command </dev/null | sed "s,^,$name ," || :
done

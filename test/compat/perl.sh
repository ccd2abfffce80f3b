#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# perl.sh SOURCE FOLDER: each test of a folder of perl's t/, in a copy, its lines led by
# the test's name. Those of every Unicode property take hours and little memory.
set -eu
. "$HERE/lib.sh"
cp -rs "$1" "$T/copy"
cd "$T/copy/t"
for test in "$2"/*.t; do
	case $test in
	*/uniprops*) continue ;;
	esac
	/usr/bin/perl "$test" 2>/dev/null | sed "s,^,$test ," || :
done

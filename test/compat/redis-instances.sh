#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# redis-instances.sh SOURCE sentinel|cluster: redis' tests of many servers at once, in
# a copy (they write into their folders) and a network of their own (their ports are
# fixed), in the form of its other tests. Sentinel's see that its scripts inherit no
# descriptor.
set -eu
. "$HERE/lib.sh"
as_root=
[ "$(id -u)" = 0 ] || as_root=-r
unshare -n $as_root true 2>/dev/null || skip "no network namespace to be had"
mkdir -p "$T/copy/src"
cd "$T/copy"
cp -r "$1"/tests "$1"/runtest-* .
for program in server cli benchmark; do
	cp -P "$1/src/redis-$program" src/
done
ln -s redis-server src/redis-sentinel
# shellcheck disable=SC2016 # not here
unshare -n $as_root sh -c 'ip link set lo up; exec "$0"' "./runtest-$2" |
	awk '{
		gsub(/\033\[[0-9;]*m/, "")
		gsub(/127\.0\.0\.1:[0-9]+/, "one")
	}
	/^Testing unit/ { unit = $3 }
	/^[0-9:]+> .*OK$/ {
		sub(/^[0-9:]+> /, "")
		sub(/:.*/, "")
		$0 = "[ok]: " unit " " $0
	}
	{ print }'

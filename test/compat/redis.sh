#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# redis.sh SOURCE FILE: one file of redis' test suite, in a copy, on a thousand ports
# that no other one of this build has at the same time.
set -eu
. "$HERE/lib.sh"
case $2 in
instances/*) exec "$HERE/redis-instances.sh" "$1" "${2#*/}" ;;
esac
cp -rs "$1" "$T/copy"
cd "$T/copy"
taken=99
for try in $(seq 20); do
	ports=$(((($$ + try) % 20 + 10) * 1000))
	status=0
	flock -n -o -E $taken "$1.$ports" ./runtest --clients 2 \
		--baseport $ports --portcount 1000 --single "$2" || status=$?
	[ $status = $taken ] || exit $status
done
exit $taken

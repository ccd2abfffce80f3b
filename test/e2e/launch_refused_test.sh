#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run: 60 any
#
# A collector that refuses the folder of its socket, since others may write to
# it, ends at once; who started it must not wait for it to answer.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/lib/script.sh
B=$(realpath "${CPROF_BUILD:-build}")
mkdir -p "$T/open"
chmod 0777 "$T/open"
CPROF_SOCKET=$T/open/s CPROF_LOG=error LD_PRELOAD=$B/libcprof.so \
	/bin/true 2>"$T/err" || fail "status $?"
grep -q "cprofd has ended at once" "$T/err" || fail "it says: $(cat "$T/err")"
# A good one is found as before, and that it loses to another is no end.
mkdir -p "$T/own"
chmod 0700 "$T/own"
for i in 1 2 3 4 5 6; do
	CPROF_SOCKET=$T/own/s CPROF_LOG=error LD_PRELOAD=$B/libcprof.so \
		/bin/true 2>"$T/err.$i" &
done
wait
[ -z "$(cat "$T"/err.?)" ] || fail "it says: $(cat "$T"/err.?)"

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run: 60 any
#
# A collector that a shim started logs beside its socket, and so do the processes
# that it starts itself: that a --push server refuses is to be read there.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/lib/script.sh
B=$(realpath "${CPROF_BUILD:-build}")
# A port that nobody listens on.
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')
mkdir -p "$T/run"
"$B/cprofd" --auto --linger 30 --log info --socket "$T/run/s" \
	--push "http://127.0.0.1:$port" --push-interval 1 2>"$T/err" &
daemon=$!
trap 'kill $daemon 2>/dev/null' EXIT
poll 20 test -S "$T/run/s"
CPROF_SOCKET=$T/run/s CPROF_EXIT=none LD_PRELOAD=$B/libcprof.so sh -c \
	'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'
poll 40 grep -q "\[[0-9]*\] .*push" "$T/run/cprofd.log"
# In their own name.
grep "push" "$T/run/cprofd.log" | grep -qv "\[$daemon\]" ||
	fail "only the collector itself: $(cat "$T/run/cprofd.log")"

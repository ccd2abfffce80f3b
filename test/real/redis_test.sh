#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run: 240 any
#
# redis-server with four I/O threads under redis-benchmark. It listens on a Unix
# socket of its own, so that no port can be taken.
set -u
. "$(dirname "$0")/lib.sh"
need go redis-server redis-benchmark redis-cli

socket=$T/redis
cli() {
	redis-cli -s "$socket" "$@"
}
is_up() {
	[ "$(cli ping 2>/dev/null)" = PONG ]
}
bench() {
	redis-benchmark -s "$socket" -n 60000 -c 32 -P 8 -q -t set,get,lpush,lrange_100 \
		>"$T/bench" || fail 'redis-benchmark'
}
# Serves the same commands each time; prints what it has then, and its status.
serve() {
	LD_PRELOAD=$1 redis-server --port 0 --unixsocket "$socket" --save '' \
		--io-threads 4 --io-threads-do-reads yes --dir "$T" \
		--logfile "$T/log" >"$T/out" 2>"$T/err" &
	server=$!
	poll 20 is_up
	bench
	cli dbsize
	cli set key value
	cli get key
	cli shutdown nosave
	wait $server
	echo "status $?"
	[ ! -s "$T/err" ] || fail "noise: $(cat "$T/err")"
}

serve '' >"$T/bare"
serve "$B/libcprof.so" >"$T/cprof"
cmp "$T/bare" "$T/cprof" || fail "other answers: $(cat "$T/cprof")"
cat "$T/cprof"
all_readable
cpu=$(profile redis-server cpu)
in_top "$cpu" 60 'processCommand\|call$' addReply readQueryFromClient
in_top "$(profile redis-server alloc)" 60 'zmalloc\|zrealloc\|sds'
in_top "$(profile redis-server threadcreate)" 10 'initThreadedIO\|InitServerLast\|bioInit'

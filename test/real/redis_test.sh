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
# Many clients at once set the I/O threads to work (and, with few processors, to
# busy waiting); few clients leave all to main, and keep it at commands.
bench() {
	redis-benchmark -s "$socket" -n 2000 -c 32 -P 4 -q -t set,get \
		>"$T/bench" || fail 'redis-benchmark'
	redis-benchmark -s "$socket" -n 100000 -c 4 -P 32 -q \
		-t set,get,lpush,lrange_100 >"$T/bench" || fail 'redis-benchmark'
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
in_top "$(profile redis-server cpu)" 40 'processCommand\|call$' addReply \
	readQueryFromClient
in_top "$(profile redis-server alloc)" 40 'zmalloc\|zrealloc\|sds'
in_top "$(profile redis-server threadcreate)" 10 \
	'initThreadedIO\|InitServerLast\|bioInit'

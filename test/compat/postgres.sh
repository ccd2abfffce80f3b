#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A PostgreSQL cluster under pgbench that is restarted as if it had crashed.
# The server refuses to run as root: it runs as postgres then, with a copy of
# the programs (a build may lie where postgres can't look) and a collector of
# its own. Its socket is in its folder, so that no port can be taken.
# shellcheck disable=SC2317 # functions that poll calls
set -u
. "$HERE/lib.sh"

bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin | sort | tail -n 1)
[ -x "$bin/initdb" ] || skip 'postgresql is not installed'
home=$T/pg
mkdir "$home"
others_may_preload "$T/others"
as=$as_postgres
if [ -n "$as" ]; then
	let_others_in
	chown postgres "$home" "$CPROF_DIR"
fi
cd "$home" || exit 1
export PGHOST="$home" PGUSER=postgres PGDATABASE=postgres HOME="$home"
run() {
	# shellcheck disable=SC2086 # words
	$as "$@" >"$home/said" 2>&1
	status=$?
	echo "${1##*/}: $status"
	[ $status = 0 ] || cat "$home/said"
}
ask() {
	"$bin/psql" -X -At -c "$1"
}
# Each transaction adds one number to all four tables; what a crash cuts off
# it cuts off everywhere.
sums() {
	ask 'SELECT (SELECT sum(abalance) FROM pgbench_accounts) =
	            (SELECT sum(bbalance) FROM pgbench_branches),
	            (SELECT coalesce(sum(delta), 0) FROM pgbench_history) =
	            (SELECT sum(tbalance) FROM pgbench_tellers)'
}
has_history() {
	[ "$(ask 'SELECT count(*) > 50 FROM pgbench_history' 2>&1)" = t ]
}
postmaster() {
	head -n 1 "$home/data/postmaster.pid"
}

run "$bin/initdb" -D "$home/data" -U postgres -A trust -N -E UTF8 --locale=C
cat >>"$home/data/postgresql.conf" <<E2
listen_addresses = ''
unix_socket_directories = '$home'
fsync = off
shared_buffers = 16MB
max_parallel_workers_per_gather = 2
log_min_messages = panic
E2
run "$bin/pg_ctl" -D "$home/data" -l "$home/log" -w start
run "$bin/pgbench" -i -s 1 -q
run "$bin/pgbench" -c 4 -j 2 -t 100
for _ in 1 2; do
	# shellcheck disable=SC2086 # words
	$as "$bin/pgbench" -n -c 4 -j 2 -T 60 >"$home/bench" 2>&1 &
	bench=$!
	poll 60 has_history
	run "$bin/pg_ctl" -D "$home/data" -l "$home/log" -w -m immediate restart
	wait $bench
	sums
	ask 'TRUNCATE pgbench_history; UPDATE pgbench_tellers SET tbalance = 0'
done
ask 'SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0;
	SELECT count(*) FROM pgbench_accounts'
descriptors "$(postmaster)"
run "$bin/pg_ctl" -D "$home/data" -w -m fast stop
grep -c 'terminated by signal' "$home/log"
exit 0

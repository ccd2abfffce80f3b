#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# nginx serves a page while it is reloaded six times, and then stops gracefully.
# It listens on a Unix socket, and the load is nginx's own: a second server that
# passes each request on to the first, asked by curl.
# shellcheck disable=SC2317 # functions that poll calls
set -u
. "$HERE/lib.sh"

user=
[ "$(id -u)" != 0 ] || user='user root;'
cat >"$T/nginx.conf" <<E2
$user
worker_processes 2;
daemon off;
pid $T/pid;
error_log $T/error.log;
events { worker_connections 256; }
http {
	access_log off;
	client_body_temp_path $T/body;
	proxy_temp_path $T/proxy;
	fastcgi_temp_path $T/fastcgi;
	uwsgi_temp_path $T/uwsgi;
	scgi_temp_path $T/scgi;
	server {
		listen unix:$T/page;
		location / { root $T/www; gzip on; gzip_min_length 1; }
	}
	server {
		listen unix:$T/front;
		location / { proxy_pass http://unix:$T/page; }
	}
}
E2
mkdir "$T/www"
seq 20000 >"$T/www/numbers.txt"

# A request that meets a worker at its end may be refused only before it is
# read; none may be answered wrongly.
get() {
	curl -s --unix-socket "$T/front" --retry 20 --retry-all-errors \
		--retry-delay 0 --max-time 20 --compressed http://x/numbers.txt
}
load() {
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
		get | cmp -s - "$T/www/numbers.txt" || echo wrong
	done
	echo served
}
workers() {
	pgrep -P "$nginx" | sort | xargs
}
are_new() {
	now=$(workers)
	[ "$(echo "$now" | wc -w)" = 2 ] || return 1
	for pid in $now; do
		case " $before " in *" $pid "*) return 1 ;; esac
	done
}
reload() {
	before=$(workers)
	kill -HUP "$nginx"
	poll 60 are_new
}

nginx -c "$T/nginx.conf" -p "$T" >"$T/nginx.out" 2>&1 &
nginx=$!
poll 60 test -S "$T/front"
before=
poll 60 are_new
load >"$T/load1" &
load1=$!
load >"$T/load2" &
load2=$!
for _ in 1 2 3 4 5 6; do
	reload
done
wait "$load1" "$load2"
cat "$T/load1" "$T/load2"
descriptors "$nginx" | sed 's/fd [0-9]* //' | sort | uniq -c
# shellcheck disable=SC2046 # a list of pids
descriptors $(workers) | sed 's/fd [0-9]* //;/socket:/d' | sort -u
kill -QUIT "$nginx"
wait "$nginx"
echo "status $?"
cat "$T/nginx.out"
grep -v notice "$T/error.log"
exit 0

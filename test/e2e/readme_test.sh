#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run: 240 any
#
# Each command line that the README shows, and the examples of cprofctl(1), word
# by word, with the pid, port and waiting times of a program that is there. What
# installs, runs all tests or has a test of its own is left out by name.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/lib/script.sh
need go curl gcc make
REPO=$PWD
B=$(realpath "${CPROF_BUILD:-build}")
export PATH=$B:$PATH LD_LIBRARY_PATH=$B CPROF_CPU_HZ=1000 CPROF_HEAP_RATE=4k
unset CPROF_DIR
mkdir -p "$T/work"
cd "$T/work" || exit 1
ln -s "$B" build
printf 'check:\n\t./app\n' >Makefile
cat >app.c <<'C'
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
__attribute__((noinline)) static void *handle_request(void)
{
	volatile unsigned long n = 0;
	char *block = malloc(1000);

	for (int i = 0; i < 100000; i++)
		n += i;
	return memset(block, (int)n, 1000);
}
int main(int argc, char **argv)
{
	int serves = argc > 1 && !strcmp(argv[1], "serve");
	time_t end = time(NULL) + 2;

	(void)argc;
	while (serves || time(NULL) < end) {
		void *block = handle_request();

		if (rand() % 8)
			free(block);
		if (serves)
			usleep(1000);
	}
	return 0;
}
C
gcc -g -O1 -o app app.c || fail 'no program'
cp app server
n_run=0
pid=

serve() { # PROGRAM: as the one that is there
	LD_PRELOAD=libcprof.so "./$1" serve &
	pid=$!
	poll 20 sh -c "cprofctl ps | grep -q '^ *$pid '"
}
stop() {
	kill "$pid"
	wait "$pid" 2>/dev/null
	poll 20 sh -c "! cprofctl ps 2>/dev/null | grep -q '^ *$pid '"
}
trap 'kill "$pid" 2>/dev/null; kill "$daemon" 2>/dev/null' EXIT

try() { # LINE
	line=$(sed "s/ *# .*//; s/\<PID\>/$pid/; s/\<ARGS\>//
		s/-p 1234/-p $pid/; s/:6060/:$port/; s,/1234/,/$pid/,
		s,profile\$,profile?seconds=1,; s/redis-server/$name/
		s/seconds=10/seconds=1/; s/seconds [136]0/seconds 1/
		s/pprof http/pprof -top http/; s/pprof -http :/pprof -top/" <<<"$1")
	echo "\$ $line"
	bash -c "$line" >out 2>err </dev/null ||
		fail "'$line' ends with $?: $(cat out err | tail -5)"
	n_run=$((n_run + 1))
}
left_out() { # LINE
	case $1 in
	'make demo'* | 'make check'* | *'meson test'*) return 0 ;;
	esac
	return 1
}

cprofd --socket "$CPROF_SOCKET" --http 127.0.0.1:0 --log info 2>log &
daemon=$!
poll 20 grep -q '127.0.0.1:[0-9]' log
port=$(sed -n 's/.*127\.0\.0\.1:\([0-9]*\).*/\1/p' log | head -n 1)

# The files of the examples' names.
CPROF_DUMP_EVERY=700ms cprofctl run -- ./app 2>run.log || fail "$(cat run.log)"
for file in app.*.pb.gz; do
	to=app.1234.${file#app.*.}
	# All of one moment have one number.
	case $file in
	*.inuse.*) ;;
	*) to=${to%.*.pb.gz}.001.pb.gz ;;
	esac
	mv "$file" "$to"
done
serve app
name=app
awk '/^```/ { is_block = !is_block; is_code = is_block && $0 == "```"; next }
	is_code' \
	"$REPO/README.md" >lines
[ "$(wc -l <lines)" -ge 15 ] || fail 'the README has hardly a line'
while read -r text; do
	left_out "$text" || try "$text"
done <lines
stop

cp app.1234.cpu.001.pb.gz server.1234.cpu.001.pb.gz
cp app.1234.inuse.001.pb.gz before.pb.gz
cp app.1234.inuse.002.pb.gz after.pb.gz
serve server
name=server
sed -n '/^\.SH EXAMPLES/,/^\.SH SEE/p' "$REPO/collector/man/cprofctl.1" |
	sed -n '/^\.nf/,/^\.fi/p' | grep -v '^\.' | sed 's/[\\]//g' >lines
[ "$(wc -l <lines)" -ge 7 ] || fail 'the manual has hardly an example'
while read -r text; do
	try "$text"
done <lines
stop
echo "$n_run commands"

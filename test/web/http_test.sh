#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run: 300 any
#
# A collector with its pages, alone and behind nginx under a prefix, for
# http_test.mjs. KEEP=folder keeps the screenshots.
set -eu
cd "$(dirname "$0")/../.."
B=$(realpath "${CPROF_BUILD:-build}")
skip() {
	echo "skipped: $1"
	exit 77
}
command -v node >/dev/null || skip 'no node; test/web/install gets it'
[ -x /usr/bin/chromium ] || skip 'no chromium; test/web/install gets it'
modules=${CPROF_WEB_MODULES:-$HOME/.cache/cprof-web}/node_modules
[ -d "$modules/playwright-core" ] ||
	skip 'no playwright-core; test/web/install gets it'
[ -f "$B/speedscope/index.html" ] || skip 'no speedscope; make web gets it'
tmp=$(mktemp -d)
pids=
# shellcheck disable=SC2086 # a list
trap 'kill $pids 2>/dev/null || :; wait; rm -rf "$tmp"' EXIT
out=${KEEP:-$tmp}
mkdir -p "$out"
ln -sfn "$modules" "$out/node_modules"

CPROF_SOCKET=$tmp/socket
export CPROF_SOCKET
"$B/cprofd" --http 127.0.0.1:0 &
pids=$!
mkfifo "$tmp/stdin"
i=0
until curl -s --unix-socket "$CPROF_SOCKET" http://x/api/ps >"$tmp/ps"; do
	i=$((i + 1))
	[ $i -lt 100 ]
	sleep 0.1
done
url=$(sed 's/.*"http":"\([^"]*\)".*/\1/' "$tmp/ps")
LD_PRELOAD="$B/libcprof.so" CPROF_DIR="$tmp" CPROF_HEAP_RATE=4k \
	"$B/test/truth/serving" 26 '<b>not a tag</b>' <"$tmp/stdin" >/dev/null &
pid=$!
pids="$pids $pid"
exec 9>"$tmp/stdin"
until curl -s "$url$pid/debug/pprof/cmdline" | grep -q serving; do
	i=$((i + 1))
	[ $i -lt 200 ]
	sleep 0.1
done
node test/web/http_test.mjs "$(realpath "$out")" "$url" "$pid"

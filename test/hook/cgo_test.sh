#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run: 180 any
#
# A Go program that calls C ends as it does bare, without a word on stderr: Go
# takes the timers' signal away from us by a raw system call, and must get along
# with our ticks.
set -eu
cd "$(dirname "$0")"
. ../lib/script.sh
tmp=$T
need go
env GOCACHE="$tmp/cache" GOPATH="$tmp/go" GO111MODULE=off CGO_ENABLED=1 \
	go build -o "$tmp/churn" cgo/churn.go

# run SETTING...: ok, and nothing else
run() {
	env CPROF_DIR="$tmp" "$@" timeout 60 "$tmp/churn" >"$tmp/out" 2>"$tmp/err" || {
		echo "FAIL: status $? with $*"
		cat "$tmp/err"
		exit 1
	}
	if [ "$(cat "$tmp/out" "$tmp/err")" != ok ]; then
		echo "FAIL: with $*"
		cat "$tmp/out" "$tmp/err"
		exit 1
	fi
	echo "ok with $*"
}

case $CPROF_BUILD in
/*) shim=$CPROF_BUILD/libcprof.so ;;
*) shim=$PWD/../../$CPROF_BUILD/libcprof.so ;;
esac
run CPROF=off
run LD_PRELOAD="$shim"
run LD_PRELOAD="$shim" CPROF_HEAP_RATE=64 CPROF_CPU_HZ=1000 \
	CPROF_BLOCK_RATE=1ns CPROF_MUTEX_FRACTION=1
run LD_PRELOAD="$shim" CPROF_TRANSPORT=socket CPROF_CPU_HZ=1000

# A shim that takes the signal back hangs it.
LD_PRELOAD="${shim%/*}/test/hook/naive/stubborn.so" timeout 5 "$tmp/churn" \
	>"$tmp/out" 2>&1 && fail 'ok under a shim that is wrong'
echo 'red under stubborn'

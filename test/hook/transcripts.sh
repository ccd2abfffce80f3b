#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
#
# What every call on every kind of lock, and every way to deal with a signal,
# answers is the same under the shim as without it, at each of its settings. The
# programs print it.
set -eu
cd "$(dirname "$0")/../.."
tmp=$CPROF_TEST_TMP
export CPROF_DIR="$tmp"

# compare PROGRAM SETTING...: as without the shim, with these settings
compare() {
	program=$1
	shift
	env LD_PRELOAD="$CPROF_BUILD/libcprof.so" "$@" \
		"$CPROF_BUILD/test/hook/$program" >"$tmp/with" 2>&1
	if ! diff "$tmp/$program" "$tmp/with" >"$tmp/diff"; then
		echo "FAIL: $program differs with $*:"
		head -20 "$tmp/diff"
		exit 1
	fi
	echo "$program with $*: $(tail -1 "$tmp/with")"
}

case $CPROF_BUILD in
/*) ;;
*) CPROF_BUILD=$PWD/$CPROF_BUILD ;;
esac
for program in lock_matrix rwlock_matrix wait_matrix signal_matrix; do
	"$CPROF_BUILD/test/hook/$program" >"$tmp/$program" 2>&1
	# A check that can't fail is no check.
	LD_PRELOAD="$CPROF_BUILD/test/hook/naive/results.so" timeout 5 \
		"$CPROF_BUILD/test/hook/$program" >"$tmp/naive" 2>&1 || true
	if cmp -s "$tmp/$program" "$tmp/naive"; then
		echo "FAIL: $program is the same under a shim that is wrong"
		exit 1
	fi
	compare "$program" CPROF=on
	compare "$program" CPROF=off
	compare "$program" CPROF_BLOCK_RATE=1ns CPROF_MUTEX_FRACTION=1
	compare "$program" CPROF_BLOCK_RATE=0 CPROF_MUTEX_FRACTION=0
	compare "$program" CPROF_TRANSPORT=socket CPROF_BLOCK_RATE=1ns \
		CPROF_CPU_HZ=1000
done

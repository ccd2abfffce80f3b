# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
#
# What the tests of real programs share. Sourced; needs CPROF_BUILD and
# CPROF_TEST_TMP from run-tests.

B=${CPROF_BUILD:-$PWD/build}
. "$(dirname "$0")/../lib/script.sh"
export CPROF_DIR="$T/profiles"
mkdir -p "$CPROF_DIR"

# profile COMM KIND: the path of its newest profile.
profile() {
	find "$CPROF_DIR" -name "$1.*.$2.*.pb.gz" | sort | tail -n 1
}

# Every way to read a profile must work on every profile.
all_readable() {
	n=0
	for file in "$CPROF_DIR"/*.pb.gz; do
		[ -e "$file" ] || fail "no profiles in $CPROF_DIR"
		for way in top raw traces tags; do
			go tool pprof "-$way" "$file" >"$T/out" 2>"$T/err" ||
				fail "go tool pprof -$way $file: $(cat "$T/err")"
		done
		n=$((n + 1))
	done
	echo "$n profiles are readable"
}

# in_top FILE N PATTERN...: each pattern is among the first N functions, by
# cumulative value.
in_top() {
	file=$1
	n=$2
	shift 2
	[ -n "$file" ] || fail "there is no such profile"
	go tool pprof -top -cum "$file" 2>/dev/null | sed -n '/flat%/,$p' |
		head -n $((n + 1)) >"$T/top"
	for pattern; do
		grep -q "$pattern" "$T/top" ||
			fail "'$pattern' is not in the top $n of $file:
$(cat "$T/top")"
		echo "$pattern: in the top $n of $(basename "$file")"
	done
}

# same COMMAND...: its output and status are those it has bare. The profiled
# run's are $T/out.cprof.
same() {
	"$@" >"$T/out.bare" 2>"$T/err.bare"
	status_bare=$?
	LD_PRELOAD="$B/libcprof.so" "$@" >"$T/out.cprof" 2>"$T/err.cprof"
	status=$?
	[ "$status" = "$status_bare" ] || fail "status $status, bare $status_bare"
	cmp "$T/out.bare" "$T/out.cprof" || fail 'another output'
	cmp "$T/err.bare" "$T/err.cprof" || fail "noise: $(cat "$T/err.cprof")"
	echo "same output and status $status: $1"
}

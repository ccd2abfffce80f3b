# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the tests of the command line share: a folder of their own with a
# collector's socket in it, and helpers that wait for something to come true.
# Loaded by the .bats files.

bats_require_minimum_version 1.5.0

setup() {
	REPO=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	B=$(cd "$REPO" && realpath "${CPROF_BUILD:-build}")
	# Short, since a socket's name has 107 bytes at most.
	T=$(mktemp -d /tmp/cprof-ctl.XXXXXX)
	export CPROF_SOCKET=$T/s XDG_RUNTIME_DIR=$T
	unset LD_PRELOAD
	STARTED=()
	cd "$T" || return 1
	CTL=$B/cprofctl
}

# Ends what a test started (pids, or process groups as -PID), and only that; its collector ends by itself, and is
# ended here where it lingers.
teardown() {
	local pid
	for pid in "${STARTED[@]}"; do
		kill -9 -- "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	for pid in $(collectors); do
		kill "$pid" 2>/dev/null || true
	done
	# It may still be writing, and would make the folder again.
	until_true no_collector || true
	# A collector that pgrep missed, as it does on a busy machine, may write
	# while this removes.
	cd / && until_true rm -rf "$T"
}

# The pids of the collectors that have this test's socket in their environment.
collectors() {
	local pid
	for pid in $(pgrep -x cprofd); do
		# Another test's may have ended by now.
		if grep -qzxF "CPROF_SOCKET=$T/s" "/proc/$pid/environ" \
			2>/dev/null; then
			echo "$pid"
		fi
	done
}

no_collector() {
	[ -z "$(collectors)" ]
}

# Runs a command until it succeeds, for 20 seconds at most.
until_true() {
	local end=$((SECONDS + 20))
	until "$@" >/dev/null 2>&1; do
		if [ $SECONDS -ge $end ]; then
			echo "still not true after 20 s: $*" >&2
			return 1
		fi
		sleep 0.05
	done
}

# Starts a profiled program that burns CPU and allocates until it is ended, and
# waits until the collector knows it. Its pid is in PROFILED.
start_profiled() { # [NAME]
	local name=${1:-burner}
	# shellcheck disable=SC2016 # for the inner shell
	local burn='while :; do for i in 1 2 3 4 5 6 7 8; do x=$x$x; done
		x=a; done'
	ln -sf "$(command -v bash)" "$T/$name"
	LD_PRELOAD=$B/libcprof.so "$T/$name" -c "$burn" >"$T/out" 2>&1 3>&- &
	PROFILED=$!
	STARTED+=("$PROFILED")
	until_true is_listed "$PROFILED"
}

is_listed() {
	"$CTL" ps --json | grep -q "\"pid\": $1\b"
}

# The last `run` said just one line, with this text in it.
# shellcheck disable=SC2154 # bats sets it
one_line() {
	echo "output: $output"
	[ "$(printf '%s\n' "$output" | wc -l)" -eq 1 ]
	[[ $output == *"$1"* ]]
}

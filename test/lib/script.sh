# shellcheck shell=sh disable=SC2034 # used by who sources it
# SPDX-License-Identifier: Apache-2.0
#
# What test scripts share: their folder $T, and how they end and wait. Sourced.

T=${CPROF_TEST_TMP:-$(mktemp -d)}

fail() {
	echo "FAIL: $*"
	exit 1
}

skip() {
	echo "$*"
	exit 77
}

need() {
	for tool; do
		command -v "$tool" >/dev/null || skip "$tool is not installed"
	done
}

# poll SECONDS COMMAND...: until it succeeds.
poll() {
	deadline=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt "$deadline" ] || fail "not in time: $*"
		sleep 0.05
	done
}

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
#
# The systemd units are valid, `systemd-analyze security` rates them no worse
# than the README and cprofd(8) say, and what their filters take away the
# collector does not call.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/lib/script.sh
need systemd-analyze strace
B=${CPROF_BUILD:-build}

# Paths of a unit that is installed, but the programs of the build.
mkdir -p "$T/usr/bin"
ln -s "$(realpath "$B/cprofd")" "$T/usr/bin/cprofd"
unit() { # KIND TEMPLATE
	mkdir -p "$T/$1"
	for file in service socket; do
		sed "s|@PREFIX@|$T/usr|" "$2/cprofd.$file.in" \
			>"$T/$1/cprofd.$file"
	done
}
unit user collector/systemd
unit system collector/systemd/system

rate() { # KIND
	systemd-analyze security --offline=true --no-pager \
		"$T/$1/cprofd.service" 2>&1 |
		sed -n 's/.*Overall exposure level for [^:]*: \([0-9.]*\).*/\1/p'
}
for kind in user system; do
	rating=$(rate $kind)
	said=$(sed -n "s/.*exposure of the $kind unit is \([0-9.]*[0-9]\).*/\1/p" \
		collector/man/cprofd.8)
	echo "$kind: $rating, cprofd(8) says $said"
	[ "${rating:-none}" = "$said" ] ||
		fail "the $kind unit's exposure is '$rating', not '$said'"
	# A unit without any of it.
	printf '[Service]\nExecStart=%s/usr/bin/cprofd\n' "$T" \
		>"$T/bare.service"
done
bare=$(systemd-analyze security --offline=true --no-pager "$T/bare.service" \
	2>&1 | sed -n 's/.*: \([0-9.]*\) [A-Z]*.*/\1/p' | tail -n 1)
echo "bare: $bare"
[ "${bare%.*}" -gt 8 ] || fail "a unit without hardening has '$bare'"

# systemd's own groups are lists of names, some of other groups.
members() { # GROUP
	systemd-analyze syscall-filter --no-pager "$1" | sed 's/\x1b[^m]*m//g' |
		grep -v '#' | sed -n 's/^ *\([@a-z0-9_]*\)$/\1/p' |
		while read -r name; do
			case $name in
			"$1") ;;
			@*) members "$name" ;;
			*) echo "$name" ;;
			esac
		done
}
{ members @privileged && members @resources; } | sort -u >"$T/taken"
grep -qx setpriority "$T/taken" || fail "no list of system calls"
strace -f -qq -o "$T/calls" "$B/cprofd" --auto --linger 1 --socket "$T/sock" &
poll 30 test -S "$T/sock"
CPROF_SOCKET=$T/sock CPROF_DIR=$T LD_PRELOAD=$(realpath "$B/libcprof.so") \
	sh -c 'i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done'
wait $!
sed -n 's/^[0-9]* *\([a-z_0-9]*\)(.*/\1/p' "$T/calls" | sort -u >"$T/used"
grep -qx epoll_wait "$T/used" || fail "nothing was traced"
both=$(comm -12 "$T/taken" "$T/used" | xargs)
[ -z "$both" ] || fail "it calls what the units take away: $both"

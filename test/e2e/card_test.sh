#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run: 180 any
#
# The three lines that the user starts with, to the letter, after a plain
# `make install`:
#	LD_PRELOAD=libcprof.so ./app
#	kill -USR1 PID
#	cprofctl profile --seconds N
# in a copy-on-write view of this machine (its own mounts, an overlay on /), so
# that the machine is left as it was; and `make uninstall` leaves nothing.
set -u
B=${CPROF_BUILD:-$PWD/build}
. "$(dirname "$0")/../lib/script.sh"
repo=$(cd "$(dirname "$0")/../.." && pwd)

if [ "${1-}" != inside ]; then
	[ "$(id -u)" = 0 ] || skip 'needs root for mounts of its own'
	unshare -m true 2>/dev/null || skip 'no mount namespaces here'
	exec unshare -m --propagation private "$0" inside
fi

# Everything that is not on the root's file system is bound into the view.
mkdir -p "$T/over"
mount -t tmpfs tmpfs "$T/over" || exit 77
root=$T/over/root
mkdir -p "$T/over/upper" "$T/over/work" "$root"
mount -t overlay overlay -o \
	"lowerdir=/,upperdir=$T/over/upper,workdir=$T/over/work" "$root" ||
	skip 'no overlay on / here'
mount --rbind /proc "$root/proc" && mount --rbind /dev "$root/dev" || exit 77
for folder in "$repo" "$B"; do
	mkdir -p "$root$folder"
	mount --bind "$folder" "$root$folder" || exit 77
done
mkdir -p "$root/app"
cp "$B/test/truth/killed" "$B/test/truth/cpu_split" "$root/app/"

cat >"$root/app/card" <<'SH'
set -u
cd /app
. "$REPO/test/lib/script.sh"
make -s -C "$REPO" B="$B" install >/app/install.log 2>&1 ||
	fail "make install: $(tail -n 5 /app/install.log)"

# Line 1: profiles are in the current directory when it ends.
LD_PRELOAD=libcprof.so ./cpu_split 0.5 >/app/out 2>/app/err ||
	fail "status $?"
[ ! -s /app/err ] || fail "noise: $(cat /app/err)"
ls cpu_split.*.cpu.001.pb.gz || fail "no profile: $(ls)"

# Line 2: heap snapshot now.
LD_PRELOAD=libcprof.so CPROF_HEAP_RATE=1 ./killed counts &
pid=$!
poll 15 sh -c "cprofctl ps | grep -qw $pid"
kill -USR1 $pid
poll 15 test -e killed.$pid.inuse.001.pb.gz

# Line 3: CPU profile of the running app.
cprofctl profile --seconds 1 || fail 'cprofctl profile'
ls killed.$pid.cpu.*.pb.gz || fail "no profile: $(ls)"
kill -9 $pid

make -s -C "$REPO" B="$B" uninstall >/app/install.log 2>&1 ||
	fail "make uninstall: $(tail -n 5 /app/install.log)"
left=$(find /usr/local -name '*cprof*')
[ -z "$left" ] || fail "left behind: $left"
SH
# The view ends with this process; its collector must not outlive it.
REPO=$repo B=$B env -u CPROF_SOCKET -u CPROF_BUILD XDG_RUNTIME_DIR=/app/run \
	chroot "$root" sh -c 'mkdir -pm 700 /app/run && exec sh /app/card' ||
	exit 1
echo ok

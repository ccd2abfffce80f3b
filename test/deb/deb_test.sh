#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run: 900 any
#
# The Debian package: lintian has nothing to say, two builds in different
# folders are the same bytes, and in a clean Debian (debootstrap) it installs,
# profiles, and is purged without leaving a file.
set -eu
cd "$(dirname "$0")/../.."
T=${CPROF_TEST_TMP:-$(mktemp -d)}
[ "$(id -u)" = 0 ] || { echo "needs root, for chroot"; exit 77; }
for tool in lintian debootstrap dpkg-buildpackage dh; do
	command -v $tool >/dev/null || { echo "$tool is not installed"; exit 77; }
done

echo '== two builds, the same bytes'
first=$(scripts/make-deb "$T/one")
second=$(scripts/make-deb "$T/and/another/one")
cmp "$first" "$second"
for debug in "$T"/one/*dbgsym*.deb; do
	cmp "$debug" "$T/and/another/one/$(basename "$debug")"
done

echo '== lintian'
lintian --allow-root --tag-display-limit 0 --fail-on error,warning --info "$first"

echo '== in a clean Debian'
root=$T/root
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
# shellcheck disable=SC2016 # apt-get fills it in
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' |
	head -1)
debootstrap --variant=minbase "$release" "$root" \
	"${mirror:-http://deb.debian.org/debian}" >"$T/debootstrap.log"
trap 'umount "$root/proc" 2>/dev/null || true' EXIT
mount -t proc proc "$root/proc"
cp "$first" "$root/cprof.deb"
in_root() {
	chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
		DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"
}
files() {
	find "$root" -xdev \( -path "$root/proc" -o -path "$root/tmp/*" -o \
		-path "$root/var/cache/*" -o -path "$root/var/log/*" -o \
		-path "$root/var/lib/*" -o -path "$root/dev" \) -prune -o \
		-print | sort
}
in_root apt-get install -y -qq --no-install-recommends \
	libc6 >"$T/apt.log" 2>&1
files >"$T/before"
in_root apt-get install -y -qq --no-install-recommends /cprof.deb \
	>>"$T/apt.log" 2>&1 || { tail "$T/apt.log"; exit 1; }
# shellcheck disable=SC2016 # for the shell inside
in_root sh -euc 'mkdir /tmp/w && cd /tmp/w
	LD_PRELOAD=libcprof.so CPROF_CPU_HZ=1000 bash -c \
		"n=0; while [ \$n -lt 90000 ]; do n=\$((n+1)); done"
	cprofctl top bash.*.cpu.001.pb.gz
	cprofctl run --cpuprofile c.pb.gz -- ls / >/dev/null
	test -s c.pb.gz
	cprofctl doctor ls'
in_root apt-get purge -y -qq --autoremove cprof >>"$T/apt.log" 2>&1
files >"$T/after"
diff "$T/before" "$T/after"

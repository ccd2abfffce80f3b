#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Sandboxes: everything unshared; without the folder that the collector's socket
# and the profiles are in; without /proc; with a read-only world.
set -u
. "$HERE/lib.sh"

bwrap --bind / / true 2>/dev/null || skip 'bwrap may not make namespaces here'
work='seq 2000 | sort -rn | head -n 3; id -u; ls /proc/self/fd'
bwrap --bind / / --dev /dev --proc /proc sh -c "$work"
bwrap --ro-bind / / --dev /dev --proc /proc --unshare-all --die-with-parent \
	sh -c "$work"
bwrap --bind / / --dev /dev --tmpfs "$T" sh -c 'seq 2000 | sort -rn | tail -n 1'
bwrap --ro-bind / / --tmpfs /proc --unshare-pid sh -c 'seq 2000 | sort | tail -n 1'
bwrap --bind / / --unshare-user --uid 1234 --gid 1234 sh -c 'id -u; exit 3'
echo "status $?"

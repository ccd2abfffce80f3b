#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Set-user-ID programs of the system, run by a user who gets other rights by
# them: the dynamic linker ignores the preload there.
set -u
. "$HERE/lib.sh"

others_may_preload "$T/others"
let_others_in
$as_nobody sh -c 'id -un; passwd -S; umount /nonexistent; newgrp nosuchgroup;
	su --version; mount' 2>&1
echo "status $?"

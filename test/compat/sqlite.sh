#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# sqlite.sh SOURCE FILE: one file of SQLite's test suite, in a copy. The
# suite refuses to be run by root.
set -eu
. "$HERE/lib.sh"
mkdir "$T/copy"
cd "$1"
cp -r testfixture test ext "$T/copy"
cd "$T/copy"
export TMPDIR="$T/copy"
others_may_preload "$T/others"
if [ -n "$as_nobody" ]; then
	chmod 711 "$T" "$T/.."
	chown -R nobody "$T/copy" "$CPROF_DIR"
fi
# shellcheck disable=SC2086 # words
$as_nobody ./testfixture "test/$2.test" || :

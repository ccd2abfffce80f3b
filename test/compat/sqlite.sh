#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# sqlite.sh SOURCE PATTERN: the files of SQLite's test suite whose name it matches,
# in a copy. The suite refuses to be run by root. mallocAll runs the others again.
set -eu
. "$HERE/lib.sh"
mkdir "$T/copy"
cd "$1"
cp -r testfixture test ext "$T/copy"
cd "$T/copy"
export TMPDIR="$T/copy"
others_may_preload "$T/others"
if [ -n "$as_nobody" ]; then
	let_others_in
	chown -R nobody "$T/copy" "$CPROF_DIR"
fi
for file in test/$2.test; do
	[ "$file" != test/mallocAll.test ] || continue
	# shellcheck disable=SC2086 # words
	$as_nobody ./testfixture "$file" </dev/null || :
done

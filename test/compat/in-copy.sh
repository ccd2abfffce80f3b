#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# in-copy.sh FOLDER COMMAND...: runs it in a copy of the folder, made of links,
# since test suites write where they are.
set -eu
cp -rs "$1" "$CPROF_TEST_TMP/copy"
cd "$CPROF_TEST_TMP/copy"
shift
exec "$@"

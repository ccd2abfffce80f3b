#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# redis.sh SOURCE FILE: one file of redis' test suite, in a copy, on ports that
# another one at the same time does not begin with (it takes the next free ones).
set -eu
. "$HERE/lib.sh"
cp -rs "$1" "$T/copy"
cd "$T/copy"
exec ./runtest --clients 2 --baseport $((10000 + $$ % 20 * 1000)) \
	--portcount 1000 --single "$2"

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Makes perl's source fit to test the perl that is installed: its tests look for
# modules in ../lib and for the program in ./perl. Those of the core's own modules
# move from there to t/core.
set -eu
mkdir -p t/core
mv lib/*.t t/core/
rm -rf lib
mkdir lib
version=$(/usr/bin/perl -e 'printf "%vd", $^V')
for from in "/usr/share/perl/$version" "/usr/lib/$(uname -m)-linux-gnu/perl-base" \
	"/usr/lib/$(uname -m)-linux-gnu/perl/$version"; do
	cp -rsf "$from"/. lib/
done
ln -sf /usr/bin/perl t/perl
ln -sf /usr/bin/perl perl

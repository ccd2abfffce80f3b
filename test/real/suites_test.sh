#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run: 300 any
#
# `cprofctl run --cpuprofile FILE` around other projects' test suites: bzip2's by
# `make check`, jansson's by ctest, and some of it by meson, which also takes it
# as a wrapper of each test. They pass as ever, the status is theirs, and the
# one file has what all the tests' processes did.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
CPROF_BUILD=$(realpath "${CPROF_BUILD:-build}")
export CPROF_BUILD
ctl=$CPROF_BUILD/cprofctl
cd "$CPROF_TEST_TMP"

for tool in cmake ctest meson dpkg-source; do
	command -v $tool >/dev/null || { echo "$tool is not installed"; exit 77; }
done
get() {
	"$here/../compat/get-source" "$@" || {
		echo "no source of $1"
		exit 77
	}
}
cp -a "$(get bzip2 'make -s -j2')" bzip2
cp -a "$(get jansson :)" jansson
cmake -S jansson -B by-cmake -DJANSSON_BUILD_DOCS=OFF >cmake.out 2>&1
cmake --build by-cmake -j2 >>cmake.out 2>&1
# It has no meson.build: one for its library and two of its tests.
cp by-cmake/private_include/*.h by-cmake/include/*.h jansson/src/
cat >jansson/meson.build <<-'END'
	project('jansson', 'c')
	include = include_directories('src')
	flags = ['-DHAVE_CONFIG_H']
	sources = run_command('sh', '-c', 'ls src/*.c', check: true)
	library = static_library('jansson', sources.stdout().split(),
	        include_directories: include, c_args: flags)
	foreach name : ['test_pack', 'test_array', 'test_object']
	        test(name, executable(name, 'test/suites/api' / name + '.c',
	                include_directories: include, c_args: flags,
	                link_with: library))
	endforeach
END
meson setup by-meson jansson >meson-setup.out 2>&1
ninja -C by-meson >>meson-setup.out 2>&1
export CPROF_CPU_HZ=1000 CPROF_HEAP_RATE=512

# The file has samples of a program called NAME.
has() { # FILE TYPE NAME
	"$ctl" raw -i "$2" "$1" >raw.txt
	grep -q "$3" raw.txt || {
		echo "$1 says nothing of $3"
		exit 1
	}
}

echo '== make check'
"$ctl" run --cpuprofile make.cpu.pb.gz --memprofile make.mem.pb.gz -- \
	make -C bzip2 check >make.out 2>make.err
grep -q 'cmp sample3.tst sample3.ref' make.out
has make.cpu.pb.gz cpu BZ2_blockSort
has make.mem.pb.gz alloc_space BZ2_bzCompressInit
go tool pprof -top make.cpu.pb.gz | grep -q BZ2_blockSort
[ -z "$(find bzip2 -name '*.pb.gz')" ]

echo '== ctest'
(cd by-cmake && "$ctl" run --memprofile "$CPROF_TEST_TMP/ctest.%e.pb.gz" -- \
	ctest -j2) >ctest.out 2>ctest.err
grep -q '^100% tests passed' ctest.out
has ctest.ctest.pb.gz alloc_space test_pack

echo '== meson test'
"$ctl" run --memprofile meson.pb.gz -- \
	meson test -C by-meson --no-rebuild >meson.out 2>meson.err
grep -q '^Ok: *3' meson.out
has meson.pb.gz alloc_space test_pack
meson test -C by-meson --no-rebuild --wrapper \
	"$ctl run --memprofile $CPROF_TEST_TMP/wrapped.%p.pb.gz --" \
	>wrapped.out 2>&1
grep -q '^Ok: *3' wrapped.out
[ "$(find . -maxdepth 1 -name 'wrapped.*.pb.gz' | wc -l)" -eq 3 ]

echo '== a failing suite fails'
status=0
"$ctl" run --cpuprofile failed.pb.gz -- make -C bzip2 no-such-target \
	>failed.out 2>&1 || status=$?
[ "$status" -eq 2 ]
[ -s failed.pb.gz ]

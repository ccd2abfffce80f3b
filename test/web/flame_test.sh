#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run: 300 any
#
# Makes the pages that flame_test.mjs looks at in Debian's chromium. Neither it
# nor playwright-core is in the other tests' packages: without them it is
# skipped. KEEP=folder keeps pages and screenshots there.
set -eu
cd "$(dirname "$0")/../.."
ctl=$(realpath "${CPROF_BUILD:-build}")/cprofctl
. test/lib/script.sh
command -v node >/dev/null || skip 'no node; test/web/install gets it'
[ -x /usr/bin/chromium ] || skip 'no chromium; test/web/install gets it'
modules=${CPROF_WEB_MODULES:-$HOME/.cache/cprof-web}/node_modules
[ -d "$modules/playwright-core" ] ||
	skip 'no playwright-core; test/web/install gets it'
tmp=${KEEP:-$(mktemp -d)}
[ -n "${KEEP-}" ] || trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp"
tmp=$(realpath "$tmp")
ln -sfn "$modules" "$tmp/node_modules"
profiles=test/e2e/profiles

"$ctl" top "$profiles/shop.cpu.pb.gz" >"$tmp/top.txt"
"$ctl" flame "$profiles/shop.cpu.pb.gz" >"$tmp/cpu.html"
"$ctl" diff flame "$profiles/go.heap.pb.gz" "$profiles/go.heap-later.pb.gz" \
	>"$tmp/diff.html"
python3 - "$tmp" <<'END'
import random
import sys

sys.path.insert(0, "test/lib")
import profile_maker

evil = "</script><script>evil=1</script>\u2028"
m = profile_maker.good().function(2, evil, system="evil")
m.location(2, 0x401010, [(2, 1)]).sample([2], [5, 50000000])
open(sys.argv[1] + "/evil.pb.gz", "wb").write(m.packed())
random.seed(1)
m = profile_maker.Maker().mapping(1)
for i in range(1, 2001):
    m.function(i, f"function_{i}").location(i, 0x400000 + i, [(i, 1)])
for i in range(13000):
    stack = [random.randrange(1, 2001) for _ in range(10)] + [1 + i % 7, 1]
    m.sample(stack, [1, random.randrange(1, 10**8)])
open(sys.argv[1] + "/large.pb.gz", "wb").write(m.packed())
END
"$ctl" flame "$tmp/evil.pb.gz" >"$tmp/evil.html"
"$ctl" flame "$tmp/large.pb.gz" >"$tmp/large.html"
node test/web/flame_test.mjs "$tmp"

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""The benchmark runs, and tells two results apart: a small part of it once, and
its table compared with itself and with a changed one."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import under  # noqa: E402
import table  # noqa: E402

SCRIPTS = os.path.join(os.path.dirname(__file__), "../../scripts")
TSV = os.path.join(under.TMP, "bench.tsv")


def run():
    out = subprocess.run(
        [sys.executable, os.path.join(os.path.dirname(__file__), "run.py"),
         "--quick", "--rounds", "2", "--only", "mutex, free", "--variants",
         "empty,cprof,exact", "--build", under.BUILD, "--tsv", TSV],
        check=True, capture_output=True, text=True).stdout
    print(out)
    rows = table.read_tsv(TSV)
    under.expect_equal("variants", sorted({r.variant for r in rows}),
                       ["bare", "cprof", "empty", "exact"])
    for r in rows:
        under.expect(f"{r.variant}: {r.measure} {r.median}",
                     r.low <= r.median <= r.high and r.rounds == 2)
    output = {r.variant: r.median for r in rows if r.measure == "output"}
    under.expect("cprof leaves profiles, bare nothing",
                 output["cprof"] > 0 and output["bare"] == 0)
    return rows


def compare(rows):
    changed = TSV + ".changed"
    table.write_tsv([r._replace(low=r.low * 9, median=r.median * 9,
                                high=r.high * 9)
                     if (r.variant, r.measure) == ("cprof", "wall ratio") else r
                     for r in rows], changed, "changed")
    command = os.path.join(SCRIPTS, "bench-compare")
    for other, n in (TSV, 0), (changed, 1):
        out = subprocess.run([command, TSV, other], check=True,
                             capture_output=True, text=True).stdout
        print(out)
        under.expect_equal("differ", out.splitlines()[-1].split()[0], str(n))
    under.expect_equal("without files", subprocess.run(
        [command], check=False, capture_output=True).returncode, 2)


def a_peer_is_missing():
    """Its row says so, and the rest is there."""
    nowhere = os.path.join(under.TMP, "bin")
    os.mkdir(nowhere)
    subprocess.run(
        [sys.executable, os.path.join(os.path.dirname(__file__), "run.py"),
         "--quick", "--rounds", "1", "--only", "mutex, free", "--variants",
         "perf,cprof", "--build", under.BUILD, "--tsv", TSV], check=True,
        env=dict(os.environ, PATH=nowhere))
    rows = table.read_tsv(TSV)
    under.expect_equal("failed", {r.variant for r in rows
                                  if r.measure == "failed"}, {"perf"})
    under.expect_equal("not failed", {r.variant for r in rows
                                      if r.measure == "wall ratio"},
                       {"bare", "cprof"})


compare(run())
a_peer_is_missing()

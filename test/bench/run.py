#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""make bench: what cprof costs beside bare, beside a shim that does nothing,
and beside its peers. Variants of a workload take turns, round by round, so that
whatever else the machine does meets all of them; a ratio is that of two runs
of the same round, and the median over all rounds is shown with its lowest and
highest."""
import argparse
import os
import platform
import shutil
import sys
import time

import measure
import scale
import table
import variants
import workloads

ROUNDS, QUICK_ROUNDS = 7, 3
# A quick run has so long for a workload, but one round at least.
QUICK_S = 9
# A peer that takes hundreds of times as long has no need of seven rounds: none
# begins once those before took so long.
VARIANT_S = 20


def options():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--quick", action="store_true", help="less of everything")
    p.add_argument("--rounds", type=int, help="rounds of each workload")
    p.add_argument("--only", help="workloads and metrics with this in the name")
    p.add_argument("--variants", help="these variants only: a,b,c")
    p.add_argument("--build", default=os.environ.get("CPROF_BUILD", "build"))
    p.add_argument("--tsv", help="where to; default BUILD/bench.tsv")
    o = p.parse_args()
    o.rounds = o.rounds or (QUICK_ROUNDS if o.quick else ROUNDS)
    o.tsv = o.tsv or os.path.join(o.build, "bench.tsv")
    return o


def variants_for(o, bench, workload):
    jobs = set(workload.jobs.split())
    wanted = o.variants and set(o.variants.split(",")) | {"bare"}
    return [v for v in variants.ours(bench) + variants.peers()
            if jobs & set(v.jobs.split()) and not (o.quick and v.is_slow)
            and (not wanted or v.name in wanted)]


def run_once(bench, workload, variant, is_quick):
    folder = os.path.join(bench.tmp, "run")
    for path in (folder, folder + ".work"):
        # The last run's.
        shutil.rmtree(path, ignore_errors=True)
    os.mkdir(folder)
    return workload.run(variant, folder, is_quick)


def rounds_of(o, bench, workload):
    """Costs by variant, a list each; one that fails is left out from then."""
    chosen = variants_for(o, bench, workload)
    costs = {v.name: [] for v in chosen}
    spent_s = dict.fromkeys(costs, 0.0)
    end_s = time.monotonic() + QUICK_S
    for i in range(o.rounds):
        if i and o.quick and time.monotonic() > end_s:
            break
        for v in list(chosen):
            start_s = time.monotonic()
            try:
                costs[v.name].append(run_once(bench, workload, v, o.quick))
            except (measure.Failed, OSError) as e:
                print(f"{workload.name}: {v.name} failed: {e}", flush=True)
                chosen.remove(v)
                costs.pop(v.name)
                continue
            spent_s[v.name] += time.monotonic() - start_s
            if spent_s[v.name] > VARIANT_S and v.name != "bare":
                chosen.remove(v)
    return costs


def rows_of(name, costs):
    bare = costs["bare"]
    rows = []
    for variant, list_ in costs.items():
        def add(what, unit, values, of=variant):
            rows.append(table.Row(name, of, what, unit, *measure.middle(values),
                                  len(values)))
        add("wall", "s", [c.wall_s for c in list_])
        add("wall ratio", "x", [c.wall_s / b.wall_s
                                for c, b in zip(list_, bare)])
        add("cpu", "s", [c.cpu_s for c in list_])
        # The clock of CPU time is coarse: a short run may have none.
        add("cpu ratio", "x", [c.cpu_s / max(b.cpu_s, 1e-4)
                               for c, b in zip(list_, bare)])
        add("peak", "MiB", [c.peak_mib for c in list_])
        add("output", "KiB", [c.output_kib for c in list_])
    return rows


def run_workloads(o, bench):
    rows = []
    print(table.HEAD)
    for w in workloads.all_of(bench):
        if o.only and o.only not in w.name:
            continue
        costs = rounds_of(o, bench, w)
        if not costs.get("bare"):
            continue
        new = rows_of(w.name, costs)
        table.print_workload(new)
        rows += new
    return rows


def main():
    o = options()
    bench = measure.Bench(o.build)
    comment = (f"{time.strftime('%Y-%m-%d')} {platform.node()} Linux "
               f"{platform.release()}, {os.cpu_count()} CPUs, load "
               f"{os.getloadavg()[0]:.1f}, {o.rounds} rounds"
               + (", quick" if o.quick else ""))
    print(comment)
    try:
        bench.start_collector()
        rows = run_workloads(o, bench)
        rows += scale.run(o, bench)
    finally:
        bench.close()
    table.print_markdown(rows)
    table.write_tsv(rows, o.tsv, comment)
    print(f"written: {o.tsv}")


if __name__ == "__main__":
    sys.exit(main())

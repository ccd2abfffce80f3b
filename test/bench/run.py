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

import markdown
import measure
import metrics
import reach
import scale
import table
import variants
import workloads

ROUNDS, QUICK_ROUNDS = 7, 3
METRIC_ROUNDS, QUICK_METRIC_ROUNDS = 3, 1
# All workloads together have so long: one whose time is up begins no further
# round, after the first few.
MINUTES, QUICK_MINUTES = 17, 2.5
LEAST_ROUNDS, QUICK_LEAST_ROUNDS = 3, 1
# What takes many times as long has no need of seven rounds: none begins once
# those before took so long.
VARIANT_S, QUICK_VARIANT_S = 10, 3
WHOLE = ("bare", "empty", "off", "idle", "cprof", "no-timers")


class Results:
    """Rows, in the file from the moment they are known."""

    def __init__(self, path, comment):
        self.tsv = table.Tsv(path, comment)
        self.rows = []

    def add(self, rows):
        self.tsv.add(rows)
        self.rows += rows


def options():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--quick", action="store_true", help="less of everything")
    p.add_argument("--rounds", type=int, help="rounds of each workload")
    p.add_argument("--minutes", type=float, help="for all workloads together")
    p.add_argument("--only", action="append", help="workloads and metrics with "
                   "this in the name; may be repeated")
    p.add_argument("--variants", help="these variants only: a,b,c")
    p.add_argument("--build", default=os.environ.get("CPROF_BUILD", "build"))
    p.add_argument("--tsv", help="where to; default BUILD/bench.tsv")
    o = p.parse_args()
    o.rounds = o.rounds or (QUICK_ROUNDS if o.quick else ROUNDS)
    o.minutes = o.minutes or (QUICK_MINUTES if o.quick else MINUTES)
    o.tsv = o.tsv or os.path.join(o.build, "bench.tsv")
    return o


def is_chosen(o, name):
    return not o.only or any(text in name for text in o.only)


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
    bench.start_collector()
    return workload.run(variant, folder, is_quick)


class Rounds:
    """The runs of one workload: costs by variant, a list each, and why those
    failed that did."""

    def __init__(self, o, bench, workload, end_s):
        self.o, self.bench, self.workload = o, bench, workload
        self.end_s = end_s
        self.chosen = variants_for(o, bench, workload)
        self.costs = {v.name: [] for v in self.chosen}
        self.spent_s = dict.fromkeys(self.costs, 0.0)
        self.failed = {}

    def run_variant(self, v):
        limit_s = QUICK_VARIANT_S if self.o.quick else VARIANT_S
        start_s = time.monotonic()
        try:
            self.costs[v.name].append(run_once(self.bench, self.workload, v,
                                               self.o.quick))
        except measure.FAILURES as e:
            self.failed[v.name] = e
            self.costs.pop(v.name)
            self.chosen.remove(v)
            return
        self.spent_s[v.name] += time.monotonic() - start_s
        if self.spent_s[v.name] > limit_s and v.name not in WHOLE:
            self.chosen.remove(v)

    def run(self):
        least = QUICK_LEAST_ROUNDS if self.o.quick else LEAST_ROUNDS
        for i in range(self.o.rounds):
            if i >= least and time.monotonic() > self.end_s:
                break
            for v in list(self.chosen):
                self.run_variant(v)
            if "bare" in self.failed:
                break


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
        add("wall added", "s", [c.wall_s - b.wall_s
                                for c, b in zip(list_, bare)])
        add("cpu", "s", [c.cpu_s for c in list_])
        # The clock of CPU time is coarse: a short run may have none.
        add("cpu ratio", "x", [c.cpu_s / max(b.cpu_s, 1e-4)
                               for c, b in zip(list_, bare)])
        add("peak", "MiB", [c.peak_mib for c in list_])
        add("output", "KiB", [c.output_kib for c in list_])
    return rows


def run_workload(o, bench, workload, end_s):
    rounds = Rounds(o, bench, workload, end_s)
    rounds.run()
    rows = rows_of(workload.name, rounds.costs) if rounds.costs.get("bare") \
        else []
    return rows + [table.failed(workload.name, variant, e)
                   for variant, e in rounds.failed.items()]


def run_workloads(o, bench, results):
    chosen = [w for w in workloads.all_of(bench)
              if is_chosen(o, w.name)]
    end_s = time.monotonic() + o.minutes * 60
    if chosen:
        print(table.HEAD)
    for i, w in enumerate(chosen):
        now_s = time.monotonic()
        # One that needs more than its share takes from those that need less.
        share_s = 1.5 * max(end_s - now_s, 0) / (len(chosen) - i)
        new = run_workload(o, bench, w, now_s + share_s)
        table.print_workload(new)
        results.add(new)


def run_metric(o, bench, metric):
    """Rows of one function, which gives (what, variant, measure, unit, value)
    for each."""
    rounds = []
    try:
        for _ in range(QUICK_METRIC_ROUNDS if o.quick else METRIC_ROUNDS):
            bench.start_collector()
            rounds.append(metric(o, bench))
    except measure.FAILURES as e:
        if not rounds:
            return [table.failed(metric.__name__, "cprof", e)]
        print(f"{metric.__name__}: failed later: {e!r}", flush=True)
    return [table.Row(*same[0][:4], *measure.middle([m[4] for m in same]),
                      len(same)) for same in zip(*rounds)]


def run_metrics(o, bench, results):
    for metric in metrics.METRICS + scale.METRICS:
        if not is_chosen(o, metric.__name__):
            continue
        new = run_metric(o, bench, metric)
        for r in new:
            table.print_metric(r)
        results.add(new)


def main():
    o = options()
    bench = measure.Bench(o.build)
    comment = (f"{time.strftime('%Y-%m-%d')} {platform.node()} Linux "
               f"{platform.release()}, {os.cpu_count()} CPUs, load "
               f"{os.getloadavg()[0]:.1f}, {o.rounds} rounds"
               + (", quick" if o.quick else ""))
    print(comment, flush=True)
    results = Results(o.tsv, comment)
    start_s = time.monotonic()
    try:
        run_workloads(o, bench, results)
        run_metrics(o, bench, results)
    except KeyboardInterrupt:
        print("\ninterrupted; what there is:")
    finally:
        bench.close()
        markdown.print_all(results.rows, reach.of(results.rows))
    print(f"{(time.monotonic() - start_s) / 60:.1f} minutes, load "
          f"{os.getloadavg()[0]:.1f} at the end; written: {o.tsv}")


if __name__ == "__main__":
    sys.exit(main())

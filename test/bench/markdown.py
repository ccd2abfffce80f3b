# SPDX-License-Identifier: Apache-2.0
"""The results as tables for this folder's README.md, and the one against peers
for the repository's."""

NONE = "–"
PEERS = ("cprof", "exact", "jemalloc-prof", "tcmalloc-sample", "heapprofile",
         "heaptrack", "libprofiler", "perf")
PEERS_WORKLOADS = ("malloc churn, 1 thread", "redis", "sqlite3", "python3",
                   "gcc", "nginx", "CPU-bound, 30 frames", "mutex, free",
                   "start of true, 1")


def ratio_text(row):
    """The median; the spread where it is more than a tenth of it."""
    if row is None:
        return NONE
    if row.measure == "failed":
        return "failed"
    text = f"{row.median:.3g}" if row.median > 9.995 else f"{row.median:.2f}"
    if row.high - row.low > 0.1 * row.median:
        text += f" ({row.low:.2g}-{row.high:.2g})"
    return text


def row_of(rows, what, variant, measure):
    return next((r for r in rows if (r.what, r.variant) == (what, variant)
                 and r.measure in (measure, "failed")), None)


def line(*cells):
    print("| " + " | ".join(cells) + " |")


def head(*cells):
    print()
    line(*cells)
    print("|---" * len(cells) + "|")


def print_ratios(rows, measure, title):
    ratios = [r for r in rows if r.measure == measure]
    variants = [v for v in dict.fromkeys(r.variant for r in ratios)
                if v != "bare"]
    if not variants:
        return
    head(title, *variants)
    for what in dict.fromkeys(r.what for r in ratios):
        line(what, *(ratio_text(row_of(rows, what, v, measure))
                     for v in variants))


def print_sizes(rows):
    """Peak memory and output of those that leave something."""
    sizes = [r for r in rows if r.measure == "output" and r.median > 0]
    if not sizes:
        return
    head("peak MiB (bare), KiB of output", "bare",
         *dict.fromkeys(r.variant for r in sizes))
    for what in dict.fromkeys(r.what for r in sizes):
        cells = []
        for v in ("bare", *dict.fromkeys(r.variant for r in sizes)):
            peak = row_of(rows, what, v, "peak")
            out = row_of(rows, what, v, "output")
            if peak is None or peak.measure == "failed":
                cells.append(NONE)
            else:
                cells.append(f"{peak.median:.1f}, {out.median:.0f}")
        line(what, *cells)


def print_peers(rows):
    """For the first README: wall time over bare."""
    there = [v for v in PEERS if any(r.variant == v for r in rows)]
    if not there:
        return
    head("time over that of a bare run", *there)
    for what in PEERS_WORKLOADS:
        if row_of(rows, what, "bare", "wall ratio"):
            line(what, *(ratio_text(row_of(rows, what, v, "wall ratio"))
                         for v in there))


def print_metrics(rows):
    metrics = [r for r in rows if r.measure == "metric"]
    if not metrics:
        return
    head("metric", "median", "spread", "unit")
    for r in metrics:
        line(r.what, f"{r.median:.3g}", f"{r.low:.3g} - {r.high:.3g}", r.unit)


def growth_word(first, last):
    """Costs are those of one: they stay, or fall, as the load grows. A half
    more is the caches', which hold ever less of it."""
    if last.median <= 1.5 * first.median or last.low <= first.high:
        return "no"
    return f"by {last.median / first.median:.1f}"


def print_growth(rows):
    growth = [r for r in rows if r.measure == "growth"]
    if not growth:
        return
    head("cost of one, by load", "unit", "at each load", "grows faster than "
         "the load")
    for what in dict.fromkeys(r.what for r in growth):
        of = [r for r in growth if r.what == what]
        line(what, of[0].unit,
             " · ".join(f"{r.variant}: {r.median:.3g}" for r in of),
             growth_word(of[0], of[-1]))


def print_reach(list_):
    """What reach.py says."""
    if not list_:
        return
    head("bound", "at most", "measured", "")
    for r in list_:
        line(r.what, r.bound, r.measured, r.verdict)


def print_all(rows, reached):
    print_peers(rows)
    print_ratios(rows, "wall ratio", "wall time over bare")
    print_ratios(rows, "cpu ratio", "CPU time over bare")
    print_sizes(rows)
    print_metrics(rows)
    print_growth(rows)
    print_reach(reached)
    print(flush=True)

# SPDX-License-Identifier: Apache-2.0
"""The results: rows of (what, variant, measure, unit, median, low, high,
rounds), as text and as tab-separated values."""
import collections

Row = collections.namedtuple(
    "Row", "what variant measure unit median low high rounds")


def write_tsv(rows, path, comment):
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"# {comment}\n" + "\t".join(Row._fields) + "\n")
        for r in rows:
            f.write("\t".join([r.what, r.variant, r.measure, r.unit,
                               f"{r.median:.6g}", f"{r.low:.6g}",
                               f"{r.high:.6g}", str(r.rounds)]) + "\n")


def read_tsv(path):
    rows = []
    with open(path, encoding="utf-8") as f:
        for line in f:
            words = line.rstrip("\n").split("\t")
            if line.startswith("#") or words[0] == "what":
                continue
            rows.append(Row(*words[:4], *map(float, words[4:7]),
                            int(words[7])))
    return rows


HEAD = (f"{'workload':26} {'variant':16} {'wall':>9} {'over bare':>9}  "
        f"{'spread':13} {'CPU':>6} {'peak MiB':>9} {'output KiB':>10}")


def text_of(seconds):
    for unit, scale in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if seconds * scale >= 1:
            break
    return f"{seconds * scale:.4g} {unit}"


def print_workload(rows):
    """Rows of one workload, a line for each variant."""
    variants = list(dict.fromkeys(r.variant for r in rows))
    for name in variants:
        by = {r.measure: r for r in rows if r.variant == name}
        ratio = by["wall ratio"]
        print(f"{rows[0].what:26} {name:16} {text_of(by['wall'].median):>9} "
              f"{ratio.median:9.3f}  {ratio.low:5.2f} - {ratio.high:<5.2f} "
              f"{by['cpu ratio'].median:6.2f} {by['peak'].median:9.1f} "
              f"{by['output'].median:10.1f}", flush=True)
    print()


def ratio_text(rows):
    """Median of the CPU ratio; the spread where it is more than a tenth."""
    if not rows:
        return "–"
    r = rows[0]
    text = f"{r.median:.3g}" if r.median > 9.995 else f"{r.median:.2f}"
    if r.high - r.low > 0.1 * r.median:
        text += f" ({r.low:.2g}-{r.high:.2g})"
    return text


def print_markdown(rows):
    """Two tables for README.md: CPU time over bare, and the metrics."""
    ratios = [r for r in rows if r.measure == "cpu ratio"]
    variants = [v for v in dict.fromkeys(r.variant for r in ratios)
                if v != "bare"]
    if variants:
        print("\n| CPU time over bare | " + " | ".join(variants) + " |")
        print("|---|" + "---|" * len(variants))
    for what in dict.fromkeys(r.what for r in ratios):
        print(f"| {what} | " + " | ".join(
            ratio_text([r for r in ratios if (r.what, r.variant) == (what, v)])
            for v in variants) + " |")
    metrics = [r for r in rows if r.measure == "metric"]
    if metrics:
        print("\n| metric | median | spread | unit |\n|---|---|---|---|")
    for r in metrics:
        print(f"| {r.what} | {r.median:.3g} | {r.low:.3g} - {r.high:.3g} | "
              f"{r.unit} |")
    print()


def print_metric(row):
    print(f"{row.what:58} {row.median:10.4g} {row.unit}"
          + (f"   ({row.low:.4g} - {row.high:.4g})" if row.rounds > 1 else ""),
          flush=True)

# SPDX-License-Identifier: Apache-2.0
"""The results: rows of (what, variant, measure, unit, median, low, high,
rounds), as tab-separated values and as text. Of what failed the measure is
"failed" and the unit says why."""
import collections

Row = collections.namedtuple(
    "Row", "what variant measure unit median low high rounds")


def failed(what, variant, error):
    """The row of something that could not be measured."""
    why = " ".join(str(error).split())[:100] or type(error).__name__
    return Row(what, variant, "failed", why, 0, 0, 0, 0)


class Tsv:
    """A file that has each row from the moment it is known."""

    def __init__(self, path, comment):
        self.file = open(path, "w", encoding="utf-8")
        self.file.write(f"# {comment}\n" + "\t".join(Row._fields) + "\n")

    def add(self, rows):
        for r in rows:
            self.file.write("\t".join(
                [r.what, r.variant, r.measure, r.unit, f"{r.median:.6g}",
                 f"{r.low:.6g}", f"{r.high:.6g}", str(r.rounds)]) + "\n")
        self.file.flush()


def write_tsv(rows, path, comment):
    Tsv(path, comment).add(rows)


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


HEAD = (f"{'workload':24} {'variant':15} {'wall':>8} {'over bare':>9}  "
        f"{'spread':13} {'CPU':>6}  {'spread':13} {'peak MiB':>8} "
        f"{'output KiB':>10} rounds")


def text_of(seconds):
    for unit, scale in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if seconds * scale >= 1:
            break
    return f"{seconds * scale:.4g} {unit}"


def spread(row):
    return f"{row.low:5.2f} - {row.high:<5.2f}"


def print_workload(rows):
    """Rows of one workload, a line for each variant."""
    for name in dict.fromkeys(r.variant for r in rows):
        by = {r.measure: r for r in rows if r.variant == name}
        if "failed" in by:
            print(f"{rows[0].what:24} {name:15} failed: {by['failed'].unit}")
            continue
        wall, cpu = by["wall ratio"], by["cpu ratio"]
        print(f"{rows[0].what:24} {name:15} {text_of(by['wall'].median):>8} "
              f"{wall.median:9.3f}  {spread(wall)} {cpu.median:6.3f}  "
              f"{spread(cpu)} {by['peak'].median:8.1f} "
              f"{by['output'].median:10.1f} {wall.rounds:6}")
    print(flush=True)


def print_metric(row):
    name = f"{row.what}: {row.variant}" if row.measure == "growth" else row.what
    if row.measure == "failed":
        print(f"{name:64} failed: {row.unit}", flush=True)
        return
    print(f"{name:64} {row.median:10.4g} {row.unit}"
          + (f"   ({row.low:.4g} - {row.high:.4g})" if row.rounds > 1 else ""),
          flush=True)

# SPDX-License-Identifier: Apache-2.0
"""What the strictest readers of pprof's format ask of a profile: google/pprof,
Parca's ValidatePprofProfile, Alloy's and Pyroscope's scrapers. The profile is
read as they do, field by field, by nothing of cprof's."""
import collections
import gzip
import re

import pprof


def fields(data):
    return pprof._message(data)  # of this folder


def number(f, field):
    return (f[field] or [0])[0]


class Raw:
    """The tables of a profile as they stand in it."""

    def __init__(self, body):
        self.top = fields(gzip.decompress(body) if body[:2] == b"\x1f\x8b"
                          else body)
        self.strings = [s.decode() for s in self.top[6]]
        self.mappings = [fields(m) for m in self.top[3]]
        self.locations = [fields(x) for x in self.top[4]]
        self.functions = [fields(f) for f in self.top[5]]
        self.samples = [fields(s) for s in self.top[2]]

    def stack(self, sample):
        """The addresses of a sample, which is how Alloy tells stacks apart."""
        return tuple(number(self.locations[i - 1], 3)
                     for i in pprof._numbers(sample[1]))

    def labels(self, sample):
        return tuple(sorted(
            (self.strings[number(x, 1)], self.strings[number(x, 2)],
             number(x, 3)) for x in map(fields, sample[3])))

    def series(self):
        """Values by stack and labels."""
        sums = collections.defaultdict(lambda: [0] * len(self.top[1]))
        for s in self.samples:
            row = sums[self.stack(s), self.labels(s)]
            for i, v in enumerate(pprof._numbers(s[2])):
                row[i] += v
        return sums


def _tables(raw):
    for name, table in (("mapping", raw.mappings), ("location", raw.locations),
                        ("function", raw.functions)):
        ids = [number(x, 1) for x in table]
        if ids != list(range(1, len(ids) + 1)):
            yield f"{name} ids are not 1..n: {ids[:20]}"


def _strings(raw):
    n = len(raw.strings)
    if not n or raw.strings[0]:
        yield "string_table[0] is not empty"
    used = [number(m, i) for m in raw.mappings for i in (5, 6)]
    used += [number(f, i) for f in raw.functions for i in (2, 3, 4)]
    used += [number(fields(x), i) for s in raw.samples for x in s[3]
             for i in (1, 2, 4)]
    used += pprof._numbers(raw.top[13]) + [number(raw.top, 14)]
    used += [number(fields(t), i) for t in raw.top[1] + raw.top[11]
             for i in (1, 2)]
    if used and not 0 <= min(used) <= max(used) < n:
        yield "an index is outside of string_table"
    for x in (fields(x) for s in raw.samples for x in s[3]):
        if not number(x, 1):
            yield "a label without a key"
    for i in pprof._numbers(raw.top[13]):
        if raw.strings[i].startswith("executableInfo="):
            yield "a comment that Parca takes for its own"


def _mappings(raw):
    for m in raw.mappings:
        path, build_id = raw.strings[number(m, 5)], raw.strings[number(m, 6)]
        if path.endswith(" (deleted)"):
            yield f"mapping '{path}'"
        if not re.fullmatch("([0-9a-f]{2})*", build_id):
            yield f"build id '{build_id}' of '{path}'"


def _locations(raw):
    addresses = [number(x, 3) for x in raw.locations]
    if len(set(addresses)) != len(addresses):
        yield "two locations have one address"
    for x in raw.locations:
        at, place = number(x, 2), number(x, 3)
        if at > len(raw.mappings):
            yield f"location {place:#x}: no mapping {at}"
            continue
        m = raw.mappings[at - 1] if at else None
        if m and number(m, 3) and not number(m, 2) <= place < number(m, 3):
            yield f"location {place:#x} is outside of its mapping"
        if m and number(m, 7) and not x[4]:
            yield f"location {place:#x} has no line in a mapping that has all"
        for line in map(fields, x[4]):
            if not 1 <= number(line, 1) <= len(raw.functions):
                yield f"location {place:#x}: a line without function"


def _samples(raw):
    n_types = len(raw.top[1])
    if not 1 <= n_types <= 4:
        yield f"{n_types} sample types"
    for s in raw.samples:
        ids = pprof._numbers(s[1])
        if not ids:
            yield "an empty stack"
        if any(not 1 <= i <= len(raw.locations) for i in ids):
            yield "a sample without its location"
        if len(pprof._numbers(s[2])) != n_types:
            yield "a sample has a wrong number of values"


def violations(body):
    """What is wrong with the profile in BODY: lines of text."""
    raw = Raw(body)
    found = [v for part in (_tables, _strings, _mappings, _locations, _samples)
             for v in part(raw)]
    if len(raw.top[9]) != 1 or not raw.top[9][0]:
        found.append("time_nanos is not there once")
    if len(raw.top[11]) != 1:
        found.append("period_type is not there")
    return found

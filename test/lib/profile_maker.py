# SPDX-License-Identifier: Apache-2.0
"""Makes profiles by hand, field by field, also such as nobody should write."""
import gzip


def varint(v):
    v &= (1 << 64) - 1
    out = bytearray()
    while v >= 0x80:
        out.append(v & 0x7F | 0x80)
        v >>= 7
    out.append(v)
    return bytes(out)


def number(field, v):
    return varint(field << 3) + varint(v)


def data(field, b):
    return varint(field << 3 | 2) + varint(len(b)) + b


class Maker:
    """A profile's fields in the order they are added; strings come last."""

    def __init__(self, types=(("samples", "count"), ("cpu", "nanoseconds"))):
        self.strings = [""]
        self.fields = b""
        for t in types:
            self.value_type(1, *t)
        self.value_type(11, "cpu", "nanoseconds")
        self.add(number(12, 10000000) + number(9, 1795233249630232733) +
                 number(10, 10**9))

    def add(self, b):
        self.fields += b
        return self

    def text(self, s):
        if s not in self.strings:
            self.strings.append(s)
        return self.strings.index(s)

    def value_type(self, field, name, unit):
        return self.add(data(field, number(1, self.text(name)) +
                             number(2, self.text(unit))))

    def sample(self, locations, values, labels=()):
        b = b"".join(number(1, i) for i in locations)
        b += b"".join(number(2, v) for v in values)
        for key, value, *unit in labels:
            label = number(1, self.text(key))
            if isinstance(value, str):
                label += number(2, self.text(value))
            else:
                label += number(3, value)
            for u in unit:
                label += number(4, self.text(u))
            b += data(3, label)
        return self.add(data(2, b))

    def mapping(self, i, file="/bin/app", start=0x400000, limit=0x500000,
                build_id=""):
        return self.add(data(3, number(1, i) + number(2, start) +
                             number(3, limit) + number(5, self.text(file)) +
                             number(6, self.text(build_id)) + number(7, 1)))

    def location(self, i, address, lines, mapping=1):
        b = number(1, i) + number(2, mapping) + number(3, address)
        for function, line in lines:
            b += data(4, number(1, function) + number(2, line))
        return self.add(data(4, b))

    def function(self, i, name, file="main.c", system=None):
        return self.add(data(5, number(1, i) + number(2, self.text(name)) +
                             number(3, self.text(system or name)) +
                             number(4, self.text(file))))

    def good(self):
        """One sample of main."""
        return (self.mapping(1).function(1, "main")
                .location(1, 0x401000, [(1, 10)])
                .sample([1], [1, 10000000]))

    def raw(self):
        return self.fields + b"".join(
            data(6, s.encode() if isinstance(s, str) else s)
            for s in self.strings)

    def packed(self):
        return gzip.compress(self.raw(), mtime=0)


def good():
    return Maker().good()


def odd():
    """Profiles that are unusual but valid: name to bytes."""
    g = good().packed()
    raw = good().raw()
    dup = Maker()
    dup.strings.append("")
    return {
        "good": g,
        "uncompressed": raw,
        "dangling-mapping": good().location(2, 0x401002, [(1, 1)], 55)
        .sample([2], [1, 1]).packed(),
        "empty-stack": good().sample([], [7, 70000000]).packed(),
        "no-address": good().location(2, 0, [(1, 3)], 0)
        .sample([2], [2, 20000000]).packed(),
        "no-samples": Maker().mapping(1).packed(),
        "labels": good().location(2, 0x401004, [(1, 3)]).sample(
            [2], [3, 30000000],
            [("thread", "worker"), ("thread", "second"), ("n", 5, "bytes"),
             ("n", 0), ("z", 0), ("zu", 0, "count"), ("x", "str"),
             ("x", 7)]).packed(),
        "extras": (lambda m: m.add(
            number(14, m.text("nosuch")) + number(13, m.text("a comment")) +
            number(15, m.text("http://x/doc")) +
            number(7, m.text("malloc|free"))))(good()).packed(),
        "unknown-fields": good().add(data(99, b"hello") + number(98, 3))
        .packed(),
        "split-gzip": gzip.compress(raw[:40]) + gzip.compress(raw[40:]),
        "negative": good().sample([1], [-5, -50000000]).packed(),
        "cancelled": good().sample([1], [-1, -10000000]).packed(),
        "twice-empty": dup.good().packed(),
        "outside-mapping": good().location(2, 0x999999, [(1, 9)])
        .sample([2], [1, 10000000]).packed(),
        "no-symbols": good().location(2, 0x402000, [])
        .sample([2, 1], [4, 40000000]).packed(),
        "high-ids": good().function(1 << 60, "high")
        .location(1 << 61, 0x401010, [(1 << 60, 7), (1, 11)])
        .sample([1 << 61, 1], [2, 20000000]).packed(),
        "dropped": (lambda m: m.add(
            number(7, m.text("mall.*")) + number(8, m.text("malloc_me"))))(
                good().function(2, "malloc").function(3, "malloc_me")
                .location(2, 0x401020, [(2, 1)])
                .location(3, 0x401030, [(3, 1)])
                .location(4, 0x401040, [(2, 2), (1, 12)])
                .sample([2, 1], [1, 10]).sample([3, 1], [1, 20])
                .sample([4, 1], [1, 30]).sample([2], [1, 40])).packed(),
        "names": good()
        .function(2, "_ZN4shop5Store3addEi")
        .function(3, "std::vector<int, a(b)>::at(int)")
        .function(4, "main.(*T[...]).run").function(5, "java.<init>")
        .function(6, "semi;colon").function(7, "")
        .location(2, 0x401020, [(2, 1), (3, 2)])
        .location(3, 0x401030, [(4, 1), (5, 2)])
        .location(4, 0x401040, [(6, 1), (7, 2)])
        .sample([2, 3, 4, 1], [3, 30]).packed(),
    }


def bad():
    """Profiles that are none: name to (bytes, what the error says)."""
    g = good().packed()
    no_type = Maker(types=()).good().packed()
    not_empty = Maker()
    not_empty.strings[0] = "x"
    return {
        "no-sample-type": (no_type, "no sample type"),
        "value-count": (good().sample([1], [5]).packed(),
                        "sample 2 has 1 values, and there are 2"),
        "mapping-0": (good().mapping(0).packed(), "a mapping has the id 0"),
        "mapping-twice": (good().mapping(1).packed(),
                          "two mappings have the id 1"),
        "location-0": (good().location(0, 1, [(1, 1)]).packed(),
                       "a location has the id 0"),
        "location-twice": (good().location(1, 1, [(1, 1)]).packed(),
                           "two locations have the id 1"),
        "function-0": (good().function(0, "f").packed(),
                       "a function has the id 0"),
        "function-twice": (good().function(1, "f").packed(),
                           "two functions have the id 1"),
        "line-missing": (good().location(2, 1, [(99, 1)]).packed(),
                         "location 2 has a line of a function"),
        "line-0": (good().location(2, 1, [(0, 1)]).packed(),
                   "location 2 has a line of a function"),
        "location-missing": (good().sample([77], [1, 1]).packed(),
                             "location 77 that there isn't"),
        "first-string": (not_empty.good().packed(),
                         "the first of its strings is not empty"),
        "string-outside": (good().add(data(5, number(1, 2) +
                                           number(2, 9999))).packed(),
                           "string 9999 is used"),
        "string-negative": (good().add(data(5, number(1, 2) +
                                            number(2, -1))).packed(),
                            "string -1 is used"),
        "time-twice": (good().add(number(9, 5)).packed(),
                       "several profiles behind each other"),
        "two-profiles": (g + g, "several profiles behind each other"),
        "cut-gzip": (g[:-20], "cut off at byte"),
        "cut-header": (g[:5], "cut off at byte"),
        "damaged-gzip": (g[:30] + b"\xff" * 30 + g[60:], "damaged at byte"),
        "empty": (b"", "it is empty"),
        "gzip-of-empty": (gzip.compress(b""), "it is empty"),
        "behind-gzip": (g + b"garbage", "behind the end of its gzip data"),
        "cut-field": (good().raw()[:-3], "at byte"),
        "wrong-type": (good().add(number(2, 5)).packed(),
                       "field 2 has the wrong type"),
        "bad-message": (good().add(data(4, b"\xff")).packed(),
                        "a location that can't be read"),
        "text": (b"heap profile: 1: 2 [3: 4] @ heap/1048576\n",
                 "no profile in pprof's format"),
        "page": (b"<html><body>404</body></html>", "at byte"),
        "bomb": (gzip.compress(b"\0" * (1 << 20)), "at byte"),
        "no-strings": (gzip.compress(number(12, 5)), "it has no strings"),
    }

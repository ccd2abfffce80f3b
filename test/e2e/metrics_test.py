#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 60 any
"""/metrics in Prometheus's text form: every metric described, its lines
together, counters that never go back; /targets.json: every process, at the
address that was asked, with a prefix under which its profiles are. The
examples of configurations (collector/scrape) name paths that are there."""
import collections
import json
import os
import re
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import under  # noqa: E402
from under import expect, expect_equal, poll  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
LINE = re.compile(r'(?P<name>[a-z_]+)(\{(?P<labels>.*)\})? (?P<value>\S+)')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"(?:,|$)')


def get(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.headers["Content-Type"], answer.read()


def parse(text):
    """Values by (name, labels); what a scraper would refuse fails."""
    values, types, order = {}, {}, []
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            types[name] = kind
        elif not line.startswith("# HELP "):
            m = LINE.fullmatch(line)
            expect(f"a line of a metric: {line}", m and m["name"] in types)
            labels = m["labels"] or ""
            expect(f"labels: {labels}", LABEL.sub("", labels) == "")
            values[m["name"], tuple(LABEL.findall(labels))] = \
                float(m["value"])
            if order[-1:] != [m["name"]]:
                order.append(m["name"])
    expect_equal("metrics that are scattered",
                 [n for n, c in collections.Counter(order).items() if c > 1],
                 [])
    return values, types


def check_metrics(base, pids):
    content, text = get(base + "metrics")
    expect_equal("the type", content, "text/plain; version=0.0.4")
    first, types = parse(text.decode())
    expect_equal("processes", first["cprof_processes", ()], float(len(pids)))
    of = {dict(labels)["pid"] for name, labels in first
          if name == "cprof_records_total"}
    expect_equal("whose", of, {str(p) for p in pids})
    second, _ = parse(get(base + "metrics")[1].decode())
    for key, value in first.items():
        if types[key[0]] == "counter":
            expect(f"{key} goes on", second[key] >= value)
    answers = ("cprof_http_answers_total", (("status", "2xx"),))
    expect("answers are counted", second[answers] > first[answers])


def check_targets(base, pids):
    content, text = get(base + "targets.json")
    expect_equal("the type", content, "application/json")
    targets = json.loads(text)
    expect_equal("whose", {int(t["labels"]["__meta_cprof_pid"])
                           for t in targets}, set(pids))
    for t in targets:
        labels = t["labels"]
        expect("labels are texts",
               all(isinstance(v, str) for v in labels.values()))
        content, body = get(f"http://{t['targets'][0]}"
                            f"{labels['__profile_path_prefix__']}"
                            "/debug/pprof/allocs")
        expect_equal("a profile is there", (content, body[:2]),
                     ("application/octet-stream", b"\x1f\x8b"))
    expect_equal("names", {t["labels"]["service_name"] for t in targets},
                 {"named", "sleep"})


def check_examples(base):
    folder = os.path.join(HERE, "../../collector/scrape")
    texts = {}
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), encoding="utf-8") as f:
            texts[name] = f.read()
    url = re.search(r'url += "http://[^/]+/(\S+)"', texts["alloy.config"])[1]
    expect("Alloy's discovery", json.loads(get(base + url)[1]))
    prefix = re.search(r"path_prefix: /comm/(\S+)", texts["parca.yaml"])
    expect("Parca's prefix", prefix)
    for path in ("allocs", "block", "mutex", "profile?seconds=1"):
        _, body = get(f"{base}comm/other/debug/pprof/{path}")
        expect(f"what Parca asks for: {path}", body[:2] == b"\x1f\x8b")
    expect("what Prometheus asks for", get(base + "metrics")[1])


def main():
    child = under.start_collector("--http", "127.0.0.1:0")
    base = json.loads(under.http("GET", "/api/ps")[1])["http"]
    other = os.path.join(under.TMP, "other")
    os.symlink("/bin/sleep", other)
    programs = [under.start(["/bin/sleep", "100"], "a"),
                under.start([other, "100"], "b",
                            CPROF_LABELS="zone=x,service_name=named")]
    for p in programs:
        under.attached(p.pid)
    pids = [p.pid for p in programs]
    check_metrics(base, pids)
    check_targets(base, pids)
    check_examples(base)
    programs[0].kill()
    poll("who has ended is no target any more", lambda:
         len(json.loads(get(base + "targets.json")[1])) == 1)
    programs[1].kill()
    child.terminate()
    child.wait(timeout=30)


main()

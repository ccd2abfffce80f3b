#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 240 any
"""cprofctl's reports are those of `go tool pprof`, byte for byte, on Go's
profiles, on cprof's, on sums and differences of them, and on unusual ones.
Every profile sees the first of the reports below and some of the others in
turn; REPORTS=all compares all with all."""
import concurrent.futures
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import profile_maker  # noqa: E402

CTL = os.path.abspath(os.path.join(os.environ.get("CPROF_BUILD", "build"),
                                   "cprofctl"))
PROFILES = os.path.join(HERE, "profiles")
N_ALWAYS, N_IN_TURN = 3, 6

# Options are named alike but for their dashes: see pprof_args.
REPORTS = [
    "top", "tree", "raw",
    "top --cum", "top -n 5", "top --lines", "top --addresses", "top --files",
    "top --filefunctions", "top --sample-index 0", "top --noinlines",
    "top --unit auto", "top --unit ms", "tree -n 7 --cum", "tree --lines",
    "peek .", "peek m[a-z]+l", "traces", "traces --lines", "tags",
    "list shop|main|mallocgc", "callgrind", "top --focus alloc",
    "top --ignore alloc", "top --hide lib", "top --show ^[a-m]",
    "tree --show-from main", "tree --hide ^_|std", "traces --hide ^_|std",
    "top --tagfocus thread=.*1", "top --tagfocus thread",
    "top --tagignore bytes=:1kb", "top --tagfocus bytes=1kb:",
    "top --tagfocus 1kb:64kb", "traces --tagroot thread",
    "tree --tagroot thread,tid --tagleaf bytes", "tags --taghide tid",
    "tags --tagshow tid", "top --nodefraction 0.1 --edgefraction 0.2",
    "tree --drop-negative", "list . --source-path PROFILES",
    "top --files --trim-path shop:/usr/include",
]
# Which node of a drawing comes first hangs on the order in which Go adds up
# fractions, which is random: these are profiles where it makes no difference.
DRAWN = ["go.heap", "go.mutex", "shop.alloc", "redis.inuse"]
LEGEND = rb"\l\lSee https://git.io/JfYMW for how to read the graph"
PAIRS = [("go.heap", "go.heap-later"), ("go.heap-later", "go.heap"),
         ("shop.inuse", "shop.alloc"), ("python3.inuse", "redis.alloc"),
         ("python3.cpu", "python3.cpu"), ("shop.block", "shop.mutex")]


def pprof_args(report):
    words = report.replace(" -n ", " --nodecount ").split()
    args = ["-" + words.pop(0)]
    if args[0] in ("-peek", "-list"):
        args.append(words.pop(0))
    for w in words:
        if w.startswith("--"):
            args.append("-" + w[2:].replace("-", "_"))
        else:
            args[-1] += "=" + w
    return args


def run(args):
    env = dict(os.environ, TZ="UTC", LC_ALL="C.UTF-8", PPROF_TMPDIR="/nowhere")
    return subprocess.run(args, capture_output=True, cwd=HERE, env=env,
                          check=False)


def compare(report, files, base=()):
    """None, or how the two differ."""
    report = report.replace("PROFILES", PROFILES)
    ours = run([CTL, *report.split(), *base, *files])
    theirs = run(["go", "tool", "pprof", *pprof_args(report),
                  *[b.replace("--diff-base", "-diff_base") for b in base],
                  *files])
    theirs.stdout = theirs.stdout.replace(LEGEND, b"")
    if (ours.stdout == theirs.stdout and
            bool(ours.returncode) == bool(theirs.returncode)):
        return None
    diff = [(a, b) for a, b in zip(ours.stdout.split(b"\n") + [b"(end)"],
                                   theirs.stdout.split(b"\n") + [b"(end)"])
            if a != b][:3]
    return (f"{report} {' '.join(base)} {' '.join(files)}: exit "
            f"{ours.returncode} {theirs.returncode} {ours.stderr!r} {diff}")


def merged(out, files):
    """As `go tool pprof` sees what merge made, and what it makes of them."""
    if run([CTL, "merge", "-o", out, *files]).returncode:
        return f"merge of {files} failed"
    ours = run(["go", "tool", "pprof", "-raw", out])
    theirs = run(["go", "tool", "pprof", "-raw", *files])
    return (None if ours.stdout == theirs.stdout and ours.stdout else
            f"merge of {files} differs")


def tasks(names, folder):
    in_turn = REPORTS[N_ALWAYS:]
    n = 0
    for name in names:
        picked = [in_turn[(n + i) % len(in_turn)] for i in range(N_IN_TURN)]
        n += N_IN_TURN
        if os.environ.get("REPORTS") == "all":
            picked = in_turn
        for report in REPORTS[:N_ALWAYS] + picked:
            yield compare, (report, [name])
    for name in DRAWN:
        yield compare, ("dot -n 30", [os.path.join(PROFILES,
                                                   name + ".pb.gz")])
    for i, pair in enumerate(PAIRS):
        base, file = [os.path.join(PROFILES, p + ".pb.gz") for p in pair]
        for report in ("top", "tree", "raw", "tags"):
            yield compare, (report, [file], ["--diff-base=" + base])
        yield compare, ("top", [file], ["--base=" + base])
        yield compare, ("traces", [base, file])
        if pair != ("python3.cpu", "python3.cpu"):
            yield merged, (f"{folder}/merged{i}.pb.gz", [base, file])


def main():
    with tempfile.TemporaryDirectory() as folder:
        names = sorted(os.path.join(PROFILES, f) for f in os.listdir(PROFILES)
                       if f.endswith(".pb.gz"))
        for name, content in profile_maker.odd().items():
            names.append(os.path.join(folder, name + ".pb.gz"))
            with open(names[-1], "wb") as f:
                f.write(content)
        assert len(names) >= 30, len(names)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            results = [pool.submit(f, *args)
                       for f, args in tasks(names, folder)]
            failed = [r.result() for r in results if r.result()]
    print("\n".join(failed))
    print(f"{len(results)} compared on {len(names)} profiles, "
          f"{len(failed)} differ")
    return bool(failed)


sys.exit(main())

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 180 any
"""The environment: each setting does what its line in settings.def says, and
one that can't be read is reported and replaced by its default."""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import pprof  # noqa: E402
import under  # noqa: E402


def kinds(folder, pid="*"):
    return {os.path.basename(p).split(".")[-4]
            for p in pprof.find(folder, pid=str(pid))}


def run(name, command=("truth/heap_exact",), **settings):
    return under.Run(under.program(*command), name, **settings)


def off():
    r = run("off", CPROF="off")
    under.expect_equal("CPROF=off: files", os.listdir(r.folder), [])
    r = run("exit-none", CPROF_EXIT="none")
    under.expect_equal("CPROF_EXIT=none: files", os.listdir(r.folder), [])
    r = run("exit-two", CPROF_EXIT="heap,threadcreate", **under.EXACT)
    under.expect_equal("CPROF_EXIT=heap,threadcreate", kinds(r.folder),
                       {"inuse", "threadcreate"})
    r = run("no-heap", CPROF_HEAP_RATE="0")
    under.expect("CPROF_HEAP_RATE=0: no heap profile",
                 not kinds(r.folder) & {"inuse", "alloc"})
    r = run("no-cpu", ("truth/cpu_split", "0.3"), CPROF_CPU_HZ="0")
    under.expect("CPROF_CPU_HZ=0: no CPU profile", "cpu" not in kinds(r.folder))


def files():
    r = run("files", **under.EXACT)
    for path in pprof.find(r.folder):
        mode = os.stat(path).st_mode & 0o777
        under.expect_equal(f"mode of {os.path.basename(path)}", oct(mode),
                           oct(0o600))
    strays = [f for f in os.listdir(r.folder) if not pprof.FILE_NAME.match(f)]
    under.expect_equal("other files", strays, [])


def run_in(folder, **settings):
    """The pid of a run with CPROF_DIR=FOLDER as it stands."""
    env = under.environment(under.TMP, dict(under.EXACT, **settings))
    env["CPROF_DIR"] = folder
    child = subprocess.Popen(under.program("truth/heap_exact"), env=env,
                             stdout=subprocess.DEVNULL)
    under.expect_equal("status", child.wait(60), 0)
    return child.pid


def folder():
    top = os.path.join(under.TMP, "patterns")
    pid = run_in(top + "/%e-%p-%{WHERE}", WHERE="there")
    wanted = f"{top}/heap_exact-{pid}-there"
    under.poll(f"files in {wanted}", lambda: pprof.find(wanted))
    child = under.start(["/bin/sleep", "60"], "unset", NOT_THERE="x",
                        CPROF_DIR=top + "/%{NOT_THERE}%{NO_SUCH}")
    warnings = under.poll("a warning", lambda: under.processes().get(
        child.pid, {}).get("warnings"))
    under.expect(f"an unset variable is told: {warnings}", warnings == [
        f"CPROF_DIR: NO_SUCH is not set: profiles go to '{top}/x'"])
    child.kill()
    child.wait()


def unwritable():
    fallback = f"/tmp/cprof-{os.getuid()}"
    for folder_of in "/proc/nowhere", "/proc":
        pid = run_in(folder_of)
        for path in under.poll(f"files in {fallback}, not {folder_of}", lambda:
                               pprof.find(fallback, pid=str(pid))):
            os.unlink(path)
    # A folder that is gone, as a daemon's may be.
    gone = os.path.join(under.TMP, "gone")
    env = under.environment(under.TMP, dict(under.EXACT, CPROF_DIR=""))
    child = subprocess.Popen(
        ["sh", "-c", 'mkdir "$0"; cd "$0"; rmdir "$0"; exec "$@"', gone,
         *under.program("truth/heap_exact")], env=env,
        stdout=subprocess.DEVNULL)
    under.expect_equal("status", child.wait(60), 0)
    for path in under.poll(f"files in {fallback}, not /", lambda:
                           pprof.find(fallback, "alloc", pid=str(child.pid))):
        os.unlink(path)
    for path in pprof.find(fallback, pid=str(child.pid)):
        os.unlink(path)


def labels_and_depth():
    r = run("labels", CPROF_LABELS="team=blue,tier=web", **under.EXACT)
    p = r.profile("alloc")
    under.expect("labels on every sample", all(
        s.labels.get("team") == "blue" and s.labels.get("tier") == "web"
        for s in p.samples))
    r = run("depth", CPROF_STACK_DEPTH="2", **under.EXACT)
    p = r.profile("alloc")
    # No stack of the program is so short.
    under.expect("all stacks are cut, and say so", p.samples and all(
        s.frames[-1].function == "[truncated]" for s in p.samples))
    # by_malloc() is inlined nowhere, and nothing in it.
    under.expect_equal("at two, of which that is one", {
        tuple(f.function for f in s.frames) for s in p.samples
        if s.frames[0].function == "by_malloc"}, {("by_malloc", "[truncated]")})


def follow(what, n_fork, n_exec):
    for mode, wanted in ("fork", n_fork), ("exec", n_exec):
        name = f"follow-{what}-{mode}"
        path = os.path.join(under.TMP, name + ".pids")
        r = run(name, ("truth/family", mode, path), CPROF_FOLLOW=what,
                **under.EXACT)
        got = len(pprof.find(r.folder, "alloc")) - len(
            pprof.find(r.folder, "alloc", pid=str(r.pid)))
        under.expect_equal(f"CPROF_FOLLOW={what}, {mode}: children", got,
                           wanted)


def bad_value():
    counts = os.path.join(under.TMP, "bad.counts")
    child = under.start(under.program("truth/killed", counts), "bad",
                        CPROF_HEAP_RATE="lots")
    known = under.attached(child.pid)
    text = " ".join(known["warnings"])
    under.expect(f"reported: {text}",
                 "CPROF_HEAP_RATE" in text and "lots" in text)
    under.expect_equal("the default is in force", known["rates"]["heap.rate"],
                       512 << 10)
    child.kill()
    child.wait()


def long_socket():
    """A socket name that does not fit: inert, and no word on stderr."""
    r = run("long", CPROF_SOCKET=tempfile.gettempdir() + "/" + "x" * 120)
    under.expect_equal("files", os.listdir(r.folder), [])


off()
files()
folder()
unwritable()
labels_and_depth()
follow("all", 4, 4)
follow("fork", 4, 0)
follow("exec", 0, 4)
follow("none", 0, 0)
bad_value()
long_socket()

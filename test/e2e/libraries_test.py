#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 60 any
"""libcurl and libmicrohttpd are loaded by whom they serve, when they do. A
collector that a shim started has no libcurl, answers whoever asks as soon as
there is a socket, and can load nothing more by then. Where a library can't be
had, what needs it says so, and the rest works."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import honest  # noqa: E402
import under  # noqa: E402
from under import expect, expect_equal, poll  # noqa: E402

CTL = os.path.join(under.BUILD, "cprofctl")


def libraries(pid):
    """The libraries that process PID has mapped."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as f:
        return {os.path.basename(line.split()[-1]) for line in f
                if ".so" in line}


def has(pid, name):
    return any(x.startswith(name) for x in libraries(pid))


def n_filters(pid):
    """Of seccomp, those that it was started under included; None: an old kernel
    doesn't tell."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        lines = [x.split()[1] for x in f if x.startswith("Seccomp_filters:")]
    return int(lines[0]) if lines else None


def asked_at_once():
    """The request is on its way before the collector has a way to answer it."""
    child = under.start(["sleep", "60"])
    poll("a socket", lambda: os.path.exists(under.SOCKET))
    status, _ = under.http("GET", "/api/ps")
    expect_equal("status of what was asked at once", status, 200)
    under.attached(child.pid)
    pid = under.collector_pid()
    expect(f"it serves HTTP: {sorted(libraries(pid))}",
           has(pid, "libmicrohttpd."))
    expect("it has no libcurl", not has(pid, "libcurl."))
    if n_filters(pid) is not None:
        expect_equal("filters of the collector beyond ours",
                     n_filters(pid) - n_filters(os.getpid()), 2)
    done = subprocess.run([CTL, "ps"], capture_output=True, text=True,
                          check=False)
    expect(f"cprofctl ps: {done.stdout}{done.stderr}",
           not done.returncode and str(child.pid) in done.stdout)
    child.kill()
    child.communicate()


def not_asked():
    """Nobody asks: it is ready to be asked, and sealed, all the same."""
    child = under.start(["sleep", "60"])
    pid = poll("a collector", lambda: os.path.exists(under.SOCKET) and
               under.collector_pid())
    poll("it has the library", lambda: has(pid, "libmicrohttpd."))
    if n_filters(pid) is not None:
        poll("it is sealed", lambda: n_filters(pid) - n_filters(os.getpid()) == 2)
    child.kill()
    child.communicate()


def end_collector():
    pid = under.collector_pid()
    os.kill(pid, 15)
    poll("it ends", lambda: not os.path.exists(f"/proc/{pid}"))


def without(library):
    """An environment in which LIBRARY is no library."""
    folder = os.path.join(under.TMP, f"no-{library}")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, library), "w", encoding="utf-8") as f:
        f.write("none")
    return dict(os.environ, LD_LIBRARY_PATH=folder)


def collector_without_http():
    """One that a shim started profiles; one by hand is of no use."""
    env = without("libmicrohttpd.so.12")
    command = [os.path.join(under.BUILD, "cprofd"), "--socket", under.SOCKET]
    done = subprocess.run(command, env=env, capture_output=True, text=True,
                          timeout=30, check=False)
    expect(f"by hand: {done.stderr}", done.returncode == 1 and
           "libmicrohttpd.so.12" in done.stderr)
    child = subprocess.Popen([*command, "--auto"], env=env)
    poll("a socket", lambda: os.path.exists(under.SOCKET))
    status, body = under.http("GET", "/api/ps")
    expect(f"its answer: {status} {body}", status == 503 and b"log" in body)
    log = os.path.join(os.path.dirname(under.SOCKET), "cprofd.log")
    with open(log, encoding="utf-8") as f:
        expect("its log", "can't serve HTTP: " in (text := f.read()) and
               "libmicrohttpd.so.12" in text)
    honest.run("without-http")
    child.terminate()
    expect_equal("status", child.wait(30), 0)


def ctl_without_curl():
    """What needs no collector needs no libcurl either."""
    env = without("libcurl.so.4")
    done = subprocess.run([CTL, "ps"], env=env, capture_output=True, text=True,
                          check=False)
    expect(f"cprofctl ps: {done.stderr}", done.returncode == 1 and
           "libcurl.so.4" in done.stderr)
    done = subprocess.run([CTL, "--version"], env=env, capture_output=True,
                          text=True, check=False)
    expect_equal("status of cprofctl --version", done.returncode, 0)


def push_without_curl():
    """The sender says so, and the metrics; profiles go on."""
    child = under.start_collector("--push", "http://127.0.0.1:1",
                                  env=without("libcurl.so.4"),
                                  stderr=subprocess.PIPE)
    honest.run("without-push")
    poll("no sender", lambda: b"\ncprof_push_senders 0\n" in under.http(
        "GET", "/metrics")[1])
    child.terminate()
    text = child.communicate(timeout=30)[1].decode()
    expect(f"its log: {text}", "push: " in text and "libcurl.so.4" in text)


def main():
    asked_at_once()
    end_collector()
    not_asked()
    end_collector()
    collector_without_http()
    ctl_without_curl()
    push_without_curl()


main()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 60 any
"""A collector that a service manager starts serves the socket it is given, and
leaves its name to the next one."""
import os
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import pprof  # noqa: E402
import under  # noqa: E402


def start(listener):
    """As systemd does: descriptor 3, and the variables."""
    return subprocess.Popen(
        ["/bin/sh", "-c", f"exec 3<&{listener.fileno()}; LISTEN_PID=$$ "
         f"LISTEN_FDS=1 exec {under.BUILD}/cprofd --socket {under.SOCKET}"],
        pass_fds=[listener.fileno()])


def profile(name):
    r = under.Run(under.program("truth/heap_exact"), name, **under.EXACT)
    under.expect("a profile", pprof.find(r.folder, "alloc"))


os.umask(0o077)
os.makedirs(os.path.dirname(under.SOCKET), exist_ok=True)
given = socket.socket(socket.AF_UNIX)
given.bind(under.SOCKET)
given.listen(100)
inode = os.stat(under.SOCKET).st_ino
for n in 1, 2:
    collector = start(given)
    profile(f"run{n}")
    under.expect("it serves", collector.poll() is None)
    collector.send_signal(signal.SIGTERM)
    under.expect_equal("status", collector.wait(20), 0)
    under.expect_equal("the socket stays", os.stat(under.SOCKET).st_ino, inode)

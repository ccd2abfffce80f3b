#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""Another user of the machine gets nothing of a profiled process and can make
its collector write nothing: names that he made first, links, fifos, swapped
folders, connections. Two users are needed, so only root can run it."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import pprof  # noqa: E402
import under  # noqa: E402
from under import expect, expect_equal  # noqa: E402

# Nobody's: no such users need to be there.
VICTIM, ATTACKER = 61001, 61002
BIN = os.path.join(under.TMP, "bin")
# Open to all and sticky, as /tmp is; cprof's names in it begin with "cprof".
COMMON = os.path.join(under.TMP, "common")
# For env and sh behind setpriv, which is not to be profiled itself.
PRELOAD = "LD_PRELOAD=" + os.path.join(BIN, "libcprof.so")
SECRET = b"nobody else's\n"


def as_user(uid, command):
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups",
            *command]


def environment(**more):
    env = {k: v for k, v in os.environ.items()
           if k not in ("CPROF_SOCKET", "XDG_RUNTIME_DIR")}
    return dict(env, XDG_RUNTIME_DIR=COMMON, **more)


def run_as(uid, command, **env):
    return subprocess.run(as_user(uid, command), env=environment(**env),
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=30, check=False)


def set_up():
    os.chmod(under.TMP, 0o711)
    os.mkdir(BIN)
    for name in "cprofd", "cprofctl", "libcprof.so", "test/truth/heap_exact":
        shutil.copy(os.path.join(under.BUILD, name), BIN)


def fresh():
    """Empty common ground, and a file of the victim's that matters."""
    shutil.rmtree(COMMON, ignore_errors=True)
    os.mkdir(COMMON)
    os.chmod(COMMON, 0o1777)
    path = os.path.join(under.TMP, "precious")
    with open(path, "wb") as f:
        f.write(SECRET)
    os.chown(path, VICTIM, VICTIM)
    os.chmod(path, 0o600)
    return path


def is_untouched(path):
    with open(path, "rb") as f:
        return f.read() == SECRET


def profiled():
    """The victim's program under the shim runs as it would without; returns
    how long it took."""
    start_s = time.monotonic()
    done = run_as(VICTIM, ["env", PRELOAD, os.path.join(BIN, "heap_exact"),
                           "40"])
    expect_equal("the program's status", done.returncode, 0)
    expect_equal("its stderr", done.stderr, b"")
    return time.monotonic() - start_s


def profiled_at_once():
    """It does not wait for a collector that can't be; on a busy machine one of
    some tries shows it."""
    times = []
    while not times or min(times) > 1 and len(times) < 10:
        times.append(profiled())
    expect(f"it waits for nobody: {min(times):.2f} s", min(times) < 1)


def make_folder(owner, mode):
    folder = os.path.join(COMMON, "cprof")
    os.mkdir(folder)
    os.chown(folder, owner, owner)
    os.chmod(folder, mode)
    return folder


def folder_made_first():
    for owner, mode in ((ATTACKER, 0o777), (ATTACKER, 0o700), (VICTIM, 0o770)):
        fresh()
        folder = make_folder(owner, mode)
        done = run_as(VICTIM, [os.path.join(BIN, "cprofd")])
        expect(f"a folder of {owner} {mode:o}: {done.stderr.decode().strip()}",
               done.returncode == 1 and not os.listdir(folder))
        profiled_at_once()
        expect("nothing is in it", not os.listdir(folder))
        done = run_as(VICTIM, [os.path.join(BIN, "cprofctl"), "ps"])
        expect(f"cprofctl: {done.stderr.decode().strip()}",
               done.returncode == 1)


def folder_is_a_link():
    fresh()
    mine = os.path.join(under.TMP, "mine")
    os.makedirs(mine, exist_ok=True)
    os.chown(mine, VICTIM, VICTIM)
    os.chmod(mine, 0o700)
    os.symlink(mine, os.path.join(COMMON, "cprof"))
    done = run_as(VICTIM, [os.path.join(BIN, "cprofd")])
    expect(f"a link: {done.stderr.decode().strip()}", done.returncode == 1)
    profiled_at_once()
    expect("nothing is behind it", not os.listdir(mine))


LISTEN = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
print("ready", flush=True)
while True:
    c, _ = s.accept()
    print(len(c.recv(1)), flush=True)
"""


def false_collector():
    """Who waits at the socket's name in the collector's place hears nothing."""
    fresh()
    folder = make_folder(ATTACKER, 0o755)
    path = os.path.join(folder, "cprofd.sock")
    listener = subprocess.Popen(
        as_user(ATTACKER, [sys.executable, "-c", LISTEN, path]),
        stdout=subprocess.PIPE)
    listener.stdout.readline()
    os.chmod(path, 0o777)
    profiled()
    listener.terminate()
    heard = listener.stdout.read().split()
    expect(f"bytes heard by a false collector: {heard}",
           all(n == b"0" for n in heard))
    listener.wait()


def put(kind, path, precious):
    if kind == "fifo":
        os.mkfifo(path)
        os.chmod(path, 0o666)
    elif kind == "symbolic link":
        os.symlink(precious, path)
    elif kind == "hard link":
        os.link(precious, path)
    elif kind == "folder":
        os.mkdir(path)
    else:
        with open(path, "wb"):
            os.chmod(path, 0o666)
    if kind != "hard link":
        os.lchown(path, ATTACKER, ATTACKER)


def names_made_first():
    """In a folder that all may write to every name may be there already."""
    for name in "s", "s.lock", "cprofd.log":
        for kind in "fifo", "symbolic link", "hard link", "file", "folder":
            precious = fresh()
            put(kind, os.path.join(COMMON, name), precious)
            child = subprocess.Popen(
                as_user(VICTIM, [os.path.join(BIN, "cprofd"), "--auto",
                                 "--log", "debug", "--linger", "0",
                                 "--socket", os.path.join(COMMON, "s")]),
                env=environment(), stderr=subprocess.PIPE)
            # It refuses or serves: a log it can't have is no reason to end.
            under.poll(f"{name} is a {kind}: it gets over it", lambda c=child:
                       c.poll() is not None or serves(c.pid))
            child.terminate()
            child.wait()
            expect(f"{name} is a {kind}: nothing of the user's is touched",
                   is_untouched(precious))


def serves(pid):
    with open("/proc/net/unix", encoding="utf-8") as f:
        inodes = {x.split()[6] for x in f if os.path.join(COMMON, "s") in x}
    try:
        links = [os.readlink(f"/proc/{pid}/fd/{n}")
                 for n in os.listdir(f"/proc/{pid}/fd")]
    except OSError:
        return False
    return any(f"socket:[{i}]" in links for i in inodes)


def start_collector():
    child = subprocess.Popen(
        as_user(VICTIM, [os.path.join(BIN, "cprofd")]), env=environment())
    path = os.path.join(COMMON, "cprof/cprofd.sock")
    under.poll("the collector listens", lambda: os.path.exists(path))
    return child, path


ASK = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(20)
s.connect(sys.argv[1])
try:
    s.sendall(b"GET /api/ps HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
    print(s.recv(100))
except OSError as e:
    print(b"")
"""


def connections():
    """Another user can't reach the socket; where he can, he is not served."""
    fresh()
    child, path = start_collector()
    modes = [os.stat(p).st_mode & 0o777 for p in (os.path.dirname(path), path)]
    expect_equal("modes of folder and socket", modes, [0o700, 0o600])
    done = run_as(ATTACKER, [sys.executable, "-c", ASK, path])
    expect("he can't connect", b"PermissionError" in done.stderr)
    os.chmod(os.path.dirname(path), 0o755)
    os.chmod(path, 0o777)
    done = run_as(ATTACKER, [sys.executable, "-c", ASK, path])
    expect_equal("connected, he hears", done.stdout.strip(), b"b''")
    done = run_as(VICTIM, [sys.executable, "-c", ASK, path])
    expect(f"its user hears {done.stdout[:20]}", b"200 OK" in done.stdout)
    done = run_as(0, [sys.executable, "-c", ASK, path])
    expect(f"root hears {done.stdout[:20]}", b"200 OK" in done.stdout)
    child.terminate()
    expect_equal("its status", child.wait(20), 0)


def socket_of_another():
    """A collector that ends leaves alone what took its socket's place."""
    fresh()
    child, path = start_collector()
    os.rename(os.path.dirname(path), os.path.join(COMMON, "aside"))
    second, path = start_collector()
    child.terminate()
    child.wait(20)
    expect("the second one's socket is there", os.path.exists(path))
    second.terminate()
    second.wait(20)
    expect("and is taken away at its own end", not os.path.exists(path))


def about_to_write(folder):
    """A victim whose pid is known before it begins, by a line on its stdin, and
    leaves profiles in FOLDER."""
    child = subprocess.Popen(
        as_user(VICTIM, ["sh", "-c", f"echo $$; read x; {PRELOAD} exec " +
                         os.path.join(BIN, "heap_exact")]),
        env=environment(CPROF_DIR=folder, CPROF_HEAP_RATE="1"),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    return child, int(child.stdout.readline())


def output_names():
    """Profiles replace nothing and follow no link in a folder of another's."""
    precious = fresh()
    folder = os.path.join(COMMON, "out")
    os.mkdir(folder)
    os.chmod(folder, 0o777)
    child, pid = about_to_write(folder)
    for kind in "alloc", "inuse", "cpu":
        os.symlink(precious, os.path.join(
            folder, f"heap_exact.{pid}.{kind}.001.pb.gz"))
    for n in range(50):
        os.symlink(precious, os.path.join(folder, f".cprof.{n}"))
    child.communicate(b"\n", timeout=30)
    expect("nothing of the user's is touched", is_untouched(precious))
    found = pprof.find(folder, "alloc", pid=str(pid))
    expect(f"it went beside: {found}", len(found) == 2)
    st = os.stat(found[-1])
    expect_equal("mode and owner", (st.st_mode & 0o777, st.st_uid),
                 (0o600, VICTIM))


def swapped_folder():
    """The folder becomes a link to where files of those names may be."""
    precious = fresh()
    folder = os.path.join(COMMON, "swap")
    private = os.path.join(under.TMP, "private")
    os.mkdir(folder)
    os.chmod(folder, 0o777)
    os.makedirs(private, exist_ok=True)
    os.chown(private, VICTIM, VICTIM)
    child, pid = about_to_write(folder)
    os.rename(folder, folder + ".old")
    os.symlink(private, folder)
    names = [f"heap_exact.{pid}.{k}.001.pb.gz" for k in ("alloc", "inuse")]
    for name in names:
        shutil.copy2(precious, os.path.join(private, name))
    child.communicate(b"\n", timeout=30)
    expect("what was there is as it was", all(
        is_untouched(os.path.join(private, n)) for n in names))


def set_user_id():
    """The environment of who runs a set-user-ID copy is not its own."""
    fresh()
    copy = os.path.join(BIN, "ctl-suid")
    shutil.copy(os.path.join(BIN, "cprofctl"), copy)
    os.chown(copy, VICTIM, VICTIM)
    os.chmod(copy, 0o4755)
    done = run_as(ATTACKER, [copy, "ps"], CPROF_SOCKET="/bait/s")
    text = done.stderr.decode().strip()
    expect(f"set-user-ID: {text}", done.returncode == 1 and
           "/bait/" not in text and COMMON not in text)


def main():
    if os.geteuid() or not shutil.which("setpriv"):
        print("only root can be two other users")
        sys.exit(77)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    set_up()
    for test in (folder_made_first, folder_is_a_link, false_collector,
                 names_made_first, connections, socket_of_another,
                 output_names, swapped_folder, set_user_id):
        print(f"-- {test.__name__}", flush=True)
        test()


main()

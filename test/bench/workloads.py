# SPDX-License-Identifier: Apache-2.0
"""What is run. A workload has a name, the jobs of a profiler it has to do with
(which choose the peers), and run(variant, folder, is_quick), which gives a
Cost."""
import os
import re
import socket
import subprocess
import time

import measure
import variants

SQL = """CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c REAL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<{n})
INSERT INTO t SELECT i, 'name ' || (i*7919 % 100003), i*0.5 FROM n;
CREATE INDEX tb ON t(b);
SELECT count(*), sum(length(b)), max(c) FROM t GROUP BY substr(b,1,7) LIMIT 1;
UPDATE t SET b = b || '!' WHERE a % 3 = 0;
SELECT count(*) FROM t x JOIN t y ON x.b = y.b;"""
PYTHON = """d = {{}}
for i in range({n}):
    k = 'k%d' % (i * 7919 % 20011)
    d.setdefault(k, []).append((i, str(i)))
    if len(d[k]) > 20: del d[k]
"""
HERE = os.path.dirname(os.path.abspath(__file__))


class Command:
    """A command that ends by itself. ARGUMENTS is a function of a scale: 1 in a
    whole run, less in a quick one."""

    def __init__(self, bench, name, jobs, arguments, **settings):
        self.bench, self.name, self.jobs = bench, name, jobs
        self.arguments, self.settings = arguments, settings

    def run(self, variant, folder, is_quick):
        settings = dict(self.settings, **variants.settings_in(variant, folder))
        command = (variants.prefix_in(variant, folder) +
                   self.arguments(0.3 if is_quick else 1, folder))
        return measure.run(self.bench, command, settings, folder)


class Start:
    """Starts of `true`: only what is started runs under the variant."""

    jobs = "start"
    name = "start of true, 1"

    def __init__(self, bench):
        self.bench = bench

    def run(self, variant, folder, is_quick):
        n = 100 if is_quick else 400
        settings = [f"{k}={v}" for k, v in
                    variants.settings_in(variant, folder).items()]
        command = [self.bench.program("spawn"), str(n)] + settings + [
            "/bin/true"]
        cost = measure.run(self.bench, command, {}, folder)
        return cost._replace(wall_s=cost.wall_s / n, cpu_s=cost.cpu_s / n)


class Server:
    """A server that runs under the variant and a client that does not. The
    time is the client's, everything else the server's."""

    def __init__(self, bench, name, jobs):
        self.bench, self.name, self.jobs = bench, name, jobs

    def run(self, variant, folder, is_quick):
        # The client's traffic is no output of the profiler.
        work = folder + ".work"
        os.mkdir(work)
        server, is_up, load = self.prepare(work)
        child = measure.Child(
            self.bench, variants.prefix_in(variant, folder) + server,
            variants.settings_in(variant, folder), folder)
        try:
            measure.wait_for(is_up)
            wall_s = load(is_quick)
        except measure.FAILURES:
            child.kill()
            raise
        self.end(work, child)
        return child.cost()._replace(wall_s=wall_s)


class Redis(Server):
    def prepare(self, work):
        path = os.path.join(work, "redis")
        server = ["redis-server", "--port", "0", "--unixsocket", path,
                  "--save", "", "--appendonly", "no"]
        def load(is_quick):
            start_s = time.monotonic()
            subprocess.run(["redis-benchmark", "-s", path, "-q", "-t",
                            "set,get,lpush", "-P", "16", "-r", "10000", "-n",
                            "100000" if is_quick else "400000"],
                           check=True, stdout=subprocess.DEVNULL,
                           timeout=measure.LIMIT_S)
            return time.monotonic() - start_s
        return server, lambda: os.path.exists(path), load

    def end(self, work, child):
        subprocess.run(["redis-cli", "-s", os.path.join(work, "redis"),
                        "shutdown", "nosave"], check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


NGINX = """daemon off; master_process off; pid {work}/pid; error_log stderr crit;
events {{ }}
http {{ access_log off; client_body_temp_path {work}; proxy_temp_path {work};
fastcgi_temp_path {work}; uwsgi_temp_path {work}; scgi_temp_path {work};
server {{ listen 127.0.0.1:{port}; root {work}; }} }}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def is_listening(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


class Nginx(Server):
    def prepare(self, work):
        port = free_port()
        with open(os.path.join(work, "conf"), "w", encoding="ascii") as f:
            f.write(NGINX.format(work=work, port=port))
        with open(os.path.join(work, "index.html"), "w",
                  encoding="ascii") as f:
            f.write("x" * 4000)
        def load(is_quick):
            """Seconds of 10,000 requests."""
            out = subprocess.run(
                ["wrk", "-t", "1", "-c", "16", "-d", "1s",
                 f"http://127.0.0.1:{port}/"], check=True, text=True,
                capture_output=True, timeout=measure.LIMIT_S).stdout
            return 10000 / float(re.search(r"Requests/sec: +([\d.]+)", out)[1])
        return (["nginx", "-c", os.path.join(work, "conf"), "-p", work],
                lambda: is_listening(port), load)

    def end(self, work, child):
        """A profiler in front of it is another process than the server."""
        try:
            with open(os.path.join(work, "pid"), encoding="ascii") as f:
                os.kill(int(f.read()), 3)
        except (OSError, ValueError):
            child.kill()


def all_of(bench):
    def own(name, jobs, program, *arguments, **settings):
        """Numbers are scaled in a quick run, texts are not."""
        def of_scale(scale, folder):
            return [bench.program(program)] + [
                a if isinstance(a, str) else str(int(a * scale))
                for a in arguments]
        return Command(bench, name, jobs, of_scale, **settings)

    return [
        own("malloc churn, 1 thread", "heap churn", "churn", "1", 20000000),
        own("malloc churn, 4 threads", "heap churn", "churn", "4", 5000000),
        own("realloc growth", "heap", "grow", 40000),
        own("C++ map of strings", "heap", "strings", 1000000),
        own("mutex, free", "lock", "locks", "free", 40000000),
        own("mutex, 4 contend", "lock", "locks", "contended", 1000000),
        own("condition ping-pong", "lock", "locks", "pingpong", 50000),
        own("rwlock, 4 readers", "lock", "locks", "readers", 2000000),
        # 7 rounds are 210,000.
        own("thread create+join", "thread", "threads", 30000),
        own("CPU-bound, 30 frames", "cpu", "busy", "2", "1.0", "30"),
        own("recursion, 10 frames", "depth", "stacks", "10", "1", 500000),
        own("recursion, 30 frames", "depth", "stacks", "30", "1", 500000),
        own("recursion, 60 frames", "depth", "stacks", "60", "1", 500000),
        Start(bench),
        own("fork+exec of true", "start", "spawn", 1000, "/bin/true"),
        Redis(bench, "redis", "heap cpu"),
        Command(bench, "sqlite3", "heap cpu", lambda scale, folder: [
            "sqlite3", ":memory:", SQL.format(n=int(300000 * scale))]),
        Command(bench, "python3", "heap cpu", lambda scale, folder: [
            "/usr/bin/python3", "-c", PYTHON.format(n=int(1000000 * scale))],
            PYTHONMALLOC="malloc"),
        Command(bench, "gcc", "heap cpu", lambda scale, folder: [
            "g++", "-O2", "-c", "-o", "/dev/null",
            os.path.join(HERE, "strings.cc")]),
        Nginx(bench, "nginx", "cpu"),
    ]

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 180 any
"""stress-ng's stressors verify their own work under cprof at its most hostile
settings as they do bare, and none needs more memory than the region besides,
however long it runs. `make stress` takes its time."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import under  # noqa: E402

# One that fails bare on the machine at hand is named and left out. Not
# "resources": it fills the disk, and other tests fail for it.
STRESSORS = """malloc mutex pthread fork vfork clone signal sigrt sigsegv
    sigsuspend sigq timer timerfd itimer sem sem-sysv futex brk rlimit exec
    spawn daemon zombie""".split()
AT_ONCE = 3
LONG_S = float(os.environ.get("STRESS_S", 0))
EACH_S = max(1, round(LONG_S * AT_ONCE / len(STRESSORS)))
# What is shared with the collector, all of it touched: a region of 64 MiB, the
# tables of at most as much; and what the shim itself has.
MORE_KIB = (64 + 64 + 4) << 10
HOSTILE = dict(under.EXACT, CPROF_CPU_HZ="1000")


class Stressor:
    def __init__(self, name, seconds, env):
        self.name = name
        self.child = subprocess.Popen(
            ["stress-ng", "--" + name, "1", "--timeout", f"{seconds}s",
             "--verify", "--temp-path", under.TMP, "--no-rand-seed"],
            stdin=subprocess.DEVNULL, env=env, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)

    def finish(self):
        self.out = self.child.stdout.read().decode(errors="replace")
        _, status, usage = os.wait4(self.child.pid, 0)
        self.status = self.child.returncode = os.waitstatus_to_exitcode(status)
        # Of the largest of its family.
        self.peak_kib = usage.ru_maxrss
        return self


def run_all(seconds, env_of):
    """By name; a few at once, since they sleep a lot."""
    done = {}
    for i in range(0, len(STRESSORS), AT_ONCE):
        started = [Stressor(name, seconds, env_of(name))
                   for name in STRESSORS[i:i + AT_ONCE]]
        done.update((s.name, s.finish()) for s in started)
    return done


def hostile(name):
    return under.environment(os.path.join(under.TMP, name), HOSTILE)


def judge(bare, got):
    n_left_out = 0
    for name in STRESSORS:
        if bare[name].status:
            print(f"left out: {name} fails bare: {bare[name].out}")
            n_left_out += 1
            continue
        if got[name].status:
            print(got[name].out)
        under.expect_equal(f"{name}: status", got[name].status, 0)
        more_kib = got[name].peak_kib - bare[name].peak_kib
        under.expect(f"{name}: {more_kib} KiB more than the "
                     f"{bare[name].peak_kib} it has bare", more_kib < MORE_KIB)
    under.expect(f"{n_left_out} left out", n_left_out < len(STRESSORS) / 4)


# As long as under the shim: malloc and clone touch more of what they have for
# minutes.
bare = run_all(EACH_S, lambda name: os.environ)
collector = under.start_collector()
judge(bare, run_all(EACH_S, hostile))
under.expect("the collector lives", collector.poll() is None)
collector.terminate()
under.expect_equal("the collector's status", collector.wait(60), 0)

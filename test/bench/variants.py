# SPDX-License-Identifier: Apache-2.0
"""The ways a workload is run: bare, under cprof, and under each peer that does
a job of ours. A variant is settings for the environment and words in front of
the command; {dir} in either is the run's own folder."""
import collections
import glob

# jobs: what it profiles; it is run for workloads that have to do with one of
# them. is_slow: left out of a quick run.
Variant = collections.namedtuple("Variant", "name jobs is_slow settings prefix")
ANY = "heap churn depth lock cpu thread start"
LIBRARIES = "/usr/lib/x86_64-linux-gnu/"
ZERO = {"CPROF_HEAP_RATE": "0", "CPROF_CPU_HZ": "0", "CPROF_BLOCK_RATE": "0",
        "CPROF_MUTEX_FRACTION": "0"}
EXACT = {"CPROF_HEAP_RATE": "1", "CPROF_BLOCK_RATE": "1ns",
         "CPROF_MUTEX_FRACTION": "1"}


def library(name):
    found = sorted(glob.glob(LIBRARIES + name))
    return found[0] if found else None


def ours(bench):
    shim = {"LD_PRELOAD": bench.shim}
    return [
        Variant("bare", ANY, False, {}, []),
        Variant("empty", ANY, False, {"LD_PRELOAD": bench.empty}, []),
        Variant("off", ANY, False, dict(shim, CPROF="off"), []),
        Variant("idle", ANY, False, dict(shim, **ZERO), []),
        Variant("cprof", ANY, False, shim, []),
        Variant("no-timers", "thread", False, dict(shim, CPROF_CPU_HZ="0"), []),
        Variant("exact", "heap depth lock", False, dict(shim, **EXACT), []),
    ]


def preloaded(name, jobs, is_slow, file, **settings):
    path = library(file)
    return path and Variant(name, jobs, is_slow,
                            dict(settings, LD_PRELOAD=path), [])


def peers():
    """Those whose packages are there. jemalloc and tcmalloc are other
    allocators, so each is shown without its profiler as well."""
    listed = [
        preloaded("jemalloc", "heap", True, "libjemalloc.so.2"),
        preloaded("jemalloc-prof", "heap depth", False, "libjemalloc.so.2",
                  MALLOC_CONF="prof:true,lg_prof_sample:19,prof_final:true,"
                              "prof_prefix:{dir}/jeprof"),
        preloaded("tcmalloc", "heap", True, "libtcmalloc.so.4"),
        preloaded("tcmalloc-sample", "heap depth", False, "libtcmalloc.so.4",
                  TCMALLOC_SAMPLE_PARAMETER="524288"),
        preloaded("heapprofile", "heap", True, "libtcmalloc.so.4",
                  HEAPPROFILE="{dir}/heap"),
        Variant("heaptrack", "heap", True, {},
                ["heaptrack", "-o", "{dir}/heaptrack"]),
        # What it does in the process; nobody reads what it writes.
        Variant("heaptrack-raw", "churn", True, {},
                ["heaptrack", "--raw", "-o", "{dir}/heaptrack"]),
        preloaded("libprofiler", "cpu thread start", False,
                  "libprofiler.so.0", CPUPROFILE="{dir}/cpu.prof",
                  CPUPROFILE_FREQUENCY="100"),
        Variant("perf", "cpu lock thread", False, {},
                ["perf", "record", "-q", "-F", "99", "-g", "-o",
                 "{dir}/perf.data", "--"]),
        Variant("perf-dwarf", "depth cpu", True, {},
                ["perf", "record", "-q", "-F", "99", "--call-graph", "dwarf",
                 "-o", "{dir}/perf.data", "--"]),
    ]
    return [v for v in listed if v]


def settings_in(variant, folder):
    return {k: v.replace("{dir}", folder) for k, v in variant.settings.items()}


def prefix_in(variant, folder):
    return [word.replace("{dir}", folder) for word in variant.prefix]

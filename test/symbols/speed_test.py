#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 180 any
"""How long 100,000 addresses of a program with 500 MB of debug information take,
the first time and again, in CPU time, and how much memory.

speed_test.py [COPIES]: the program is COPIES (default 4) copies of large.cc,
3.6 MB each; from 100 on the bounds hold that users were promised.
"""
import os
import subprocess
import sys

HERE = os.path.abspath(os.path.dirname(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))
sys.path.insert(0, HERE)
import addresses  # noqa: E402
import under  # noqa: E402

COUNT = 100000
COLD_S, WARM_S, MEMORY_KIB = 10, 0.5, 1500 << 10


def run(*command):
    subprocess.run(command, check=True, cwd=under.TMP)


def build(n_copies):
    """One object with everything local but its entry, under many names."""
    run("g++", "-std=c++17", "-O2", "-g", "-fno-gnu-unique", "-c",
        os.path.join(HERE, "large.cc"), "-o", "unit.o")
    run("ld", "-r", "--force-group-allocation", "-o", "one.o", "unit.o")
    names = [f"entry_{i}" for i in range(n_copies)]
    for name in names:
        run("objcopy", "--keep-global-symbol=entry",
            f"--keep-global-symbol={name}", "--redefine-sym", f"entry={name}",
            "one.o", f"{name}.o")
    with open(os.path.join(under.TMP, "main.c"), "w", encoding="ascii") as f:
        f.writelines(f"int {name}(const char *);\n" for name in names)
        f.write("int main(int argc, char **argv)\n{\n\treturn argc")
        f.writelines(f" + {name}(argv[0])" for name in names)
        f.write(";\n}\n")
    run("gcc", "-g", "-O2", "-c", "main.c")
    run("g++", "-o", "large", "main.o", *(f"{n}.o" for n in names))
    return os.path.join(under.TMP, "large")


copies = int(sys.argv[1]) if len(sys.argv) > 1 else 4
program = build(copies)
print(f"{os.path.getsize(program) >> 20} MiB")
chosen = sorted(set(addresses.pick(program, COUNT + COUNT // 2, 1)))[:COUNT]
out = subprocess.run([addresses.ASK, program, "twice"], check=True, text=True,
                     stdout=subprocess.PIPE,
                     input="".join(f"{a:#x}\n" for a in chosen)).stdout
print(out)
got = {k: float(v) for k, v in map(str.split, out.splitlines())}
under.expect_equal("the same again", got["warm_lines"], got["cold_lines"])
under.expect(f"{got['cold_lines'] / len(chosen):.1f} lines an address",
             got["cold_lines"] > 1.5 * len(chosen))
under.expect("again is faster by far", got["warm_s"] < got["cold_s"] / 4)
if copies >= 100:
    under.expect(f"cold in {COLD_S} s", got["cold_s"] < COLD_S)
    under.expect(f"warm in {WARM_S} s", got["warm_s"] < WARM_S)
    under.expect(f"in {MEMORY_KIB} KiB", got["warm_kib"] < MEMORY_KIB)

# SPDX-License-Identifier: Apache-2.0
"""Compares the symboliser's answers with those of binutils' and elfutils'
addr2line, for random addresses of an ELF file's code."""
import collections
import os
import random
import re
import subprocess

import under

ASK = os.path.join(under.BUILD, "test/symbols/ask")
Frame = collections.namedtuple("Frame", "function file line")


def _code_sections(path):
    out = subprocess.run(["readelf", "-SW", path], check=True,
                         capture_output=True, text=True).stdout
    for line in out.splitlines():
        m = re.match(r" +\[ *\d+\] (\S+) +PROGBITS +(\w+) \w+ (\w+) \w+ +AX",
                     line)
        if m and not m[1].startswith(".plt"):
            yield int(m[2], 16), int(m[3], 16)


def pick(path, count, seed):
    """COUNT random addresses in the code of the file at PATH."""
    chance = random.Random(seed)
    sections = list(_code_sections(path))
    sizes = [n for _, n in sections]
    return [start + chance.randrange(n) for start, n in
            chance.choices(sections, sizes, k=count)]


def _read(out):
    """The frames of each address, as addr2line -af prints them."""
    answers, frames, function = [], None, None
    for line in out.splitlines():
        if re.fullmatch(r"0x[0-9a-f]{16}", line):
            frames = []
            answers.append(frames)
        elif function is None:
            # elfutils says "NAME inlined at FILE:LINE in NAME".
            function = line.split(" inlined at ")[0]
        else:
            m = re.match(r"(.*?):(\d+|\?)(?::\d+)?(?: \(.*\))?$", line)
            number = 0 if m[2] == "?" else int(m[2])
            frames.append(Frame(function, m[1], number))
            function = None
    return answers


def ask(command, addresses):
    text = "".join(f"{a:#x}\n" for a in addresses)
    # eu-addr2line exits 1 where it knows nothing of an address.
    out = subprocess.run(command, input=text, check=False, capture_output=True,
                         text=True, errors="replace").stdout
    answers = _read(out)
    under.expect_equal(f"answers of {command[0].split('/')[-1]}",
                       len(answers), len(addresses))
    return answers

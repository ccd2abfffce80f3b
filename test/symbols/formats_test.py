#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""Names come from every form of debug information there is: DWARF 4 and 5,
compressed, split, packed, in separate files, shared by dwz, in MiniDebugInfo;
without any from symbol tables and from CFI, and never from a neighbour."""
import os
import re
import subprocess
import sys

HERE = os.path.abspath(os.path.dirname(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))
sys.path.insert(0, HERE)
import addresses  # noqa: E402
import under  # noqa: E402

SOURCE = os.path.join(HERE, "chain.c")
with open(SOURCE, encoding="ascii") as source:
    TEXT = source.read().splitlines()


def line_of(text):
    return next(i for i, line in enumerate(TEXT, 1) if text in line)


CHAIN = [addresses.Frame("inner", SOURCE, line_of("chain_here: nop")),
         addresses.Frame("middle", SOURCE, line_of("inner(x + 1)")),
         addresses.Frame("outer", SOURCE, line_of("middle(x) - 1"))]
PIE = ["-DWITH_MAIN"]
SHARED = ["-shared", "-fPIC"]


def run(*command, cwd=None):
    return subprocess.run(command, check=True, cwd=cwd, text=True, timeout=30,
                          stdout=subprocess.PIPE).stdout


class Folder:
    """A program in a folder of its own."""

    def __init__(self, name):
        self.path = os.path.join(under.TMP, name)
        os.makedirs(self.path)
        self.file = os.path.join(self.path, "chain")

    def build(self, *flags, compiler="gcc"):
        run(compiler, "-O2", "-Wl,--build-id", *flags, "-o", self.file, SOURCE,
            cwd=self.path)
        self.here = self.address("chain_here")
        return self

    def address(self, symbol):
        for line in run("nm", self.file).splitlines():
            if line.split()[-1] == symbol:
                return int(line.split()[0], 16)
        under.fail(f"no symbol {symbol} in {self.file}")

    def objcopy(self, *args):
        run("objcopy", *args, cwd=self.path)

    def names(self, *at):
        return addresses.ask([addresses.ASK, self.file], at or [self.here])

    def expect_chain(self, what):
        got = [f._replace(file=os.path.normpath(f.file))
               for f in self.names()[0]]
        under.expect_equal(what, got, CHAIN)

    def expect_symbol(self, what):
        got = self.names()[0]
        under.expect_equal(what, got, [addresses.Frame("outer", "??", 0)])

    def split_debug(self, debug, *options):
        """Leaves the file without symbols, DEBUG with all of them."""
        self.objcopy("--only-keep-debug", "chain", debug)
        self.objcopy("--strip-all", *options, "chain")


def kinds_of_file():
    Folder("pie").build("-g", *PIE).expect_chain("PIE")
    Folder("no_pie").build("-g", *PIE, "-no-pie").expect_chain("no PIE")
    Folder("shared").build("-g", *SHARED).expect_chain("library")
    Folder("prelinked").build(
        "-g", *SHARED, "-Wl,-Ttext-segment=0x31000000").expect_chain(
            "library linked at an address of its own")


def forms_of_dwarf():
    for version in "45":
        dwarf = f"-gdwarf-{version}"
        Folder(f"dwarf{version}").build(dwarf, *PIE).expect_chain(
            f"DWARF {version}")
        Folder(f"zlib{version}").build(dwarf, "-gz=zlib", *PIE).expect_chain(
            f"DWARF {version}, compressed by zlib")
        for compiler in "gcc", "clang-14":
            f = Folder(f"dwo{version}{compiler}").build(
                dwarf, "-gsplit-dwarf", *PIE, compiler=compiler)
            f.expect_chain(f"DWARF {version}, .dwo, {compiler}")
            if (compiler, version) == ("gcc", "5"):
                continue  # binutils 2.40 leaves such units out, llvm-dwp-14
                # never ends with them
            pack(f)
            f.expect_chain(f"DWARF {version}, .dwp, {compiler}")
            os.unlink(f.file + ".dwp")
            under.expect_equal("with neither", f.names()[0][0].function,
                               "outer")


def compressed_by_zstd():
    """By libelf, where it was built with it: Debian 12's was not. Then names
    are those of the symbol table, as without debug information."""
    f = Folder("zstd").build("-g3", *PIE)
    f.objcopy("--compress-debug-sections=zstd", "chain")
    sections = run("readelf", "-tW", f.file).partition(" .debug_info")[2]
    under.expect("debug information is compressed by zstd",
                 "ZSTD" in sections.partition("] .")[0])
    libelf = re.search(r"libelf\.so\S* => (\S+)", run("ldd", addresses.ASK))
    if "libzstd" in run("ldd", libelf.group(1)):
        f.expect_chain("compressed by zstd")
    else:
        f.expect_symbol("compressed by zstd, which libelf does not read")


def pack(f):
    dwos = [n for n in os.listdir(f.path) if n.endswith(".dwo")]
    under.expect_equal("a .dwo file", len(dwos), 1)
    run("llvm-dwp-14", "-o", "chain.dwp", dwos[0], cwd=f.path)
    os.unlink(os.path.join(f.path, dwos[0]))


def separate_files():
    f = Folder("debuglink").build("-g", *PIE, "-Wl,--build-id=none")
    f.split_debug("chain.debug", "--add-gnu-debuglink=chain.debug")
    f.expect_chain("debug link, beside the file")
    os.mkdir(os.path.join(f.path, ".debug"))
    os.rename(os.path.join(f.path, "chain.debug"),
              os.path.join(f.path, ".debug/chain.debug"))
    f.expect_chain("debug link, in .debug")
    with open(os.path.join(f.path, ".debug/chain.debug"), "ab") as debug:
        debug.write(b"another file")
    under.expect("a debug link with another checksum is not followed",
                 "inner" not in str(f.names()))
    libc = "/usr/lib/x86_64-linux-gnu/libc.so.6"
    at = next(int(line.split()[0], 16) for line in run(
        "nm", "-D", libc).splitlines() if " qsort@" in line)
    [frames] = addresses.ask([addresses.ASK, libc], [at + 1])
    under.expect(f"by build-id in /usr/lib/debug: {frames[-1]}",
                 frames[-1].line > 0)


def shared_by_dwz():
    f, g = Folder("dwz"), Folder("dwz2")
    for folder in f, g:
        folder.build("-g", "-gdwarf-4", *PIE)
        folder.split_debug(f"{folder.path}.debug",
                           f"--add-gnu-debuglink={folder.path}.debug")
    for folder in f, g:
        os.rename(f"{folder.path}.debug",
                  os.path.join(folder.path, os.path.basename(folder.path)
                               + ".debug"))
    run("dwz", "-m", os.path.join(under.TMP, "common.debug"), "-M",
        os.path.join(under.TMP, "common.debug"),
        os.path.join(f.path, "dwz.debug"), os.path.join(g.path, "dwz2.debug"))
    under.expect("dwz has made a common file",
                 os.path.exists(os.path.join(under.TMP, "common.debug")))
    # dwz changes the file: its link's checksum is that of before.
    f.objcopy("--remove-section=.gnu_debuglink",
              "--add-gnu-debuglink=dwz.debug", "chain")
    f.expect_chain("shared by dwz")


def without_dwarf():
    Folder("symtab").build(*PIE).expect_symbol(".symtab")
    f = Folder("dynsym").build(*SHARED)
    f.objcopy("--strip-all", "chain")
    f.expect_symbol(".dynsym")

    f = Folder("mini").build(*PIE)
    f.objcopy("--only-keep-debug", "chain", "mini")
    f.objcopy("--strip-all", "--remove-section=.comment", "mini")
    f.objcopy("--only-keep-debug", "chain", "mini")
    run("xz", "mini", cwd=f.path)
    f.objcopy("--strip-all", "chain")
    under.expect("nothing without it", "outer" not in str(f.names()))
    f.objcopy("--add-section", ".gnu_debugdata=mini.xz", "chain")
    f.expect_symbol("MiniDebugInfo")


def neighbours():
    f = Folder("labels")
    run("gcc", "-nostdlib", "-shared", "-Wl,--build-id", "-o", f.file,
        os.path.join(HERE, "labels.S"))
    at = {name: f.address(name)
          for name in ("sized", "unsized", "static_one", "main")}
    f.objcopy("--strip-all", "chain")
    for what, address, name in (
            ("in a symbol", at["sized"] + 1, "sized"),
            ("beyond a symbol's size", at["sized"] + 3, "??"),
            ("after a label without a size", at["unsized"] + 2, "unsized"),
            ("in a stripped function after it", at["static_one"], "??"),
            ("in a symbol after that", at["main"] + 1, "main")):
        under.expect_equal(what, f.names(address)[0][0].function, name)


kinds_of_file()
forms_of_dwarf()
compressed_by_zstd()
separate_files()
shared_by_dwz()
without_dwarf()
neighbours()

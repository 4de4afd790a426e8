"""The build of the libraries in native/ with the system's C++ compiler.

Without a compiler kissipo is installed without them: it computes with torch, reads
tables with numpy, and says so.
"""

from __future__ import annotations

import os
import platform
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError

CELLS = "native/cells.cpp"
CHOICE = "native/choose.cpp"
SOURCES = ("recurrent", "recurrent_net", "dense", "adam", "rmsprop", "word_vectors", "table")
KERNELS = [f"native/{name}.cpp" for name in SOURCES]
COMMON = [
    "-std=c++17",
    "-O3",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=fast",
    "-fvisibility=hidden",
    "-g0",
]
AVX512 = [
    "-mavx512f",
    "-mavx512bw",
    "-mavx512dq",
    "-mavx512vl",
    "-mfma",
    "-mprefer-vector-width=512",
]
SETS = {
    "plain": (4, []),
    "avx2": (8, ["-mavx2", "-mfma"]),
    "avx512": (16, AVX512),
    "avx512_bf16": (16, [*AVX512, "-mavx512bf16"]),
    "amx": (16, [*AVX512, "-mavx512bf16", "-mamx-tile", "-mamx-bf16"]),
}
AMX_PROBE = """#include <immintrin.h>
void probe(void* tile) { _tile_loadd(0, tile, 64); _tile_dpbf16ps(1, 2, 3); }
"""


class BuildKernels(build_ext):
    """The build of libraries of plain C functions for every version of Python.

    Each kernel is compiled once for each instruction set, the reader of cells once.
    """

    def build_extension(self, ext: Extension) -> None:
        common = [source for source in ext.sources if source not in KERNELS]
        kernels = [source for source in ext.sources if source in KERNELS]
        names = self.instruction_sets() if kernels else []
        objects = self.compiler.compile(
            common,
            output_dir=self.build_temp,
            macros=[("KISSIPO_AMX", "1")] if "amx" in names else [],
            extra_postargs=COMMON,
        )
        with ThreadPoolExecutor(os.cpu_count()) as workers:
            sources = zip(*product(names, kernels), strict=True) if kernels else ()
            for compiled in workers.map(self.compile_one, *sources):
                objects += compiled
        path = self.get_ext_fullpath(ext.name)
        self.compiler.link_shared_object(objects, path, target_lang="c++")

    def instruction_sets(self) -> list[str]:
        """The sets of this processor's architecture that the compiler knows.

        One that the machine has is chosen when the library is loaded.
        """
        if platform.machine().lower() not in ("x86_64", "amd64"):
            return ["plain"]
        return [name for name in SETS if name != "amx" or self.compiles_amx()]

    def compiles_amx(self) -> bool:
        """Whether the compiler and its assembler know the tiles of AMX."""
        folder = Path(self.build_temp)
        folder.mkdir(parents=True, exist_ok=True)
        source = folder / "amx_probe.cpp"
        source.write_text(AMX_PROBE, encoding="utf-8")
        try:
            self.compiler.compile(
                [str(source)], output_dir=self.build_temp, extra_postargs=COMMON + SETS["amx"][1]
            )
        except CompileError:
            self.announce("this compiler does not know AMX: its kernels are left out", level=2)
            return False
        return True

    def compile_one(self, name: str, source: str) -> list[str]:
        """Compile one source for one instruction set."""
        lanes, flags = SETS[name]
        reported = "neon" if platform.machine().lower() in ("aarch64", "arm64") else name
        return self.compiler.compile(
            [source],
            output_dir=f"{self.build_temp}/{name}",
            macros=[
                ("KISSIPO_ISA", name),
                ("KISSIPO_LANES", str(lanes)),
                ("KISSIPO_NAME", f'"{reported}"'),
            ],
            extra_postargs=COMMON + flags,
        )

    def get_ext_filename(self, fullname: str) -> str:
        return fullname.replace(".", "/") + (".dll" if sys.platform == "win32" else ".so")

    def get_export_symbols(self, ext: Extension) -> list[str]:
        exported = ["kissipo_kernels", "kissipo_built_kernels"]
        return [] if CELLS in ext.sources else exported


try:
    from setuptools.command.bdist_wheel import bdist_wheel
except ImportError:
    commands: dict[str, type] = {"build_ext": BuildKernels}
else:

    class WheelForEveryPython(bdist_wheel):
        """A wheel for all versions of Python, as the library does not use Python."""

        def get_tag(self) -> tuple[str, str, str]:
            return "py3", "none", super().get_tag()[2]

    commands = {"build_ext": BuildKernels, "bdist_wheel": WheelForEveryPython}

setup(
    ext_modules=[
        Extension("kissipo.process.kernels._kernels", [CHOICE, *KERNELS], optional=True),
        Extension("kissipo.input.cells._cells", [CELLS], optional=True),
    ],
    cmdclass=commands,
)

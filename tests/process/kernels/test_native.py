"""The kernels without Python: under sanitizers, and for NEON with qemu."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kissipo.process.kernels.native import available_sets

NATIVE = Path(__file__).parents[3] / "native"
SOURCES = ("recurrent", "recurrent_net", "dense", "adam", "rmsprop", "word_vectors", "table")
FLAGS = ["-std=c++17", "-pthread", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast"]
AVX512 = ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma"]
INSTRUCTIONS = {
    "plain": [],
    "avx2": ["-mavx2", "-mfma"],
    "avx512": AVX512,
    "avx512_bf16": [*AVX512, "-mavx512bf16"],
}
EMULATED_AVX512 = [f"-I{NATIVE / 'emulated_avx512'}", "-D__AVX512F__", "-Wno-psabi"]
EMULATED = {"avx512": EMULATED_AVX512, "avx512_bf16": [*EMULATED_AVX512, "-D__AVX512BF16__"]}
EMULATED_TILES = "-DKISSIPO_EMULATED_TILES"
SETS = {  # floats of a vector, the instructions, and the numbers that are checked
    "avx512": (16, "avx512", 1_808_694),
    "avx512_bf16": (16, "avx512_bf16", 1_808_694),
    "amx_emulated": (16, "avx512_bf16", 1_841_014),
    "avx2": (8, "avx2", 1_792_534),
    "plain": (4, "plain", 1_784_454),
}
SANITIZERS = {
    # checks of addresses that are calls compile faster than inline ones
    "memory": [
        "-fsanitize=address,undefined",
        "-fno-sanitize-recover=all",
        "--param=asan-instrumentation-with-call-threshold=0",
    ],
    "threads": ["-fsanitize=thread"],
}


def instructions_of(name: str) -> list[str]:
    """Returns the compiler's options for the instructions of a set.

    A processor without AVX-512 gets the options for its emulation.
    """
    needed = SETS[name][1]
    if platform.machine() != "x86_64" and needed != "plain":
        pytest.skip("this processor is not of x86-64")
    if needed in available_sets():
        return INSTRUCTIONS[needed]
    if needed not in EMULATED:
        pytest.skip(f"this processor has no {needed}")
    return EMULATED[needed]


def built(compiler: str, name: str, flags: list[str], *, label: str = "") -> Path:
    """Builds `check.cpp` with the kernels for an instruction set.

    `choose.cpp` refers to all sets. Those that are not built get an empty name, so it
    never finds them.
    """
    if shutil.which(compiler) is None:
        pytest.skip(f"there is no {compiler} here")
    command = [compiler, *FLAGS, *flags]
    if name == "amx_emulated":
        command.append(EMULATED_TILES)
    macros = [f"-DKISSIPO_ISA={name}", f"-DKISSIPO_LANES={SETS[name][0]}"]
    macros.append(f'-DKISSIPO_NAME="{label or name}"')
    objects = []
    for source in SOURCES:
        objects.append(f"{source}.o")
        one = ["-c", str(NATIVE / f"{source}.cpp"), "-o", objects[-1]]
        subprocess.run([*command, *macros, *one], check=True)
    others = [
        f'namespace {other} {{ extern const Kernels kernels; const Kernels kernels{{""}}; }}\n'
        for other in SETS
        if other != name
    ]
    Path("others.cpp").write_text('#include "kernels.h"\n' + "".join(others), encoding="utf-8")
    sources = ["others.cpp", str(NATIVE / "choose.cpp"), str(NATIVE / "check.cpp")]
    subprocess.run([*command, f"-I{NATIVE}", *sources, *objects, "-o", "check"], check=True)
    return Path("check").resolve()


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("sanitizer", SANITIZERS)
def test_sanitizers_report_nothing_and_all_numbers_are_correct(sanitizer: str, name: str) -> None:
    flags = ["-O1", "-g1", *SANITIZERS[sanitizer], *instructions_of(name)]
    program = built("g++", name, flags)
    done = subprocess.run([program], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == f"{name}: {SETS[name][2]} numbers checked, 0 missed\n"


@pytest.mark.slow
def test_neon_gives_the_same_numbers() -> None:
    if shutil.which("qemu-aarch64") is None:
        pytest.skip("there is no qemu-aarch64 here")
    program = built("aarch64-linux-gnu-g++", "plain", ["-O3", "-static"], label="neon")
    done = subprocess.run(["qemu-aarch64", program], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "neon: 1784454 numbers checked, 0 missed\n"
    code = subprocess.run(
        ["aarch64-linux-gnu-objdump", "-d", program], capture_output=True, text=True, check=True
    ).stdout
    assert len(re.findall(r"fmla\s+v\d+\.4s", code)) > 1000

"""The kernels without Python: under sanitizers, and for NEON with qemu."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

NATIVE = Path(__file__).parents[3] / "native"
SOURCES = ("recurrent", "recurrent_net", "dense", "adam", "rmsprop", "word_vectors", "table")
FLAGS = ["-std=c++17", "-pthread", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast"]
AVX512 = ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma"]
EMULATED = "-DKISSIPO_EMULATED_TILES"
SETS = {
    "avx512": (16, AVX512),
    "avx512_bf16": (16, [*AVX512, "-mavx512bf16"]),
    "amx_emulated": (16, [*AVX512, "-mavx512bf16", EMULATED]),
    "avx2": (8, ["-mavx2", "-mfma"]),
    "plain": (4, []),
}


def built(compiler: str, names: list[str], flags: list[str], *, label: str = "") -> Path:
    """Builds `check.cpp` with the kernels for these instruction sets."""
    if shutil.which(compiler) is None:
        pytest.skip(f"there is no {compiler} here")
    objects = []
    for name in names:
        lanes, instructions = SETS[name]
        macros = [
            f"-DKISSIPO_ISA={name}",
            f"-DKISSIPO_LANES={lanes}",
            f'-DKISSIPO_NAME="{label or name}"',
        ]
        for source in SOURCES:
            objects.append(f"{source}_{name}.o")
            one = ["-c", str(NATIVE / f"{source}.cpp"), "-o", objects[-1]]
            subprocess.run([compiler, *FLAGS, *flags, *instructions, *macros, *one], check=True)
    sources = [str(NATIVE / "choose.cpp"), str(NATIVE / "check.cpp")]
    with_tiles = [EMULATED] if "amx_emulated" in names else []
    link = [compiler, *FLAGS, *flags, *with_tiles, *sources, *objects, "-o", "check"]
    subprocess.run(link, check=True)
    return Path("check").resolve()


@pytest.mark.slow
@pytest.mark.parametrize(
    "sanitizer", [["-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
                  ["-fsanitize=thread"]], ids=["memory", "threads"]
)  # fmt: skip
def test_sanitizers_report_nothing_and_all_numbers_are_correct(sanitizer: list[str]) -> None:
    program = built("g++", list(SETS), ["-O1", "-g", *sanitizer])
    done = subprocess.run([program], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "plain: 1784454 numbers checked, 0 missed" in done.stdout


@pytest.mark.slow
def test_neon_gives_the_same_numbers() -> None:
    if shutil.which("qemu-aarch64") is None:
        pytest.skip("there is no qemu-aarch64 here")
    program = built("aarch64-linux-gnu-g++", ["plain"], ["-O3", "-static"], label="neon")
    done = subprocess.run(["qemu-aarch64", program], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "neon: 1784454 numbers checked, 0 missed\n"
    code = subprocess.run(
        ["aarch64-linux-gnu-objdump", "-d", program], capture_output=True, text=True, check=True
    ).stdout
    assert len(re.findall(r"fmla\s+v\d+\.4s", code)) > 1000

"""The wheel fits every Python, and its kernels work without a compiler."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
USE = """
import shutil, torch, kissipo
from kissipo.process.layers import LSTM
assert not any(shutil.which(name) for name in ("cc", "gcc", "g++", "c++", "clang"))
torch.manual_seed(0)
fast, slow, x = LSTM(5, 7, kernel="fused"), torch.nn.LSTM(5, 7), torch.randn(4, 3, 5)
slow.load_state_dict(fast.state_dict())
assert torch.allclose(fast(x)[0], slow(x)[0], atol=1e-6)
from kissipo.inspect.tracing.trace_module import trace
from kissipo.runs.xray.page import page_of
page = page_of(trace(torch.nn.Linear(5, 2), x[0, :1]))
assert '"kind":"Linear"' in page and "module_main.main();" in page and ".uplot" in page
print(kissipo.__file__, fast.used)
"""


@pytest.mark.slow
def test_wheel_computes_without_a_compiler(tmp_path: Path) -> None:
    if shutil.which("g++") is None:
        pytest.skip("there is no g++ here to build it with")
    source = tmp_path / "source"
    ignored = shutil.ignore_patterns(
        ".git", ".venv", "*.so", "build", "runs", "*.egg-info", "__pycache__"
    )
    shutil.copytree(PROJECT, source, ignore=ignored)
    pip = [sys.executable, "-m", "pip", "--quiet"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--wheel-dir", str(tmp_path), str(source)], check=True
    )
    (wheel,) = tmp_path.glob("kissipo-*.whl")
    assert wheel.name.split("-")[2:4] == ["py3", "none"] and wheel.stat().st_size < 3_500_000
    subprocess.run(
        [*pip, "install", "--no-deps", "--target", str(tmp_path / "there"), str(wheel)], check=True
    )
    nowhere = {"PATH": "/nowhere", "PYTHONPATH": str(tmp_path / "there"), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", USE], capture_output=True, text=True, env=nowhere, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path / "there")) and "fused: " in done.stdout

"""A command imports what it was asked for, and nothing that belongs to other tasks."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

_LISTED = """
import sys
sys.argv[0] = "kissipo"
from kissipo.cli.main import main
code = main()
print("MODULES", *sys.modules)
sys.exit(code)
"""
_HEAVY = (
    "torch._dynamo",
    "torch._inductor",
    "torch.onnx",
    "sympy",
    "scipy",
    "sklearn",
    "pandas",
    "polars",
    "pyarrow",
    "matplotlib",
    "statsmodels",
    "gymnasium",
    "tensorboard",
    "IPython",
    "optuna",
)
_PARTS = {  # of `digits`: an image -> its category, by a feed-forward net
    "kissipo.input.sources": {"images"},
    "kissipo.input.datasets": {"digits"},
    "kissipo.input.environments": set[str](),
    "kissipo.process.nets": {"ffn"},
    "kissipo.process.algorithms": {"supervised"},
    "kissipo.output.answers": {"category"},
    "kissipo.recipes": {"digits"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("imports")


@pytest.fixture(scope="module")
def after_fit(folder: Path) -> set[str]:
    return modules(folder, "fit", "digits", "epochs=1", "--out", "run")


@pytest.fixture(scope="module")
def after_predict(folder: Path, after_fit: set[str]) -> set[str]:
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / "image.png")
    return modules(folder, "predict", "run", "image.png")


@pytest.fixture(scope="module")
def after_show(folder: Path) -> set[str]:
    return modules(folder, "show", "digits")


def modules(folder: Path, *arguments: str) -> set[str]:
    """Returns the names of all modules after a command."""
    done = subprocess.run(
        [sys.executable, "-c", _LISTED, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].removeprefix("MODULES ").split())


def unasked(names: set[str]) -> list[str]:
    """Returns the imported parts that do not belong to `digits`."""
    places = [name.rpartition(".")[::2] for name in names]
    return sorted(
        f"{package}.{file}"
        for package, file in places
        if package in _PARTS and not file.startswith("_") and file not in _PARTS[package]
    )


def own(names: set[str]) -> int:
    """Returns the number of kissipo's modules."""
    return Counter(name.partition(".")[0] for name in names)["kissipo"]


def test_a_part_that_is_not_asked_for_is_found() -> None:
    names = {"kissipo.process.nets.ffn", "kissipo.process.nets.lstm", "kissipo.process.nets._x"}
    assert unasked(names) == ["kissipo.process.nets.lstm"]


def test_fit_imports_sklearn_for_its_baselines_only(after_fit: set[str]) -> None:
    assert unasked(after_fit) == []
    others = {"torch._dynamo", "matplotlib", "polars", "statsmodels", "gymnasium", "optuna"}
    assert not others & after_fit
    assert own(after_fit) < 390


def test_predict_imports_no_trace_and_no_page(after_predict: set[str]) -> None:
    assert unasked(after_predict) == []
    assert not set(_HEAVY) & after_predict
    assert not {"kissipo.inspect", "kissipo.report", "kissipo.runs.fit"} & after_predict
    assert own(after_predict) < 300


def test_show_reads_the_data_without_sklearn(after_show: set[str]) -> None:
    assert unasked(after_show) == []
    assert not set(_HEAVY) & after_show
    assert own(after_show) < 380


def test_help_imports_only_the_standard_library_and_a_few_files(folder: Path) -> None:
    names = modules(folder, "--help")
    assert not {"torch", "numpy", "rich", "importlib.metadata", *_HEAVY} & names
    assert own(names) < 12


_MANY_OBJECTS = """
import gc
from kissipo.cli import main
usual = gc.get_threshold()
def command(arguments):
    print(gc.get_threshold() > usual)
    made = [[] for _ in range(2 * main._OBJECTS_OF_MODULES)]
    print(gc.get_threshold() == usual, gc.get_freeze_count() > len(made) / 3)
    return 0
main._result = command
main.main()
"""


def test_garbage_is_searched_as_usual_after_the_start() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _MANY_OBJECTS], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "True", "True"]

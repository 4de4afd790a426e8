"""A plug-in in a package of its own: each part is one file, and all works with it.

The package `foreign/` is built and installed into a folder, and the commands run as a
person runs them. It has a source, a codec, a net, an algorithm, a loss, an answer and a
metric.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kissipo

Kissipo = Callable[..., subprocess.CompletedProcess[str]]
Printed = tuple[str, str]
RunAll = Callable[..., list[Printed]]
PACKAGE = Path(__file__).parent / "foreign"
COMMANDS = """
import contextlib, io, json, sys
from kissipo.cli.main import main
printed = []
for arguments in json.load(sys.stdin):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(arguments)
    printed.append((code, out.getvalue(), err.getvalue()))
json.dump(printed, sys.stdout)
"""
FILES = ("model.safetensors", "metrics.json", "history.csv")
SHORT = ["epochs=30", "output.metrics=[worst_rank]"]


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the package is installed, as pip does it for a person."""
    source = shutil.copytree(PACKAGE, tmp_path_factory.mktemp("source") / "foreign")
    target = tmp_path_factory.mktemp("site")
    install = ["pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run(
        [sys.executable, "-m", *install, "--target", str(target), str(source)], check=True
    )
    return target


@pytest.fixture
def environment(installed: Path) -> dict[str, str]:
    house = str(Path(kissipo.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": os.pathsep.join([house, str(installed)])}


@pytest.fixture
def run(environment: dict[str, str]) -> Kissipo:
    """Runs a command in the folder of the test, with the package installed."""

    def command(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "kissipo", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr + done.stdout
        return done

    return command


@pytest.fixture
def run_all(environment: dict[str, str]) -> RunAll:
    """Runs several commands in one process, with the package installed.

    It returns the standard output and the standard error of every command.
    """

    def commands(*lines: list[str], code: int = 0) -> list[Printed]:
        done = subprocess.run(
            [sys.executable, "-c", COMMANDS],
            env=environment,
            input=json.dumps(lines),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        results = json.loads(done.stdout)
        for exit_code, out, err in results:
            assert exit_code == code, err + out
        return [(out, err) for _, out, err in results]

    return commands


def write_rings(path: str, count: int = 240) -> None:
    """Points in three rings around the origin."""
    generator = np.random.default_rng(4)
    ring = generator.integers(0, 3, size=count)
    radius = 0.4 + 0.5 * ring + generator.normal(0, 0.08, size=count)
    angle = generator.uniform(0, 2 * np.pi, size=count)
    names = np.array(["inner", "middle", "outer"])[ring]
    lines = [
        f"{r * np.cos(a):.4f} {r * np.sin(a):.4f} {name}"
        for r, a, name in zip(radius, angle, names, strict=True)
    ]
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_every_part_of_a_foreign_package_works(
    run_all: RunAll, content_of: Callable[[str], Any], records_of: Callable[..., Any]
) -> None:
    write_rings("cloud.rings")
    table, fitted, inner, outer, evaluation, _, listing = run_all(
        ["show", "cloud.rings"],
        ["fit", "cloud.rings", *SHORT, "--out", "run"],
        ["predict", "run", "x=0.1", "y=0.3"],
        ["predict", "run", "x=1.0", "y=1.0"],
        ["evaluate", "run", "--json"],
        ["xray", "run", "x=0.1", "y=0.3", "--out", "page.html"],
        ["fit", "cloud.rings", *SHORT, "--out", "two", "--json"],
    )
    assert "squares" in table[0] and "radial" in table[0]
    assert "process.centers=16" in fitted[1] and "the rings are wide" in fitted[1]
    answer = json.loads(Path("run/metrics.json").read_text())["answers"][0]
    assert answer["answer"] == "ordinal"
    assert answer["metrics"]["rank_mae"] < 0.1
    assert answer["metrics"]["worst_rank"] in (0.0, 1.0)
    task = Path("run/task.yaml").read_text()
    assert "net: radial" in task and "algorithm: sign_sgd" in task
    columns = Path("run/history.csv").read_text().splitlines()[0].split(",")
    assert {"loss", "gradient", "validation_loss", "validation_rank_mae"} <= set(columns)
    report = content_of("run/report.html")
    scores = records_of(report, "table", report["sections"][0]["title"])[0]
    cells = [cell["text"] for cell in scores["rows"][0]]
    row = dict(zip(scores["titles"], cells, strict=True))
    for name in ("rank_mae", "worst_rank"):
        assert float(row[name]) == pytest.approx(answer["metrics"][name], abs=1e-3)
    curves = [chart["y_label"] for chart in records_of(report, "chart", "Training")]
    assert "rank_mae" in curves
    assert inner[0].split()[0] == "inner" and outer[0].split()[0] == "outer"
    evaluated = json.loads(evaluation[0])["answers"][0]
    assert evaluated["metrics"] == pytest.approx(answer["metrics"])
    steps = {step["name"]: step for step in content_of("page.html")["trace"]["steps"]}
    assert steps["above"]["description"] == "sigmoid" and len(steps["above"]["value"]) == 2
    assert max(steps["above"]["value"]) < 0.5  # so that no threshold is passed
    assert steps["class"]["description"] == "number of thresholds that are passed"
    assert steps["class"]["value"] == "inner"
    listed = json.loads(listing[0])
    assert listed["answers"][0]["metrics"] == pytest.approx(answer["metrics"])
    for file in FILES[:2]:
        assert Path("run", file).read_bytes() == Path("two", file).read_bytes(), file


@pytest.mark.slow
def test_a_killed_run_of_a_foreign_algorithm_ends_with_the_same_bits(
    run: Kissipo, environment: dict[str, str]
) -> None:
    write_rings("cloud.rings")
    words = ["cloud.rings", "epochs=400", "--quiet"]
    run("fit", *words, "--out", "whole")
    process = subprocess.Popen(
        [sys.executable, "-m", "kissipo", "fit", *words, "--out", "cut"],
        env={**environment, "KISSIPO_SAVE_EVERY": "0.05"},
    )
    while process.poll() is None and not list(Path().glob("cut/checkpoints/last*")):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not Path("cut/metrics.json").exists()
    run("fit", *words, "--out", "cut", "--resume")
    for file in FILES[:2]:
        assert Path("cut", file).read_bytes() == Path("whole", file).read_bytes(), file


@pytest.mark.slow
def test_a_foreign_net_loss_and_answer_leave_as_a_script(run: Kissipo) -> None:
    write_rings("cloud.rings")
    words = ["cloud.rings", "algorithm=supervised", "epochs=3", "learning_rate=0.01"]
    run("eject", *words, "--out", "script")
    done = subprocess.run(
        [sys.executable, "train.py"], cwd="script", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "epoch 3" in done.stdout
    texts = [Path("script", name).read_text() for name in ("train.py", "net.py")]
    assert not any(
        "kissipo" in line for text in texts for line in text.splitlines() if "import" in line
    )
    refused = run("eject", "cloud.rings", "--out", "other", code=2).stderr
    assert "sign_sgd" in refused


def test_errors_of_a_foreign_package_are_one_paragraph(run_all: RunAll) -> None:
    Path("cloud.rings").write_text("1 2 inner\n3 4\n")
    errors = run_all(
        ["fit", "cloud.rings"],
        ["fit", "sunspots", "output.metrics=[worst_rank]"],
        ["fit", "cloud.rings", "stepsize=0.1"],
        code=2,
    )
    messages = (
        "line 2 of cloud.rings is not `x y ring`; got 3 4.",
        "'worst_rank' does not suit the answer forecast",
        "step_size",
    )
    for (_, error), message in zip(errors, messages, strict=True):
        assert message in error


BROKEN = {
    "an import that fails": (
        "nets/broken.py",
        "import nowhere\n",
        "No module named 'nowhere'",
    ),
    "a name that is taken": ("nets/ffn.py", "", "has a net 'ffn', and so has kissipo"),
    "a package that fails": (
        "__init__.py",
        "raise RuntimeError('half installed')\n",
        "half installed",
    ),
}
IN_COPIES = """
import json, os, sys
import torch, sklearn.datasets
for site in json.load(sys.stdin):
    child = os.fork()
    if not child:
        sys.path.insert(1, site)
        sys.stderr = open(f"{site}.txt", "w")
        from kissipo.cli.main import main
        code = main(["fit", "digits", "process.net=broken"])
        sys.stderr.flush()
        os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.fixture(scope="module")
def refusals(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each broken plug-in prints; copies of one process run with one of them."""
    sites = []
    for file, text, _ in BROKEN.values():
        sites.append(tmp_path_factory.mktemp("broken") / "site")
        shutil.copytree(installed, sites[-1])
        (sites[-1] / "kissipo_rings" / file).write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", IN_COPIES],
        env={**os.environ, "PYTHONPATH": str(Path(kissipo.__file__).parents[1])},
        cwd=tmp_path_factory.mktemp("empty"),
        input=json.dumps(list(map(str, sites))),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["2"] * len(sites), done.stderr
    printed = [Path(f"{site}.txt").read_text() for site in sites]
    return dict(zip(BROKEN, printed, strict=True))


@pytest.mark.parametrize("name", BROKEN)
def test_a_plug_in_that_is_broken_or_takes_a_name_is_named(
    name: str, refusals: dict[str, str]
) -> None:
    printed = refusals[name]
    assert len(printed.strip().splitlines()) == 1
    assert "kissipo_rings" in printed and BROKEN[name][2] in printed

"""Unusable run folders and paths: one paragraph, exit code 2, nothing is lost."""

from __future__ import annotations

import json
import os
import resource
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.errors import DataError

Out = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good") / "run"
    assert main(["fit", "digits", "epochs=1", "--quiet", "--out", str(folder)]) == 0
    return folder


def cut(name: str, share: float = 0.5) -> Callable[[Path], None]:
    def change(run: Path) -> None:
        data = (run / name).read_bytes()
        (run / name).write_bytes(data[: int(len(data) * share)])

    return change


def without(name: str) -> Callable[[Path], None]:
    return lambda run: (run / name).unlink()


def of_another_version(run: Path) -> None:
    codecs = json.loads((run / "codecs.json").read_text())
    (run / "codecs.json").write_text(json.dumps({**codecs, "format": 99}))


def edited(run: Path) -> None:
    text = (run / "task.yaml").read_text()
    (run / "task.yaml").write_text(text.replace("[256]", "[64]"))


@pytest.mark.parametrize("verb", ["evaluate", "show", "predict"])
@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            of_another_version,
            ["was written by another version of kissipo; got format 99. Allowed: format 3."],
        ),
        (cut("model.safetensors"), ["model.safetensors is damaged:"]),
        (cut("model.safetensors", 0), ["model.safetensors is damaged:"]),
        (
            without("model.safetensors"),
            ["is not a complete run: model.safetensors is missing.", "--resume"],
        ),
        (cut("codecs.json"), ["codecs.json is damaged:", "line"]),
        (without("codecs.json"), ["is not a complete run: codecs.json is missing."]),
        (without("task.yaml"), ["is not a complete run: task.yaml is missing."]),
        (
            cut("task.yaml", 0),
            ["task.yaml must be a mapping of the parts input, process and output; got nothing."],
        ),
        (edited, ["do not fit its task.yaml", "Was task.yaml edited?"]),
    ],
)
def test_a_damaged_run(
    good: Path, capsys: Out, verb: str, change: Callable[[Path], None], says: list[str]
) -> None:
    shutil.copytree(good, "run")
    change(Path("run"))
    assert main([verb, "run", *(["x.png"] if verb == "predict" else [])]) == 2
    err = capsys.readouterr().err
    assert err.startswith("kissipo: ") and len(err.strip().splitlines()) == 1
    assert all(item in err for item in says), err


@pytest.mark.parametrize("verb", ["evaluate", "predict"])
def test_no_run_at_all(capsys: Out, verb: str) -> None:
    Path("empty").mkdir()
    value = ["x.png"] if verb == "predict" else []
    for name, says in (
        ("nowhere", "there is no run folder nowhere"),
        ("empty", "is not a complete run: task.yaml is missing"),
    ):
        assert main([verb, name, *value]) == 2
        assert says in capsys.readouterr().err


def test_show_of_a_run_that_is_not_there(good: Path, capsys: Out) -> None:
    shutil.copytree(good, "runs/digits-1")
    assert main(["show", "runs/nope"]) == 2
    assert "kissipo: there is no file runs/nope." in capsys.readouterr().err
    assert main(["evaluate", "runs/digits-2"]) == 2
    assert (
        "there is no run folder runs/digits-2. Did you mean 'runs/digits-1'?"
        in capsys.readouterr().err
    )


def test_evaluate_refuses_changed_data_every_time() -> None:
    Path("two.csv").write_text(
        "x,kind\n" + "".join(f"{number % 7 / 2},{'ab'[number % 7 > 3]}\n" for number in range(40))
    )
    assert main(["fit", "two.csv", "--output", "kind", "epochs=1", "--out", "run", "--quiet"]) == 0
    run = ki.open("run")
    Path("two.csv").write_text(Path("two.csv").read_text().replace("1.5,a", "1.6,a"))
    for _ in range(2):
        with pytest.raises(
            DataError, match=r"the data of .*two.csv have changed since this run was trained"
        ):
            run.evaluate()


def test_an_output_folder_that_exists_is_left_alone(good: Path, capsys: Out) -> None:
    shutil.copytree(good, "run")
    before = {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}
    assert main(["fit", "digits", "epochs=1", "--out", "run"]) == 2
    err = capsys.readouterr().err
    assert (
        "run exists already. Choose another --out, remove it, or resume that run with --resume."
        in err
    )
    assert {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()} == before


def test_an_output_folder_that_is_a_file(capsys: Out) -> None:
    Path("taken").write_text("mine")
    assert main(["fit", "digits", "epochs=1", "--out", "taken"]) == 2
    assert "taken exists already" in capsys.readouterr().err
    assert Path("taken").read_text() == "mine"
    assert main(["fit", "digits", "epochs=1", "--out", "taken/run"]) == 2
    assert "taken" in capsys.readouterr().err


@pytest.mark.skipif(
    not os.path.ismount("/sys"), reason="needs a place where even root may not write"
)
def test_a_folder_that_may_not_be_written(capsys: Out) -> None:
    assert main(["fit", "digits", "epochs=1", "--out", "/sys/run"]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last == (
        "kissipo: /sys/run may not be written. Choose another folder with --out, or "
        "change its permissions."
    )


def test_no_space_for_the_weights(capsys: Out) -> None:
    """A file of this process may grow to 20 kB, which the weights exceed."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        assert main(["fit", "digits", "epochs=2", "--out", "run"]) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("kissipo: ") and (
        "cannot be written: File too large" in last or "no space" in last
    ), last
    assert not list(Path("run").rglob("*.part"))
    assert main(["fit", "digits", "epochs=2", "--out", "run", "--resume", "--quiet"]) == 0

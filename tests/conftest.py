"""What all tests share: threads, where the real data are, runs in a folder of their own, refusals, a part of the slow lane."""

from __future__ import annotations

import os
import signal
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--part",
        default="",
        help="run only a part of the tests, such as 0/3: every third one, by its name",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Workers beside each other compute on one thread each; else they would wait for each other's cores."""
    if hasattr(config, "workerinput"):
        import torch

        torch.set_num_threads(1)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    part = config.getoption("--part")
    if not part:
        return
    which, of = (int(each) for each in part.split("/"))
    chosen = [item for item in items if zlib.crc32(item.nodeid.encode()) % of == which]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data sets; the test skips where it is absent."""
    folder = Path(
        os.environ.get("KISSIPO_DATA") or Path(__file__).parents[2] / "shared" / "data"
    ).resolve()
    if not folder.is_dir():
        pytest.skip("the real data sets are not here: set KISSIPO_DATA")
    return folder


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are written into the working folder, so every test gets one; relative data are still found."""
    found = os.environ.get("KISSIPO_DATA") or str(Path(__file__).parents[2] / "shared" / "data")
    monkeypatch.setenv("KISSIPO_DATA", str(Path(found).resolve()))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Torch computes on one thread: to share out small sums among several only waits."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def refusal(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What a refused command says: one paragraph, code 2, and no new file unless a run had been resumed before."""
    from kissipo.cli.main import main

    def refused(*arguments: str, resumed: bool = False) -> str:
        capsys.readouterr()
        before = sorted(Path().rglob("*"))
        assert main(list(arguments)) == 2
        told = capsys.readouterr()
        assert told.out == ""
        assert told.err.startswith("kissipo: ")
        assert told.err.count("\n") == 1
        assert resumed or sorted(Path().rglob("*")) == before
        return told.err

    return refused


@pytest.fixture(scope="session")
def interrupter() -> type[Any]:
    """A callback that sends Ctrl-C after some epochs, and records the notes."""
    from kissipo.runs.fit import RunCallback

    class Interrupter(RunCallback):
        def __init__(self, *epochs: int) -> None:
            self.epochs, self.notes = epochs, list[str]()

        def on_epoch(self, row: Any) -> None:
            if row["epoch"] in self.epochs:
                os.kill(os.getpid(), signal.SIGINT)

        def on_note(self, text: str) -> None:
            self.notes.append(text)

    return Interrupter


@pytest.fixture
def assert_same_run() -> Callable[[Path, Path], None]:
    """Checks that all files of two runs are equal, byte for byte."""

    def check(one: Path, other: Path) -> None:
        for name in (
            "model.safetensors",
            "metrics.json",
            "history.csv",
            "codecs.json",
            "task.yaml",
        ):
            assert (one / name).read_bytes() == (other / name).read_bytes(), name

    return check

"""Shared fixtures, and the option that runs only a fraction of the tests."""

from __future__ import annotations

import gc
import json
import os
import re
import runpy
import signal
import subprocess
import sys
import time
import traceback
import zlib
from collections.abc import Callable, Generator, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

# tests run in folders of their own, so a relative folder of data becomes absolute first
DATA = Path(
    os.environ.get("KISSIPO_DATA") or Path(__file__).parents[2] / "shared" / "data"
).resolve()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--part",
        default="",
        help="run only a fraction of the tests, chosen by their names, such as 0/3",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Lets each parallel worker compute on one thread, so they share the cores.

    The programs that a test starts do the same. The number of threads decides the last
    bits of a sum, so a run that two processes share would differ.
    """
    if hasattr(config, "workerinput"):
        import torch

        torch.set_num_threads(1)
        os.environ["OMP_NUM_THREADS"] = "1"


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keeps the modules and the tests out of every later collection of garbage.

    They are some 600,000 objects that live until the end. Looking for garbage among
    them took two fifths of the time of finding tests, and a tenth of running them.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    part = config.getoption("--part")
    if not part:
        return
    remainder, divisor = map(int, part.split("/"))
    selected = [item for item in items if zlib.crc32(item.nodeid.encode()) % divisor == remainder]
    config.hook.pytest_deselected(items=[item for item in items if item not in selected])
    items[:] = selected


@pytest.fixture(scope="session", autouse=True)
def _without_waiting_for_the_disk() -> Iterator[None]:
    """Files are not flushed to the disk: only a power failure shows that."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


_numbers = count(1)


@pytest.fixture
def tmp_path(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A new folder; the one of pytest searches all others for its number."""
    name = re.sub(r"\W", "_", request.node.name)[:30]
    folder = tmp_path_factory.getbasetemp() / f"{name}-{next(_numbers)}"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data sets; a test that needs it is skipped without it."""
    if not DATA.is_dir():
        pytest.skip("the real data sets are not here: set KISSIPO_DATA")
    os.environ["KISSIPO_DATA"] = str(DATA)  # also for fixtures of a module or the session
    return DATA


@pytest.fixture(autouse=True)
def _in_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Gives every test an empty working folder, where it writes its runs.

    A fast test without the fixture `data` finds no data, on machines that have them,
    too.
    """
    is_slow = request.node.get_closest_marker("slow") is not None
    finds_data = is_slow or "data" in request.fixturenames
    monkeypatch.setenv("KISSIPO_DATA", str(DATA if finds_data else tmp_path / "no data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Torch computes on one thread, as more threads only slow small nets down."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def refusal(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command that must fail, and returns its error message.

    The message has one paragraph and the exit code is 2. The command writes no file,
    except where it resumes a run.
    """
    from kissipo.cli.main import main

    def refused(*arguments: str, resumed: bool = False) -> str:
        capsys.readouterr()
        before = sorted(Path().rglob("*"))
        assert main(list(arguments)) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.startswith("kissipo: ")
        assert printed.err.count("\n") == 1
        assert resumed or sorted(Path().rglob("*")) == before
        return printed.err

    return refused


@pytest.fixture(scope="session")
def content_of() -> Callable[[Path | str], dict[str, Any]]:
    """Returns what a page shows, as its viewer reads it."""

    def read(page: Path | str) -> dict[str, Any]:
        text = Path(page).read_text(encoding="utf-8")
        match = re.search(r'<script type="application/json" id="content">(.*?)</script>', text)
        assert match
        content: dict[str, Any] = json.loads(match[1])
        return content

    return read


@pytest.fixture(scope="session")
def records_of() -> Callable[..., list[dict[str, Any]]]:
    """Returns the records of a kind in a report, of all sections or of one."""

    def select(content: dict[str, Any], kind: str, title: str = "") -> list[dict[str, Any]]:
        waiting = [item for item in content["sections"] if title in ("", item["title"])]
        assert waiting, title
        records = []
        while waiting:
            record = waiting.pop(0)
            if record["kind"] == kind:
                records.append(record)
            waiting = record.get("records", []) + waiting
        return records

    return select


@pytest.fixture(scope="session")
def interrupter() -> type[Any]:
    """A callback that sends Ctrl-C after some epochs, and records the notes."""
    from kissipo.runs.callback import Callback

    class Interrupter(Callback):
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


@pytest.fixture
def assert_killed_run_resumes(
    assert_same_run: Callable[[Path, Path], None],
) -> Callable[..., None]:
    """Checks that a fit that is killed and resumed ends as one that was not."""
    import kissipo
    from kissipo.cli.main import main

    def check(*words: str, **environment: str) -> None:
        command = ["fit", *words, "--quiet", "--out"]
        assert main([*command, "whole"]) == 0
        house = {"PYTHONPATH": str(Path(kissipo.__file__).parents[1])}
        process = subprocess.Popen(
            [sys.executable, "-m", "kissipo", *command, "cut"],
            env={**os.environ, **house, **environment},
        )
        while process.poll() is None and not list(Path().glob("cut/checkpoints/*")):
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not Path("cut/metrics.json").exists()
        assert main([*command, "cut", "--resume"]) == 0
        assert_same_run(Path("whole"), Path("cut"))

    return check


@pytest.fixture
def run_script(tmp_path: Path) -> Callable[[str], str]:
    """Runs the train.py of a folder where kissipo cannot be imported.

    It runs in a copy of this process, which has imported torch already, and the fixture
    returns what it prints.
    """
    import torch._dynamo  # noqa: F401  (every script would import it, for its optimizer)

    def run(folder: str) -> str:
        printed, errors = tmp_path / "printed.txt", tmp_path / "errors.txt"
        child = os.fork()
        if not child:
            _become_script(Path(folder).resolve(), printed, errors)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status == 0, errors.read_text(encoding="utf-8")
        return printed.read_text(encoding="utf-8")

    return run


def _become_script(folder: Path, printed: Path, errors: Path) -> None:
    """Ends the process with the script: it has its modules, its folder, its output."""
    code = 1
    with printed.open("w", encoding="utf-8") as out, errors.open("w", encoding="utf-8") as err:
        sys.stdout, sys.stderr = out, err
        for name in [name for name in sys.modules if name.partition(".")[0] == "kissipo"]:
            del sys.modules[name]
        sys.modules["kissipo"] = None  # type: ignore[assignment]
        sys.path.insert(0, str(folder))
        try:
            runpy.run_path(str(folder / "train.py"), run_name="__main__")
            code = 0
        except BaseException:
            traceback.print_exc()
    os._exit(code)

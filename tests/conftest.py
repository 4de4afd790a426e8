"""What all tests share: where the real data are, runs in a folder of their own, a part of the slow lane on request."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--part", default="", help="run only a part of the tests, such as 0/3: every third one, by its name"
    )


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
    folder = Path(os.environ.get("KISSIPO_DATA") or Path(__file__).parents[2] / "shared" / "data").resolve()
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

"""docs/layout.md and the tree are equal: what is named is there, every folder is named, and every file of rooms listed by file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1]
LISTED_BY_FILE = ("kissipo/core", "kissipo/engine", "kissipo/pipeline", "kissipo/runs")
LINE = re.compile(r"(?P<indent> *)(?P<name>[\w.]+/?) {2,}(?P<purpose>\S.*)|(?P<root>kissipo/)")


def paths_named(page: str) -> dict[str, str]:
    """Every path of the annotated tree with its purpose; a folder ends with a slash."""
    named: dict[str, str] = {}
    above: list[str] = []
    for line in page.split("```")[1].strip().splitlines():
        found = LINE.fullmatch(line)
        assert found, f"no path and purpose: {line!r}"
        depth = len(found["indent"] or "") // 2
        above = [*above[:depth], found["root"] or found["name"]]
        path = "".join(above)
        assert path not in named, f"{path} is named twice"
        named[path] = found["purpose"] or ""
    return named


def differences(named: Iterable[str], house: Path) -> list[str]:
    """What is named and not there, and what is there and not named."""
    named = set(named)
    gone = [f"{path} is not there" for path in sorted(named) if not (house / path).exists()]
    code = [
        path for path in sorted((house / "kissipo").rglob("*.py")) if path.name != "__init__.py"
    ]
    folders = {
        f"{path.parent.relative_to(house).as_posix()}/"
        for path in (house / "kissipo").rglob("*.py")
    }
    files = {path.relative_to(house).as_posix() for path in code}
    listed = {path for path in files if path.rpartition("/")[0] in LISTED_BY_FILE}
    return gone + [f"{path} is not named" for path in sorted((folders | listed) - named)]


@pytest.fixture(scope="module")
def page() -> str:
    return (HOUSE / "docs" / "layout.md").read_text(encoding="utf-8")


def test_the_page_and_the_tree_are_equal(page: str) -> None:
    assert differences(paths_named(page), HOUSE) == []


def test_it_fits_on_a_page_and_every_line_says_what_for(page: str) -> None:
    named = paths_named(page)
    assert len(page.splitlines()) < 180
    assert [path for path, purpose in named.items() if not purpose] == ["kissipo/"]


def test_rooms_stand_in_the_order_in_which_data_pass_and_no_one_imports_downwards(
    page: str,
) -> None:
    rooms = [path for path in paths_named(page) if re.fullmatch(r"kissipo/\w+/", path)]
    contracts = (HOUSE / "pyproject.toml").read_text(encoding="utf-8")
    layers = re.search(r"layers = \[\s*\"__main__\", (.*?)\]", contracts, re.DOTALL)
    assert layers
    upwards = reversed(re.findall(r'"(.*?)"', layers[1]))
    assert rooms == [f"kissipo/{room}/" for layer in upwards for room in layer.split(" | ")]


def test_a_page_that_forgets_or_invents_is_noticed(page: str) -> None:
    named = paths_named(page)
    assert differences(set(named) - {"kissipo/engine/fit.py"}, HOUSE) == [
        "kissipo/engine/fit.py is not named"
    ]
    assert differences(set(named) - {"kissipo/codec/"}, HOUSE) == ["kissipo/codec/ is not named"]
    assert differences({*named, "kissipo/utils/"}, HOUSE) == ["kissipo/utils/ is not there"]
    with pytest.raises(AssertionError, match="no path and purpose"):
        paths_named("```\nkissipo/\n  core/ words\n```")


def test_no_room_is_called_after_what_has_no_home() -> None:
    homeless = {"utils", "common", "helpers", "misc", "base"}
    assert [
        path for path in HOUSE.glob("kissipo/**/*.py") if homeless & set(path.with_suffix("").parts)
    ] == []
    assert [path for path in HOUSE.glob("tests/**/*.py") if path.stem in homeless] == []

"""docs/layout.md agrees with the tree of files.

The page names every folder, and every file of some folders; what it names exists.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1]
LISTED_BY_FILE = ("kissipo/core", "kissipo/engine", "kissipo/pipeline", "kissipo/runs")
LINE = re.compile(r"(?P<indent> *)(?P<name>[\w.]+/?) {2,}(?P<purpose>\S.*)|(?P<root>kissipo/)")


def paths_named(page: str) -> dict[str, str]:
    """Returns every path of the annotated tree with its purpose.

    The path of a folder ends with a slash.
    """
    named: dict[str, str] = {}
    above: list[str] = []
    for line in page.split("```")[1].strip().splitlines():
        match = LINE.fullmatch(line)
        assert match, f"no path and purpose: {line!r}"
        depth = len(match["indent"] or "") // 2
        above = [*above[:depth], match["root"] or match["name"]]
        path = "".join(above)
        assert path not in named, f"{path} is named twice"
        named[path] = match["purpose"] or ""
    return named


def differences(named: Iterable[str], house: Path) -> list[str]:
    """Returns the named paths that do not exist, and the paths that are not named."""
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


def test_layout_page_equals_the_tree(page: str) -> None:
    assert differences(paths_named(page), HOUSE) == []


def test_layout_page_is_short_and_every_line_has_a_purpose(page: str) -> None:
    named = paths_named(page)
    assert len(page.splitlines()) < 220
    assert [path for path, purpose in named.items() if not purpose] == ["kissipo/"]


def test_layout_page_lists_folders_in_the_order_of_the_import_layers(
    page: str,
) -> None:
    rooms = [path for path in paths_named(page) if re.fullmatch(r"kissipo/\w+/", path)]
    contracts = (HOUSE / "pyproject.toml").read_text(encoding="utf-8")
    layers = re.search(r"layers = \[\s*\"__main__\", (.*?)\]", contracts, re.DOTALL)
    assert layers
    upwards = reversed(re.findall(r'"(.*?)"', layers[1]))
    assert rooms == [f"kissipo/{room}/" for layer in upwards for room in layer.split(" | ")]


def test_layout_page_with_missing_or_false_paths_is_detected(page: str) -> None:
    named = paths_named(page)
    assert differences(set(named) - {"kissipo/engine/fit.py"}, HOUSE) == [
        "kissipo/engine/fit.py is not named"
    ]
    assert differences(set(named) - {"kissipo/codec/"}, HOUSE) == ["kissipo/codec/ is not named"]
    assert differences({*named, "kissipo/utils/"}, HOUSE) == ["kissipo/utils/ is not there"]
    with pytest.raises(AssertionError, match="no path and purpose"):
        paths_named("```\nkissipo/\n  core/ words\n```")


def test_file_names_avoid_utils_and_helpers() -> None:
    homeless = {"utils", "common", "helpers", "misc", "base"}
    assert [
        path for path in HOUSE.glob("kissipo/**/*.py") if homeless & set(path.with_suffix("").parts)
    ] == []
    assert [path for path in HOUSE.glob("tests/**/*.py") if path.stem in homeless] == []

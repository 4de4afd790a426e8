"""The imports between the files of kissipo/ form no circle.

Every import counts, also one under TYPE_CHECKING or inside a function.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "kissipo"
Graph = dict[str, set[str]]


def modules_of(package: Path) -> dict[str, Path]:
    """Returns the path of every module of a package by the name of the module.

    The `__init__` of a folder has the name of the folder.
    """
    modules = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return modules


def imported_names(module: str, is_package: bool, tree: ast.AST) -> Iterator[tuple[str, list[str]]]:
    """Yields each imported module with the names that are imported from it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = (
                module.split(".")[: len(module.split(".")) + is_package - node.level]
                if node.level
                else []
            )
            yield (
                ".".join([*above, *filter(None, [node.module])]),
                [alias.name for alias in node.names],
            )


def import_graph(package: Path) -> Graph:
    """Returns the modules that each module imports.

    `from package import name` means the module `name` where it exists.
    """
    modules = modules_of(package)
    graph: Graph = {module: set() for module in modules}
    for module, path in modules.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for source, names in imported_names(module, path.name == "__init__.py", tree):
            targets = {
                f"{source}.{name}" if f"{source}.{name}" in modules else source for name in names
            } or {source}
            graph[module] |= {target for target in targets if target in modules}
    return graph


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Returns the modules of each circle.

    A circle is a strongly connected component of several modules, or a module that
    imports itself.
    """
    reachable = {start: reached_from(graph, start) for start in graph}
    together = {
        frozenset(other for other in reachable[start] if start in reachable[other])
        for start in graph
    }
    return sorted(sorted(circle) for circle in together if circle)


def reached_from(graph: Mapping[str, set[str]], start: str) -> set[str]:
    """Returns every module that a module imports, directly or through others."""
    reached: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        module = waiting.pop()
        if module not in reached:
            reached.add(module)
            waiting += graph[module]
    return reached


def test_no_circle_of_imports_between_files() -> None:
    graph = import_graph(PACKAGE)
    assert len(graph) > 100 and "kissipo.core.errors" in graph["kissipo.core.task"]
    all_circles = circles(graph)
    texts = [
        "\n  ".join(f"{name} -> {', '.join(sorted(graph[name] & set(circle)))}" for name in circle)
        for circle in all_circles
    ]
    assert all_circles == [], "files that import each other in a circle:\n  " + "\n\n  ".join(texts)


@pytest.mark.parametrize(
    "hidden",
    [
        "from house.rooms import kitchen",
        "from house.rooms.kitchen import stove",
        "import house.rooms.kitchen",
        "from .rooms import kitchen",
        "if TYPE_CHECKING:\n    from house.rooms import kitchen",
        "def late():\n    from house.rooms.kitchen import stove",
    ],
)
def test_circle_of_hidden_imports_is_detected(tmp_path: Path, hidden: str) -> None:
    house = tmp_path / "house"
    (house / "rooms").mkdir(parents=True)
    (house / "__init__.py").write_text("")
    (house / "rooms" / "__init__.py").write_text("")
    (house / "rooms" / "kitchen.py").write_text("from ..cellar import wine\nstove = 1\n")
    (house / "cellar.py").write_text("from house.garden import grape\nwine = 1\n")
    (house / "garden.py").write_text("grape = 1\n")
    assert circles(import_graph(house)) == []
    (house / "garden.py").write_text(f"{hidden}\n")
    assert circles(import_graph(house)) == [["house.cellar", "house.garden", "house.rooms.kitchen"]]


def test_circle_includes_a_folder_that_imports_its_own_files(
    tmp_path: Path,
) -> None:
    house = tmp_path / "house"
    house.mkdir()
    (house / "__init__.py").write_text("from house.hall import key\n")
    (house / "hall.py").write_text("from house import lock\n")
    assert circles(import_graph(house)) == [["house", "house.hall"]]

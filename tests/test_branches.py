"""Behavior lives with its owner: nobody asks for kinds outside of their files.

A branch on a kind is an isinstance with the class of a source, codec, net, algorithm or
answer, or a comparison of a kind's name with a text. Each that remains is listed here
with its reason.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import kissipo
from kissipo.core.codec import CODECS
from kissipo.pipeline.registries import ALGORITHMS, ANSWERS, NETS, SOURCES

HOUSE = Path(kissipo.__file__).parent
NAMES = {"WORD", "KIND", "name"}
OWNERS = ("ANSWER", "CODEC", "SOURCE", "ALGORITHM")
REASONS = {
    "output/answers/mask.py": "a restored answer narrows the type of its own codec",
    "output/answers/span.py": "a restored answer narrows the type of its own codec",
    "input/sources/audio.py": "a source narrows the type of its own codecs",
    "pipeline/builders/masked_text.py": "the builder narrows the type of its own answer",
    "output/answers/text.py": "a restored answer narrows the type of its own codec",
    "output/answers/forecast.py": "a restored answer narrows the type of its own codec",
    "output/answers/category.py": "a restored answer narrows the type of its own codec",
    "output/answers/labels.py": "a restored answer narrows the type of its own codec",
    "output/answers/image.py": "a restored answer narrows the type of its own codec",
    "output/answers/number.py": "a restored answer narrows the type of its own codec",
}
MAX_BRANCHES = 13


def kinds() -> tuple[dict[str, str], dict[str, str]]:
    """The classes and the names of kinds, each with the file that defines it."""
    classes: dict[str, str] = {}
    names: dict[str, str] = {}
    for registry in (ANSWERS, CODECS, SOURCES, ALGORITHMS, NETS):
        for name in registry.names():
            module = registry.find(name, place="test")
            file = vars(module).get("__file__")
            names[name] = "" if file is None else str(Path(file).relative_to(HOUSE))
            for owner in OWNERS:
                kind = vars(module).get(owner)
                if kind is not None:
                    kind = kind if isinstance(kind, type) else type(kind)
                    classes[kind.__name__] = names[name]
    return classes, names


def branches(
    tree: ast.AST, classes: Mapping[str, str], names: Collection[str]
) -> Iterator[tuple[int, str]]:
    """Yields the line of every branch on a kind, and the kind."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "isinstance":
            for name in ast.walk(node.args[1]):
                if isinstance(name, ast.Name) and name.id in classes:
                    yield node.lineno, name.id
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            texts = [
                leaf.value
                for side in sides
                for leaf in ast.walk(side)
                if isinstance(leaf, ast.Constant) and leaf.value in names
            ]
            asks = any(isinstance(side, ast.Attribute) and side.attr in NAMES for side in sides)
            for text in texts if asks else ():
                yield node.lineno, str(text)


def places_of_branches() -> list[tuple[str, int, str]]:
    classes, files = kinds()
    places = []
    for file in sorted(HOUSE.rglob("*.py")):
        path = str(file.relative_to(HOUSE))
        for line, kind in branches(ast.parse(file.read_text(encoding="utf-8")), classes, files):
            home = classes.get(kind, files.get(kind, ""))
            is_own = home == path or (home.startswith("plugins/") and path.startswith(home[:11]))
            if not is_own:
                places.append((path, line, kind))
    return places


def test_few_branches_on_kinds_remain_each_with_a_reason() -> None:
    places = places_of_branches()
    assert [place for place in places if place[0] not in REASONS] == []
    assert len(places) <= MAX_BRANCHES
    assert set(REASONS) == {place[0] for place in places}


def test_branches_of_every_form_are_seen() -> None:
    code = (
        "if isinstance(answer, Category | Mask): pass\n"
        "if resolved.source.name == 'images' or answer.WORD in ('text', 'mask'): pass\n"
        "if name == 'images': pass\n"
    )
    classes, names = {"Category": "", "Mask": ""}, {"images", "text", "mask"}
    places = list(branches(ast.parse(code), classes, names))
    assert places == [(1, "Category"), (1, "Mask"), (2, "images"), (2, "text"), (2, "mask")]

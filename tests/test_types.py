"""Types say what a value is: `Any` and attributes that are asked for become fewer.

An attribute is asked for by `hasattr`, or by `getattr` with a default. What kissipo
defines itself has a base class, a default in its registry or a protocol in
`core/protocols.py`; so only what others define is asked for, each file with its reason.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import kissipo

HOUSE = Path(kissipo.__file__).parent
MAX_ANY, MAX_IGNORED = 198, 5
ALIASES = {
    "JsonObject": "JSON that is read; its keys say what a value is",
    "JsonMapping": "JSON that is only read",
    "StateDict": "what a checkpoint keeps, as in torch",
    "NativeFrame": "a data frame of any library",
    "Pandas": "an object of pandas, which need not be installed",
    "NumpyArray": "its dtype depends on the data",
    "Features": "a matrix of numpy or a sparse one of scipy, which has no types",
    "Group": "a group of parameters, as in torch",
    "Explainer": "each takes the layer of its own class",
    "Save": "takes what a checkpoint keeps",
}
REASONS = {
    "cli/main.py": "a verb need not have the options --quiet and --json",
    "codec/_image.py": "formats of Pillow differ in their attributes",
    "core/devices.py": "systems and versions of torch differ in their functions",
    "core/ipython.py": "shells of IPython have a kernel in a notebook only",
    "core/schema.py": "a dataclass of options need not have a short form",
    "export/script/net.py": "layers of torch, and those of a user",
    "export/script/source.py": "layers of torch, and those of a user",
    "input/datasets/download.py": "errors of urllib",
    "input/formats/dataframe.py": "cells of any data frame",
    "input/sources/environment.py": "gymnasium does not promise a transition table",
    "inspect/breakdown/windows.py": "one pooling layer of torch lacks the option",
    "inspect/describe_layer.py": "layers of torch, and those of a user",
    "inspect/tracing/record.py": "functions of torch",
    "inspect/tracing/recording.py": "layers of torch, and those of a user",
    "inspect/unroll/recurrent.py": "layers of torch have some weights or not",
    "output/metric_object.py": "a function of the user has a name or not",
    "output/sklearn_models.py": "models of scikit-learn",
    "pipeline/check.py": "an error has findings or not",
    "sklearn/history.py": "indexes of pandas",
    "sklearn/samples.py": "a series of pandas or polars has a name, a list has none",
}


def files(*words: str) -> Iterator[tuple[str, str]]:
    """Yields the path and the text of every file that has one of the words."""
    for file in sorted(HOUSE.rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        if any(word in text for word in words):
            yield str(file.relative_to(HOUSE)), text


def count_any(tree: ast.AST) -> int:
    """The number of times that Any is used, imports apart."""
    return sum(
        (isinstance(node, ast.Name) and node.id == "Any")
        or (isinstance(node, ast.Attribute) and node.attr == "Any")
        for node in ast.walk(tree)
    )


def aliases_of_any(tree: ast.Module) -> list[str]:
    """The names of types that contain Any."""
    return [
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and count_any(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]


def asked_attributes(tree: ast.AST) -> list[int]:
    """The lines in which an object is asked whether it has an attribute."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and (node.func.id == "hasattr" or (node.func.id == "getattr" and len(node.args) == 3))
    ]


def test_any_and_ignored_errors_only_become_fewer() -> None:
    used = Counter({path: count_any(ast.parse(text)) for path, text in files("Any")})
    ignored = sum(text.count("# type: ignore") for _, text in files("# type: ignore"))
    assert used.total() <= MAX_ANY, used.most_common(10)
    assert ignored <= MAX_IGNORED


def test_no_alias_hides_any_without_saying_what_it_is() -> None:
    aliases = {name for _, text in files("Any") for name in aliases_of_any(ast.parse(text))}
    assert aliases == set(ALIASES)


def test_only_what_others_define_is_asked_for_its_attributes() -> None:
    mentions = files("hasattr", "getattr")
    asking = {path for path, text in mentions if asked_attributes(ast.parse(text))}
    assert asking == set(REASONS)


def test_every_form_is_seen() -> None:
    tree = ast.parse(
        "import typing\n"
        "from typing import Any\n"
        "Json = dict[str, Any]\n"
        "def f(x: typing.Any, y: 'list[int]') -> Any: ...\n"
        "hasattr(net, 'stateful') or getattr(net, 'stateful', False) or getattr(net, name)\n"
    )
    assert count_any(tree) == 3
    assert aliases_of_any(tree) == ["Json"]
    assert asked_attributes(tree) == [5, 5]

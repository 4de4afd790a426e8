"""Source: functions and classes of kissipo as text that stands alone, with everything that they refer to.

A definition is copied as it is written. The names in it are looked up in its own file: what is defined there is copied
before it, what is imported from kissipo is copied from where it stands, and other imports become import lines.

Example:  >>> from kissipo.process.losses import half_mean_squared_error
          >>> source = Source()
          >>> source.add(half_mean_squared_error, "loss", renamed="half_mean_squared_error")
          >>> sorted(source.imports)
          ['from torch import Tensor', 'from torch.nn import functional']
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from textwrap import dedent
from types import ModuleType
from typing import Any

from kissipo.core.errors import NotBuiltError


class Source:
    """Definitions, each behind those that it needs, and the imports of all of them."""

    def __init__(self) -> None:
        self.definitions: dict[str, str] = {}
        self.imports: set[str] = set()
        self._origins: dict[str, str] = {}

    def __str__(self) -> str:
        return "\n\n\n".join(self.definitions.values())

    def import_block(self) -> str:
        """The import lines, those of Python first."""
        names: dict[str, set[str]] = {}
        for line in self.imports:
            module, _, imported = line.partition(" import ")
            names.setdefault(module, set()).update(imported.split(", ") if imported else [])
        blocks: tuple[list[str], list[str]] = [], []
        for module in sorted(names, key=lambda line: (line.startswith("from"), line.lower())):
            standard = module.split()[1].split(".")[0] in sys.stdlib_module_names
            imported = ", ".join(
                sorted(
                    names[module],
                    key=lambda name: (not name.isupper(), not name[0].isupper(), name),
                )
            )
            blocks[not standard].append(f"{module} import {imported}" if imported else module)
        return "\n\n".join("\n".join(block) for block in blocks if block)

    def add(self, module: ModuleType, name: str, *, renamed: str = "") -> None:
        """Copies one definition of a file, and what it needs.

        Raises:   NotBuiltError when two files define something else under one name.
        """
        node, text = _statements(module)[name]
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("kissipo"):
            self.add(import_module(str(node.module)), name)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            self.imports.add(text)
        elif self._is_new(renamed or name, module.__name__):
            self.add_needs(node, module)
            self.definitions[renamed or name] = text.replace(
                f"def {name}(", f"def {renamed or name}("
            )

    def add_class(self, layer: type, *, base: str, roots: tuple[str, ...]) -> ast.AST:
        """Copies the methods of a class that are reached from these, under another base class; returns them as a tree."""
        methods: dict[str, str] = {}
        waiting = list(roots)
        while waiting:
            name = waiting.pop(0)
            method: Any = getattr(layer, name, None)
            if name not in methods and str(getattr(method, "__module__", "")).startswith("kissipo"):
                methods[name] = inspect.getsource(method)
                tree = ast.parse(dedent(methods[name]))
                waiting += _own_attributes(tree)
                self.add_needs(tree, import_module(str(method.__module__)))
        head = f'class {layer.__name__}({base}):\n    """{layer.__doc__}"""\n\n'
        self.add_text(layer.__name__, head + "\n".join(methods.values()).rstrip())
        return ast.parse(self.definitions[layer.__name__])

    def add_text(self, name: str, text: str) -> None:
        """Adds a definition that is written by hand."""
        if self._is_new(name, text):
            self.definitions[name] = text

    def add_needs(self, node: ast.AST, module: ModuleType) -> None:
        """Copies what a piece of code refers to, besides its own variables."""
        names = [each for each in ast.walk(node) if isinstance(each, ast.Name)]
        local = {each.id for each in names if isinstance(each.ctx, ast.Store)}
        local |= {each.arg for each in ast.walk(node) if isinstance(each, ast.arg)}
        for name in dict.fromkeys(each.id for each in names):
            if name not in local and name in _statements(module):
                self.add(module, name)

    def _is_new(self, name: str, origin: str) -> bool:
        is_new = name not in self._origins
        if self._origins.setdefault(name, origin) != origin:
            raise NotBuiltError(
                f"kissipo eject does not write two parts that both define '{name}' yet"
            )
        return is_new


def _own_attributes(node: ast.AST) -> list[str]:
    """The names that stand behind `self.`."""
    return [
        each.attr
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute)
        and isinstance(each.value, ast.Name)
        and each.value.id == "self"
    ]


@cache
def _statements(module: ModuleType) -> dict[str, tuple[ast.stmt, str]]:
    """What a file defines or imports, by name, each with its text."""
    text = inspect.getsource(module)
    found: dict[str, tuple[ast.stmt, str]] = {}
    for node in _outermost(ast.parse(text).body):
        if isinstance(node, ast.ImportFrom):
            found |= {
                each.name: (node, f"from {node.module} import {each.name}") for each in node.names
            }
        elif isinstance(node, ast.Import):
            found |= {each.name: (node, f"import {each.name}") for each in node.names}
        else:
            for name in _defined(node):
                found[name] = node, ast.get_source_segment(text, node) or ""
    return found


def _outermost(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield from _outermost(node.body) if isinstance(node, ast.If) else [node]


def _defined(node: Any) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = (
        node.targets
        if isinstance(node, ast.Assign)
        else [node.target]
        if isinstance(node, ast.AnnAssign)
        else []
    )
    return [
        each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)
    ]

"""Copies functions and classes of kissipo as text, with everything that they refer to.

Every definition is copied unchanged. The names in it are looked up in its own file:
definitions of that file, and imports from kissipo and from the package of the file, are
copied before it. Other imports become import lines.

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
from importlib.util import resolve_name
from textwrap import dedent
from types import ModuleType
from typing import Any

from kissipo.core.errors import NotBuiltError
from kissipo.core.script_part import ScriptDefinition


class Source:
    """Definitions, each after those that it needs, and the imports of all of them."""

    def __init__(self) -> None:
        self.definitions: dict[str, str] = {}
        self.imports: set[str] = set()
        self._origins: dict[str, str] = {}

    def __str__(self) -> str:
        return "\n\n\n".join(self.definitions.values())

    def import_block(self) -> str:
        """Returns the import lines, those of the standard library first."""
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

        Raises:   NotBuiltError when two files define the same name differently, or when
                  the name stands for a file.
        """
        if name not in _statements(module):
            raise NotBuiltError(f"kissipo eject does not write '{name}' of {module.__name__} yet")
        node, text = _statements(module)[name]
        if isinstance(node, ast.ImportFrom) and _is_copied(node, module):
            self.add(import_module(_origin(node, module)), name)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            self.imports.add(text)
        elif self._is_new(renamed or name, module.__name__):
            self.add_needs(node, module)
            self.definitions[renamed or name] = text.replace(
                f"def {name}(", f"def {renamed or name}("
            )

    def add_definition(self, definition: ScriptDefinition, module: ModuleType) -> None:
        """Adds a definition that a file writes itself, and what it needs from it."""
        if self._is_new(definition.name, definition.text):
            self.imports |= set(definition.imports)
            self.add_needs(ast.parse(definition.text), module)
            self.definitions[definition.name] = definition.text

    def add_class(self, layer: type, *, base: str, roots: tuple[str, ...]) -> ast.AST:
        """Copies the methods of a class that the roots call, under another base class.

        Returns the syntax tree of the copy.
        """
        methods: dict[str, str] = {}
        waiting = list(roots)
        while waiting:
            name = waiting.pop(0)
            method: Any = getattr(layer, name, None)
            home = str(getattr(method, "__module__", "")).split(".")[0]
            if name not in methods and home in ("kissipo", layer.__module__.split(".")[0]):
                methods[name] = inspect.getsource(method)
                tree = ast.parse(dedent(methods[name]))
                waiting += _own_attributes(tree)
                self.add_needs(tree, import_module(str(method.__module__)))
        head = f'class {layer.__name__}({base}):\n    """{layer.__doc__}"""\n\n'
        self.add_text(layer.__name__, head + "\n".join(methods.values()).rstrip())
        return ast.parse(self.definitions[layer.__name__])

    def add_text(self, name: str, text: str) -> None:
        """Adds a definition as text."""
        if self._is_new(name, text):
            self.definitions[name] = text

    def add_needs(self, node: ast.AST, module: ModuleType) -> None:
        """Copies what a piece of code refers to, except its own variables."""
        names = [child for child in ast.walk(node) if isinstance(child, ast.Name)]
        local = {name.id for name in names if isinstance(name.ctx, ast.Store)}
        local |= {child.arg for child in ast.walk(node) if isinstance(child, ast.arg)}
        for name in dict.fromkeys(name.id for name in names):
            if name not in local and name in _statements(module):
                self.add(module, name)

    def _is_new(self, name: str, origin: str) -> bool:
        is_new = name not in self._origins
        if self._origins.setdefault(name, origin) != origin:
            raise NotBuiltError(
                f"kissipo eject does not write two parts that both define '{name}' yet"
            )
        return is_new


def _origin(node: ast.ImportFrom, module: ModuleType) -> str:
    """Returns the full name of the file from which a line imports."""
    return resolve_name("." * node.level + (node.module or ""), module.__package__)


def _is_copied(node: ast.ImportFrom, module: ModuleType) -> bool:
    package = _origin(node, module).split(".")[0]
    return package in ("kissipo", module.__name__.split(".")[0])


def _own_attributes(node: ast.AST) -> list[str]:
    """Returns the names of the attributes of `self`."""
    return [
        child.attr
        for child in ast.walk(node)
        if isinstance(child, ast.Attribute)
        and isinstance(child.value, ast.Name)
        and child.value.id == "self"
    ]


@cache
def _statements(module: ModuleType) -> dict[str, tuple[ast.stmt, str]]:
    """Returns the definitions and imports of a file by name, each with its text."""
    try:
        text = inspect.getsource(module)
    except OSError:  # an empty file, or a session without one
        text = ""
    statements: dict[str, tuple[ast.stmt, str]] = {}
    for node in _outermost(ast.parse(text).body):
        if isinstance(node, ast.ImportFrom):
            statements |= {
                alias.name: (node, f"from {node.module} import {alias.name}")
                for alias in node.names
            }
        elif isinstance(node, ast.Import):
            statements |= {
                alias.asname or alias.name: (
                    node,
                    f"import {alias.name}" + (f" as {alias.asname}" if alias.asname else ""),
                )
                for alias in node.names
            }
        else:
            for name in _defined(node):
                statements[name] = node, ast.get_source_segment(text, node) or ""
    return statements


def _outermost(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield from _outermost(node.body) if isinstance(node, ast.If) else [node]


def _defined(node: object) -> list[str]:
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
        child.id for target in targets for child in ast.walk(target) if isinstance(child, ast.Name)
    ]

"""Objects of Python and data kept elsewhere: the remarks that stand for them in
task.yaml."""

from __future__ import annotations

import sys
from inspect import isroutine
from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    from torch import nn

_IN_PYTHON, _ELSEWHERE = "given in Python", "kept elsewhere"


def remark_on(value: object) -> str:
    """Returns what is written in place of an object; a function is named.

    Example:  >>> remark_on(object())
              '(builtins object given in Python)'
    """
    kind = value if isroutine(value) else type(value)
    return f"({kind.__module__.split('.')[0]} {kind.__name__} {_IN_PYTHON})"


def remark_elsewhere(data: str) -> str:
    """Returns what is written in place of data that are not part of a run.

    Example:  >>> remark_elsewhere("the dictionary")
              '(the dictionary kept elsewhere)'
    """
    return f"({data} {_ELSEWHERE})"


def is_module(value: object) -> TypeGuard[nn.Module]:
    """Returns whether a value is a torch module; it does not load torch."""
    return "torch" in sys.modules and isinstance(value, sys.modules["torch"].nn.Module)


def has_remark(value: object) -> bool:
    """Returns whether a value, or a value in a list, is a remark on an object."""
    return any(map(is_remark, value if isinstance(value, tuple) else (value,)))


def is_remark(value: object) -> bool:
    """Returns whether a value is only a remark on an object of Python, or on data kept
    elsewhere."""
    ends = (f"{_IN_PYTHON})", f"{_ELSEWHERE})")
    return isinstance(value, str) and value.startswith("(") and value.endswith(ends)

"""IPython, where it runs already: whether this is a notebook, and its displays.

Nothing here imports IPython into a process that does not use it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Protocol


class Display(Protocol):
    """A place below a cell whose content can be replaced."""

    def update(self, content: Mapping[str, str], *, raw: bool) -> None:
        """Replaces the content by another, given by its mime types."""
        ...


def in_notebook() -> bool:
    """Returns whether the code runs in a notebook (not in a terminal)."""
    return current_cell() is not None


def current_cell() -> int | None:
    """Returns the number of the notebook cell that is executed; None elsewhere."""
    ipython = sys.modules.get("IPython")
    if ipython is None:
        return None
    shell = ipython.get_ipython()
    return int(shell.execution_count) if hasattr(shell, "kernel") else None


def new_display(content: Mapping[str, str]) -> Display:
    """Shows content by its mime types below the cell, and returns its place."""
    module = import_module("IPython.display")
    display: Display = module.display(content, raw=True, display_id=True)
    return display

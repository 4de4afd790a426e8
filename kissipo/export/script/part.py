"""Part: one section of an ejected script: what it imports, the constants that it reads, and its code."""

from __future__ import annotations

from dataclasses import dataclass
from string import Template
from textwrap import dedent, indent
from typing import Any

from kissipo.core.errors import NotBuiltError

ARRAYS = ("from typing import Any", "import numpy as np", "from numpy.typing import NDArray")
_WIDTH = 88  # as ruff and black count a line


@dataclass(frozen=True)
class Part:
    """A section of a script.

    told:       one sentence about it, for the head of the script
    imports:    whole lines
    constants:  whole lines, in the order in which they are read
    types:      whole lines, names of types that its functions use
    code:       functions, two empty lines between them
    """

    told: str
    code: str
    imports: tuple[str, ...] = ()
    constants: tuple[str, ...] = ()
    types: tuple[str, ...] = ()


def filled(template: str, **words: Any) -> str:
    """A template with its $words filled in, its margin taken off; an indented $word takes several lines.

    Example:  >>> print(filled('''
              ...     if x:
              ...         $body
              ... ''', body=["y = 1", "z = 2"]))
              if x:
                  y = 1
                  z = 2
    """
    lines = []
    for line in dedent(template).strip("\n").splitlines():
        name = line.strip().removeprefix("$")
        if line.strip().startswith("$") and isinstance(words.get(name), list | tuple):
            margin = line[: len(line) - len(line.lstrip())]
            lines += [indent(each, margin) for each in words[name]]
        else:
            lines.append(Template(line).substitute(words))
    return "\n".join(lines)


def path_line(name: str, path: str) -> str:
    """A constant that holds a path, broken where it is too long for a line."""
    text = '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'
    line = f"{name} = Path({text})"
    return line if len(line) <= _WIDTH else f"{name} = Path(\n    {text}\n)"


def listed(name: str, values: tuple[str, ...]) -> str:
    """A constant that holds several texts."""
    texts = ['"' + each.replace("\\", "\\\\").replace('"', '\\"') + '"' for each in values]
    line = f"{name} = [{', '.join(texts)}]"
    return line if len(line) <= _WIDTH else f"{name} = [\n" + "".join(f"    {each},\n" for each in texts) + "]"


def unread(name: str, allowed: str) -> NotBuiltError:
    """What is said of data that no script reads."""
    return NotBuiltError("kissipo eject does not write yet how these data are read", given=f"'{name}'", allowed=allowed)

"""Lets doctest read the docstring template.

There the first example follows the word `Example:` in the same line.
"""

import doctest
import re
from typing import Any

_parse = doctest.DocTestParser.parse


def _parse_template(self: doctest.DocTestParser, string: str, name: str = "<string>") -> Any:
    return _parse(
        self, re.sub(r"^( *)Example:(?=  +>>> )", r"\1        ", string, flags=re.MULTILINE), name
    )


doctest.DocTestParser.parse = _parse_template  # type: ignore[method-assign]

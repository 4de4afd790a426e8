"""Lets doctest read the docstring template, and compares no nets in tests.

There the first example follows the word `Example:` in the same line. A test of the
comparison of nets sets KISSIPO_BUDGET, or gives a budget.
"""

import doctest
import os
import re
from typing import Any

os.environ["KISSIPO_BUDGET"] = "none"
_parse = doctest.DocTestParser.parse


def _parse_template(self: doctest.DocTestParser, string: str, name: str = "<string>") -> Any:
    return _parse(
        self, re.sub(r"^( *)Example:(?=  +>>> )", r"\1        ", string, flags=re.MULTILINE), name
    )


doctest.DocTestParser.parse = _parse_template  # type: ignore[method-assign]

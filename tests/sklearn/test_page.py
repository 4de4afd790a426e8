"""The examples of docs/sklearn.md do what the page says."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "sklearn.md"


@pytest.mark.usefixtures("one_thread")
def test_examples_of_the_page_run() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    for number, block in enumerate(blocks):
        test = doctest.DocTestParser().get_doctest(block, names, f"block {number}", str(PAGE), 0)
        result = doctest.DocTestRunner(optionflags=doctest.REPORT_NDIFF).run(
            test, clear_globs=False
        )
        names = test.globs
        assert (result.failed, result.attempted > 5) == (0, True), block

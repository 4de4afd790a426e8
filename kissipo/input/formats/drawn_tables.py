"""Tables drawn with characters: bars as in Markdown, or columns of fixed width.

Example:  >>> lines = ["| a | b |", "|---|---|", "| 1 | x y |", "| 2 | z |"]
          >>> are_between_bars(lines), list(by_bars(lines))
          (True, ['a|b\\n', '1|x y\\n', '2|z\\n'])
          >>> rows = ["size  name", " 1.5  Ada L", "12.0  Bo", " 2.5  Cy", " 3.5  Di E"]
          >>> have_fixed_width(rows), have_fixed_width(["Alas, poor Yorick!"] * 5)
          (True, False)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from kissipo.core.errors import DataError
from kissipo.input.cells.number_texts import split_number
from kissipo.input.formats.files import open_text

BARS = "| |"
_RULE = re.compile(r"[|+:=\- ]*")
_LABEL = "__label__"
_COUNT = re.compile(r"\(\d+ rows?\)")
_MIN_LINES, _FIRST_LINES, _MIN_SHARE = 4, 60, 0.8
_SEPARATORS = {",": "commas", "\t": "tabs", ";": "semicolons"}


def are_between_bars(lines: Sequence[str]) -> bool:
    """Whether lines are rows of one width between bars, with a line of dashes."""
    filled = [line.strip() for line in lines if line.strip()]
    rows = [line for line in filled if not (_is_rule(line) or _COUNT.fullmatch(line))]
    has_rule = any(_is_rule(line) and set(line) & set("|+") for line in filled[:3])
    widths = {len(_cells(line)) for line in rows}
    return has_rule and len(rows) > 1 and len(widths) == 1 and widths != {1}


def by_bars(lines: Iterable[str]) -> Iterator[str]:
    """Yields the rows with one bar between two cells, without the lines of dashes."""
    for line in lines:
        line = line.strip()
        if line and not _is_rule(line) and not _COUNT.fullmatch(line):
            yield "|".join(_cells(line)) + "\n"


def have_fixed_width(lines: Sequence[str]) -> bool:
    """Whether lines have blanks at the same places, and numbers between them."""
    filled = [line.rstrip("\r\n") for line in lines if line.strip()]
    if len(filled) < _MIN_LINES or any("\t" in line for line in filled):
        return False
    if 2 * sum("  " in line.strip() for line in filled) < len(filled):
        return False
    width = max(map(len, filled))
    padded = [line.ljust(width) for line in filled]
    is_gap = [all(line[place] == " " for line in padded) for place in range(width)]
    begins = [
        place for place in range(width) if not is_gap[place] and (place == 0 or is_gap[place - 1])
    ]
    if len(begins) < 2:
        return False
    columns = [
        [line[begin:end].strip() for line in padded[1:]]
        for begin, end in zip(begins, [*begins[1:], width], strict=True)
    ]
    return any(
        sum(split_number(cell) is not None for cell in cells) >= _MIN_SHARE * len(cells)
        for cells in columns
    )


def refuse_fixed_width(path: Path, lines: Sequence[str]) -> None:
    """Refuses a table whose cells stand below each other, without a separator."""
    if have_fixed_width(lines):
        raise DataError(
            f"{path} is a table with columns of fixed width, without a separator between them",
            do=f"In Python: pandas.read_fwf('{path.name}').to_csv('{path.stem}-cells.csv', "
            "index=False)",
        )


def refuse_table(path: Path) -> None:
    """Refuses a table in a file of plain text, whose characters would be learned."""
    with open_text(path, "utf-8") as file:
        lines = list(islice(file, _FIRST_LINES))
    filled = [line for line in lines if line.strip()]
    if filled and all(line.startswith(_LABEL) for line in filled):
        raise DataError(
            f"{path} has labels and texts in the format of fastText",
            got=f"'{filled[0].strip()[:60]}' in its first line",
            do="Write two columns, label and text, with a tab between them, as a .tsv file",
        )
    form = _form(lines)
    if form is None:
        return
    raise DataError(
        f"{path} looks like a table: {form}",
        got=f"'{lines[0].strip()[:60]}' in its first line",
        do="Name the answer with --output COLUMN; "
        f"input.text={path} output.text=next learns its characters",
    )


def _form(lines: Sequence[str]) -> str | None:
    """Returns how the cells of lines are separated, None where they are prose."""
    filled = [line.rstrip("\r\n") for line in lines if line.strip()]
    if len(filled) < _MIN_LINES:
        return None
    if are_between_bars(filled):
        return "its cells stand between bars"
    for separator, name in _SEPARATORS.items():
        rows = [line.split(separator) for line in filled]
        if len({len(row) for row in rows}) == 1 and len(rows[0]) > 1:
            columns = zip(*rows[1:], strict=True)
            if any(
                sum(split_number(cell) is not None for cell in cells) >= _MIN_SHARE * len(cells)
                for cells in columns
            ):
                return f"{len(rows[0])} columns separated by {name}"
    return "columns of fixed width" if have_fixed_width(filled) else None


def _is_rule(line: str) -> bool:
    """Whether a line is drawn with dashes; it may have 100,000 of them."""
    return ("--" in line or "==" in line) and _RULE.fullmatch(line) is not None


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]

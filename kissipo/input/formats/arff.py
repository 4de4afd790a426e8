"""ARFF tables, as WEKA and OpenML write them.

@relation iris                     % a comment
@attribute 'sepal length' numeric
@attribute class {setosa, 'versicolor 2'}
@data
5.1,setosa                         ? is a missing value

The last attribute is the answer where its values are listed, as WEKA takes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from kissipo.core.errors import DataError
from kissipo.core.frame import Column, Frame, numbers, strings
from kissipo.core.text import is_number
from kissipo.input.formats.files import open_text

SUFFIX = ".arff"
_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_ATTRIBUTE = re.compile(rf"@attribute\s+({_QUOTED}|[^\s{{]+)\s*(.*)", re.IGNORECASE)
_CELL = re.compile(rf"\s*({_QUOTED}|[^,]*?)\s*(?:,|$)")
_NUMERIC = ("numeric", "real", "integer")
_OTHERS = ("string", "date")
_MISSING = "?"


class _Attribute(NamedTuple):
    """A column: its name, its type, and its values where these are listed."""

    name: str
    kind: str
    values: tuple[str, ...] = ()


def read_arff(path: Path, encoding: str) -> tuple[Frame, str]:
    """Returns the table and the name of its answer, which may be ''.

    Raises:   DataError for a file without @data, for rows of another length, for a cell
              that its attribute does not allow, and for sparse rows.
    """
    attributes: list[_Attribute] = []
    cells: list[list[str | None]] = []
    with open_text(path, encoding) as file:
        lines = enumerate(file, 1)
        if not _read_header(lines, attributes, path):
            raise DataError(f"{path} has no line @data", do="Is it the right file?")
        for number, line in lines:
            text = line.strip()
            if not text or text.startswith("%"):
                continue
            if text.startswith("{"):
                raise DataError(
                    f"line {number} of {path} is a sparse row",
                    got=text[:40],
                    allowed="rows with a value for each attribute",
                    do="Save it dense: in WEKA with the filter SparseToNonSparse, in Python with "
                    "openml.datasets or scipy",
                )
            row = split_cells(text)
            if len(row) == len(attributes) + 1 and (row[-1] or "").startswith("{"):
                row = row[:-1]  # a weight
            if len(row) != len(attributes):
                raise DataError(
                    f"line {number} of {path} has {len(row)} cells, where @attribute names "
                    f"{len(attributes)} columns",
                    got=text[:60],
                )
            cells.append(row)
    if not cells:
        raise DataError(f"{path} has no rows below @data", do="Give a file with rows of data")
    table = zip(attributes, zip(*cells, strict=True), strict=True)
    columns = tuple(_column(attribute, column, path) for attribute, column in table)
    last = attributes[-1]
    return Frame(columns, origin=str(path)), last.name if last.values else ""


def split_cells(text: str) -> list[str | None]:
    """Returns the cells of a line; None is a missing value.

    Example:  >>> split_cells("5.1, ?,'a, b',c")
              ['5.1', None, 'a, b', 'c']
    """
    if "'" not in text and '"' not in text:
        plain = [cell.strip() for cell in text.split("\t" if "," not in text else ",")]
        return [None if cell == _MISSING else cell for cell in plain]
    cells: list[str | None] = []
    place = 0
    while place <= len(text):
        match = _CELL.match(text, place)
        if match is None:  # a quote that does not end: the rest is one cell
            cells.append(text[place:].strip())
            break
        cells.append(None if match[1] == _MISSING else _unquoted(match[1]))
        place = match.end()
        if not match[0].endswith(","):
            break
    return cells


def _read_header(
    lines: Iterator[tuple[int, str]], attributes: list[_Attribute], path: Path
) -> bool:
    """Reads the attributes; False where no line @data follows."""
    for number, line in lines:
        text = line.strip()
        word = text.lower()
        if word.startswith("@data"):
            if not attributes:
                raise DataError(f"{path} has no line @attribute", do="Is it the right file?")
            return True
        if word.startswith("@attribute"):
            attributes.append(_attribute(text, number, path))
    return False


def _attribute(text: str, number: int, path: Path) -> _Attribute:
    match = _ATTRIBUTE.fullmatch(text)
    name, kind = (_unquoted(match[1]), match[2].strip()) if match else ("", "")
    if kind.startswith("{") and "}" in kind:
        inside = split_cells(kind[1 : kind.rindex("}")])
        return _Attribute(name, "nominal", tuple(value or _MISSING for value in inside))
    word = kind.split(" ")[0].lower()
    if word in (*_NUMERIC, *_OTHERS):
        return _Attribute(name, word)
    raise DataError(
        f"line {number} of {path} has an attribute of an unknown type",
        got=text[:60],
        allowed="numeric, real, integer, string, date, or {a, b, c}",
        do="A relational attribute holds one table per row: use the file .ts of this data set"
        if word == "relational"
        else "",
    )


def _column(attribute: _Attribute, cells: Sequence[str | None], path: Path) -> Column:
    if attribute.kind not in _NUMERIC:
        _refuse_unlisted(attribute, cells, path)
        return strings(attribute.name, cells)
    try:
        return numbers(attribute.name, [None if cell is None else float(cell) for cell in cells])
    except ValueError:
        row, cell = next(
            (row, cell) for row, cell in enumerate(cells, 1) if cell and not is_number(cell)
        )
        raise DataError(
            f"row {row} of {path} is not a number, where '{attribute.name}' is {attribute.kind}",
            got=f"'{cell}'",
            allowed="a number, or ? for a missing value",
        ) from None


def _refuse_unlisted(attribute: _Attribute, cells: Sequence[str | None], path: Path) -> None:
    unlisted = {cell for cell in cells if cell is not None} - {*attribute.values}
    if attribute.values and unlisted:
        cell = min(unlisted)
        raise DataError(
            f"row {cells.index(cell) + 1} of {path} has a value of '{attribute.name}' that its "
            "@attribute does not list",
            got=f"'{cell}'",
            allowed=", ".join(attribute.values[:10]),
        )


def _unquoted(text: str) -> str:
    if len(text) < 2 or text[0] not in "'\"" or text[0] != text[-1]:
        return text
    return re.sub(r"\\(.)", r"\1", text[1:-1])

"""CSV and TSV files, read in chunks, with errors that name the line.

The standard library splits the lines; `cells.py` builds the columns. A column that
first looks numeric and later turns out to be text is read again as text, so that `007`
stays `007`.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import Any

from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, format_rows
from kissipo.core.frame import Frame
from kissipo.core.text import list_ends, shorten
from kissipo.input.formats.cells import ColumnBuilder, NumberStyle
from kissipo.input.formats.files import existing, open_text
from kissipo.input.formats.header import SAMPLE, sign_of_data

CHUNK = 50_000
SEPARATORS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}
_LONGEST_CELL = 100_000_000
Lines = Iterator[tuple[int, list[str]]]


@dataclass(frozen=True)
class Layout:
    """The format of a delimited file. None means that it is inferred from the file."""

    separator: str | None = None
    names: tuple[str, ...] | None = None
    encoding: str = "utf-8"
    quoting: bool = True
    style: NumberStyle = NumberStyle()


def read_delimited(path: Path, layout: Layout) -> tuple[Frame, list[Finding]]:
    """Reads a CSV or TSV file and returns its frame and the findings.

    Raises:   DataError for a missing, empty or header-only file, a wrong encoding or a
              row of another length, with line and content.
    """
    status = existing(path).stat()
    frame, findings = _read_once(path, layout, status.st_mtime_ns, status.st_size)
    return frame, list(findings)


@lru_cache(maxsize=1)
def _read_once(
    path: Path, layout: Layout, changed: int, size: int
) -> tuple[Frame, tuple[Finding, ...]]:
    """Reads a file; the last one is cached, as inference and training both read it."""
    csv.field_size_limit(_LONGEST_CELL)
    if layout.separator is not None and len(layout.separator) != 1:
        raise DataError(
            "input.separator must be a single character",
            got=f"'{layout.separator}'",
            allowed="such as ';', or a tab, which is written input.separator='\"\\t\"'",
        )
    separator = layout.separator or _guess_separator(path, layout.encoding)
    texts: set[str] = set()
    while True:
        reading = _Reading(path, layout, separator, texts)
        builders = reading.read()
        again = {builder.name for builder in builders if builder.must_be_text}
        if not again:
            break
        texts |= again
    frame = Frame(tuple(builder.finish() for builder in builders), origin=str(path))
    return frame, tuple(reading.findings)


class _Reading:
    """One pass over a file."""

    def __init__(self, path: Path, layout: Layout, separator: str, texts: set[str]) -> None:
        self.path, self.layout, self.separator, self.texts = path, layout, separator, texts
        self.findings: list[Finding] = []
        self.blank_lines: list[int] = []

    def read(self) -> list[ColumnBuilder]:
        with open_text(self.path, self.layout.encoding) as file:
            if self.layout.quoting:
                rows = csv.reader(file, delimiter=self.separator, strict=True)
            else:
                rows = csv.reader(file, delimiter=self.separator, quoting=csv.QUOTE_NONE)
            lines = self._split_rows(rows)
            if self.layout.names:
                names = list(self.layout.names)
            else:
                names, lines = self._header(lines)
            builders = [
                ColumnBuilder(name, self.layout.style, as_text=name in self.texts) for name in names
            ]
            count = self._fill(lines, builders)
        if count == 0:
            raise DataError(
                f"{self.path} has a header but no rows",
                got="the columns " + ", ".join(names),
                do="Add rows of data below the header",
            )
        if self.blank_lines:
            where = format_rows(self.blank_lines).replace("row", "line")
            self.findings.append(
                Finding(
                    "WARN",
                    "blank lines",
                    f"{len(self.blank_lines)} blank lines in {self.path.name} ({where})",
                    "left out",
                )
            )
        return builders

    def _header(self, lines: Lines) -> tuple[list[str], Lines]:
        """Returns the column names and the lines that are rows of data."""
        line, header = next(lines, (0, []))
        if not header:
            raise DataError(
                f"{self.path} is empty", do="Give a file with a header and rows of data"
            )
        sample = list(islice(lines, SAMPLE))
        sign = sign_of_data(header, [row for _, row in sample], self.layout.style)
        if sign:
            names = [f"column{position}" for position in range(1, len(header) + 1)]
            self.findings.append(
                Finding(
                    "WARN",
                    "no header",
                    f"{self.path.name} seems to have no header: "
                    f"its first line looks like a row of data ({sign})",
                    f"read as row 1; the columns are called {list_ends(names, 2, 1)}; "
                    "set their names with input.header=[name, name, ...]",
                    (1,),
                )
            )
            return names, chain([(line, header)], sample, lines)
        return self._names(header), chain(sample, lines)

    def _names(self, header: list[str]) -> list[str]:
        names = [name.strip() or f"column{position}" for position, name in enumerate(header, 1)]
        unnamed = [name for name, cell in zip(names, header, strict=True) if not cell.strip()]
        if unnamed:
            self.findings.append(
                Finding(
                    "WARN",
                    "unnamed columns",
                    f"{len(unnamed)} columns have no name in the header",
                    "called " + ", ".join(unnamed),
                )
            )
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise DataError(
                f"{self.path} has the column '{repeated[0]}' "
                f"{names.count(repeated[0])} times in its header",
                do="Give every column its own name",
            )
        if all(_is_number(name) for name in header):
            raise DataError(
                f"{self.path} seems to have no header: its first line has only numbers",
                got=self.separator.join(header)[:80],
                do="Put the names of the columns in the first line, "
                "or set them with input.header=[name, name, ...]",
            )
        return names

    def _split_rows(self, rows: Any) -> Lines:
        first_line = 1
        try:
            for row in rows:
                if row:
                    yield rows.line_num, row
                else:
                    self.blank_lines.append(rows.line_num)
                first_line = rows.line_num + 1
        except csv.Error as error:
            raise DataError(
                f"{self.path} cannot be split into cells in the row "
                f"that begins at line {first_line}: {_describe(error)}",
                do="Correct the quotes of that row, "
                "or set input.quoting=false when quotes belong to the text",
            ) from None

    def _fill(self, lines: Lines, builders: list[ColumnBuilder]) -> int:
        width, count = len(builders), 0
        chunk: list[list[str]] = []
        for line, row in lines:
            if len(row) != width:
                raise _ragged(
                    self.path, line, row, [builder.name for builder in builders], self.separator
                )
            chunk.append(row)
            if len(chunk) == CHUNK:
                _add(builders, chunk, count + 1)
                count += len(chunk)
                chunk = []
        if chunk:
            _add(builders, chunk, count + 1)
        return count + len(chunk)


def _add(builders: list[ColumnBuilder], rows: list[list[str]], first_row: int) -> None:
    for builder, cells in zip(builders, zip(*rows, strict=True), strict=True):
        builder.add(cells, first_row)


def _ragged(path: Path, line: int, row: list[str], names: list[str], separator: str) -> DataError:
    text = separator.join(row)
    if len(row) > len(names):
        extra = f"; the first extra cell is '{row[len(names)][:30]}'"
    else:
        extra = f"; there is no cell for '{names[len(row)]}'"
    return DataError(
        f"line {line} of {path} has {len(row)} cells "
        f"where the header has {len(names)} columns{extra}",
        got=f"'{shorten(text, 80)}'",
        do="Add or remove cells in that line; "
        "put a cell that contains the separator in double quotes",
    )


def _guess_separator(path: Path, encoding: str) -> str:
    """Returns the separator that splits the first lines most evenly; default comma."""
    if path.name.lower().removesuffix(".gz").endswith(".tsv"):
        return "\t"
    with open_text(path, encoding) as file:
        lines = [line for line, _ in zip(file, range(20), strict=False) if line.strip()]
    if not lines:
        return ","
    best, best_score = ",", 0.0
    for separator in SEPARATORS:
        widths = [len(row) for row in csv.reader(lines, delimiter=separator)]
        if widths and widths[0] > 1:
            same = sum(width == widths[0] for width in widths) / len(widths)
            score = same * 100 + widths[0]
            if score > best_score:
                best, best_score = separator, score
    return best


def _describe(error: csv.Error) -> str:
    if "end of data" in str(error):
        return "a double quote is opened and never closed"
    return (
        "a double quote is closed in the middle of a cell"
        if "expected after" in str(error)
        else str(error)
    )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True

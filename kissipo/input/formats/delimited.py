"""CSV and TSV files, read in chunks, with errors that name the line.

The standard library splits the lines; `cells.py` builds the columns, and
`number_columns.py` reads their numbers. A column that first looks numeric and later
turns out to be text is read again as text, so that `007` stays `007`.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import chain, islice
from pathlib import Path

from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, format_rows
from kissipo.core.frame import Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.core.text import list_some, shorten
from kissipo.input.cells.cell_blanks import blanks_beside, protect_quoted, protected
from kissipo.input.cells.cell_bytes import UnclearLayoutError, split_cells
from kissipo.input.cells.cells import ColumnBuilder
from kissipo.input.cells.null_texts import NULL_TEXTS, reason_of_values
from kissipo.input.cells.number_columns import (
    CellOptions,
    TypedCells,
    find_numbers,
    has_open_points,
    texts_decimal,
    type_cells,
)
from kissipo.input.formats.blank_separated import are_split_by_blanks, single_blanks
from kissipo.input.formats.compressed import content_name
from kissipo.input.formats.double_colons import DOUBLE_COLON, are_split_by_double_colons, by_tabs
from kissipo.input.formats.drawn_tables import (
    BARS,
    are_between_bars,
    by_bars,
    refuse_fixed_width,
)
from kissipo.input.formats.files import existing, open_text, refuse_many_columns
from kissipo.input.formats.header import (
    SAMPLE,
    column_names,
    lines_above_header,
    missing_header,
    second_line_of_header,
    sign_of_data,
)
from kissipo.input.formats.note_lines import NoteLines
from kissipo.input.formats.preamble import find_preamble

CHUNK = 50_000
_FIRST_LINES = 60
SEPARATORS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}
_REWRITTEN = {
    " ": ("blanks", single_blanks),
    DOUBLE_COLON: ("'::'", by_tabs),
    BARS: ("bars, as in Markdown", by_bars),
}
_LINE_SEPARATORS = {DOUBLE_COLON: "\t", BARS: "|"}  # of the lines that were rewritten
_SEPARATOR_LINE = re.compile(r"\"?sep=([,;|\t])\"?,*", re.IGNORECASE)
_LONGEST_CELL = 1 << 25
Lines = Iterator[tuple[int, list[str]]]


@dataclass(frozen=True)
class Layout:
    """The format of a delimited file. None means that it is inferred from the file."""

    separator: str | None = None
    names: tuple[str, ...] | None = None
    encoding: str = "utf-8"
    quoting: bool = True
    cells: CellOptions = CellOptions()
    skip_lines: int | None = None


def read_delimited(path: Path, layout: Layout) -> tuple[Frame, list[Finding]]:
    """Reads a CSV or TSV file and returns its frame and the findings.

    Raises:   DataError for a missing, empty or header-only file, a wrong encoding or a
              row of another length, with line and content.
    """
    typed = read_typed(path, layout)
    return typed.frame, typed.findings


def read_typed(path: Path, layout: Layout) -> TypedCells:
    """Reads a CSV or TSV file; the options that were decided come with its frame."""
    status = existing(path).stat()
    frame, findings, inferred = _read_once(path, layout, status.st_mtime_ns, status.st_size)
    return TypedCells(frame, list(findings), list(inferred))


@lru_cache(maxsize=1)
def _read_once(path: Path, layout: Layout, changed: int, size: int) -> TypedCells:
    """Reads a file; the last one is cached, as inference and training both read it."""
    csv.field_size_limit(_LONGEST_CELL)
    if layout.separator not in (None, DOUBLE_COLON) and len(layout.separator or "") != 1:
        raise DataError(
            "input.separator must be a single character, or '::'",
            got=f"'{layout.separator}'",
            allowed="such as ';', or a tab, which is written input.separator='\"\\t\"'",
        )
    separator, skip = _first_lines(path, layout)
    texts: set[str] = set()
    inferred: list[InferredOption] = []
    while True:
        reading = _Reading(path, layout, separator, texts, skip)
        builders = reading.read()
        reasons = _reasons_of_values(builders, layout.cells)
        if reasons:
            columns = sorted({*layout.cells.not_missing, *reasons})
            reason = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
            reason += "; input.missing_values=[NA] declares a mark missing"
            inferred.append(InferredOption("input.not_missing", columns, reason))
            cells = replace(layout.cells, not_missing=frozenset(columns))
            layout = replace(layout, cells=cells)
            continue
        again = {builder.name for builder in builders if builder.failed}
        plain = {builder.name: builder.sample for builder in builders if not builder.as_text}
        if not again:
            frame = Frame(tuple(builder.finish() for builder in builders), origin=str(path))
            numbers = find_numbers(frame, layout.cells)
            if texts_decimal(numbers, layout.cells) == ",":
                again = {name for name, cells in plain.items() if has_open_points(cells)}
        if not again:
            break
        texts |= again
    findings = reading.findings + _joined_by_blanks(builders)
    typed = type_cells(frame, layout.cells, separator=separator, plain=plain, numbers=numbers)
    return TypedCells(typed.frame, findings + typed.findings, inferred + typed.inferred)


def _reasons_of_values(builders: list[ColumnBuilder], options: CellOptions) -> dict[str, str]:
    """Returns the columns in which NA and the like are values, and why."""
    declared = set(options.missing_values)
    reasons = {
        builder.name: reason_of_values(
            builder.name,
            [mark for mark in builder.null_texts if mark not in declared],
            builder.finish().categories,
        )
        for builder in builders
        if builder.as_text and builder.name not in options.not_missing and builder.null_texts
    }
    return {name: reason for name, reason in reasons.items() if reason}


def _joined_by_blanks(builders: list[ColumnBuilder]) -> list[Finding]:
    """Reports values that are one value without the blanks around their cells."""
    findings = []
    for builder in builders:
        joined = builder.joined
        if joined:
            findings.append(
                Finding(
                    "PASS",
                    "blanks around cells",
                    f"'{builder.name}' has cells that are equal but for blanks around them: "
                    + list_some([f"'{text}'" for text in joined], 5),
                    "read as one value, without the blanks",
                )
            )
    return findings


class _Reading:
    """One pass over a file."""

    def __init__(
        self, path: Path, layout: Layout, separator: str, texts: set[str], skip: int
    ) -> None:
        self.path, self.layout = path, layout
        self.written = separator  # in the file
        self.separator = _LINE_SEPARATORS.get(separator, separator)  # of the lines
        self.texts, self.skip = texts, skip
        self.findings: list[Finding] = []
        self.blank_lines: list[int] = []

    def read(self) -> list[ColumnBuilder]:
        """Reads the file by blocks where its layout is clear, else row by row."""
        with open_text(self.path, self.layout.encoding) as text:
            file = self._rewritten(text) if self.written in _REWRITTEN else text
            self._skip_lines(file)
            lines = self._split_rows(file)
            names, first_line, lines = self._header(lines)
            builders = self._read_blocks(names, first_line)
            if builders is None:
                builders = self._builders(names)
                self._fill(lines, builders)
        if not any(map(len, builders)):
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

    def _rewritten(self, lines: Iterator[str]) -> Iterator[str]:
        """Returns the lines with one character between two cells."""
        name, rewrite = _REWRITTEN[self.written]
        if self.layout.separator is None:
            message = f"the cells of {self.path.name} are separated by {name}"
            action = "input.separator sets another separator"
            self.findings.append(Finding("PASS", "separator", message, action))
        return rewrite(lines)

    def _builders(self, names: list[str]) -> list[ColumnBuilder]:
        blanks = blanks_beside(self.separator) if self.layout.quoting else ""
        cells = self.layout.cells
        return [
            ColumnBuilder(
                name,
                as_text=name in self.texts or name in cells.not_missing,
                points=cells.prior != ",",
                blanks=blanks,
                values=NULL_TEXTS if name in cells.not_missing else frozenset(),
            )
            for name in names
        ]

    def _read_blocks(self, names: list[str], first_line: int) -> list[ColumnBuilder] | None:
        """Reads the lines from the first with data by blocks.

        None where the lines are rewritten, and where quotes, blank lines or the
        number of cells are not those of a clear layout.
        """
        if self.written in _REWRITTEN or self.blank_lines:
            return None
        builders = self._builders(names)
        with open_text(self.path, self.layout.encoding) as file:
            for _ in islice(file, first_line - 1):
                pass
            try:
                for columns in split_cells(
                    file,
                    self.separator,
                    len(names),
                    quoting=self.layout.quoting,
                    protect=partial(protected, blanks=blanks_beside(self.separator)),
                ):
                    for builder, cells in zip(builders, columns, strict=True):
                        builder.add_bytes(cells)
            except UnclearLayoutError:
                return None
        return builders

    def _skip_lines(self, file: Iterator[str]) -> None:
        """Skips and reports the lines above the header."""
        above = [line.strip() for line in islice(file, self.skip)]
        if above and self.layout.skip_lines is None:
            self.findings.append(lines_above_header(self.path.name, above, self.skip + 1))

    def _header(self, lines: Lines) -> tuple[list[str], int, Lines]:
        """Returns the column names, the number of the first line of data, and the lines
        that are rows of data."""
        if self.layout.names:
            return list(self.layout.names), self.skip + 1, lines
        line, header = next(lines, (0, []))
        if not header:
            raise DataError(
                f"{self.path} is empty", do="Give a file with a header and rows of data"
            )
        refuse_many_columns(self.path, len(header))
        sample = list(islice(lines, SAMPLE))
        sign = sign_of_data(header, [row for _, row in sample])
        if sign:
            names, finding = missing_header(self.path.name, len(header), sign)
            self.findings.append(finding)
            return names, self.skip + 1, chain([(line, header)], sample, lines)
        names, findings = column_names(header, self.path, line=self.separator.join(header))
        self.findings += findings
        if header[0].startswith("#") and sample and sample[0][1][0].startswith("#"):
            line, units = sample.pop(0)
            self.findings.append(second_line_of_header(line, units))
        return names, line + 1, chain(sample, lines)

    def _split_rows(self, file: Iterator[str]) -> Lines:
        """Yields the rows that are not blank, split by the standard library, each with
        the number of its last line."""
        if self.layout.quoting:
            lines = protect_quoted(file, self.separator)
            rows = csv.reader(lines, delimiter=self.separator, strict=True)
        else:
            rows = csv.reader(file, delimiter=self.separator, quoting=csv.QUOTE_NONE)
        first_line = self.skip + 1
        try:
            for row in rows:
                line = self.skip + rows.line_num
                if row:
                    yield line, row
                else:
                    self.blank_lines.append(line)
                first_line = line + 1
        except csv.Error as error:
            raise DataError(
                f"{self.path} cannot be split into cells in the row "
                f"that begins at line {first_line}: {_describe(error)}",
                do="Correct the quotes of that row, "
                "or set input.quoting=false when quotes belong to the text",
            ) from None

    def _fill(self, lines: Lines, builders: list[ColumnBuilder]) -> None:
        width = len(builders)
        chunk: list[list[str]] = []
        notes = NoteLines(width)
        for line, row in lines:
            is_row = len(row) == width
            if not is_row and notes.takes(line, row):
                continue
            if not is_row or notes.pending:
                line, row = notes.pending or (line, row)
                raise _ragged(
                    self.path, line, row, [builder.name for builder in builders], self.separator
                )
            chunk.append(row)
            if len(chunk) == CHUNK:
                _add(builders, chunk)
                chunk = []
        if chunk:
            _add(builders, chunk)
        self.findings += notes.findings(self.path.name)


def _add(builders: list[ColumnBuilder], rows: list[list[str]]) -> None:
    for builder, cells in zip(builders, zip(*rows, strict=True), strict=True):
        builder.add(cells)


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


def _first_lines(path: Path, layout: Layout) -> tuple[str, int]:
    """Returns the separator, and the number of lines above the header."""
    with open_text(path, layout.encoding) as file:
        lines = list(islice(file, _FIRST_LINES))
    if (named := _SEPARATOR_LINE.fullmatch(lines[0].strip(" \r\n")) if lines else None) and (
        layout.skip_lines is None and layout.separator in (None, named[1])
    ):
        return named[1], 1
    is_tsv = content_name(path).endswith(".tsv")
    separator = layout.separator or ("\t" if is_tsv else None)
    if separator is None and are_split_by_double_colons(lines):
        separator = DOUBLE_COLON
    if separator in (None, "|") and layout.skip_lines is None and are_between_bars(lines):
        return BARS, 0
    if separator == DOUBLE_COLON:
        return separator, layout.skip_lines or 0
    if layout.skip_lines is not None or layout.names:
        skip = layout.skip_lines or 0
        return separator or _guess_separator(lines[skip:]), skip
    preamble = find_preamble(lines, [separator] if separator else SEPARATORS)
    if preamble is None and separator is None:
        separator = _guess_separator(lines)
        if separator == "," and not any("," in line for line in lines):
            refuse_fixed_width(path, lines)
    return preamble or (separator or ",", 0)


def _guess_separator(first_lines: list[str]) -> str:
    """Returns the separator that splits the first lines most evenly; default comma."""
    lines = [line for line in first_lines[:20] if line.strip()]
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
    return " " if not best_score and are_split_by_blanks(lines) else best


def _describe(error: csv.Error) -> str:
    if "end of data" in str(error):
        return "a double quote is opened and never closed"
    if "field limit" in str(error):
        return f"a cell has more than {_LONGEST_CELL:,} characters; is a double quote left open?"
    return (
        "a double quote is closed in the middle of a cell"
        if "expected after" in str(error)
        else str(error)
    )

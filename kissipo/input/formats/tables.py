"""Tables on disk or in memory: CSV, TSV, Parquet, JSON lines, spreadsheets, tagged
words, data frames."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kissipo.core.errors import DataError
from kissipo.core.finding import Finding
from kissipo.core.frame import Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.core.schema import option
from kissipo.core.task import Task
from kissipo.input.cells.number_columns import CellOptions, TypedCells, type_cells
from kissipo.input.cells.vector_cells import with_vectors
from kissipo.input.formats.arff import SUFFIX as ARFF
from kissipo.input.formats.arff import read_arff
from kissipo.input.formats.compressed import content_name, open_binary, unpack_first
from kissipo.input.formats.dataframe import ARROW, from_dataframe, is_dataframe, read_parquet
from kissipo.input.formats.delimited import Layout, read_typed
from kissipo.input.formats.extra_rows import without_extra_rows
from kissipo.input.formats.files import existing
from kissipo.input.formats.other_programs import refusal
from kissipo.input.formats.records import read_records
from kissipo.input.formats.spreadsheet import SPREADSHEETS, read_spreadsheet
from kissipo.input.formats.squad import read_squad
from kissipo.input.formats.svmlight import SUFFIXES as SPARSE
from kissipo.input.formats.svmlight import TARGET, is_svmlight, read_svmlight
from kissipo.input.formats.tagged_words import TAGGED, read_tagged
from kissipo.input.source_data import Reading

TEXTS = (".txt", ".md")  # a table only where a person says so
DELIMITED = (".csv", ".tsv", ".data", ".dat", ".tab", *TEXTS)
RECORDS = (".jsonl", ".ndjson", ".json")
PARQUET = (".parquet", ".pq", *ARROW)


@dataclass(frozen=True)
class FileWords:
    """Options of the file format of a table; they are inferred when omitted."""

    separator: str | None = option(
        None, "field separator: ',' ';' '|' or a tab; inferred from the first lines"
    )
    header: tuple[str, ...] | None = option(None, "column names, if the file has no header")
    skip_lines: int | None = option(
        None, "number of lines above the header; inferred from the first lines", minimum=0
    )
    sheet: str | None = option(
        None, "sheet of a spreadsheet; the first that has cells when omitted"
    )
    encoding: str = option(
        "utf-8", "character encoding of the file: utf-8, latin-1, cp1252, utf-16 ..."
    )
    quoting: bool = option(True, "double quotes enclose fields (false: they are part of the text)")
    decimal: str | None = option(None, "decimal separator; inferred from all cells of the file")
    thousands: str | None = option(
        None, "thousands separator, if there is one; inferred from all cells of the file"
    )
    number_units: dict[str, str] | None = option(
        None, "mark of the numbers by column, such as %, $ or kg; inferred from the cells"
    )
    missing_values: tuple[str | int | float, ...] | None = option(
        None, "further values that mean a missing value: [-9999, unknown]"
    )
    not_missing: tuple[str, ...] | None = option(
        None, "columns in which NA, Nan and Null are values, as in codes of countries; inferred"
    )
    extra_rows: Literal["leave_out", "keep"] = option(
        "leave_out", "rows of units below the header, and of totals, notes or nothing at the end"
    )

    def layout(self) -> Layout:
        """Returns the options of the reader of delimited files."""
        return Layout(
            self.separator, self.header, self.encoding, self.quoting, self.cells(), self.skip_lines
        )

    def cells(self) -> CellOptions:
        """Returns the options of the cells."""
        return CellOptions(
            self.decimal,
            self.thousands,
            tuple((self.number_units or {}).items()),
            tuple(str(value) for value in self.missing_values or ()),
            numbers=self.number_columns(),
            texts=self.text_columns(),
            not_missing=frozenset(self.not_missing or ()),
        )

    def number_columns(self) -> frozenset[str]:
        """Returns the columns that a person names as numbers."""
        return frozenset()

    def text_columns(self) -> frozenset[str]:
        """Returns the columns that a person names as texts or classes."""
        return frozenset()


def is_table_file(path: Path) -> bool:
    """Whether a file is a table, by its name; `.txt` counts as plain text, unless it is
    a sparse table."""
    suffix = _suffix(path)
    if is_svmlight(path):
        return True
    return (
        suffix in (*DELIMITED, *RECORDS, *PARQUET, *SPREADSHEETS, *TAGGED, ARFF)
        and suffix not in TEXTS
    )


def read_table(data: object, words: FileWords) -> tuple[Frame, list[Finding]]:
    """Reads a file, or converts a data frame in memory.

    Raises:   DataError for a missing file, a wrong line or an unsupported format.
    """
    reading = table_reading(data, words)
    return reading.frame, list(reading.findings)


def table_reading(data: object, words: FileWords) -> Reading:
    """Reads a table as `read_table` does, with the options that were decided."""
    questions = _questions(data, words)
    if questions is not None:
        return questions
    if isinstance(data, str | Path) and _suffix(Path(data)) in TAGGED:
        return read_tagged(existing(Path(data)), words.encoding)
    if isinstance(data, str | Path) and _suffix(Path(data)) == ARFF:
        return _arff(_filled(Path(data)), words)
    if isinstance(data, str | Path) and is_svmlight(Path(data)):
        frame = read_svmlight(_filled(Path(data)))
        message = f"'{TARGET}' is what stands before the features, so it is the answer"
        finding = Finding("PASS", "natural answer", message, "--output COLUMN names another one")
        return Reading(frame, (finding,), None, TARGET)
    typed = _typed(data, words)
    if words.extra_rows == "leave_out":
        typed = without_extra_rows(typed)
    frame, vectors = with_vectors(typed.frame, words.text_columns())
    findings, inferred = [*typed.findings, *vectors], typed.inferred
    decisions = [
        Finding(
            "WARN" if option.doubtful else "PASS",
            "cells",
            f"read with {_argument(option)} ({option.reason})",
        )
        for option in inferred
    ]
    return Reading(frame, (*findings, *decisions), inferred_options=tuple(inferred))


def _questions(data: object, words: FileWords) -> Reading | None:
    """Reads questions about paragraphs; None for other data."""
    path = Path(data) if isinstance(data, str | Path) else None
    if path is None or _suffix(path) != ".json" or not path.is_file():
        return None
    return read_squad(path, words.encoding)


def _arff(path: Path, words: FileWords) -> Reading:
    """Reads a table whose attributes say their types."""
    frame, answer = read_arff(path, words.encoding)
    typed = type_cells(frame, words.cells())
    findings = list(typed.findings)
    if answer:
        message = f"the last attribute, '{answer}', lists its values, so it is the answer"
        action = "--output COLUMN names another one"
        findings.append(Finding("PASS", "natural answer", message, action))
    return Reading(typed.frame, tuple(findings), None, answer, tuple(typed.inferred))


def _argument(option: InferredOption) -> str:
    """Returns an inferred option as an argument of the command line."""
    return " ".join(Task().with_words({option.place: option.value}).to_arguments())


def _typed(data: object, words: FileWords) -> TypedCells:
    if not isinstance(data, str | Path):
        if is_dataframe(data):
            return type_cells(from_dataframe(data, origin="the data frame"), words.cells())
        raise DataError(
            "input.table is neither a file nor a data frame",
            got=type(data).__name__,
            allowed="a path, or a pandas, polars or pyarrow table",
        )
    path = _filled(Path(data))
    suffix = _suffix(path)
    if suffix in PARQUET:
        return type_cells(read_parquet(path), words.cells())
    if suffix in RECORDS:
        return type_cells(read_records(path, words.encoding), words.cells())
    if suffix in DELIMITED:
        return read_typed(path, words.layout())
    if suffix in SPREADSHEETS:
        return read_spreadsheet(path, words.layout(), words.sheet)
    if path.suffix.lower() == ".zip":
        open_binary(path).close()
    raise refusal(path) or DataError(
        f"{path} does not have a table format that can be read",
        got=f"'{suffix}'",
        allowed=", ".join((*DELIMITED, *RECORDS, *PARQUET, *SPREADSHEETS, *TAGGED, ARFF, *SPARSE)),
        do=unpack_first(path),
    )


def _filled(path: Path) -> Path:
    """Returns the path of a file that is there and not empty."""
    if existing(path).stat().st_size == 0:
        raise DataError(f"{path} is empty", do="Give a file with a header and rows of data")
    return path


def _suffix(path: Path) -> str:
    return Path(content_name(path)).suffix

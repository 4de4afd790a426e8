"""Tables on disk or in memory: CSV, TSV, Parquet, JSON lines, data frames."""

from dataclasses import dataclass
from pathlib import Path

from kissipo.core.errors import DataError
from kissipo.core.finding import Finding
from kissipo.core.frame import Frame
from kissipo.core.schema import option
from kissipo.input.formats.cells import NumberStyle
from kissipo.input.formats.dataframe import from_dataframe, is_dataframe, read_parquet
from kissipo.input.formats.delimited import Layout, read_delimited
from kissipo.input.formats.files import existing
from kissipo.input.formats.records import read_records

DELIMITED = (".csv", ".tsv", ".txt", ".data", ".tab")
RECORDS = (".jsonl", ".ndjson", ".json")
PARQUET = (".parquet", ".pq")


@dataclass(frozen=True)
class FileWords:
    """Options of the file format of a table; they are inferred when omitted."""

    separator: str | None = option(
        None, "field separator: ',' ';' '|' or a tab; inferred from the first lines"
    )
    header: tuple[str, ...] | None = option(None, "column names, if the file has no header")
    encoding: str = option(
        "utf-8", "character encoding of the file: utf-8, latin-1, cp1252, utf-16 ..."
    )
    quoting: bool = option(True, "double quotes enclose fields (false: they are part of the text)")
    decimal: str = option(".", "decimal separator")
    thousands: str = option("", "thousands separator, if there is one")

    def layout(self) -> Layout:
        """Returns the options of the reader of delimited files."""
        return Layout(
            self.separator,
            self.header,
            self.encoding,
            self.quoting,
            NumberStyle(self.decimal, self.thousands),
        )


def is_table_file(path: Path) -> bool:
    """Whether a file name belongs to a table; `.txt` counts as plain text."""
    suffix = _suffix(path)
    return suffix in (*DELIMITED, *RECORDS, *PARQUET) and suffix != ".txt"


def read_table(data: object, words: FileWords) -> tuple[Frame, list[Finding]]:
    """Reads a file, or converts a data frame in memory.

    Raises:   DataError for a missing file, a wrong line or an unsupported format.
    """
    if not isinstance(data, str | Path):
        if is_dataframe(data):
            return from_dataframe(data, origin="the data frame"), []
        raise DataError(
            "input.table is neither a file nor a data frame",
            got=type(data).__name__,
            allowed="a path, or a pandas, polars or pyarrow table",
        )
    path = existing(Path(data))
    suffix = _suffix(path)
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty", do="Give a file with a header and rows of data")
    if suffix in PARQUET:
        return read_parquet(path), []
    if suffix in RECORDS:
        return read_records(path, words.encoding), []
    if suffix in DELIMITED:
        return read_delimited(path, words.layout())
    raise DataError(
        f"{path} does not have a table format that can be read",
        got=f"'{suffix}'",
        allowed=", ".join((*DELIMITED, *RECORDS, *PARQUET)),
    )


def _suffix(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix

"""Tables: rows are samples, columns are features and targets.

Formats are CSV, TSV, Parquet, JSON lines, data frames and named data sets.
"""

from dataclasses import dataclass
from typing import Any

from kissipo.input.datasets import find_data
from kissipo.input.formats.tables import FileWords, read_table
from kissipo.input.source import Source
from kissipo.input.source_data import Reading
from kissipo.input.table_codecs import ColumnOptions


@dataclass(frozen=True)
class Options(ColumnOptions, FileWords):
    """Options of a table: the kinds of its columns, and the format of its file."""


class Table(Source[Options]):
    """A table: a row is a sample."""

    def read(self, value: Any, options: Options) -> Reading:
        """Reads a file, a data frame or a named data set."""
        reading = find_data(value, "table")
        if reading is not None:
            return reading
        frame, findings = read_table(value, options)
        return Reading(frame, tuple(findings))


SOURCE = Table()

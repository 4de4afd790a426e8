"""Tables: rows are samples, columns are features and targets.

Formats are CSV, TSV, Parquet, JSON lines, data frames and named data sets.
"""

from dataclasses import dataclass
from typing import Any, Literal

from kissipo.core.schema import option
from kissipo.input.datasets import find_data
from kissipo.input.formats.tables import FileWords, read_table
from kissipo.input.source import Source
from kissipo.input.source_data import Reading


@dataclass(frozen=True)
class Options(FileWords):
    """Options of a table.

    The type of a column that is in none of the lists is inferred from its values.
    """

    numeric: tuple[str, ...] | None = option(None, "numeric columns")
    categorical: tuple[str, ...] | None = option(None, "categorical columns")
    text: tuple[str, ...] | None = option(None, "text columns, tokenized into words")
    characters: tuple[str, ...] | None = option(None, "text columns, tokenized into characters")
    datetime: tuple[str, ...] | None = option(
        None, "columns of dates or times, encoded as month, weekday and hour"
    )
    cross: tuple[tuple[str, ...], ...] | None = option(
        None, "feature crosses: lists of categorical columns to combine"
    )
    drop: tuple[str, ...] | None = option(None, "columns to ignore")
    max_length: int | None = option(
        None, "maximum number of tokens per text; longer texts are truncated", minimum=1
    )
    vocab_size: int = option(
        20_000, "maximum size of the vocabulary; the most frequent tokens are kept", minimum=1
    )
    scale: Literal["standard", "range", "none"] = option("standard", "scaling of numeric columns")
    min_count: int | None = option(
        None, "minimum count of a token in the training split", minimum=1
    )
    missing_indicator: bool = option(True, "add an indicator column for imputed missing values")
    date_format: str | None = option(None, "format of dates, as in strptime: %d/%m/%Y")


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

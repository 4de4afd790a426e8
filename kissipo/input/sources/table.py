"""Tables: rows are samples, columns are features and targets.

Formats are CSV, TSV, Parquet, JSON lines, data frames and named data sets.
"""

from dataclasses import dataclass
from typing import Any, Literal

from kissipo.core.schema import word
from kissipo.input.datasets import find_data
from kissipo.input.formats.tables import FileWords, read_table
from kissipo.input.source_data import Reading

SAMPLES = "rows"


@dataclass(frozen=True)
class Options(FileWords):
    """Options of a table.

    The type of a column that is in none of the lists is inferred from its values.
    """

    numeric: tuple[str, ...] | None = word(None, "numeric columns")
    categorical: tuple[str, ...] | None = word(None, "categorical columns")
    text: tuple[str, ...] | None = word(None, "text columns, tokenized into words")
    characters: tuple[str, ...] | None = word(None, "text columns, tokenized into characters")
    datetime: tuple[str, ...] | None = word(
        None, "columns of dates or times, encoded as month, weekday and hour"
    )
    cross: tuple[tuple[str, ...], ...] | None = word(
        None, "feature crosses: lists of categorical columns to combine"
    )
    drop: tuple[str, ...] | None = word(None, "columns to ignore")
    max_length: int | None = word(
        None, "maximum number of tokens per text; longer texts are truncated", at_least=1
    )
    vocab_size: int = word(
        20_000, "maximum size of the vocabulary; the most frequent tokens are kept", at_least=1
    )
    scale: Literal["standard", "range", "none"] = word("standard", "scaling of numeric columns")
    min_count: int | None = word(None, "minimum count of a token in the training split", at_least=1)
    missing_indicator: bool = word(True, "add an indicator column for imputed missing values")
    date_format: str | None = word(None, "format of dates, as in strptime: %d/%m/%Y")


def read(value: Any, options: Options) -> Reading:
    """Reads a file, a data frame or a named data set."""
    reading = find_data(value, "table")
    if reading is not None:
        return reading
    frame, findings = read_table(value, options)
    return Reading(frame, tuple(findings))

"""A table: rows are samples, columns are what is known of them. CSV, TSV, Parquet, JSON lines, data frames, named sets."""

from dataclasses import dataclass
from typing import Any, Literal

from kissipo.core.schema import word
from kissipo.input.datasets import find_data
from kissipo.input.formats.tables import FileWords, read_table
from kissipo.input.reading import Reading

SAMPLES = "rows"


@dataclass(frozen=True)
class Options(FileWords):
    """The words of a table. A column that stands in none of the lists is sorted into one by its values."""

    numbers: tuple[str, ...] | None = word(None, "columns that are quantities")
    categories: tuple[str, ...] | None = word(None, "columns that are one of a few levels")
    text: tuple[str, ...] | None = word(None, "columns of prose, read as words")
    characters: tuple[str, ...] | None = word(None, "columns of short text, read as characters")
    calendar: tuple[str, ...] | None = word(None, "columns that are moments: month, weekday, hour are taken from them")
    cross: tuple[tuple[str, ...], ...] | None = word(
        None, "feature crosses: lists of columns whose combinations are one level each"
    )
    drop: tuple[str, ...] | None = word(None, "columns that the net shall not see")
    length: int | None = word(
        None, "how many words or characters of a text are read; the rest is cut, and counted", at_least=1
    )
    vocabulary: int = word(20_000, "how many distinct words are known at most, the most frequent ones", at_least=1)
    scale: Literal["standard", "range", "none"] = word("standard", "how numbers are scaled")
    least: int | None = word(None, "how often a word must stand in training to be known", at_least=1)
    flag_missing: bool = word(True, "whether a filled number is accompanied by a column that says so")
    time_style: str | None = word(None, "how dates are written, as in strptime: %d/%m/%Y")


def read(value: Any, options: Options) -> Reading:
    """The rows of a file, a data frame or a named set."""
    known = find_data(value, "table")
    if known is not None:
        return known
    frame, findings = read_table(value, options)
    return Reading(frame, tuple(findings))

"""Tables: rows are samples, columns are features and targets.

Formats are CSV, TSV, Parquet, JSON lines, data frames and named data sets.
"""

from dataclasses import dataclass

from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding
from kissipo.core.frame import Column, Frame
from kissipo.core.task import Task
from kissipo.core.timestamps import as_time, looks_like_time
from kissipo.input.datasets import find_data
from kissipo.input.formats.split_tables import reading_of
from kissipo.input.formats.tables import FileWords
from kissipo.input.infer_types import guess_answer
from kissipo.input.question import Question
from kissipo.input.source import Source
from kissipo.input.source_data import Reading
from kissipo.input.table_codecs import ColumnOptions
from kissipo.input.time_columns import combined_time, time_finding


@dataclass(frozen=True)
class Options(ColumnOptions, FileWords):
    """Options of a table: the kinds of its columns, and the format of its file."""

    def number_columns(self) -> frozenset[str]:
        return frozenset(self.numeric or ())

    def text_columns(self) -> frozenset[str]:
        named = (self.categorical, self.text, self.characters, self.datetime)
        return frozenset(name for names in named for name in names or ())


class Table(Source[Options]):
    """A table: a row is a sample."""

    order = 50
    formats = "tables (.csv .tsv .jsonl .parquet .xlsx)"

    def read(self, value: object, options: Options) -> Reading:
        """Reads a file, a data frame or a named data set."""
        reading = find_data(value, "table")
        if reading is not None:
            return reading
        return reading_of(value, options)

    def weight_column(self, options: Options) -> str | None:
        """Returns the name of the column of sample weights, if there is one."""
        return options.sample_weight

    def row_times(self, frame: Frame, options: Options, findings: list[Finding]) -> Column | None:
        """Returns the only column of timestamps, or several that are one timestamp."""
        together = combined_time(frame, None, options.date_format)
        if together is not None:
            findings.append(time_finding(together))
            return together.column
        columns = [column for column in frame.columns if looks_like_time(column)]
        if len(columns) != 1:
            return None
        try:
            return as_time(columns[0], style=options.date_format)
        except DataError:
            return None

    def infer(self, question: Question) -> Task | None:
        """Takes a table of which a column is predicted."""
        if question.data_set is not None:
            reading: Reading = question.data_set.read()
            frame = reading.frame
            column: str | None = question.output or reading.answer
        elif question.is_table:
            frame, column = question.table, question.output or question.natural_answer
        else:
            return None
        if column is None:
            raise TaskError(
                f"which column of {frame.origin} is the answer?",
                got="the columns " + ", ".join(frame.names),
                do="Name it with --output COLUMN",
            )
        if question.answer:
            return question.task({"table": question.value}, {question.answer: column})
        guess = guess_answer(frame[column])
        return question.task(
            {"table": question.value}, {guess.kind: column}, (guess.inferred_option(),)
        )


SOURCE = Table()

"""Tables: rows are samples, columns are features and targets.

Formats are CSV, TSV, Parquet, JSON lines, data frames and named data sets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kissipo.codec.bag_of_words import BagOfWords, Unit, Weighting
from kissipo.codec.labels import as_strings
from kissipo.core.codec import Codec
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding
from kissipo.core.frame import Column, Frame, strings
from kissipo.core.inferred_option import InferredOption
from kissipo.core.schema import option
from kissipo.core.task import Task
from kissipo.core.time.timestamps import as_time, looks_like_time
from kissipo.input.check.rows import contradictions
from kissipo.input.datasets import find_data
from kissipo.input.documents import DocumentOptions, add_queries, likely_title, table_documents
from kissipo.input.formats.documents import TEXT
from kissipo.input.formats.split_tables import reading_of
from kissipo.input.formats.tables import FileWords
from kissipo.input.given_rows import given_table
from kissipo.input.infer_types import guess_answer
from kissipo.input.source import Source
from kissipo.input.source_data import Reading
from kissipo.input.table_codecs import ColumnOptions, sort_columns
from kissipo.input.time_columns import combined_time, time_finding

if TYPE_CHECKING:
    from kissipo.input.question import Question


@dataclass(frozen=True)
class Options(ColumnOptions, FileWords, DocumentOptions):
    """Options of a table: the kinds of its columns, and the format of its file."""

    title: str | None = option(None, "column that names the documents, for vectors=documents")
    bag_of_words: Weighting | None = option(
        None,
        "read each text as one number per term, without their order: the count, the count "
        "relative to the length of the text, or the TF-IDF weight",
    )

    def number_columns(self) -> frozenset[str]:
        return frozenset(self.numeric or ())

    def text_columns(self) -> frozenset[str]:
        named = (self.categorical, self.text, self.characters, self.datetime)
        return frozenset(name for names in named for name in names or ())

    @property
    def counts_terms(self) -> bool:
        return self.bag_of_words is not None

    def text_codec(self, column: str, unit: Unit) -> Codec:
        if self.bag_of_words is None:
            return super().text_codec(column, unit)
        self._refuse_tokens()
        return BagOfWords(
            column,
            options=self.term_options(),
            weighting=self.bag_of_words,
            scale=self.scale,
            unit=unit,
        )

    def text_codecs(self, names: Sequence[str]) -> list[Codec]:
        if self.bag_of_words is not None and self.tokenizer != "words":
            raise TaskError(
                f"input.tokenizer={self.tokenizer} and input.bag_of_words both say "
                "how texts are read",
                do="Leave one of them out",
            )
        return super().text_codecs(names)

    def _refuse_tokens(self) -> None:
        """Refuses options of texts that are read in order."""
        others = {"vocab_size": "max_features", "min_count": "min_df", "max_length": ""}
        for name, term in others.items():
            if getattr(self, name) is not None:
                raise TaskError(
                    f"input.{name} is for texts that are read in order, "
                    "and input.bag_of_words reads all of their terms",
                    do=f"Use input.{term}" if term else "Leave it out",
                )


class Table(Source[Options]):
    """A table: a row is a sample."""

    order = 50
    formats = "tables (.csv .tsv .jsonl .parquet .xlsx .conll)"

    def read(self, value: object, options: Options) -> Reading:
        """Reads a file, a data frame or a named data set."""
        reading = find_data(value, "table")
        if reading is not None:
            return reading
        return reading_of(value, options)

    def documents(self, value: object, options: Options) -> Reading:
        """Returns the texts of one column as documents.

        Raises:   TaskError when the table has several columns of texts, or none.
        """
        reading = self.read(value, options)
        frame = reading.frame
        named = [*(options.text or ()), *(options.characters or ())]
        title = options.title or (likely_title(frame, named[0]) if named else None)
        texts = named or _texts(frame, options, [title] if title else [])
        if len(texts) != 1:
            raise TaskError(
                f"which column of {frame.origin} has the documents?",
                got="the columns " + ", ".join(frame.names),
                do="Name one column: input.text=COLUMN",
            )
        title = title or likely_title(frame, texts[0])
        inferred = [] if named else [InferredOption("input.text", texts, "the column of texts")]
        if title is not None and title != options.title:
            reason = "the column is called so, and names the documents"
            inferred.append(InferredOption("input.title", title, reason))
        documents = table_documents(frame, texts[0], title)
        documents = replace(
            documents,
            findings=(*reading.findings, *documents.findings),
            inferred_options=tuple(inferred),
        )
        return add_queries(documents, options.queries)

    def parse_documents(
        self, values: Sequence[object], options: Options, codecs: Sequence[Codec]
    ) -> Frame:
        """Returns the texts, or the column of texts of a table."""
        table = given_table(values, options)
        if table is None:
            return Frame((strings(TEXT, [str(value) for value in values]),), origin="the input")
        name = (options.text or (TEXT,))[0]
        return Frame((replace(as_strings(table[name]), name=TEXT),), table.origin, table.rows)

    def fitted_findings(
        self,
        frame: Frame,
        codecs: Sequence[Codec],
        targets: Sequence[Codec],
        splits: Mapping[str, NDArray[np.int64]],
    ) -> list[Finding]:
        findings = [finding for codec in codecs for finding in codec.fitted_findings(frame)]
        if not any(codec.spec.unit for codec in codecs):
            return findings
        inputs = [name for codec in codecs for name in codec.columns]
        names = [name for codec in targets for name in codec.columns]
        return findings + contradictions(frame, inputs, names)

    def weight_column(self, options: Options) -> str | None:
        """Returns the name of the column of sample weights, if there is one."""
        return options.sample_weight

    def groups_by_length(self, options: Options) -> bool:
        """Returns whether texts are word pieces, whose length is the cost of a step."""
        return options.bucketing and options.tokenizer not in ("words", "ngrams")

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
        usual = _usual_task(question)
        if usual is not None:
            return usual
        if question.data_set is not None:
            reading: Reading = question.data_set.read()
            frame = reading.frame
            column: str | None = question.output or reading.answer
        elif question.is_table:
            frame, column = question.table, question.output or question.natural_answer
        else:
            return None
        if column is None and question.answer and not question.names_column:
            return question.task({"table": question.value}, question.answer)
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


def _usual_task(question: Question) -> Task | None:
    """Returns the task that this format is made for; None where the person asks for
    another column or another kind of answer."""
    if question.data_set is None and not question.is_table:
        return None
    options = question.usual_task
    kinds = [option.place.partition(".")[2] for option in options if _is_output(option)]
    if not options or question.output not in (None, question.natural_answer):
        return None
    if question.answer not in (None, *kinds):
        return None
    task = question.task({"table": question.value}, {}, options)
    return task.with_words({option.place: option.value for option in options})


def _is_output(option: InferredOption) -> bool:
    return option.place.startswith("output.")


def _texts(frame: Frame, options: Options, reserved: Sequence[str]) -> list[str]:
    """Returns the columns of texts."""
    by_kind = sort_columns(frame, options, reserved=reserved).by_kind
    return [*by_kind["text"], *by_kind["characters"]]


SOURCE = Table()

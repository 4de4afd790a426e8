"""Source: the base class of every source of samples.

A source reads the data of a task, and the values that a person gives to `predict`. Each
source has its own file in `sources/`, named as users write it, with its `Options` and
one instance called SOURCE. All methods but `read` have the default of a table: a row is
a sample.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from math import inf
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from kissipo.core.codec import Codec
from kissipo.core.errors import TaskError
from kissipo.core.finding import Finding
from kissipo.core.frame import Column, Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.core.protocols import Augmentation
from kissipo.core.task import Task
from kissipo.input.check.leakage import leakage
from kissipo.input.corpus import Corpus
from kissipo.input.given_rows import parse_rows, row_usage
from kissipo.input.passages import Passages
from kissipo.input.source_data import Reading, Windows
from kissipo.input.table_codecs import ColumnOptions, check_columns, codecs_for, sort_columns

if TYPE_CHECKING:
    from kissipo.input.question import Question

O = TypeVar("O")


class Source(ABC, Generic[O]):
    """A source, with options of the type O.

    builder:        the builder of its pipeline, by its file name
    answers:        the kinds of answers that suit a sample
    answer_files:   the file of an answer, where these samples need another one than the
                    file of that name
    interactive:    whether it is an environment, in which an agent acts
    is_generated:   whether samples are generated: they may repeat and need no check
    order:          sources are asked in rising order whether data are their own
    formats:        the files that it takes as its own, in words, for a message
    independent:    whether no sample depends on earlier ones, so that a run can be
                    evaluated on other data
    folders:        whether every file of a folder is a sample to predict
    has_long_samples: whether a sample may be so long that it is decided part by part
    data_options:   options that hold a part of the data: a path, or a Python object
    generated_columns: columns that the source adds to the data, such as noise, in which
                    duplicate rows differ
    """

    builder: ClassVar[str] = "rows"
    answers: ClassVar[tuple[str, ...]] = ("category", "number")
    answer_files: ClassVar[Mapping[str, str]] = {}
    interactive: ClassVar[bool] = False
    is_generated: ClassVar[bool] = False
    order: ClassVar[int] = 0
    formats: ClassVar[str] = ""
    independent: ClassVar[bool] = True
    folders: ClassVar[bool] = False
    has_long_samples: ClassVar[bool] = False
    data_options: ClassVar[tuple[str, ...]] = ()
    generated_columns: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def read(self, value: object, options: O) -> Any:
        """Reads the data that `input` names: a Reading, or an environment.

        Raises:   DataError for data that cannot be read.
        """

    def unlabeled(self, value: object, options: O) -> Reading:
        """Reads the data for an answer without targets; by default like `read`."""
        reading: Reading = self.read(value, options)
        return reading

    def documents(self, value: object, options: O) -> Reading:
        """Reads the data as documents, one per row, for an answer that needs them.

        Raises:   TaskError for a source without documents.
        """
        raise TaskError(
            f"output.vectors=documents does not suit {type(self).__name__.lower()}",
            allowed="input.text=FOLDER, input.text=FILE, or a table with a column of texts",
        )

    def corpus(self, value: object, options: O) -> Corpus:
        """Returns the lines of the data, for an answer that learns from whole texts.

        Raises:   TaskError for a source without texts.
        """
        raise TaskError(
            f"output.vectors=words does not suit {type(self).__name__.lower()}",
            allowed="input.text=FILE or input.text=FOLDER",
        )

    def passages(self, value: object, options: O) -> Passages:
        """Returns the data as documents of sentences, for an answer that learns from
        whole texts in their order.

        Raises:   TaskError for a source without texts.
        """
        raise TaskError(
            f"output.text=masked does not suit {type(self).__name__.lower()}",
            allowed="input.text=FILE or input.text=FOLDER",
        )

    def infer(self, question: Question) -> Task | None:
        """Returns the task for a person's own data, or None for data of another source.

        The data are a named set of this source, if `question.data_set` is there.

        Raises:   DataError, TaskError when the question does not fit the data.
        """
        return None

    def usable_rows(self, frame: Frame, options: O, findings: list[Finding]) -> Frame:
        """Returns the rows that can be read; it reports the others in `findings`."""
        return frame

    def missing_targets(self, options: O) -> Literal["empty", "left_out"] | None:
        """Returns how to treat a sample without a target; None refuses it."""
        return "left_out"

    def check_targets(self, frame: Frame, columns: Sequence[str]) -> list[Finding]:
        """Checks target columns for what these samples need.

        Raises:   DataError for targets that do not suit.
        """
        return []

    def input_codecs(
        self,
        frame: Frame,
        options: O,
        *,
        reserved: Sequence[str],
        per_pixel: bool,
        findings: list[Finding],
        inferred_options: list[InferredOption],
    ) -> tuple[Codec, ...]:
        """Returns the codecs of the inputs, which are not fitted yet.

        reserved:    columns that the net must not see: the targets, the group
        per_pixel:   whether an answer is about the pixels of an image: a mask or boxes
        """
        column_options = options if isinstance(options, ColumnOptions) else ColumnOptions()
        columns = sort_columns(frame, column_options, reserved=reserved)
        findings += check_columns(frame, columns)
        inferred_options += columns.inferred_options()
        return codecs_for(frame, columns, column_options)

    def target_codec(self, codecs: Sequence[Codec], column: str, options: O) -> Codec | None:
        """Returns the codec of a target, which is not fitted yet; None: the answer has
        its own. The `fitted_findings` of the source report on it.

        codecs:   the codecs of the inputs
        """
        return None

    def compared_columns(self, names: Sequence[str], options: O) -> Sequence[str]:
        """Returns the columns in which duplicate rows agree, of those that are used."""
        return [name for name in names if name not in self.generated_columns]

    def groups_by_length(self, options: O) -> bool:
        """Returns whether the texts of a training batch are of similar length."""
        return False

    def fitted_findings(
        self,
        frame: Frame,
        codecs: Sequence[Codec],
        targets: Sequence[Codec],
        splits: Mapping[str, NDArray[np.int64]],
    ) -> list[Finding]:
        """Returns the findings that need fitted codecs and the split."""
        return []

    def check_fitted(
        self, frame: Frame, codecs: Sequence[Codec], targets: Sequence[str]
    ) -> list[Finding]:
        """Returns the findings that need fitted codecs, such as target leakage."""
        values = [column.name for column in frame.columns if column.kind in ("number", "string")]
        names = [name for codec in codecs for name in codec.columns if name in values]
        findings = [
            finding
            for target in targets
            if target in values
            for finding in leakage(frame, names, target)
        ]
        return findings or [
            Finding("PASS", "target leakage", "no column alone determines the answer")
        ]

    def files(self, frame: Frame) -> list[str]:
        """Returns the file of each row; empty when rows are not files."""
        return []

    def memory_limit(self, options: O) -> float:
        """Returns the gigabytes of samples that are held in memory."""
        return inf

    def weight_column(self, options: O) -> str | None:
        """Returns the name of the column of sample weights, if there is one."""
        return None

    def row_times(self, frame: Frame, options: O, findings: list[Finding]) -> Column | None:
        """Returns the timestamps of the rows, if they have one column of them.

        It reports several columns that are one timestamp together in `findings`.
        """
        return None

    def augment(
        self,
        options: O,
        codecs: Sequence[Codec],
        *,
        masks: tuple[int, ...] = (),
        boxes: tuple[int, ...] = (),
    ) -> Augmentation | None:
        """Returns the random changes of the first input in training, if there are any.

        codecs:        of the inputs, fitted
        masks, boxes:  the positions of the targets that are changed with their image
        """
        return None

    def parse_values(self, values: Sequence[object], options: O, codecs: Sequence[Codec]) -> Frame:
        """Returns a frame of the values to predict, of which there is at least one.

        codecs:   the codecs of the inputs, which name the columns
        Raises:   TaskError, DataError when the values do not fit.
        """
        return parse_rows(values, options, codecs, usage=self.usage(codecs))

    def long_sample(self, frame: Frame, codecs: Sequence[Codec]) -> Windows | None:
        """Returns the windows of a sample that is much longer than those of the
        training, each of which is decided by itself; None for a usual sample.

        frame:  one row, as `parse_values` returned it
        """
        return None

    def sample_names(self, values: Sequence[object]) -> list[str] | None:
        """Returns the name of each sample, such as its file, where a value stands for
        several; None where the values are the samples."""
        return None

    def parse_documents(
        self, values: Sequence[object], options: O, codecs: Sequence[Codec]
    ) -> Frame:
        """Returns a frame of the texts for which documents are searched."""
        return self.parse_values(values, options, codecs)

    def value_axes(self, codecs: Sequence[Codec]) -> int | None:
        """Returns the number of axes of one value to predict: 0 for a row of columns.

        None where values are consecutive, as the steps of a series are.
        """
        return 0

    def usage(self, codecs: Sequence[Codec]) -> str:
        """Returns a sentence that says which values can be predicted."""
        return row_usage(codecs)

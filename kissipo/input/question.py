"""Question: a person's own data, and what is to be predicted from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType

import numpy as np

from kissipo.core.errors import DataError
from kissipo.core.finding import Finding
from kissipo.core.frame import Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.core.schema import option_infos, read
from kissipo.core.task import Task
from kissipo.core.time.timestamps import as_time, looks_like_time
from kissipo.input.datasets import DATASETS, dataset_names, module_name
from kissipo.input.formats.arrays import is_array_file
from kissipo.input.formats.files import path_of
from kissipo.input.formats.images.pixel_cells import pixel_images
from kissipo.input.formats.signals.signal_rows import SignalColumns, are_classes, find_signals
from kissipo.input.formats.sounds.sound_table import is_sound_table
from kissipo.input.formats.split_tables import reading_of, table_folder
from kissipo.input.formats.tables import FileWords, is_table_file
from kissipo.input.source_data import Reading
from kissipo.input.wide_series import WideSeries, find_wide

_PANELS = ({"unique_id", "ds"}, {"item_id", "timestamp"})  # Nixtla, AutoGluon
_OF_OTHERS = {  # options of series and of tables
    *("series_id", "series_in_rows", "numeric", "categorical", "text", "characters"),
    *("datetime", "drop", "cross", "sample_weight"),
}  # fmt: skip
_EVEN = 0.98  # minimum share of equal steps; the rest are gaps, which are reported


@dataclass(frozen=True)
class Question:
    """A person's own data, and what is to be predicted from them.

    data:      a path, the name of a data set, or an object in memory
    output:    the target column, or several
    time:      the column of timestamps
    horizon:   the number of steps to forecast
    answer:    the kind of answer, where it is not to be inferred
    names_column: whether an answer of this kind names a column
    words:     options that the person sets, those of the input without a prefix
    """

    data: object
    output: str | None = None
    time: str | None = None
    horizon: int | None = None
    answer: str | None = None
    names_column: bool = True
    words: Mapping[str, object] = field(default_factory=dict)

    @cached_property
    def path(self) -> Path | None:
        """The path of the data; None for an object in memory."""
        return path_of(self.data) if isinstance(self.data, str | Path) else None

    @cached_property
    def data_set(self) -> ModuleType | None:
        """The module of a named data set; a file of that name hides it."""
        if self.path is None or self.path.exists() or str(self.data) not in dataset_names():
            return None
        return DATASETS.find(module_name(str(self.data)), place="data")

    @property
    def is_table(self) -> bool:
        """Whether the data are an object in memory, or a file to read as a table."""
        if self.path is None:
            return True
        if is_array_file(self.path):
            return False
        if self.path.is_file():
            return bool(is_table_file(self.path) or self.output or self.time)
        return self.has_split_tables

    @cached_property
    def _reading(self) -> Reading:
        if self.data_set is not None:
            reading: Reading = self.data_set.read()
            return reading
        written = {key: self.words[key] for key in option_infos(FileWords) if key in self.words}
        return reading_of(self.value, read(FileWords, written, place="input"))

    @property
    def rows(self) -> Frame:
        """The data as a table, whatever its columns."""
        return self._reading.frame

    @cached_property
    def names_sounds(self) -> bool:
        """Whether the data are a file whose rows name recordings."""
        is_file = self.path is not None and self.path.is_file() and self.is_table
        return is_file and is_sound_table(self.rows)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found when the table was read."""
        return self._reading.findings

    @property
    def natural_answer(self) -> str | None:
        """The column that a test table of competitions lacks."""
        return self._reading.answer or None

    @property
    def usual_task(self) -> tuple[InferredOption, ...]:
        """The options of the task that this format is made for; empty without one."""
        return self._reading.usual_task

    @cached_property
    def has_pixels(self) -> bool:
        """Whether the data are a table whose rows are images with their classes."""
        return self.path is not None and pixel_images(self.rows, self.findings) is not None

    @cached_property
    def has_split_tables(self) -> bool:
        """Whether the data are a folder of tables: train.csv, test.csv."""
        return self.path is not None and table_folder(self.path) is not None

    @cached_property
    def wide(self) -> WideSeries | None:
        """The series in the rows of the table, if the question is about series and its
        columns are their steps."""
        option = self.words.get("series_in_rows")
        if option is False or not self.is_table or self.has_split_tables:
            return None
        frame = self.rows
        names = (self.output,) if isinstance(self.output, str) else tuple(self.output or ())
        style = self.words.get("date_format")
        wide = find_wide(
            frame, style=style if isinstance(style, str) else None, is_asked=option is True
        )
        if wide is None or option is True:
            return wide
        steps = {name for steps in wide.steps for name in steps.names}
        is_series = self.horizon is not None or self.answer == "forecast"
        if any(name in frame and not (is_series and name in steps) for name in names):
            return None
        if self.time is not None and self.time in frame and self.time not in wide.dates:
            return None
        return wide if wide.is_clear or is_series else None

    @cached_property
    def signals(self) -> SignalColumns | None:
        """The columns of signals and of their classes, if each row of the table is one.

        A column that is named as the answer has to be classes.
        """
        is_other = self.time or self.horizon or self.data_set or self.words.keys() & _OF_OTHERS
        is_table = self.path is None or not self.path.is_file() or is_table_file(self.path)
        if is_other or not (self.is_table and is_table):
            return None
        label = self.words.get("label", self.output)
        if self.output is not None and not (
            label == self.output and label in self.rows and are_classes(self.rows[label])
        ):
            return None
        return find_signals(self.rows, label if isinstance(label, str) else None)

    @cached_property
    def table(self) -> Frame:
        """The data as a table.

        Raises:   DataError when it cannot be read, or lacks a column of the question.
        """
        frame, findings = self._reading.frame, self._reading.findings
        outputs = (self.output,) if isinstance(self.output, str) else tuple(self.output or ())
        for column in (*((self.time,) if self.time is not None else ()), *outputs):
            for finding in findings:
                if finding.check == "no header" and column not in frame:
                    raise DataError(
                        f"there is no column '{column}': {finding.message}",
                        got="the columns " + ", ".join(frame.names),
                        do="Name the columns with input.header=[name, name, ...]",
                    )
            frame[column]
        return frame

    @property
    def is_series(self) -> bool:
        """Whether the table holds numbers and one column of even timestamps, or several
        series in the columns of Nixtla or AutoGluon."""
        if self.wide is not None or self.has_split_tables:
            return self.wide is not None
        if any(names <= set(self.table.names) for names in _PANELS):
            name = self.output if isinstance(self.output, str) else None
            return name is None or self.table[name].kind == "number"
        timestamps = [column for column in self.table.columns if looks_like_time(column)]
        others = [column for column in self.table.columns if column not in timestamps]
        if len(timestamps) != 1 or not others or any(column.kind != "number" for column in others):
            return False
        if self.output == timestamps[0].name:
            return False
        time = as_time(timestamps[0])
        if time is None or time.missing.any():
            return False
        steps = np.diff(time.values).astype(np.int64)
        return bool(
            len(steps) and np.all(steps > 0) and np.mean(steps <= 1.2 * steps.min()) > _EVEN
        )

    @property
    def value(self) -> object:
        """The data as the value of a source: an object, or a path as text."""
        return self.data if self.path is None else str(self.data)

    def task(
        self,
        input: Mapping[str, object],
        output: object,
        inferred: tuple[InferredOption, ...] = (),
    ) -> Task:
        """Returns a task, which is named after the data."""
        return Task(input=input, output=output, name=self._name(), inferred=inferred)

    def _name(self) -> str:
        """Returns a name for the run out of letters, digits and dashes."""
        if self.path is None:
            return "data"
        text = self.path.name if self.path.exists() else str(self.data)
        stem = (
            Path(text.removesuffix(".gz").removesuffix(".bz2").removesuffix(".xz")).stem
            if "." in text
            else text
        )
        return (
            "".join(letter if letter.isalnum() else "-" for letter in stem).strip("-").lower()
            or "run"
        )

"""Question: a person's own data, and what is to be predicted from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType

import numpy as np

from kissipo.core.errors import DataError
from kissipo.core.frame import Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.core.schema import option_infos, read
from kissipo.core.task import Task
from kissipo.core.timestamps import as_time, looks_like_time
from kissipo.input.datasets import DATASETS, dataset_names, module_name
from kissipo.input.formats.arrays import is_array_file
from kissipo.input.formats.files import path_of
from kissipo.input.formats.tables import FileWords, is_table_file, read_table

_PANELS = ({"unique_id", "ds"}, {"item_id", "timestamp"})  # Nixtla, AutoGluon
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
        return self.path.is_file() and bool(is_table_file(self.path) or self.output or self.time)

    @cached_property
    def table(self) -> Frame:
        """The data as a table.

        Raises:   DataError when it cannot be read, or lacks a column of the question.
        """
        written = {key: self.words[key] for key in option_infos(FileWords) if key in self.words}
        frame, findings = read_table(self.value, read(FileWords, written, place="input"))
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

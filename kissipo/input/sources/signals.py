"""Signals: one per row of a table, or one file per channel, with a class each.

Coffee_TRAIN.tsv, beats.csv          a row is a signal; its class is first or last
NAME_TRAIN.ts, NAME_TEST.ts          a folder of the UCR or the UEA archive
train/, test/                        y_train.txt, and one file per channel
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kissipo.codec.signals import Signals as SignalCodec
from kissipo.codec.signals import num_steps
from kissipo.core.codec import Codec
from kissipo.core.errors import DataError
from kissipo.core.finding import Finding
from kissipo.core.frame import Frame, array_column
from kissipo.core.inferred_option import InferredOption
from kissipo.core.schema import option, option_infos, read
from kissipo.core.task import Task
from kissipo.core.text import is_number, list_some
from kissipo.input.formats.dataframe import is_dataframe
from kissipo.input.formats.files import existing_path
from kissipo.input.formats.signals.signal_files import is_signal_file
from kissipo.input.formats.signals.signal_parts import (
    CLASS,
    SIGNAL,
    SUBJECT,
    SignalPart,
    ended,
    gap_findings,
    read_part,
    signals_to_predict,
)
from kissipo.input.formats.signals.signal_rows import (
    SignalFolder,
    find_signals,
    is_signal_text,
    signal_folder,
)
from kissipo.input.formats.split_tables import joined_columns
from kissipo.input.formats.tables import FileWords, is_table_file, table_reading
from kissipo.input.question import Question
from kissipo.input.source import Source
from kissipo.input.source_data import Reading
from kissipo.input.split import consecutive

_OTHER_WORDS = {"series_in_rows", "time", "series_id"}


@dataclass(frozen=True)
class Options(FileWords):
    """Options of signals, and of the format of their file."""

    label: str | None = option(
        None, "column of the classes of a table with one signal per row: the first or the last"
    )


class Signals(Source[Options]):
    """Signals, each with a class or a number."""

    order = 25
    formats = "signals (.ts)"

    def read(self, value: object, options: Options) -> Reading:
        """Returns the signals as the column `signal` and their classes as `class`."""
        path = Path(value) if isinstance(value, str | Path) else None
        if path is None or not existing_path(path).is_dir():
            return _reading([read_part(value, options, options.label)], str(path or "the data"))
        folder = signal_folder(path)
        if folder is None:
            raise DataError(
                f"{path} holds no split of signals",
                allowed="NAME_TRAIN.tsv and NAME_TEST.tsv (also .txt, .csv, .ts, .arff), or "
                "train/ and test/ with the classes in y_train.txt and y_test.txt",
            )
        parts = [
            replace(read_part(place, options, options.label), part=part)
            for part, place in folder.parts.items()
        ]
        return _reading(parts, str(path), folder)

    def infer(self, question: Question) -> Task | None:
        """Takes signals whose answer is not named, or is their class."""
        is_asked = question.time or question.horizon or question.words.keys() & _OTHER_WORDS
        if question.data_set is not None or is_asked:
            return None
        if question.answer not in (None, "category", "number"):
            return None
        reading = self._own(question)
        if reading is None:
            return None
        number = reading.frame[reading.answer].kind == "number"
        kind = question.answer or ("number" if number else "category")
        inputs = {"signals": question.value}
        if question.output not in (None, CLASS):
            inputs["label"] = question.output
        return question.task(inputs, {kind: reading.answer})

    def _own(self, question: Question) -> Reading | None:
        """Returns the signals of a question; None for other data."""
        path, columns = question.path, (None, CLASS)
        words = {
            name: question.words[name] for name in option_infos(Options) if name in question.words
        }
        options = read(Options, words, place="input")
        if path is not None and is_signal_file(path):
            return self.read(path, options) if question.output in columns else None
        if path is not None and path.is_dir():
            folder = signal_folder(path)
            if folder is None or question.output not in columns:
                return None
            train = folder.parts["train"]
            if train.is_dir() or is_signal_file(train) or _is_like_signals(train, options):
                return self.read(path, options)
            return None
        if question.output is not None and question.signals is not None:
            return self.read(question.value, replace(options, label=question.output))
        if question.output is not None:
            return None
        if path is not None and not is_table_file(path):
            is_text = path.suffix.lower() == ".txt" and path.is_file() and is_signal_text(path)
            is_own = is_text and _is_like_signals(path, options)
        else:
            is_own = question.signals is not None
        return self.read(question.value, options) if is_own else None

    def input_codecs(
        self,
        frame: Frame,
        options: Options,
        *,
        reserved: Sequence[str],
        per_pixel: bool,
        findings: list[Finding],
        inferred_options: list[InferredOption],
    ) -> tuple[Codec, ...]:
        """Returns the one codec of the signals."""
        return (SignalCodec(SIGNAL),)

    def parse_values(
        self, values: Sequence[object], options: Options, codecs: Sequence[Codec]
    ) -> Frame:
        """Returns the signals of a file, a data frame or arrays, without their
        classes."""
        shape = codecs[0].spec.shape
        parts = [_signals_of(value, options, shape) for value in _numbers_as_one(values)]
        for part in parts:
            _refuse_short(part, codecs[0])
        return Frame((array_column(SIGNAL, np.concatenate(parts)),), origin="the values")

    def value_axes(self, codecs: Sequence[Codec]) -> int | None:
        return len(codecs[0].spec.shape)

    def usage(self, codecs: Sequence[Codec]) -> str:
        """Returns a sentence that says which values can be predicted."""
        shape = codecs[0].spec.shape
        return (
            f"Give a file with one signal per row: kissipo predict RUN --file new.csv, or arrays "
            f"of the shape {shape}"
        )


def _is_like_signals(value: object, options: Options) -> bool:
    return find_signals(table_reading(value, options).frame, options.label) is not None


def _reading(
    parts: Sequence[SignalPart], origin: str, folder: SignalFolder | None = None
) -> Reading:
    """Returns the signals of all parts in one frame, with the split that they are.

    Raises:   DataError for parts with signals of different kinds.
    """
    first = parts[0]
    shapes = [part.values.shape[1:] for part in parts]
    if len({shape[1:] for shape in shapes}) > 1 or (len(set(shapes)) > 1 and not first.may_end):
        raise DataError(
            f"the parts of the split of {origin} have signals of different shapes",
            got=", ".join(
                f"{part.part} {shape}" for part, shape in zip(parts, shapes, strict=True)
            ),
            allowed="as many steps and channels in each part",
        )
    values = np.concatenate([ended(part.values, max(shapes)[0]) for part in parts])
    columns = [array_column(SIGNAL, values)]
    for name in (CLASS, SUBJECT):
        targets = [column for part in parts for column in part.columns if column.name == name]
        if len(targets) == len(parts):
            columns.append(joined_columns(targets, origin))
    findings = list(first.findings)
    for part in parts[1:]:
        findings += [item for item in part.findings if item.level != "PASS"]
    findings += gap_findings(values) if values.ndim == 3 else []
    split = consecutive({part.part: len(part.values) for part in parts}) if folder else None
    if folder is not None:
        findings.append(_split_finding(parts, folder))
    answer = CLASS if any(column.name == CLASS for column in columns) else ""
    frame = Frame(tuple(columns), origin)
    return Reading(frame, tuple(findings), split, answer, first.inferred)


def _split_finding(parts: Sequence[SignalPart], folder: SignalFolder) -> Finding:
    counts = ", ".join(f"{part.part} {len(part.values)}" for part in parts)
    names = list_some([path.name for path in folder.parts.values()], 3)
    message = f"{names} are the split ({counts} signals)"
    others = list_some([path.name for path in folder.others], 4)
    return Finding("PASS", "split", message, f"not read: {others}" if others else "")


def _numbers_as_one(values: Sequence[object]) -> Sequence[object]:
    """Returns numbers that are given one by one as one signal."""
    are_numbers = all(isinstance(value, str) and is_number(value) for value in values)
    return [[float(str(value)) for value in values]] if are_numbers else values


def _signals_of(value: object, options: Options, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Returns signals of a shape; one that is shorter has NaN at its end.

    Raises:   DataError for signals of another shape.
    """
    if isinstance(value, str | Path) or is_dataframe(value):
        values = signals_to_predict(value, options, options.label, shape)
    else:
        values = np.asarray(value, dtype=np.float64)
    signals = with_axes(values, shape)
    if signals.ndim == 3 and signals.shape[2:] == shape[1:] and signals.shape[1] < shape[0]:
        signals = ended(signals, shape[0])
    if signals.shape[1:] != shape:
        raise DataError(
            "the signals have another shape than those of the training",
            got=str(values.shape),
            allowed=f"{shape}, or several of them along a first axis",
        )
    return signals


def _refuse_short(signals: NDArray[np.float64], codec: Codec) -> None:
    """Refuses signals with fewer steps than all those of the training."""
    if not isinstance(codec, SignalCodec) or signals.ndim != 3:
        return
    steps = num_steps(signals)
    if len(steps) and steps.min() < codec.min_steps:
        usual = f"{signals.shape[1]}"
        if codec.min_steps < signals.shape[1]:
            usual = f"{codec.min_steps} to {usual}"
        raise DataError(
            "a signal has fewer steps than those of the training",
            got=f"{steps.min()} steps",
            allowed=f"{usual} steps",
            do="Give all steps of the signal",
        )


def with_axes(values: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Returns values with an axis of samples, and one of channels.

    Example:  >>> sizes = [(60,), (7, 60), (60, 1), (7, 60, 1)]
              >>> [with_axes(np.zeros(size), (60, 1)).shape for size in sizes]
              [(1, 60, 1), (7, 60, 1), (1, 60, 1), (7, 60, 1)]
    """
    if len(shape) == 2 and shape[1] == 1 and values.shape[-1:] != (1,):
        values = values[..., None]
    return values[None] if values.ndim == len(shape) else values


SOURCE = Signals()

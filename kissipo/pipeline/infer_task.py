"""Infers a task from the data of the user and from what is to be predicted.

sms.csv --output kind                               a table
photos/                                             images, a folder per class
air.csv --time Month --output Passengers            a series
novel.txt                                           a text
sgf/                                                games of go, as .sgf files
gym:CartPole-v1                                     an environment
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from kissipo.core.errors import DataError, TaskError
from kissipo.core.frame import Frame
from kissipo.core.task import Task
from kissipo.core.timestamps import as_time, looks_like_time
from kissipo.input.datasets import DATASETS, dataset_names, module_name
from kissipo.input.formats.files import existing
from kissipo.input.formats.game_folder import SUFFIX, has_game_records
from kissipo.input.formats.tables import FileWords, is_table_file, read_table
from kissipo.input.infer_types import guess_answer

ENVIRONMENT = "gym:"
_EVEN = 0.98  # minimum share of equal steps; the rest are gaps, which are reported


def ask(
    data: Any,
    *,
    output: Any = None,
    time: str | None = None,
    horizon: int | None = None,
    written: FileWords = FileWords(),  # noqa: B008
    answer: str | None = None,
) -> Task:
    """Returns the task for these data.

    written:  the format of a table on disk, where it cannot be inferred
    answer:   the kind of answer, where it is not to be inferred

    Raises:   DataError when the path has no usable data; TaskError when the answer does
              not fit the data.
    """
    if isinstance(data, str) and data.startswith(ENVIRONMENT):
        return Task(
            input={"environment": data.removeprefix(ENVIRONMENT)},
            output="actions",
            name=_plain(data),
        )
    if not isinstance(data, str | Path):
        return _ask_table(data, output, time, horizon, written, answer, "data")
    path = Path(data)
    name = _plain(path.name if path.exists() else str(data))
    if not path.exists() and str(data) in dataset_names():
        return _ask_named(str(data), output, time, horizon, answer, name)
    if path.suffix.lower() == SUFFIX or (path.is_dir() and has_game_records(path)):
        return Task(
            input={"games": str(data)}, output={answer or "category": output or "move"}, name=name
        )
    if path.is_dir():
        return _images(str(data), output, answer, name)
    existing(path)
    if path.suffix == ".npz":
        return _images(str(data), None, answer, name)
    if is_table_file(path) or output or time:
        return _ask_table(str(data), output, time, horizon, written, answer, name)
    if path.suffix.lower() in (".txt", ".md", ""):
        return Task(input={"text": str(data)}, output={"text": "next"}, name=name)
    raise DataError(
        f"{path} has a format that kissipo does not read",
        got=f"'{path.suffix}'",
        allowed=(
            "tables (.csv .tsv .jsonl .parquet), a folder of images, an .npz, a text (.txt), "
            "games (.sgf), a task (.yaml)"
        ),
    )


def asks_for_answer(data: Any, written: FileWords) -> bool:
    """Returns whether these data are a table whose answer column must be named."""
    if not isinstance(data, str | Path):
        return True
    path = Path(data)
    if not (path.is_file() and is_table_file(path)):
        return False
    frame, _ = read_table(str(data), written)
    return not _is_series(frame, None)


def _ask_named(
    data: str, output: Any, time: str | None, horizon: int | None, answer: str | None, name: str
) -> Task:
    module = DATASETS.find(module_name(data), place="data")
    asks_series = time or horizon or not output or answer == "anomaly"
    source = "series" if "series" in module.SOURCES and asks_series else module.SOURCES[0]
    if source == "series":
        return _series(data, output or module.read().answer, time, horizon, name, answer)
    if source == "text":
        return Task(input={"text": data}, output={"text": "next"}, name=name)
    if source == "images":
        return _images(data, None, answer, name)
    column = output or module.read().answer
    kind = answer or guess_answer(module.read().frame[column])[0]
    return Task(input={"table": data}, output={kind: column}, name=name)


def _ask_table(
    data: Any,
    output: Any,
    time: str | None,
    horizon: int | None,
    written: FileWords,
    answer: str | None,
    name: str,
) -> Task:
    frame, findings = read_table(data, written)
    outputs = (output,) if isinstance(output, str) else tuple(output or ())
    for column in (*((time,) if time is not None else ()), *outputs):
        for finding in findings:
            if finding.check == "no header" and column not in frame:
                raise DataError(
                    f"there is no column '{column}': {finding.message}",
                    got="the columns " + ", ".join(frame.names),
                    do="Name the columns with input.header=[name, name, ...]",
                )
        frame[column]
    if (
        time
        or horizon
        or answer in ("forecast", "anomaly")
        or (answer is None and _is_series(frame, output))
    ):
        return _series(data, output or _only_number(frame, time), time, horizon, name, answer)
    if output is None:
        raise TaskError(
            f"which column of {frame.origin} is the answer?",
            got="the columns " + ", ".join(frame.names),
            do="Name it with --output COLUMN",
        )
    return Task(
        input={"table": data}, output={answer or guess_answer(frame[output])[0]: output}, name=name
    )


def _images(data: str, output: Any, answer: str | None, name: str) -> Task:
    kind = answer or "category"
    return Task(input={"images": data}, output={kind: output} if output else kind, name=name)


def _series(
    data: Any, output: Any, time: str | None, horizon: int | None, name: str, answer: str | None
) -> Task:
    inputs = {"series": data} | ({"time": time} if time else {})
    outputs = {answer or "forecast": output} | ({"horizon": horizon} if horizon else {})
    return Task(input=inputs, output=outputs, name=name)


def _is_series(frame: Frame, output: str | None) -> bool:
    """Returns whether a table has one column of even timestamps, and else only
    numbers."""
    timestamps = [column for column in frame.columns if looks_like_time(column)]
    others = [column for column in frame.columns if column not in timestamps]
    if len(timestamps) != 1 or not others or any(column.kind != "number" for column in others):
        return False
    if output is not None and output == timestamps[0].name:
        return False
    time = as_time(timestamps[0])
    if time is None or time.missing.any():
        return False
    steps = np.diff(time.values).astype(np.int64)
    return bool(len(steps) and np.all(steps > 0) and np.mean(steps <= 1.2 * steps.min()) > _EVEN)


def _only_number(frame: Frame, time: str | None) -> str:
    numbers = [
        column.name for column in frame.columns if column.kind == "number" and column.name != time
    ]
    if len(numbers) == 1:
        return numbers[0]
    if not numbers:
        raise DataError(
            f"{frame.origin} has no column of numbers to forecast",
            got="the columns " + ", ".join(frame.names),
        )
    raise TaskError(
        f"which column of {frame.origin} is to be forecast?",
        got="the numbers " + ", ".join(numbers),
        do="Name it with --output COLUMN",
    )


def _plain(text: str) -> str:
    """Returns a name for the run out of letters, digits and dashes."""
    stem = Path(text.removesuffix(".gz")).stem if "." in text else text
    return (
        "".join(letter if letter.isalnum() else "-" for letter in stem).strip("-").lower() or "run"
    )

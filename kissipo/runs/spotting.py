"""Words in a long recording, with their times: each window is predicted by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kissipo.core.errors import DataError
from kissipo.core.finding import counted
from kissipo.core.json_object import JsonObject
from kissipo.core.output_file import new_folder
from kissipo.core.text import csv_text
from kissipo.engine.checkpoint import write_whole
from kissipo.engine.evaluate import answer_all
from kissipo.input.source_data import Windows
from kissipo.output.decode.keywords import Keyword, keywords
from kissipo.runs.parse_inputs import frame_of
from kissipo.runs.trained import TrainedModel

_BATCH_SIZE = 512  # windows that are encoded together
_BY_ITSELF = "is much longer than those of the training: predict it by itself"


@dataclass(frozen=True)
class SpottedWords:
    """The words in one long sample; `name` is its file."""

    name: str
    words: tuple[Keyword, ...]

    def rows(self) -> list[list[str]]:
        """Returns one row per word: start, end, label, probability."""
        return [
            [f"{word.start:.2f}", f"{word.end:.2f}", word.label, f"{word.probability:.4f}"]
            for word in self.words
        ]

    def to_json(self) -> JsonObject:
        """Returns the words for `--json`."""
        return {"file": self.name, "words": [vars(word) for word in self.words]}


TITLES = ["start", "end", "label", "probability"]


def spot_words(run: TrainedModel, values: Sequence[object]) -> list[SpottedWords]:
    """Returns the spotted words per value where all are long samples; nothing where
    none is, or the run does not choose a class.

    Raises:   DataError, TaskError when the values do not fit, or only some are long.
    """
    long = [windows for value in values if (windows := _long_sample(run, value)) is not None]
    if 0 < len(long) < len(values):
        raise DataError(
            f"{counted(len(long), 'sample')} of {len(values)} {'is' if len(long) == 1 else 'are'} "
            "much longer than those of the training",
            do="Predict long samples by themselves: what is in them is found with its times",
        )
    return [
        SpottedWords(str(value), tuple(_words(run, windows)))
        for value, windows in zip(values, long, strict=False)
    ]


def refused_files(run: TrainedModel, files: Sequence[str]) -> dict[str, str]:
    """Returns why some of the files of a folder are not predicted: they are damaged, or
    much longer than the others and than those of the training."""
    refused: dict[str, str] = {}
    long = []
    for file in files:
        try:
            if _long_sample(run, file) is not None:
                long.append(file)
        except DataError as error:
            refused[file] = error.wrong
    if len(long) + len(refused) < len(files):
        refused |= {file: f"{file} {_BY_ITSELF}" for file in long}
    return refused


def _long_sample(run: TrainedModel, value: object) -> Windows | None:
    source = run.resolved.source.module.SOURCE
    if not source.has_long_samples or not run.answers[0].classes:
        return None
    frame = frame_of([value], run.resolved, run.codecs)
    windows: Windows | None = source.long_sample(frame, run.codecs) if len(frame) == 1 else None
    return windows


def _words(run: TrainedModel, windows: Windows) -> list[Keyword]:
    answer, count = run.answers[0], len(windows.times)
    shares = []
    for first in range(0, count, _BATCH_SIZE):
        some = windows.frame.take(slice(first, min(count, first + _BATCH_SIZE)))
        outputs = answer_all(run.net, run.encode_frame(some), run.answers)[0]
        probabilities = answer.class_probabilities(outputs)
        assert probabilities is not None
        shares.append(np.asarray(probabilities, dtype=np.float64))
    if not shares:
        return []
    return keywords(windows.times, np.concatenate(shares), windows.weights, answer.classes)


def save_words(folder: Path | str, spotted: Sequence[SpottedWords]) -> Path:
    """Writes predictions.csv into a new folder and returns its path.

    Raises:   TaskError when the folder is not empty; MachineError when it cannot be
              written.
    """
    from kissipo.runs.predict_folder import TABLE

    rows = [[item.name, *row] for item in spotted for row in item.rows()]
    with new_folder(folder) as folder:
        write_whole(folder / TABLE, csv_text([["file", *TITLES], *rows]).encode())
    return folder / TABLE

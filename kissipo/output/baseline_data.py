"""Baseline data: the samples on which baselines are trained and evaluated.

They are samples of the training and test splits of the model, encoded and as raw rows.
Baselines are trained on at most MAX_SAMPLES of them, or on those of the answer, and
predict at most MAX_PREDICTED.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from kissipo.core.environment import Policy, TransitionModel
from kissipo.core.frame import Frame
from kissipo.core.tensor_spec import TensorSpec
from kissipo.output.answer import Answer, Scores
from kissipo.output.tfidf import Features, tfidf

MAX_SAMPLES, MAX_PREDICTED = Answer.BASELINE_SAMPLES, 20_000
SUMMARY = 4  # letters read per letter written, from which a text is a summary
_MAX_CLASSES = 2_000


@dataclass(frozen=True)
class Samples:
    """One split: encoded inputs, truth in the form of `Answer.evaluate`, and raw rows.

    frame:    the raw rows; None when samples are not rows or no text is read
    origins:  (sample) the first step of each forecast; all steps before it are given
    weights:  (sample) the sample weights, if there are any
    """

    inputs: tuple[Tensor, ...]
    truth: Scores
    frame: Frame | None = None
    origins: NDArray[np.int64] | None = None
    weights: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.truth)


@dataclass(frozen=True)
class BaselineData:
    """The data of a baseline that predicts samples.

    season:  the season length of a series in steps; 0 without a season
    texts:   the tokenizer (words or characters) by the name of the text column
    series:  (step, variable) the whole target series, in the unit of the data
    starts:  the first step of each series in them, and the number of steps
    """

    answer: Answer
    specs: tuple[TensorSpec, ...]
    train: Samples
    test: Samples
    season: int = 0
    texts: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    series: NDArray[np.float64] | None = None
    starts: tuple[int, ...] = ()

    def features(self, split: Samples) -> NDArray[np.float32] | None:
        """Returns all inputs as one matrix, categories one-hot.

        It returns None when an input is a sequence of ids or has too many categories.
        """
        columns = []
        for spec, x in zip(self.specs, split.inputs, strict=True):
            if spec.vocab_size and (spec.axes or spec.vocab_size > _MAX_CLASSES):
                return None
            columns.append(
                np.eye(spec.vocab_size, dtype=np.float32)[x.numpy()]
                if spec.vocab_size
                else x.flatten(1).numpy()
            )
        return np.concatenate(columns, axis=1) if columns else None

    @property
    def is_mixed(self) -> bool:
        """Whether a text, or a very large category, stands beside other columns.

        Then no baseline on `features`, and none on the texts alone, sees all columns.
        """
        texts = [bool(spec.unit) for spec in self.specs if spec.vocab_size and spec.axes]
        large = [spec for spec in self.specs if spec.vocab_size > _MAX_CLASSES and not spec.axes]
        return all(texts) and bool(texts or large) and len(texts) < len(self.specs)

    @cached_property
    def letters_per_target(self) -> float:
        """The letters that are read per letter of the targets; 0 unless one text is
        read and one is written."""
        is_text = [bool(spec.unit) for spec in (*self.specs, self.answer.spec)]
        if is_text != [True, True] or self.train.frame is None:
            return 0.0
        names = (self.specs[0].name, self.answer.name)
        read, written = (
            sum(len(text or "") for text in self.train.frame[name].texts()) for name in names
        )
        return read / max(1, written)

    @cached_property
    def text_weights(self) -> Features | None:
        """The TF-IDF weights of the texts of both splits; None without a text."""
        if not self.texts:
            return None
        assert self.train.frame is not None and self.test.frame is not None
        return tfidf(self.train.frame, self.test.frame, self.texts)

    def windows(self, split: Samples) -> NDArray[np.float64]:
        """Returns the windows before the forecasts, in the unit of the data.

        Shapes:   (sample, time, variable), the forecast variables only
        """
        answer: Any = self.answer
        assert self.series is not None and split.origins is not None
        filled = np.where(np.isnan(self.series), answer.codec.inner.fitted.fill, self.series)
        return filled[split.origins[:, None] + np.arange(-self.specs[0].shape[0], 0)]

    def position_in_series(self, split: Samples) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Returns the series of each sample, and how many of its steps come before the
        forecast."""
        assert split.origins is not None
        starts = np.asarray(self.starts)
        number = np.searchsorted(starts, split.origins, side="right") - 1
        return number, split.origins - starts[number]


@dataclass(frozen=True)
class EnvironmentData:
    """The data of a baseline that acts in an environment.

    play:   play(choose) returns the returns of the evaluation episodes
    model:  the transition probabilities; None when the environment hides them
    """

    play: Callable[[Policy], Scores]
    actions: tuple[str, ...]
    model: TransitionModel | None
    discount: float

"""Case: what a baseline is given: the same training and test samples as the net, encoded and as they came."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from kissipo.core.frame import Frame
from kissipo.core.tensor_spec import TensorSpec
from kissipo.output.answer import Answer, Scores

MOST_SAMPLES = 10_000
MOST_LEVELS = 2_000


@dataclass(frozen=True)
class Samples:
    """One part: encoded inputs, truth as `Answer.judge` takes it, and the rows as they came (where samples are rows).

    origins:  (sample) of a forecast the first step that is asked for; what stands before it is known
    """

    inputs: tuple[Tensor, ...]
    truth: Scores
    frame: Frame | None = None
    origins: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.truth)


@dataclass(frozen=True)
class Case:
    """A question for a baseline.

    season:  after how many steps a series repeats itself, 0 where it does not or is none
    texts:   names of the columns of text, each with what it is read as: words or characters
    series:  (step, variable) what is forecast, all of it, in the unit of the data
    """

    answer: Answer
    specs: tuple[TensorSpec, ...]
    train: Samples
    test: Samples
    season: int = 0
    texts: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    series: NDArray[np.float64] | None = None

    def features(self, part: Samples) -> NDArray[np.float32] | None:
        """All inputs as plain numbers, laid flat, levels as columns of zeros and ones; None when there are sequences of ids."""
        columns = []
        for spec, x in zip(self.specs, part.inputs, strict=True):
            if spec.vocabulary and (spec.axes or spec.vocabulary > MOST_LEVELS):
                return None
            columns.append(
                np.eye(spec.vocabulary, dtype=np.float32)[x.numpy()]
                if spec.vocabulary
                else x.flatten(1).numpy()
            )
        return np.concatenate(columns, axis=1) if columns else None

    def windows(self, part: Samples) -> NDArray[np.float64]:
        """The inputs of a forecast in the unit of the data (sample, time, variable), the forecast variables only."""
        answer: Any = self.answer
        names = self.specs[0].words
        numbers = answer.codec.inner
        steps = part.inputs[0].numpy().astype(np.float64)
        at = [names.index(name) for name in answer.variables]
        return steps[:, :, at] * np.asarray(numbers.fitted.spread) + np.asarray(
            numbers.fitted.center
        )


@dataclass(frozen=True)
class WorldCase:
    """A question for a baseline that acts: `play(choose)` gives the returns of the judged episodes."""

    play: Callable[[Callable[[int, Any], int]], Scores]
    actions: tuple[str, ...]
    model: Any
    discount: float

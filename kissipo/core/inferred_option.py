"""Options that are inferred from the data, and the facts from which they are inferred.

Every inferred option becomes an option of the task and keeps its reason, so that it can
be printed, written to `task.yaml` and edited. An option that the user sets is never
changed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from kissipo.core.batch import Batch
from kissipo.core.json_object import JsonMapping
from kissipo.core.tensor_spec import TensorSpec


@dataclass(frozen=True)
class InferredOption:
    """An option that was inferred: its place in the task, its value and the reason.

    doubtful:  whether another value is nearly as likely, which is worth a warning
    """

    place: str
    value: object
    reason: str = ""
    doubtful: bool = False


@dataclass(frozen=True)
class DataFacts:
    """What is known about the data when the options of net and algorithm are inferred.

    inputs:     one spec per input of the net
    outputs:    one spec per output of the net
    samples:    the number of training samples
    forecasts:  whether the target is the steps after a window, in its unit
    losses:     the default loss of each output
    answers:    the kind of each output, such as category
    batch:      `input.batch_size`, or None
    process:    the options of `process` that are set so far
    targets:    the number of an output -> its encoded targets in the training split
    draw:       a number of samples -> at most so many samples of the training split
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    samples: int
    forecasts: bool
    losses: tuple[str, ...]
    answers: tuple[str, ...]
    batch: int | None
    process: JsonMapping
    targets: Callable[[int], Tensor] = lambda number: torch.zeros(0)
    draw: Callable[[int], Batch] = lambda count: Batch((torch.zeros(0),), (torch.zeros(0),))

    @property
    def is_table(self) -> bool:
        """Whether rows of features are to get categories, labels or numbers."""
        return all(spec.axes == ("feature",) or not spec.axes for spec in self.inputs) and set(
            self.answers
        ) <= {"category", "labels", "number"}

    @property
    def suits_regression(self) -> bool:
        """Whether ridge or logistic regression gives outputs of the net: for counts the
        net gives logarithms."""
        return not {"poisson", "negative_binomial"} & {*self.losses}


@dataclass(frozen=True)
class Candidate:
    """A net with options that suit the data, which is compared with others.

    title:    what is listed, such as "gradient boosting"
    options:  process.net and whatever else differs from the defaults, also of the
              input, such as input.tokenizer
    """

    title: str
    options: tuple[InferredOption, ...]


def candidate(title: str, process: JsonMapping) -> Candidate:
    """Returns a candidate with options of the process only.

    Example:  >>> candidate("linear", {"net": "linear"}).options[0].place
              'process.net'
    """
    options = (InferredOption(f"process.{key}", value) for key, value in process.items())
    return Candidate(title, tuple(options))


def no_candidates(facts: DataFacts) -> tuple[Candidate, ...]:
    """The default of `candidates`: none, as a net says itself for which data it is."""
    return ()


def no_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """The default of `required_options` and `suggested_options`: none."""
    return ()

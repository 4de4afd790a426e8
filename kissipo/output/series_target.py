"""The target of a series: the steps that an answer predicts for each window."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from kissipo.core.errors import DataError
from kissipo.core.frame import Frame
from kissipo.core.inferred_option import InferredOption


@dataclass(frozen=True)
class SeriesQuestion:
    """What is asked about a series: the target columns, and what is known besides.

    names:        the target columns
    numeric:      columns of numbers that are no targets, no labels and not known ahead
    features:     the input columns, if the task names them
    loss:         the loss, if the task names one
    reconstructs: whether the named net reproduces its input
    """

    frame: Frame
    names: tuple[str, ...]
    numeric: tuple[str, ...]
    features: tuple[str, ...] | None
    loss: str | None
    reconstructs: bool


@dataclass(frozen=True)
class SeriesTarget:
    """The target columns, the input columns, and where the target of a window begins.

    frame:      the series, with the target columns in the kind that the answer needs
    answer:     returns the answer for windows of a length
    length:     the number of steps by which each sample is evaluated
    starts:     where the target begins: after the window, at its last or first step
    fits_all:   whether the answer is fitted to all steps, as classes may occur late
    has_future: whether rows after the last target are steps to predict
    inferred:   options that were inferred
    """

    frame: Frame
    names: tuple[str, ...]
    inputs: tuple[str, ...]
    answer: Callable[[int], Any]
    numbers: tuple[str, ...] = ()
    length: int = 1
    starts: Literal["after", "last", "first"] = "after"
    fits_all: bool = False
    has_future: bool = False
    inferred: Sequence[InferredOption] = ()

    @property
    def leading(self) -> str:
        """The column whose season is measured."""
        return (*self.numbers, *self.inputs)[0]

    @property
    def ends_in_window(self) -> bool:
        """Whether the evaluated step is in the window, not the one after it."""
        return self.starts != "after"

    def first(self, window: int) -> int:
        """Returns the first target step, counted from the start of its window."""
        return {"after": window, "last": window - 1, "first": 0}[self.starts]


def refuse_texts(frame: Frame, names: Sequence[str]) -> None:
    """Raises DataError for a target column that does not hold numbers."""
    for name in names:
        if frame[name].kind != "number":
            raise DataError(
                f"'{name}' is not a column of numbers and cannot be forecast",
                got=f"'{frame[name].show(0)}'",
            )

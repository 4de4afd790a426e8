"""The few promises by which strangers work together: input, process, output and run know these, not each other."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, NamedTuple, Protocol

from torch import Generator, Tensor

from kissipo.core.batch import Batch


class Dataset(Protocol):
    """Samples ready for the net, read by position."""

    def __len__(self) -> int: ...

    def batch(self, index: Tensor | slice) -> Batch:
        """The samples at the given positions."""
        ...


class Augment(Protocol):
    """Samples changed at random while learning."""

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """The batch with other inputs; all that is random comes from the dice."""
        ...


class Algorithm(Protocol):
    """One way of learning: it owns the optimizers and knows the order of its turns."""

    def begin(self, train: Dataset) -> str:
        """What is done once, before the first step; returns a sentence about it, or nothing."""
        ...

    def begin_epoch(self) -> None:
        """The first batch that follows has none before it."""
        ...

    def step(self, batch: Batch) -> Mapping[str, Tensor]:
        """Learns from one batch and returns its losses by name, detached."""
        ...

    def loss(self, outputs: Any, targets: tuple[Tensor, ...]) -> Tensor:
        """The loss of outputs against the truth, as it is watched on the validation part."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Everything besides the net's weights that the next step depends on."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`."""
        ...


class Evaluator(Protocol):
    """One answer, as far as the loop needs it."""

    @property
    def watched(self) -> str:
        """The measure that is told while the net learns."""
        ...

    def gather(self, outputs: Tensor, targets: Tensor) -> tuple[Any, Any]:
        """Scores and truth of one batch, as arrays."""
        ...

    def evaluate(self, scores: Any, truth: Any) -> Any:
        """A judgment with `metrics` of all batches together."""
        ...

    def watch(self, scores: Any, truth: Any) -> Any:
        """The same of a validation part after an epoch; `watched` among its metrics."""
        ...


class Callback:
    """Whoever wants to know how a run goes: the terminal, the log. Every method may be left out."""

    def on_start(self, facts: Mapping[str, Any]) -> None:
        """Training begins: epochs, steps an epoch, batch."""

    def on_progress(self, facts: Mapping[str, Any]) -> None:
        """A few times a second: epoch, step, steps done, steps in all, loss, seconds."""

    def on_epoch(self, row: Mapping[str, Any]) -> None:
        """An epoch is over: the row of the history."""

    def on_note(self, text: str) -> None:
        """Something worth a sentence."""


def is_stateful(net: Any) -> bool:
    """Whether the net goes on from piece to piece of a text; then it has `go_on(state, *inputs)`, which gives outputs and state."""
    return bool(getattr(net, "stateful", False))


def ahead(dataset: Dataset, order: Iterable[Tensor | slice]) -> Iterator[Batch]:
    """The batches of these positions, one after the other, read ahead where `feed.ahead(order)` knows how."""
    found: Iterator[Batch] = getattr(dataset, "ahead", lambda order: map(dataset.batch, order))(
        order
    )
    return found


def eval_weights(algorithm: Any) -> AbstractContextManager[None]:
    """Inside, the net holds the weights that are judged and kept: those that learn, or what `learn.as_judged()` puts in."""
    found: AbstractContextManager[None] = getattr(algorithm, "eval_weights", nullcontext)()
    return found


def has_auxiliary_heads(net: Any) -> bool:
    """Whether heads in the middle of the net learn, too; then `with_auxiliary(*inputs)` gives its outputs and a tuple of theirs."""
    return hasattr(net, "with_auxiliary")


class Source(NamedTuple):
    """What one number of a layer is made of, in part.

    of:      which values: `input`, or what a layer inside gave
    place:   in there, the row of the batch first
    """

    of: str
    place: tuple[int, ...]
    value: Any
    weight: float = 1.0


Combined = Literal["sum", "relu", "product", "greatest"]


def opens(layer: Any) -> bool:
    """Whether a layer with layers in it says what one of its numbers is made of: `opens(index, *inputs)` gives sources, and how they
    are combined; each value counts times its weight."""
    return hasattr(layer, "opens")


def batches(length: int, size: int) -> Iterator[slice]:
    """Slices that cover `length` positions in order.

    Example:  >>> [(part.start, part.stop) for part in batches(5, 2)]
              [(0, 2), (2, 4), (4, 5)]
    """
    for start in range(0, length, size):
        yield slice(start, min(start + size, length))

"""Protocols: the interfaces between input, process, output and the training loop."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple, Protocol

from torch import Generator, Tensor

from kissipo.core.batch import Batch


class Dataset(Protocol):
    """Encoded samples, read by index."""

    def __len__(self) -> int: ...

    def batch(self, index: Tensor | slice) -> Batch:
        """Returns the samples at the given indices."""
        ...


class Augment(Protocol):
    """A random transformation of training batches."""

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """Returns the transformed batch; only the generator provides random numbers."""
        ...


class Evaluator(Protocol):
    """Evaluates one answer of the net for the training loop."""

    @property
    def monitor(self) -> str:
        """The metric that is shown during training."""
        ...

    def gather(self, outputs: Tensor, targets: Tensor) -> tuple[Any, Any]:
        """Returns the scores and the targets of one batch as arrays."""
        ...

    def evaluate(self, scores: Any, truth: Any) -> Any:
        """Returns an evaluation with the `metrics` of all batches together."""
        ...

    def watch(self, scores: Any, truth: Any) -> Any:
        """Evaluates the validation split after an epoch; includes `watched`."""
        ...


class FitCallback:
    """Receives the events of a run, for example for the log."""

    def on_start(self, facts: Mapping[str, Any]) -> None:
        """Called before training with the epochs, steps per epoch and batch size."""

    def on_progress(self, facts: Mapping[str, Any]) -> None:
        """Called several times per second with the epoch, step, loss and seconds."""

    def on_epoch(self, row: Mapping[str, Any]) -> None:
        """Called after each epoch with the row of the history."""

    def on_note(self, text: str) -> None:
        """Called with a sentence for the user."""


class StatefulNet(Protocol):
    """A net that keeps its hidden state between the windows of a text."""

    def forward_with_state(self, state: Any, *inputs: Tensor) -> tuple[Any, Any]:
        """Returns the outputs and the state after the last step."""
        ...


def is_stateful(net: Any) -> bool:
    """Returns whether the net keeps its hidden state between windows.

    Such a net is a StatefulNet.
    """
    return bool(getattr(net, "stateful", False))


def ahead(dataset: Dataset, order: Iterable[Tensor | slice]) -> Iterator[Batch]:
    """Returns the batches of these indices, prefetched by `dataset.ahead` if any."""
    prefetch: Any = getattr(dataset, "ahead", None)
    iterator: Iterator[Batch] = prefetch(order) if prefetch else map(dataset.batch, order)
    return iterator


def has_auxiliary_heads(net: Any) -> bool:
    """Returns whether the net trains auxiliary heads, too.

    Then `with_auxiliary(*inputs)` returns its outputs and a tuple of the auxiliary
    outputs.
    """
    return hasattr(net, "with_auxiliary")


class Source(NamedTuple):
    """One value from which a number of a layer is computed.

    of:      the array with the value: `input`, or the output of an inner layer
    place:   the index of the value in it, batch axis first
    """

    of: str
    place: tuple[int, ...]
    value: Any
    weight: float = 1.0


Combined = Literal["sum", "relu", "product", "max"]


def explains(layer: Any) -> bool:
    """Returns whether a composite layer explains its values.

    Then `explain(index, *inputs)` returns the weighted sources and their combination.
    """
    return hasattr(layer, "explain")


def batches(length: int, size: int) -> Iterator[slice]:
    """Yields slices of at most `size` indices that cover `length` indices in order.

    Example:  >>> [(batch.start, batch.stop) for batch in batches(5, 2)]
              [(0, 2), (2, 4), (4, 5)]
    """
    for start in range(0, length, size):
        yield slice(start, min(start + size, length))

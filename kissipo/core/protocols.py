"""Protocols: the interfaces between input, process, output and the training loop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, cast, runtime_checkable

from torch import Generator, Tensor, nn, randperm

from kissipo.core.batch import Batch
from kissipo.core.description import Section
from kissipo.core.json_object import JsonMapping
from kissipo.core.numpy_array import NumpyArray
from kissipo.core.tensor_spec import TensorSpec

if TYPE_CHECKING:
    from typing_extensions import TypeIs

Outputs = Tensor | tuple[Tensor, ...]
"""What a net returns: one tensor per answer, or a tensor where there is one answer."""

StateDict = dict[str, Any]
"""What a checkpoint keeps of a part, by name: numbers, texts, lists, tensors."""


class Dataset(Protocol):
    """Encoded samples, read by index."""

    def __len__(self) -> int: ...

    def batch(self, index: Tensor | slice) -> Batch:
        """Returns the samples at the given indices."""
        ...


@runtime_checkable
class PrefetchingDataset(Protocol):
    """A data set that reads its next batches while one is in use."""

    def ahead(self, order: Iterable[Tensor | slice]) -> Iterator[Batch]:
        """Yields the batches at these indices."""
        ...


@runtime_checkable
class OrderedDataset(Protocol):
    """A data set that orders its own samples in an epoch."""

    def order(self, batch: int, generator: Generator) -> Tensor:
        """Returns the order of the samples, a function of the generator alone."""
        ...


def epoch_order(dataset: Dataset, batch: int, generator: Generator) -> Tensor:
    """Returns the order of the samples in one epoch, by default a random one."""
    if isinstance(dataset, OrderedDataset):
        return dataset.order(batch, generator)
    return randperm(len(dataset), generator=generator)


class Augmentation(Protocol):
    """A random transformation of training batches."""

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """Returns the transformed batch; only the generator provides random numbers."""
        ...

    def describe(self) -> str:
        """Returns the names of its changes for tables and reports."""
        ...


class Evaluator(Protocol):
    """Evaluates one answer of the net for the training loop."""

    @property
    def monitor(self) -> str:
        """The metric that is shown during training."""
        ...

    @property
    def spec(self) -> TensorSpec:
        """The output of the net, without the batch axis."""
        ...

    def predict(self, net: nn.Module, inputs: tuple[Tensor, ...], outputs: Tensor) -> Tensor:
        """Returns the outputs of the net, or those of its own decoding."""
        ...

    def gather(self, outputs: Tensor, targets: Tensor) -> tuple[NumpyArray, NumpyArray]:
        """Returns the scores and the targets of one batch as arrays."""
        ...

    def evaluate(self, scores: NumpyArray, truth: NumpyArray) -> Any:
        """Returns an evaluation with the `metrics` of all batches together."""
        ...

    def watch(self, scores: NumpyArray, truth: NumpyArray) -> Any:
        """Evaluates the validation split after an epoch; includes `watched`."""
        ...


@runtime_checkable
class CautiousEvaluator(Protocol):
    """An evaluator whose samples are not independent, so chance is larger."""

    def min_gain(self, gains: Tensor) -> float:
        """Returns the mean gain above which an epoch is better than a solved start.

        gains:    the quality of each sample minus that at the start
        """
        ...


def min_gain(evaluator: object, gains: Tensor) -> float:
    """Returns the mean gain above which an epoch is better than a solved start.

    By default it is one standard error.
    """
    if isinstance(evaluator, CautiousEvaluator):
        return evaluator.min_gain(gains)
    return float(gains.std()) / len(gains) ** 0.5


@runtime_checkable
class TargetedEvaluator(Protocol):
    """An evaluator that computes only those of many outputs that the targets need."""

    def targeted(self, net: nn.Module, batch: Batch) -> Tensor:
        """Returns the outputs for a batch whose targets are known; `predict`, `gather`
        and the validation loss take them, too."""
        ...


def is_targeted(evaluator: object) -> TypeIs[TargetedEvaluator]:
    """Returns whether an evaluator computes only the outputs that it needs."""
    return issubclass(type(evaluator), TargetedEvaluator)


class FitCallback:
    """Receives the events of a run, for example for the log."""

    def on_start(self, facts: JsonMapping) -> None:
        """Called before training with the epochs, steps per epoch and batch size."""

    def on_read(self, facts: JsonMapping) -> None:
        """Called several times per second while a net without epochs reads the samples,
        with the number that was read, that of all samples, and the seconds."""

    def on_progress(self, facts: JsonMapping) -> None:
        """Called several times per second with the epoch, step, loss and seconds."""

    def on_epoch(self, row: JsonMapping) -> None:
        """Called after each epoch with the row of the history."""

    def on_note(self, text: str) -> None:
        """Called with a sentence for the user."""


@runtime_checkable
class StepwiseNet(Protocol):
    """A net that can continue from a hidden state, for example with the next token."""

    def forward_with_state(self, state: object, *inputs: Tensor) -> tuple[Tensor, object]:
        """Returns the outputs and the state after the last step; None starts anew."""
        ...


@runtime_checkable
class LimitedNet(Protocol):
    """A net that reads texts up to a length, in tokens."""

    longest_text: int


def longest_text(net: object) -> int | None:
    """Returns the length of the longest text that a net reads; None without a limit."""
    return net.longest_text if isinstance(net, LimitedNet) else None


class StatefulNet(StepwiseNet, Protocol):
    """A stepwise net that may keep its state between the windows of a text."""

    stateful: bool


@runtime_checkable
class FittedLayer(Protocol):
    """A layer that reads training samples before the first step.

    max_fitted:  the largest number of samples that it reads
    """

    max_fitted: int

    def fit_scale(self, x: Tensor) -> None:
        """Sets what is not trained from samples of its input."""
        ...


@runtime_checkable
class CountedSolution(Protocol):
    """A net that is solved, and counts what its solution costs."""

    def solution_multiplications(self, samples: int) -> int:
        """Returns about as many multiplications as take the time of the solution."""
        ...


@runtime_checkable
class AuxiliaryNet(Protocol):
    """A net with auxiliary heads, which are trained too."""

    def with_auxiliary(self, *inputs: Tensor) -> tuple[Outputs, tuple[Tensor, ...] | Tensor]:
        """Returns the outputs, and those of each auxiliary head.

        Many heads of the same shape are one tensor (head, batch, ...), so that their
        losses are computed at once.
        """
        ...


@runtime_checkable
class PenalizedNet(Protocol):
    """A net with a penalty of its own, which depends on the samples of a batch."""

    def penalty(self, *inputs: Tensor) -> Tensor:
        """Returns what supervised training adds to the loss, as a mean over samples."""
        ...


@runtime_checkable
class PairNet(Protocol):
    """A net that scores an item for a user, so that two items can be compared.

    A new user or item has the id 0; an item that is not named has the id -1.
    """

    @property
    def item_vectors(self) -> Tensor | None:
        """The vectors (item, feature) by id; None for a net without any."""
        ...

    @property
    def item_places(self) -> tuple[int, ...]:
        """The positions of the inputs that belong to the item, its ids first."""
        ...


def compares_items(net: object) -> TypeIs[PairNet]:
    """Returns whether a net scores items for users."""
    return isinstance(net, PairNet)


def is_penalized(net: object) -> TypeIs[PenalizedNet]:
    """Returns whether a net adds a penalty of its own to the loss."""
    return issubclass(type(net), PenalizedNet)


def is_stateful(net: object) -> TypeIs[StatefulNet]:
    """Returns whether the net keeps its hidden state between windows."""
    return issubclass(type(net), StepwiseNet) and cast(StatefulNet, net).stateful


class SequenceDecoder(Protocol):
    """A net that generates a sequence token by token, for answers that decode it.

    A state is a tuple of tensors, batch axis first, so that a search can keep, repeat
    and reorder its rows. It holds all that a step needs.
    """

    def begin(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Returns the state before the first token."""
        ...

    def step(self, tokens: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Returns the logits (batch, class) after tokens (batch), and the state."""
        ...


class DocumentNet(Protocol):
    """A net whose output is the cosine of a text with each document."""

    def terms(self, text: Tensor) -> Tensor:
        """Returns the ids of the terms of a text (batch, term)."""
        ...

    def parts(self, text: Tensor, documents: Tensor) -> Tensor:
        """Returns the part of each term of a text in its cosine with some documents.

        The parts of a document add up to its cosine.

        Shapes:   text as the net reads it, documents (batch, document) numbers
                  -> (batch, document, term)
        """
        ...


@runtime_checkable
class TokenwiseNet(Protocol):
    """A net that writes texts, and gives the features of the tokens before its head.

    So the logits of only those tokens are computed that are needed, a few at a time.
    """

    def features(self, source: Tensor, target: Tensor) -> Tensor:
        """Returns the inputs of the head (batch, step, feature), given the target."""
        ...

    def head_weights(self) -> tuple[Tensor, Tensor]:
        """Returns the weight (class, feature) and the bias (class) of the head."""
        ...


@runtime_checkable
class MaskedTextNet(Protocol):
    """A net that guesses pieces of texts, and whether one text follows the other.

    special, mask:  the ids of the special pieces, and that of [MASK] among them
    """

    special: tuple[int, ...]
    mask: int

    def states(self, ids: Tensor) -> Tensor:
        """Returns the outputs of the last layer (batch, time, feature), perhaps without
        the padding at the end of all texts."""
        ...

    def piece_features(self, states: Tensor) -> Tensor:
        """Returns the inputs of the head (row, feature) for some states (row,
        feature)."""
        ...

    def head_weights(self) -> tuple[Tensor, Tensor]:
        """Returns the weight (piece, feature) and the bias (piece) of the head."""
        ...

    def next_sentence(self, states: Tensor) -> Tensor:
        """Returns the logits (batch, 2): B does not follow A, it does."""
        ...


def guesses_pieces(net: object) -> TypeIs[MaskedTextNet]:
    """Returns whether a net guesses pieces of texts."""
    return isinstance(net, MaskedTextNet)


def gives_features(net: object) -> TypeIs[TokenwiseNet]:
    """Returns whether a net gives the features of tokens before its head."""
    return issubclass(type(net), TokenwiseNet)


def ahead(dataset: Dataset, order: Iterable[Tensor | slice]) -> Iterator[Batch]:
    """Returns the batches of these indices, prefetched by `dataset.ahead` if any."""
    if isinstance(dataset, PrefetchingDataset):
        return dataset.ahead(order)
    return map(dataset.batch, order)


def counts_its_solution(net: object) -> TypeIs[CountedSolution]:
    """Returns whether a net counts what its solution costs."""
    return issubclass(type(net), CountedSolution)


def has_auxiliary_heads(net: object) -> TypeIs[AuxiliaryNet]:
    """Returns whether the net trains auxiliary heads, too."""
    return issubclass(type(net), AuxiliaryNet)


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


@runtime_checkable
class DescribingNet(Protocol):
    """A net that describes what it found in samples, such as the words that decided.

    inputs, outputs:  the specs from which it was built; labels name ids and classes
    """

    def describe_example(
        self,
        samples: tuple[Tensor, ...],
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
        tokens: Sequence[Sequence[str]],
    ) -> Sequence[Section]:
        """Returns what the x-ray of one sample shows.

        tokens:  per input, the tokens as they stand in its text, if any
        """
        ...

    def describe_samples(
        self,
        batches: Iterable[tuple[Tensor, ...]],
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
    ) -> Sequence[Section]:
        """Returns what the report shows of all evaluated samples."""
        ...


def describes_samples(net: object) -> TypeIs[DescribingNet]:
    """Returns whether a net describes what it found in samples."""
    return issubclass(type(net), DescribingNet)


@runtime_checkable
class AssigningNet(Protocol):
    """A detector that says which of its candidates learns which object."""

    def responsible(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Returns the number of the candidate that is responsible for each true box, by
        the usual loss of the net.

        Shapes:   outputs (batch, candidate, 9 + class), targets (batch, box, 5)
                  -> (batch, box)
        """
        ...


def assigns_candidates(net: object) -> TypeIs[AssigningNet]:
    """Returns whether a net says which of its candidates learns which object."""
    return issubclass(type(net), AssigningNet)


@runtime_checkable
class GridLayer(Protocol):
    """A layer that turns the channels of a grid into candidates, row by row."""

    def anchors(self, x: Tensor) -> Tensor:
        """Returns the anchor boxes of a grid: center and sides, (1, candidate, 4)."""
        ...

    def explain(self, index: tuple[int, ...], *inputs: Tensor) -> tuple[Sequence[Source], Combined]:
        """Returns the weighted sources of one value and how they are combined."""
        ...


def is_grid_layer(layer: object) -> TypeIs[GridLayer]:
    """Returns whether a layer turns the channels of a grid into candidates."""
    return issubclass(type(layer), GridLayer)


@runtime_checkable
class SteppedNet(Protocol):
    """A net that describes an example step by step, also in `kissipo show`."""

    SHOWS_STEPS: bool


def shows_steps(net: object) -> bool:
    """Returns whether a net describes an example step by step."""
    return isinstance(net, SteppedNet) and net.SHOWS_STEPS


@runtime_checkable
class ProductLayer(Protocol):
    """A layer that multiplies activations with each other, as attention does."""

    def activation_products(self, output: Tensor, *inputs: Tensor) -> int:
        """Returns the number of these products."""
        ...


def multiplies_activations(layer: object) -> TypeIs[ProductLayer]:
    """Returns whether a layer multiplies activations with each other."""
    return issubclass(type(layer), ProductLayer)


@runtime_checkable
class ExplainingLayer(Protocol):
    """A composite layer that explains its values."""

    def explain(self, index: tuple[int, ...], *inputs: Tensor) -> tuple[Sequence[Source], Combined]:
        """Returns the weighted sources of one value and how they are combined."""
        ...


def explains(layer: object) -> TypeIs[ExplainingLayer]:
    """Returns whether a composite layer explains its values."""
    return issubclass(type(layer), ExplainingLayer)


def batches(length: int, size: int) -> Iterator[slice]:
    """Yields slices of at most `size` indices that cover `length` indices in order.

    Example:  >>> [(batch.start, batch.stop) for batch in batches(5, 2)]
              [(0, 2), (2, 4), (4, 5)]
    """
    for start in range(0, length, size):
        yield slice(start, min(start + size, length))

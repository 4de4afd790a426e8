"""Closed form: a net that is solved from all samples at once, without gradients.

The net reads the training samples batch by batch, in their order, as often as it needs
to, and sets its own weights. There are no epochs, no losses and no best epoch, and the
same samples and seed give the same weights. A run that was killed begins again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, cast, runtime_checkable

from torch import Tensor, nn

from kissipo.core.algorithm import Algorithm
from kissipo.core.batch import Batch
from kissipo.core.errors import TaskError
from kissipo.core.protocols import Dataset, StateDict, ahead, batches

_BATCH = 256


@dataclass(frozen=True)
class Options:
    """A closed form has no options: those of the net say what is solved."""


class Samples:
    """The training samples, which can be read several times."""

    def __init__(self, train: Dataset) -> None:
        self._train = train

    def __len__(self) -> int:
        return len(self._train)

    def __iter__(self) -> Iterator[Batch]:
        return iter(ahead(self._train, batches(len(self._train), _BATCH)))


@runtime_checkable
class SolvedNet(Protocol):
    """A net that sets its weights itself."""

    def solve(self, samples: Samples, seed: int) -> str:
        """Sets the weights from all samples; returns a sentence for the log."""
        ...


class ClosedForm(Algorithm):
    """Lets the net solve itself before the first step."""

    epochs = 0
    monitor = None
    cpu_only = True

    def __init__(self, net: nn.Module, losses: tuple[object, ...], options: Options) -> None:
        if not isinstance(net, SolvedNet):
            raise TaskError(
                "process.algorithm=closed_form cannot solve the net",
                got="a net that is trained step by step on these inputs",
                do="Leave process.algorithm out",
            )
        self._net = net

    def begin(self, train: Dataset) -> str:
        """Solves the net, and returns what it says about its solution."""
        return cast(SolvedNet, self._net).solve(Samples(train), self.seed)

    def step(self, batch: Batch) -> Mapping[str, Tensor]:
        raise AssertionError("a net that is solved has no steps")

    def state_dict(self) -> StateDict:
        return {}

    def load_state_dict(self, state: StateDict) -> None:
        """There is no state: the solution is in the net."""


ALGORITHM = ClosedForm

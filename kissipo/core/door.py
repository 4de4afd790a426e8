"""Door: what every codec is: a two-way door between columns and one tensor, fitted once, saved as JSON, restored by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Self

from kissipo.core.errors import DataError
from kissipo.core.family import Family

if TYPE_CHECKING:
    from torch import Tensor

    from kissipo.core.axes import Port
    from kissipo.core.frame import Frame

CODECS = Family("kissipo.codec", "codec")


class Door(ABC):
    """A codec: `fit` on the training part, then `encode` and its inverse `decode` on anything.

    A subclass stands in a file of its own, named as its KIND, and is called CODEC there.
    """

    KIND: ClassVar[str]

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """The columns of the frame that it reads and writes."""

    @property
    @abstractmethod
    def port(self) -> Port:
        """The tensor that `encode` gives, without the batch axis."""

    @abstractmethod
    def fit(self, frame: Frame) -> Self:
        """Learns means, levels, words from the frame."""

    @abstractmethod
    def encode(self, frame: Frame) -> Tensor:
        """Columns to tensor, the batch axis first."""

    @abstractmethod
    def decode(self, tensor: Tensor) -> Frame:
        """Tensor to columns."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Everything that makes this codec what it is, as JSON can hold it."""

    @classmethod
    @abstractmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """The inverse of `state`."""

    def finish(self, tensor: Tensor) -> Tensor:
        """The last step, done on each batch: what is stored small (bytes) becomes what the net takes."""
        return tensor

    def remarks(self, frame: Frame) -> list[str]:
        """What `encode` does to these values that the person should know."""
        return []

    def tell(self) -> str:
        """The step in a few words, for the way of the data."""
        return self.KIND.replace("_", " ")


def refuse_unfitted(fitted: Any, door: Door) -> None:
    """Raises DataError when a codec is used before it was fitted."""
    if fitted is None:
        raise DataError(
            f"the codec '{door.KIND}' for {', '.join(door.columns)} was not fitted",
            do="Call fit(frame) with the training part first",
        )


def save(door: Door) -> dict[str, Any]:
    """A codec as JSON can hold it, with its name."""
    return {"codec": door.KIND, **door.state()}


def restore(content: dict[str, Any]) -> Door:
    """The inverse of `save`.

    Raises:   TaskError when no codec has that name.
    """
    state = dict(content)
    kind = state.pop("codec")
    codec: type[Door] = CODECS.find(kind, place="codecs.json").CODEC
    return codec.from_state(state)

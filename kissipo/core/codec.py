"""Door: what every codec is: a two-way door between columns and one tensor, fitted once, saved as JSON, restored by name."""

from abc import ABC, abstractmethod
from dataclasses import is_dataclass
from inspect import signature
from typing import Any, ClassVar, Self

from torch import Tensor

from kissipo.core.errors import DataError
from kissipo.core.frame import Frame
from kissipo.core.registry import Registry
from kissipo.core.tensor_spec import TensorSpec

CODECS = Registry("kissipo.codec", "codec")


class Codec(ABC):
    """A codec: `fit` on the training part, then `encode` and its inverse `decode` on anything.

    A subclass stands in a file of its own, named as its KIND, and is called CODEC there.
    """

    KIND: ClassVar[str]
    KEPT: ClassVar[
        tuple[str, ...]
    ]  # the attributes that are saved; those that `__init__` takes are handed to it again
    column: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the frame that it reads and writes; of most codecs a single one."""
        return (self.column,)

    @property
    @abstractmethod
    def spec(self) -> TensorSpec:
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

    def state(self) -> dict[str, Any]:
        """Everything that makes this codec what it is, as JSON can hold it."""
        return {name: _plain(getattr(self, name)) for name in self.KEPT}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """The inverse of `state`."""
        values = {name: _whole(value) for name, value in state.items()}
        taken = values.keys() & signature(cls).parameters.keys()
        codec = cls(**{name: values.pop(name) for name in taken})
        vars(codec).update(values)
        return codec

    def finish(self, tensor: Tensor) -> Tensor:
        """The last step, done on each batch: what is stored small (bytes) becomes what the net takes."""
        return tensor

    def remarks(self, frame: Frame) -> list[str]:
        """What `encode` does to these values that the person should know."""
        return []

    def describe(self) -> str:
        """The step in a few words, for the way of the data."""
        return self.KIND.replace("_", " ")


def refuse_unfitted(fitted: Any, codec: Codec) -> None:
    """Raises DataError when a codec is used before it was fitted."""
    if fitted is None:
        raise DataError(
            f"the codec '{codec.KIND}' for {', '.join(codec.columns)} was not fitted",
            do="Call fit(frame) with the training part first",
        )


def save(codec: Codec) -> dict[str, Any]:
    """A codec as JSON can hold it, with its name."""
    return {"codec": codec.KIND, **codec.state()}


def restore(content: dict[str, Any]) -> Codec:
    """The inverse of `save`.

    Raises:   TaskError when no codec has that name.
    """
    state = dict(content)
    kind = state.pop("codec")
    codec: type[Codec] = CODECS.find(kind, place="codecs.json").CODEC
    return codec.from_state(state)


def _plain(value: Any) -> Any:
    """A tuple as a list, a codec and what it has fitted as mappings."""
    if isinstance(value, Codec):
        return save(value)
    if is_dataclass(value):
        return vars(value)
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _whole(value: Any) -> Any:
    """The inverse of `_plain`, but for what is fitted, of which the codec alone knows the class."""
    if isinstance(value, dict) and isinstance(value.get("codec"), str):
        return restore(value)
    return tuple(map(_whole, value)) if isinstance(value, list) else value

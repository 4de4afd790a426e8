"""Codec: a reversible conversion between columns and one tensor.

A codec is fitted once, saved as JSON, and restored by the name of its kind.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, is_dataclass
from inspect import signature
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from kissipo.core.description import Record, Section
from kissipo.core.errors import DataError
from kissipo.core.finding import Finding
from kissipo.core.frame import Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.core.json_object import JsonObject
from kissipo.core.numpy_array import NumpyArray
from kissipo.core.registry import Registry
from kissipo.core.tensor_spec import TensorSpec

CODECS = Registry("kissipo.codec", "codec", folder="codecs")


@dataclass(frozen=True)
class EncodingStep:
    """One step between the raw value and the encoded tensor."""

    name: str
    description: str
    value: NumpyArray


class Codec(ABC):
    """A codec: `fit` reads the training split, `encode` and `decode` take any data.

    Each subclass has its own file, which is named after its KIND and calls it CODEC.
    FIELDS names the saved attributes; `from_state` passes the arguments of `__init__`
    to it.
    """

    KIND: ClassVar[str]
    FIELDS: ClassVar[tuple[str, ...]]
    is_image: ClassVar[bool] = False  # whether a sample is an image, which may be shrunk
    column: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the codec reads and writes; usually a single one."""
        return (self.column,)

    @property
    def number_columns(self) -> tuple[str, ...]:
        """The columns that hold numbers, of which `encode` needs the kind."""
        return ()

    @property
    @abstractmethod
    def spec(self) -> TensorSpec:
        """Describes the tensor that `encode` returns, without the batch axis."""

    @abstractmethod
    def fit(self, frame: Frame) -> Self:
        """Computes statistics and categories from the frame."""

    @abstractmethod
    def encode(self, frame: Frame) -> Tensor:
        """Converts the columns to a tensor, batch axis first."""

    @abstractmethod
    def decode(self, tensor: Tensor) -> Frame:
        """Converts a tensor back to columns."""

    def state(self) -> JsonObject:
        """Returns the configuration and the fitted values as JSON types."""
        return {name: _plain(getattr(self, name)) for name in self.FIELDS}

    @classmethod
    def from_state(cls, state: dict[str, object]) -> Self:
        """Builds a codec from its state; the inverse of `state`."""
        values = {name: _restored(value) for name, value in state.items()}
        arguments = values.keys() & signature(cls).parameters.keys()
        codec = cls(**{name: values.pop(name) for name in arguments})
        vars(codec).update(values)
        return codec

    def original_value(self, value: object) -> object:
        """Returns a decoded value in the type that it had in the data."""
        return value

    def split_tokens(self, text: str) -> list[str]:
        """Returns the tokens of a text that `encode` reads, as they stand in it; none
        where the codec does not read tokens."""
        return []

    def tokens_of(self, texts: Sequence[str]) -> list[str]:
        """Returns the tokens of a row with a text per column; by default those of the
        first text."""
        return self.split_tokens(texts[0]) if texts else []

    def word_steps(self, frame: Frame) -> list[list[int]] | None:
        """Returns for each row and each of its words between blanks the step of the
        first token, -1 where the word is truncated or has no token; None where the
        codec does not read a text step by step."""
        return None

    def known_texts(self) -> dict[str, tuple[str, ...]]:
        """Returns the texts of the training split by column; none where any text can be
        encoded."""
        return {}

    def known_range(self) -> dict[str, tuple[float, float]]:
        """Returns the smallest and the largest number of the training split by column,
        where they are known."""
        return {}

    def for_target(self, column: str) -> "Codec | None":
        """Returns an unfitted codec with the same options for texts that are generated;
        None where the codec reads no texts."""
        return None

    def filled(self, frame: Frame) -> Frame:
        """Returns rows with the cells that the codec keeps for their ids; most codecs
        keep none."""
        return frame

    def finish(self, tensor: Tensor) -> Tensor:
        """Converts a stored batch (bytes) to the numbers that the net takes."""
        return tensor

    def remarks(self, frame: Frame) -> list[str]:
        """Returns sentences about values that `encode` changes or cannot represent."""
        return []

    def suggested_net(self) -> InferredOption | None:
        """Returns the net for this input; None: the axes of the spec decide."""
        return None

    def net_options(self, net: str) -> tuple[InferredOption, ...]:
        """Returns options of a net that replace those that the net itself suggests."""
        return ()

    def ragged(self, frame: Frame) -> tuple[Tensor, Tensor] | None:
        """Returns samples of very different size, which are padded batch by batch: the
        steps of all rows (step, ...), one row after the other, and the number of steps
        per row; None where `encode` is as small."""
        return None

    @property
    def lazy_bytes(self) -> int:
        """The bytes of an encoded sample if samples are large and can be read from disk
        one by one, as images can; else 0."""
        return 0

    def fitted_findings(self, frame: Frame) -> tuple[Finding, ...]:
        """Returns findings of `fit`, and of all samples that the frame holds."""
        return ()

    def fitted_options(self) -> tuple[InferredOption, ...]:
        """Returns the options of the input that `fit` has set."""
        return ()

    @property
    def window_length(self) -> int:
        """The number of consecutive rows that a sample spans; 0 where it is one row."""
        return 0

    def window_text(self, frame: Frame, row: int, steps: int) -> str:
        """Returns the steps of the sample that begins in a row, in words."""
        first = int(frame.rows[row])
        return f"steps {first} to {first + steps - 1}"

    @property
    def parts(self) -> tuple["Codec", ...]:
        """The codecs whose features are concatenated; most codecs have none."""
        return ()

    def drawings(
        self,
        frame: Frame,
        captions: Sequence[str],
        targets: NDArray[np.int64],
        predicted: NDArray[np.int64],
    ) -> Sequence[Record]:
        """Returns drawings of these rows with their answers; by default without them.

        targets, predicted:  one class number per row
        """
        return self.row_drawings(frame, captions)

    def row_drawings(self, frame: Frame, captions: Sequence[str]) -> Sequence[Record]:
        """Returns drawings of these rows; none where their values are shown as text."""
        return []

    def encoding_steps(self, frame: Frame) -> list[EncodingStep]:
        """Returns the steps before the encoded tensor of the first row, for the data
        flow: by default one per part."""
        first = frame.take(np.arange(min(1, len(frame))))
        return [
            EncodingStep(
                part.KIND.replace("_", "-"), part.describe(), part.encode(first)[0].numpy()
            )
            for part in self.parts
        ]

    def example_sections(self, frame: Frame) -> Sequence[Section]:
        """Returns what the codec shows of the first row in the x-ray of an example, in
        plain records; most codecs show nothing but their steps."""
        return ()

    def as_image(self, x: Tensor) -> Tensor | None:
        """Returns an encoded sample as an image (channel, height, width) from 0 to 1;
        None where it is none."""
        return x if self.is_image else None

    def describe(self) -> str:
        """Describes the step in a few words, for the data flow."""
        return self.KIND.replace("_", " ")


def refuse_unfitted(fitted: object, codec: Codec) -> None:
    """Raises DataError when a codec is used before `fit`."""
    if fitted is None:
        raise DataError(
            f"the codec '{codec.KIND}' for {', '.join(codec.columns)} was not fitted",
            do="Call fit(frame) with the training split first",
        )


def columns_of(codecs: Iterable[Codec]) -> list[str]:
    """Returns the columns of several codecs, each once."""
    return list(dict.fromkeys(column for codec in codecs for column in codec.columns))


def save(codec: Codec) -> JsonObject:
    """Returns the kind and the state of a codec as JSON types."""
    return {"codec": codec.KIND, **codec.state()}


def restore(content: JsonObject) -> Codec:
    """Builds a codec from its saved form; the inverse of `save`.

    Raises:   TaskError when no codec has that name.
    """
    state = dict(content)
    kind = state.pop("codec")
    codec: type[Codec] = CODECS.find(kind, place="codecs.json").CODEC
    return codec.from_state(state)


def _plain(value: object) -> object:
    """Converts tuples to lists, and codecs and dataclasses to mappings."""
    if isinstance(value, Codec):
        return save(value)
    if is_dataclass(value):
        return vars(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _restored(value: object) -> object:
    """Converts lists to tuples and restores codecs; dataclasses stay mappings."""
    if isinstance(value, dict) and isinstance(value.get("codec"), str):
        return restore(value)
    return tuple(map(_restored, value)) if isinstance(value, list) else value

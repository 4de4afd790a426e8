"""Ports: what passes between two steps, with its axes called by name.

A net is built from the ports that go in and the ports that must come out; it knows nothing of files, columns or labels.

Example:  >>> TensorSpec("message", axes=("time",), shape=(162,), vocabulary=7298)
          Port(name='message', axes=('time',), shape=(162,), vocabulary=7298, words=(), fills=False)
          >>> TensorSpec("pixels", ("channel", "height", "width"), (1, 28, 28)).describe()
          '(batch, channel 1, height 28, width 28)'
"""

from dataclasses import dataclass
from math import prod


@dataclass(frozen=True)
class TensorSpec:
    """One tensor without its batch axis.

    name:        what it carries, as shown to people
    axes:        the name of each axis: feature, time, channel, height, width, class, horizon, variable, place
    shape:       the size of each axis
    vocabulary:  number of distinct ids when the tensor holds ids (of words, levels, states), else 0 for plain numbers
    words:       names along the last axis where it has names (columns, classes), or of the ids, else empty
    fills:       whether id 0 only fills up to the common length and means nothing
    """

    name: str
    axes: tuple[str, ...]
    shape: tuple[int, ...]
    vocabulary: int = 0
    words: tuple[str, ...] = ()
    fills: bool = False

    def __post_init__(self) -> None:
        assert len(self.axes) == len(self.shape), (self.axes, self.shape)

    @property
    def size(self) -> int:
        """How many numbers one sample has in this tensor."""
        return prod(self.shape)

    def describe(self) -> str:
        """The shape with named axes."""
        return (
            "("
            + ", ".join(
                [
                    "batch",
                    *(f"{axis} {size}" for axis, size in zip(self.axes, self.shape, strict=True)),
                ]
            )
            + ")"
        )

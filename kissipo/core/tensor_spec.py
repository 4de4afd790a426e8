"""TensorSpec: the description of a tensor that passes between two steps.

A net is built from the specs of its inputs and outputs; it does not depend on files,
columns or labels.

Example:  >>> text = TensorSpec("message", ("time",), (162,), vocab_size=7298)
          >>> text.vocab_size, text.labels, text.padded
          (7298, (), False)
          >>> TensorSpec("pixels", ("channel", "height"), (1, 28)).describe()
          '(batch, channel 1, height 28)'
"""

from dataclasses import dataclass, field
from math import prod


@dataclass(frozen=True)
class TensorSpec:
    """The name, the axes and the shape of one tensor, without its batch axis.

    name:        the name that users see
    axes:        the name of each axis, such as feature, time, channel, height, class
    shape:       the size of each axis; 0 of an output is a size that the net sets
    vocab_size:  the number of distinct ids when the tensor holds ids, else 0
    labels:      the names along the last axis (columns, classes) or of the ids, if any
    padded:      whether id 0 is padding; of numbers (time, feature), whether steps are
                 whose first number is 0
    unit:        what one id of a text stands for: words or characters
    causal:      whether a step must not depend on later steps of the input, because it
                 predicts the next one
    scales:      center and spread along the last axis, if any: x * spread + center has
                 the unit of the data; specs that differ in it are equal
    """

    name: str
    axes: tuple[str, ...]
    shape: tuple[int, ...]
    vocab_size: int = 0
    labels: tuple[str, ...] = ()
    padded: bool = False
    unit: str = ""
    causal: bool = False
    scales: tuple[tuple[float, float], ...] = field(default=(), compare=False, repr=False)

    def __post_init__(self) -> None:
        assert len(self.axes) == len(self.shape), (self.axes, self.shape)

    @property
    def size(self) -> int:
        """The number of values per sample."""
        return prod(self.shape)

    def scale_of(self, position: int) -> tuple[float, float]:
        """Returns center and spread of a number, by its position on the last axis.

        Example:  >>> row = TensorSpec("age", ("feature",), (1,), scales=((30.0, 9.0),))
                  >>> row.scale_of(0)
                  (30.0, 9.0)
        """
        return self.scales[position] if self.scales else (0.0, 1.0)

    @property
    def is_image(self) -> bool:
        """Whether the tensor is an image."""
        return self.axes == ("channel", "height", "width")

    @property
    def is_padded_sequence(self) -> bool:
        """Whether the tensor holds the numbers of sequences of different lengths."""
        return self.axes == ("time", "feature") and self.padded and not self.vocab_size

    @property
    def is_weighted_bag(self) -> bool:
        """Whether the tensor holds ids with their weights, (term, 2), in any order."""
        return self.axes == ("term", "weight") and bool(self.vocab_size)

    def describe(self) -> str:
        """Returns the shape with named axes."""
        axes = [f"{axis} {size}" for axis, size in zip(self.axes, self.shape, strict=True)]
        return f"({', '.join(['batch', *axes])})"

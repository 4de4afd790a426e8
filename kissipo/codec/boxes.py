"""Boxes: the labeled boxes of an image <-> a padded tensor.

Images have different numbers of boxes. The column holds them as one array: a row per
box with the number of its label, then x_min, y_min, x_max, y_max as fractions of the
width and the height of the image. Rows of padding have the label -1 and zeros, and
stand after the boxes. The length of a sample is the number of labels of at least 0.

The classes are those of the whole file, as it names them: a class without a box in the
training split keeps its place, and its boxes count as missed.

Shapes:   column (row, box, 5) -> (row, box, 5) float32, labels as class numbers
Raises:   DataError for a label that is not among the classes.
Example:  >>> import numpy as np
          >>> codec, boxes = Boxes("label"), np.array([[[0, 0.1, 0.2, 0.5, 0.6]]])
          >>> column = box_column("boxes", boxes, ("square",))
          >>> codec.fit(Frame((column,))).classes, codec.encode(Frame((column,))).shape
          (('square',), torch.Size([1, 1, 5]))
"""

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kissipo.codec.labels import sorted_classes
from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.errors import DataError
from kissipo.core.finding import format_rows
from kissipo.core.frame import Column, Frame
from kissipo.core.suggest import did_you_mean
from kissipo.core.tensor_spec import TensorSpec

PADDING = -1
CORNERS = ("x_min", "y_min", "x_max", "y_max")


class Boxes(Codec):
    """Encodes boxes; `max_boxes` is the largest number in an image of the training."""

    KIND: ClassVar[str] = "boxes"
    FIELDS = ("name", "column", "classes", "max_boxes")

    def __init__(self, name: str, *, column: str = "boxes") -> None:
        self.name, self.column = name, column
        self.classes: tuple[str, ...] | None = None
        self.max_boxes = 0

    @property
    def spec(self) -> TensorSpec:
        labels = (self.name, *CORNERS)
        return TensorSpec(self.name, ("box", "feature"), (self.max_boxes, 5), labels=labels)

    def fit(self, frame: Frame) -> Self:
        column = frame[self.column]
        self.classes = sorted_classes(column.categories)
        self.max_boxes = column.values.shape[1]
        return self

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.classes, self)
        column, classes = frame[self.column], self.classes or ()
        codes = column.values[..., 0].astype(int)
        order = {text: number for number, text in enumerate(classes)}
        table = np.array([*(order.get(text, -2) for text in column.categories), PADDING])
        numbers = table[codes]
        unknown = np.argwhere(numbers == -2)
        if len(unknown):
            row, box = unknown[0].tolist()
            label = column.categories[codes[row, box]]
            rows = format_rows(frame.rows[np.unique(unknown[:, 0])])
            raise DataError(
                f"'{self.name}' has '{label}' in {rows}, which is not among the classes",
                do=did_you_mean(label, classes),
            )
        encoded = np.concatenate([numbers[..., None], column.values[..., 1:]], axis=-1)
        return torch.from_numpy(encoded.astype(np.float32))

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.classes, self)
        values = tensor.numpy().astype(np.float64)
        return Frame((box_column(self.column, values, self.classes or ()),))

    def describe(self) -> str:
        classes = ", ".join(self.classes or ())
        return f"at most {self.max_boxes} boxes of {classes}, padded"


def box_column(name: str, values: NDArray[np.float64], labels: Sequence[str]) -> Column:
    """Returns a column of boxes.

    values:   (row, box, 5) label number and corners as fractions; padding has label -1
    """
    return Column(name, "array", values, tuple(labels))


def padded_boxes(
    boxes: Sequence[Sequence[Sequence[float]]], *, min_width: int = 1
) -> NDArray[np.float64]:
    """Returns the boxes of all images as one array, padded to the largest number.

    Example:  >>> padded_boxes([[(0, 0.1, 0.2, 0.3, 0.4)], []])[:, 0].tolist()
              [[0.0, 0.1, 0.2, 0.3, 0.4], [-1.0, 0.0, 0.0, 0.0, 0.0]]
    """
    width = max([min_width, *map(len, boxes)])
    values = np.zeros((len(boxes), width, 5))
    values[..., 0] = PADDING
    for row, some in enumerate(boxes):
        if len(some):
            values[row, : len(some)] = some
    return values


CODEC = Boxes

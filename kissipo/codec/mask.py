"""Mask: what every pixel of an image is <-> class numbers; 0 is what nothing marks.

A mask marks by brightness (from 128 up), by numbers (each value is a class of its own; of a palette 255 is `void` and is not judged),
or, with `by`, what is marked is of the class of its image. It is brought to the size of the image that the net sees; a pixel
there is what most of it was.

Shapes:   columns (row) -> bytes (row, height, width)
Example:  >>> import numpy as np
          >>> from kissipo.core.frame import image_column
          >>> masks = np.zeros((1, 2, 4), dtype=np.uint8)
          >>> masks[0, :, 2:] = 255
          >>> frame = Frame((image_column("mask", masks),))
          >>> codec = MaskCodec("defect", size=(1, 2)).fit(frame)
          >>> codec.levels, codec.encode(frame).tolist()
          (('nothing', 'defect'), [[[0, 1]]])
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from kissipo.codec._image import open_mask
from kissipo.codec.labels import as_strings, sorted_levels
from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.devices import usable_cores
from kissipo.core.frame import Column, Frame, image_column
from kissipo.core.tensor_spec import TensorSpec
from kissipo.core.text import list_some

NOTHING = "nothing"
VOID = 255
_MARKED = 128
_MOST_VALUES = 32  # of one mask; more are shades of a soft rim


class MaskCodec(Codec):
    """Masks as a class number for every pixel."""

    KIND: ClassVar[str] = "mask"
    KEPT = ("name", "by", "column", "size", "levels", "values")

    def __init__(
        self,
        name: str,
        *,
        by: str | None = None,
        column: str = "mask",
        size: tuple[int, int] | None = None,
    ):
        self.name, self.by, self.column, self.size = name, by, column, size
        self.levels: tuple[str, ...] | None = None
        self.values: tuple[int, ...] | None = (
            None  # of the levels behind `nothing`; None: they are marked by brightness
        )

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column, self.by) if self.by else (self.column,)

    @property
    def spec(self) -> TensorSpec:
        return TensorSpec(self.name, ("height", "width"), self.size or (0, 0))

    def fit(self, frame: Frame) -> Self:
        if self.by is not None:
            classes = as_strings(frame[self.by])
            marked = [mask is not None and _is_marked(mask) for mask in frame[self.column].values]
            levels = {classes.show(at) for at, is_marked in enumerate(marked) if is_marked}
            self.levels = (NOTHING, *sorted_levels(levels))
        else:
            self.values = _values(frame[self.column])
            names = (
                (self.name,) if self.values is None else tuple(str(value) for value in self.values)
            )
            self.levels = (NOTHING, *names)
        return self

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.levels and self.size, self)
        masks, numbers = frame[self.column].values, self._numbers(frame)
        made = np.zeros((len(masks), *(self.size or (0, 0))), dtype=np.uint8)

        def put(at: int) -> None:
            if masks[at] is not None:
                made[at] = self._read(masks[at], numbers[at])

        with ThreadPoolExecutor(usable_cores()) as pool:
            for _ in pool.map(put, range(len(masks))):
                pass
        return torch.from_numpy(made)

    def decode(self, tensor: Tensor) -> Frame:
        """Masks marked as they came; what was marked by its class loses it."""
        refuse_unfitted(self.levels, self)
        values = (
            0,
            *([255] * (len(self.levels or ()) - 1) if self.values is None else self.values),
        )
        table = np.full(256, VOID, dtype=np.uint8)
        table[: len(values)] = values
        return Frame((image_column(self.column, table[tensor.numpy()]),))

    def remarks(self, frame: Frame) -> list[str]:
        if self.values is None:
            return []
        found = {
            int(value)
            for mask in frame[self.column].values
            if mask is not None
            for value in _distinct(mask)
        }
        unseen = sorted(found - {0, VOID, *self.values})
        named = list_some(unseen, 5)
        return (
            [
                f"pixels of the classes {named}, which the training part does not have, are not judged"
            ]
            if unseen
            else []
        )

    def describe(self) -> str:
        return f"every pixel is one of {', '.join(self.levels or ())}"

    def _numbers(self, frame: Frame) -> Sequence[int]:
        """For each row the class number of what its mask marks."""
        if self.by is None:
            return [1] * len(frame)
        order = {level: number for number, level in enumerate(self.levels or ())}
        classes = as_strings(frame[self.by])
        return [order.get(str(classes.show(at)), 0) for at in range(len(frame))]

    def _read(self, mask: Any, number: int) -> NDArray[np.uint8]:
        height, width = self.size or (1, 1)
        opened = open_mask(mask)
        if self.values is None:
            marks = np.where(np.asarray(opened) >= _MARKED, np.uint8(255), np.uint8(0))
            smaller = Image.fromarray(marks).resize((width, height), Image.Resampling.BOX)
            return np.where(np.asarray(smaller) >= _MARKED, np.uint8(number), np.uint8(0))
        table = np.full(256, VOID, dtype=np.uint8)
        table[[0, *self.values]] = np.arange(len(self.values) + 1)
        nearest = opened.resize((width, height), Image.Resampling.NEAREST)
        return table[np.asarray(nearest)]


def _is_marked(mask: Any) -> bool:
    return bool((np.asarray(open_mask(mask)) >= _MARKED).any())


def _distinct(mask: Any) -> NDArray[np.uint8]:
    return np.unique(np.asarray(mask if isinstance(mask, Image.Image) else open_mask(mask)))


def _values(column: Column) -> tuple[int, ...] | None:
    """The values that stand for classes; None where masks mark by brightness."""
    found: set[int] = set()
    has_palette = False
    for mask in column.values:
        if mask is None:
            continue
        opened = open_mask(mask)
        has_palette = has_palette or opened.mode == "P"
        values = _distinct(opened)
        if len(values) > _MOST_VALUES:
            return None
        found |= set(values.tolist())
    found -= {0, VOID} if has_palette else {0}
    return None if not has_palette and len(found) < 2 else tuple(sorted(found))


CODEC = MaskCodec

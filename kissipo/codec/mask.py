"""Mask: the marked pixels of an image <-> one class id per pixel; 0 is the background.

A mask has one of three forms. It marks pixels by brightness (128 or more); or each of
its values is a class (255 of a palette is `void` and is not evaluated); or, with `by`,
the marked pixels have the class of the image. A mask is resized to the input size of
the net; each pixel then has the most frequent class of its area.

Shapes:   columns (row) -> bytes (row, height, width)
Example:  >>> import numpy as np
          >>> from kissipo.core.frame import image_column
          >>> masks = np.zeros((1, 2, 4), dtype=np.uint8)
          >>> masks[0, :, 2:] = 255
          >>> frame = Frame((image_column("mask", masks),))
          >>> codec = MaskCodec("defect", size=(1, 2)).fit(frame)
          >>> codec.classes, codec.encode(frame).tolist()
          (('nothing', 'defect'), [[[0, 1]]])
"""

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from kissipo.codec._image import open_mask
from kissipo.codec.labels import as_strings, sorted_classes
from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.devices import in_threads
from kissipo.core.frame import Column, Frame, image_column
from kissipo.core.tensor_spec import TensorSpec
from kissipo.core.text import list_some

NOTHING = "nothing"
VOID = 255
_MARKED = 128
_MAX_VALUES = 32  # of one mask; more values are shades of a soft edge


class MaskCodec(Codec):
    """Encodes a class id for every pixel of a mask.

    values:   the values of the classes after `nothing`; None: a threshold on brightness
    """

    KIND: ClassVar[str] = "mask"
    FIELDS = ("name", "by", "column", "size", "classes", "values")

    def __init__(
        self,
        name: str,
        *,
        by: str | None = None,
        column: str = "mask",
        size: tuple[int, int] | None = None,
    ):
        self.name, self.by, self.column, self.size = name, by, column, size
        self.classes: tuple[str, ...] | None = None
        self.values: tuple[int, ...] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column, self.by) if self.by else (self.column,)

    @property
    def spec(self) -> TensorSpec:
        return TensorSpec(self.name, ("height", "width"), self.size or (0, 0))

    def fit(self, frame: Frame) -> Self:
        if self.by is not None:
            texts, masks = as_strings(frame[self.by]).texts(), frame[self.column].values
            marked = [mask is not None and _is_marked(mask) for mask in masks]
            classes = {text for text, is_marked in zip(texts, marked, strict=True) if is_marked}
            self.classes = (NOTHING, *sorted_classes(classes))
        else:
            self.values = _values(frame[self.column])
            names = (self.name,) if self.values is None else map(str, self.values)
            self.classes = (NOTHING, *names)
        return self

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.classes and self.size, self)
        masks, numbers = frame[self.column].values, self._numbers(frame)
        encoded = np.zeros((len(masks), *(self.size or (0, 0))), dtype=np.uint8)

        def encode_row(row: int) -> None:
            if masks[row] is not None:
                encoded[row] = self._read(masks[row], numbers[row])

        in_threads(encode_row, range(len(masks)))
        return torch.from_numpy(encoded)

    def decode(self, tensor: Tensor) -> Frame:
        """Converts class ids to mask values; `by` is not restored."""
        refuse_unfitted(self.classes, self)
        values = (
            0,
            *([255] * (len(self.classes or ()) - 1) if self.values is None else self.values),
        )
        table = np.full(256, VOID, dtype=np.uint8)
        table[: len(values)] = values
        return Frame((image_column(self.column, table[tensor.numpy()]),))

    def remarks(self, frame: Frame) -> list[str]:
        if self.values is None:
            return []
        values = {
            int(value)
            for mask in frame[self.column].values
            if mask is not None
            for value in _distinct(mask)
        }
        unseen = sorted(values - {0, VOID, *self.values})
        classes = f"pixels of the classes {list_some(unseen, 5)}"
        remark = f"{classes}, which are not in the training split, are not evaluated"
        return [remark] if unseen else []

    @property
    def lazy_bytes(self) -> int:
        return self.spec.size

    def describe(self) -> str:
        return f"every pixel is one of {', '.join(self.classes or ())}"

    def _numbers(self, frame: Frame) -> Sequence[int]:
        """Returns for each row the class id of the pixels that its mask marks."""
        if self.by is None:
            return [1] * len(frame)
        order = {text: number for number, text in enumerate(self.classes or ())}
        return [order.get(str(text), 0) for text in as_strings(frame[self.by]).texts()]

    def _read(self, mask: object, number: int) -> NDArray[np.uint8]:
        height, width = self.size or (1, 1)
        image = open_mask(mask)
        if self.values is None:
            marked = np.where(np.asarray(image) >= _MARKED, np.uint8(255), np.uint8(0))
            smaller = Image.fromarray(marked).resize((width, height), Image.Resampling.BOX)
            return np.where(np.asarray(smaller) >= _MARKED, np.uint8(number), np.uint8(0))
        table = np.full(256, VOID, dtype=np.uint8)
        table[[0, *self.values]] = np.arange(len(self.values) + 1)
        nearest = image.resize((width, height), Image.Resampling.NEAREST)
        return table[np.asarray(nearest)]


def _is_marked(mask: object) -> bool:
    return bool((np.asarray(open_mask(mask)) >= _MARKED).any())


def _distinct(mask: object) -> NDArray[np.uint8]:
    return np.unique(np.asarray(mask if isinstance(mask, Image.Image) else open_mask(mask)))


def _values(column: Column) -> tuple[int, ...] | None:
    """Returns the values of the classes, or None for a brightness threshold."""
    distinct: set[int] = set()
    has_palette = False
    for mask in column.values:
        if mask is None:
            continue
        image = open_mask(mask)
        has_palette = has_palette or image.mode == "P"
        values = _distinct(image)
        if len(values) > _MAX_VALUES:
            return None
        distinct |= set(values.tolist())
    distinct -= {0, VOID} if has_palette else {0}
    return None if not has_palette and len(distinct) < 2 else tuple(sorted(distinct))


CODEC = MaskCodec

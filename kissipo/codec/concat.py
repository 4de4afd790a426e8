"""Together: several codecs that give features, side by side in one tensor; `decode` gives every column back.

Shapes:   columns -> (row, feature), the features of the first codec first
"""

from itertools import accumulate
from typing import ClassVar, Self

import torch
from torch import Tensor

from kissipo.core.codec import Door
from kissipo.core.frame import Frame
from kissipo.core.tensor_spec import Port


class Together(Door):
    """Features of several codecs as one vector."""

    KIND: ClassVar[str] = "together"
    KEPT = ("name", "doors")

    def __init__(self, doors: tuple[Door, ...], *, name: str = "features") -> None:
        self.doors, self.name = tuple(doors), name

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(column for door in self.doors for column in door.columns))

    @property
    def port(self) -> Port:
        words = tuple(word for door in self.doors for word in door.port.words)
        return Port(self.name, ("feature",), (len(words),), words=words)

    def fit(self, frame: Frame) -> Self:
        for door in self.doors:
            door.fit(frame)
        return self

    def encode(self, frame: Frame) -> Tensor:
        return torch.cat([door.encode(frame) for door in self.doors], dim=1)

    def decode(self, tensor: Tensor) -> Frame:
        ends = list(accumulate(door.port.size for door in self.doors))
        frames = [
            door.decode(tensor[:, start:end]) for door, start, end in zip(self.doors, [0, *ends], ends, strict=False)
        ]
        columns = {column.name: column for frame in reversed(frames) for column in frame.columns}
        return Frame(tuple(columns[name] for name in self.columns))

    def remarks(self, frame: Frame) -> list[str]:
        return [remark for door in self.doors for remark in door.remarks(frame)]

    def tell(self) -> str:
        return f"{len(self.doors)} encodings side by side"


CODEC = Together

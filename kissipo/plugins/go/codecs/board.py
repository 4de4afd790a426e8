"""Board: a game position, as the player to move sees it <-> one plane of 1, -1 and 0.

The letters are written row by row: X own (1), O opponent (-1), . empty (0). `fit` takes
the size from the first board. A plane is stored as bytes; `finish` converts it to
floats.

Shapes:   column (row) -> bytes (row, 1, height, width) -> floats of the same shape
Raises:   DataError for a board of another size, and for other letters.
Example:  >>> from kissipo.core.frame import Frame, strings
          >>> frame = Frame((strings("board", ["XO.."]),))
          >>> codec = Board("board").fit(frame)
          >>> codec.spec.shape, codec.encode(frame).tolist()
          ((1, 2, 2), [[[[1, -1], [0, 0]]]])
"""

from collections.abc import Sequence
from math import isqrt
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.description import Gallery, Lattice, Line, Record
from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, strings
from kissipo.core.inferred_option import InferredOption
from kissipo.core.tensor_spec import TensorSpec

_LETTERS = {"X": 1, "O": -1, ".": 0}
_INVALID = 2
_CODES = np.full(256, _INVALID, dtype=np.int8)
for _letter, _number in _LETTERS.items():
    _CODES[ord(_letter)] = _number


class Board(Codec):
    """Encodes own and opposing stones as one plane."""

    KIND: ClassVar[str] = "board"
    FIELDS = ("column", "size")

    def __init__(self, column: str) -> None:
        self.column = column
        self.size: int | None = None

    @property
    def spec(self) -> TensorSpec:
        side = self.size or 0
        return TensorSpec(self.column, ("channel", "height", "width"), (1, side, side))

    def fit(self, frame: Frame) -> Self:
        self.size = isqrt(len(str(frame[self.column].show(0))))
        return self

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.size, self)
        side = self.size or 0
        boards = [text or "" for text in frame[self.column].texts()]
        invalid = [row for row, board in enumerate(boards) if len(board) != side**2]
        if not invalid:
            letters = "".join(boards).encode("latin-1", "replace")
            planes = _CODES[np.frombuffer(letters, dtype=np.uint8)].reshape(-1, 1, side, side)
            invalid = np.flatnonzero((planes == _INVALID).any(axis=(1, 2, 3))).tolist()
        if invalid:
            board = boards[invalid[0]]
            raise DataError(
                f"row {frame.rows[invalid[0]]} of '{self.column}' is not a {side}x{side} board",
                got=f"'{board[:30]}' ({len(board)} letters)",
                allowed=f"{side**2} letters, row by row: X own, O opponent, . empty",
            )
        return torch.from_numpy(planes)

    def finish(self, tensor: Tensor) -> Tensor:
        return tensor.float()

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.size, self)
        letters = {number: letter for letter, number in _LETTERS.items()}
        boards = [
            "".join(letters[int(point)] for point in board) for board in tensor.flatten(1).tolist()
        ]
        return Frame((strings(self.column, boards),))

    def suggested_net(self) -> InferredOption:
        reason = "a board is like an image: a filter recognizes a shape at every position"
        return InferredOption("process.net", "cnn", reason)

    def net_options(self, net: str) -> tuple[InferredOption, ...]:
        if net != "cnn":
            return ()
        reasons = (
            "each layer adds one line to the receptive field",
            "pooling would lose the exact point of a stone",
            "each point is predicted from the points around it",
        )
        return (
            InferredOption("process.filters", [16, 16, 16, 16], reasons[0]),
            InferredOption("process.pool_size", 1, reasons[1]),
            InferredOption("process.norm", True),
            InferredOption("process.flatten", False, reasons[2]),
            InferredOption("process.units", []),
            InferredOption("process.learning_rate", 3e-3),
        )

    def drawings(
        self,
        frame: Frame,
        captions: Sequence[str],
        targets: NDArray[np.int64],
        predicted: NDArray[np.int64],
    ) -> Sequence[Record]:
        boards, places = [], []
        for row, letters in enumerate(frame[self.column].texts()):
            side = isqrt(len(letters or ""))
            points: dict[str, list[tuple[int, int]]] = {"X": [], "O": [], ".": []}
            for point, letter in enumerate(letters or ""):
                points[letter].append((point % side, point // side))
            target, other = (
                (int(point) % side, int(point) // side) for point in (targets[row], predicted[row])
            )
            crossings = {"black": points["X"], "white": points["O"], "square": [target]}
            boards.append([Lattice(side, side, crossings | {"ring": [other]})])
            game, move = frame["game"].show(row), frame["number"].show(row)
            places.append(f"{game}, move {move}: {captions[row]}")
        text = (
            "Black is to move on every board: the green square is the move that was made, "
            "the red ring the answer."
        )
        return [Line(text, "dim"), Gallery(boards, places)]

    def describe(self) -> str:
        return f"{self.size}x{self.size}, own stones 1, opponent -1, empty 0"


CODEC = Board

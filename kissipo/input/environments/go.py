"""Go: two players put stones on the crossings of a board; stones without a free neighbor are taken off (S19).

Stones of one color that touch are a chain; the empty points beside it are its liberties. A move takes the other's chains whose
last liberty it fills. It is illegal on a stone, where its own chain would have no liberty (suicide), and where it would take back
at once the stone that has just taken a single one (ko). A pass ends a ko.

Shapes:   board (row, column), black 1, white -1, empty 0, row 0 at the top; a point is row · size + column
Choices:  ko forbids the position of one move before, not older ones (no superko); suicide is refused; nothing is scored.
Source:   the rules of Tromp and Taylor (1995), with simple ko and without suicide, as most records are played.
Example:  >>> corner = Position.of([[0, -1, 1], [0, 1, 0], [0, 0, 0]])
          >>> corner.play(BLACK, 0), corner.board[0].tolist()
          (1, [1, 0, 1])
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

BLACK, WHITE, EMPTY = 1, -1, 0
COLORS = {BLACK: "black", WHITE: "white"}
SIZE = 19
STATES = "boards"
_LETTERS = "ABCDEFGHJKLMNOPQRSTUVWXYZ"  # without I
_CODES = bytes((EMPTY, BLACK, WHITE & 0xFF))
_SEEN = {BLACK: bytes.maketrans(_CODES, b".XO"), WHITE: bytes.maketrans(_CODES, b".OX")}


class IllegalMoveError(ValueError):
    """A move that the rules forbid; says which rule."""


@dataclass(eq=False, slots=True)
class Chain:
    """Stones of one color that touch, and the empty points beside them."""

    color: int
    stones: set[int]
    liberties: set[int]


class Position:
    """A board in the middle of a game, with every chain and its liberties, and with what ko forbids."""

    def __init__(self, size: int = SIZE) -> None:
        self.size = size
        self._stones = bytearray(size * size)  # as int8: black 1, white -1
        self._chain: list[Chain | None] = [None] * (size * size)
        self._ko: tuple[int, int] | None = None

    @classmethod
    def of(cls, board: Any) -> Self:
        """The position of a board that is given.

        Raises:   IllegalMoveError when a chain on it has no liberty.
        """
        stones = np.asarray(board, dtype=np.int8)
        position = cls(len(stones))
        for point in np.flatnonzero(stones).tolist():
            position._put(int(stones.flat[point]), point)
        breathless = next((chain for chain in position.chains() if not chain.liberties), None)
        if breathless is not None:
            name = point_names(position.size)[min(breathless.stones)]
            raise IllegalMoveError(
                f"the {COLORS[breathless.color]} stones at {name} have no liberty"
            )
        return position

    @property
    def board(self) -> NDArray[np.int8]:
        """The stones as an array of its own."""
        return np.frombuffer(self._stones, dtype=np.int8).reshape(self.size, self.size).copy()

    def seen_by(self, color: int) -> str:
        """The board in letters, row by row, as this player sees it: X own, O the other's, . empty."""
        return self._stones.translate(_SEEN[color]).decode("ascii")

    def chain(self, point: int) -> Chain | None:
        """The chain that has a stone there."""
        return self._chain[point]

    def chains(self) -> Iterable[Chain]:
        """Every chain once, by its first stone."""
        return dict.fromkeys(chain for chain in self._chain if chain is not None)

    def breath(self, color: int, point: int) -> set[int]:
        """The liberties that a stone there would have, those won by taking left out."""
        near = _neighbors(self.size)[point]
        own = [
            chain
            for each in near
            if (chain := self._chain[each]) is not None and chain.color == color
        ]
        return {each for each in near if not self._stones[each]}.union(
            *(chain.liberties for chain in own)
        ) - {point}

    def why_not(self, color: int, point: int) -> str:
        """The rule that forbids the move, or nothing."""
        if self._stones[point]:
            return "the point is taken"
        if self._ko == (color, point):
            return "it takes the ko back at once"
        breathes = any(
            (chain := self._chain[each]) is None
            or (chain.color == color) == (len(chain.liberties) > 1)
            for each in _neighbors(self.size)[point]
        )
        return "" if breathes else "it is suicide"

    def play(self, color: int, point: int | None) -> int:
        """Puts a stone, or passes; how many stones were taken.

        Raises:   IllegalMoveError, and the position stays as it was.
        """
        if point is None:
            self._ko = None
            return 0
        if why := self.why_not(color, point):
            raise IllegalMoveError(why)
        taken = [
            chain
            for chain in self._beside(point)
            if chain.color != color and len(chain.liberties) == 1
        ]
        own = self._put(color, point)
        for chain in taken:
            self._take(chain)
        stones = [stone for chain in taken for stone in chain.stones]
        is_ko = len(stones) == len(own.stones) == len(own.liberties) == 1
        self._ko = (-color, stones[0]) if is_ko else None
        return len(stones)

    def _beside(self, point: int) -> Iterable[Chain]:
        """The chains that touch a point, each once."""
        return dict.fromkeys(
            chain
            for each in _neighbors(self.size)[point]
            if (chain := self._chain[each]) is not None
        )

    def _put(self, color: int, point: int) -> Chain:
        """A stone, one chain with those of its color that it touches; nothing is taken."""
        own = Chain(
            color,
            {point},
            {each for each in _neighbors(self.size)[point] if not self._stones[each]},
        )
        for chain in self._beside(point):
            chain.liberties.discard(point)
            if chain.color == color:
                own.stones |= chain.stones
                own.liberties |= chain.liberties
        self._stones[point] = color & 0xFF
        for stone in own.stones:
            self._chain[stone] = own
        return own

    def _take(self, chain: Chain) -> None:
        for stone in chain.stones:
            self._stones[stone], self._chain[stone] = EMPTY, None
        for stone in chain.stones:
            for other in self._beside(stone):
                other.liberties.add(stone)


@cache
def point_names(size: int) -> tuple[str, ...]:
    """The name of every point, row by row from the top: letters from the left, numbers from below.

    Example:  >>> point_names(19)[0], point_names(19)[15 * 19 + 3], point_names(19)[-1]
              ('A19', 'D4', 'T1')
    """
    return tuple(f"{letter}{size - row}" for row in range(size) for letter in _LETTERS[:size])


@cache
def _neighbors(size: int) -> tuple[tuple[int, ...], ...]:
    def beside(row: int, column: int) -> tuple[int, ...]:
        near = ((row - 1, column), (row, column - 1), (row, column + 1), (row + 1, column))
        return tuple(r * size + c for r, c in near if 0 <= r < size and 0 <= c < size)

    return tuple(beside(row, column) for row in range(size) for column in range(size))

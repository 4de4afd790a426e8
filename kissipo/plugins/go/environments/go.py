"""Go: two players place stones on the points of a board and capture stones (S19).

A chain is a group of stones of one color that touch. Its liberties are the empty points
beside it. A move captures the opposing chains whose last liberty it fills.

A move is illegal on an occupied point. It is illegal if its own chain would have no
liberty (suicide). It is also illegal if it recaptures at once the stone that has just
captured a single stone (ko). A pass ends a ko.

Shapes:   board (row, column), black 1, white -1, empty 0, row 0 at the top; a point is
          row · size + column
Choices:  ko forbids the position before the last move, not older ones (no superko);
          suicide is illegal; there is no score.
Source:   the rules of Tromp and Taylor (1995), with simple ko and without suicide, as
          in most records.
Example:  >>> corner = Position.of([[0, -1, 1], [0, 1, 0], [0, 0, 0]])
          >>> corner.play(BLACK, 0), corner.board[0].tolist()
          (1, [1, 0, 1])
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Self

import numpy as np
from numpy.typing import NDArray

BLACK, WHITE, EMPTY = 1, -1, 0
COLORS = {BLACK: "black", WHITE: "white"}
SIZE = 19
STATES = "boards"
_LETTERS = "ABCDEFGHJKLMNOPQRSTUVWXYZ"  # without I
_CODES = bytes((EMPTY, BLACK, WHITE & 0xFF))
_LETTERS_BY_COLOR = {BLACK: bytes.maketrans(_CODES, b".XO"), WHITE: bytes.maketrans(_CODES, b".OX")}


class IllegalMoveError(ValueError):
    """An error for an illegal move; it names the rule."""


@dataclass(eq=False, slots=True)
class Chain:
    """A chain: touching stones of one color, and the empty points beside them."""

    color: int
    stones: set[int]
    liberties: set[int]


class Position:
    """A board during a game, with its chains, their liberties and the ko."""

    def __init__(self, size: int = SIZE) -> None:
        self.size = size
        self._stones = bytearray(size * size)  # as int8: black 1, white -1
        self._chain: list[Chain | None] = [None] * (size * size)
        self._ko: tuple[int, int] | None = None

    @classmethod
    def of(cls, board: object) -> Self:
        """Makes the position of a board.

        Raises:   IllegalMoveError when a chain on it has no liberty.
        """
        stones = np.asarray(board, dtype=np.int8)
        position = cls(len(stones))
        for point in np.flatnonzero(stones).tolist():
            position._place(int(stones.flat[point]), point)
        dead = next((chain for chain in position.chains() if not chain.liberties), None)
        if dead is not None:
            name = point_names(position.size)[min(dead.stones)]
            raise IllegalMoveError(f"the {COLORS[dead.color]} stones at {name} have no liberty")
        return position

    @property
    def board(self) -> NDArray[np.int8]:
        """Returns a copy of the stones as an array."""
        return np.frombuffer(self._stones, dtype=np.int8).reshape(self.size, self.size).copy()

    def board_text(self, color: int) -> str:
        """Returns the board as letters, row by row, from the view of a player.

        The letters: X own stone, O opposing stone, . empty point.
        """
        return self._stones.translate(_LETTERS_BY_COLOR[color]).decode("ascii")

    def chain(self, point: int) -> Chain | None:
        """Returns the chain of the stone at a point, or None."""
        return self._chain[point]

    def chains(self) -> Iterable[Chain]:
        """Returns every chain once, in the order of its first stone."""
        return dict.fromkeys(chain for chain in self._chain if chain is not None)

    def liberties_after(self, color: int, point: int) -> set[int]:
        """Returns the liberties of a new stone at a point, before captures."""
        neighbors = _neighbors(self.size)[point]
        own = [
            chain
            for neighbor in neighbors
            if (chain := self._chain[neighbor]) is not None and chain.color == color
        ]
        return {neighbor for neighbor in neighbors if not self._stones[neighbor]}.union(
            *(chain.liberties for chain in own)
        ) - {point}

    def why_not(self, color: int, point: int) -> str:
        """Returns the rule that forbids a move, or an empty string."""
        if self._stones[point]:
            return "the point is occupied"
        if self._ko == (color, point):
            return "it recaptures the ko at once"
        has_liberty = any(
            (chain := self._chain[neighbor]) is None
            or (chain.color == color) == (len(chain.liberties) > 1)
            for neighbor in _neighbors(self.size)[point]
        )
        return "" if has_liberty else "it is suicide"

    def play(self, color: int, point: int | None) -> int:
        """Places a stone, or passes, and returns the number of captured stones.

        Raises:   IllegalMoveError; the position does not change then.
        """
        if point is None:
            self._ko = None
            return 0
        if why := self.why_not(color, point):
            raise IllegalMoveError(why)
        captured = [
            chain
            for chain in self._beside(point)
            if chain.color != color and len(chain.liberties) == 1
        ]
        own = self._place(color, point)
        for chain in captured:
            self._capture(chain)
        stones = [stone for chain in captured for stone in chain.stones]
        is_ko = len(stones) == len(own.stones) == len(own.liberties) == 1
        self._ko = (-color, stones[0]) if is_ko else None
        return len(stones)

    def _beside(self, point: int) -> Iterable[Chain]:
        """Returns the chains that touch a point, each once."""
        return dict.fromkeys(
            chain
            for neighbor in _neighbors(self.size)[point]
            if (chain := self._chain[neighbor]) is not None
        )

    def _place(self, color: int, point: int) -> Chain:
        """Places a stone and merges it with its chains; nothing is captured."""
        own = Chain(
            color,
            {point},
            {neighbor for neighbor in _neighbors(self.size)[point] if not self._stones[neighbor]},
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

    def _capture(self, chain: Chain) -> None:
        for stone in chain.stones:
            self._stones[stone], self._chain[stone] = EMPTY, None
        for stone in chain.stones:
            for other in self._beside(stone):
                other.liberties.add(stone)


@cache
def point_names(size: int) -> tuple[str, ...]:
    """Returns the name of every point, row by row from the top.

    Letters count from the left, numbers from below.


    Example:  >>> point_names(19)[0], point_names(19)[15 * 19 + 3], point_names(19)[-1]
              ('A19', 'D4', 'T1')
    """
    return tuple(f"{letter}{size - row}" for row in range(size) for letter in _LETTERS[:size])


@cache
def _neighbors(size: int) -> tuple[tuple[int, ...], ...]:
    def beside(row: int, column: int) -> tuple[int, ...]:
        neighbors = ((row - 1, column), (row, column - 1), (row, column + 1), (row + 1, column))
        return tuple(r * size + c for r, c in neighbors if 0 <= r < size and 0 <= c < size)

    return tuple(beside(row, column) for row in range(size) for column in range(size))

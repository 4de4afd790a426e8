"""A game record of go: the properties of an SGF tree as setup stones and moves.

SZ            size of the board
AB AW AE      stones that are set before or within the game (handicap)
B W           a move; an empty value or tt is a pass
PL            the player to move

Example:  >>> from kissipo.plugins.go.sgf import parse
          >>> tree = parse("(;SZ[19]AB[dd]HA[1];W[pp];B[])")[0]
          >>> moves = positions(read_record(tree, "example"))
          >>> [(move.number, move.point, move.board.count("O")) for move in moves]
          [(1, 300, 1)]
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kissipo.plugins.go.environments.go import (
    BLACK,
    COLORS,
    EMPTY,
    SIZE,
    WHITE,
    IllegalMoveError,
    Position,
    point_names,
)
from kissipo.plugins.go.sgf import GameTree, Node

_SETUP = {"AB": BLACK, "AW": WHITE, "AE": EMPTY}
_MOVES = {"B": BLACK, "W": WHITE}
_TURN = {"b": BLACK, "black": BLACK, "1": BLACK, "w": WHITE, "white": WHITE, "2": WHITE}
_POINT = re.compile("[a-z]{2}")
_MAX_SIZE_WITH_TT = 19  # up to this size tt is a pass


class RecordError(ValueError):
    """An error for a record that cannot be replayed, with the move and the reason."""


@dataclass(frozen=True)
class Move:
    """A move of one player; the point is None for a pass."""

    color: int
    point: int | None


@dataclass(frozen=True)
class Setup:
    """Stones that are set or removed without a move: the color of each point."""

    stones: Mapping[int, int]


@dataclass(frozen=True)
class Record:
    """A game on a square board.

    turn:        the player to move after the last step, if the record says so
    variations:  number of side lines, which are not in `steps`
    """

    name: str
    size: int
    steps: tuple[Move | Setup, ...]
    turn: int | None = None
    variations: int = 0

    @property
    def moves(self) -> list[Move]:
        """Returns the moves without setups, with passes."""
        return [step for step in self.steps if isinstance(step, Move)]


@dataclass(frozen=True)
class PlayedMove:
    """A move with the board before it, from the view of its player.

    The letters of the board: X own stone, O opposing stone, . empty point.
    """

    number: int
    board: str
    point: int


def board_size(tree: GameTree) -> str:
    """Returns the board size of a tree, such as 19x19, which is also the default."""
    size = tree.nodes[0].get("SZ", (str(SIZE),))[0].strip()
    width, _, height = size.partition(":")
    return f"{width}x{height or width}"


def game_kind(tree: GameTree) -> str:
    """Returns the number of the game in SGF; 1 is go."""
    return tree.nodes[0].get("GM", ("1",))[0].strip()


def read_record(tree: GameTree, name: str) -> Record:
    """Reads the steps of a game on a square board.

    Raises:   RecordError for a value that is not a point of the board.
    """
    size, turn = int(board_size(tree).partition("x")[0]), None
    steps: list[Move | Setup] = []
    number = 0
    for node in tree.nodes:
        stones = _stones(node, size, number)
        steps += [Setup(stones)] if stones else []
        turn = _TURN.get(node["PL"][0].strip().lower(), turn) if "PL" in node else turn
        for key, value in (
            (key, value) for key, values in node.items() if key in _MOVES for value in values
        ):
            number += 1
            steps.append(
                Move(
                    _MOVES[key], _moved(value.strip(), size, f"move {number} ({key}[{value[:20]}])")
                )
            )
            turn = None
    return Record(name, size, tuple(steps), turn, tree.variations)


def positions(record: Record) -> Iterator[PlayedMove]:
    """Yields every move except passes, with the board before it.

    Raises:   RecordError for a move that is illegal, naming it.
    """
    for number, position, move in _played(record):
        if isinstance(move, Move) and move.point is not None:
            yield PlayedMove(number, position.board_text(move.color), move.point)


def last_position(record: Record) -> tuple[str, int]:
    """Returns the final board from the view of the next player, and this player.

    Raises:   RecordError for a move that is illegal, naming it.
    """
    *_, (_, position, _) = _played(record)
    turn = record.turn or _next(record)
    return position.board_text(turn), turn


def _next(record: Record) -> int:
    """Returns the player to move: the opponent of the last one.

    White begins when the record has only black setup stones.
    """
    if record.moves:
        return -record.moves[-1].color
    stones = {
        color for step in record.steps if isinstance(step, Setup) for color in step.stones.values()
    }
    return WHITE if stones == {BLACK} else BLACK


def _played(record: Record) -> Iterator[tuple[int, Position, Move | Setup | None]]:
    """Yields the position before each step with the number of the next move.

    The last item is the final position.
    """
    position, number = Position(record.size), 1
    for step in record.steps:
        yield number, position, step
        try:
            if isinstance(step, Setup):
                position = _with(position, step)
            else:
                position.play(step.color, step.point)
                number += 1
        except IllegalMoveError as error:
            raise RecordError(f"{_describe(record, step, number)}: {error}") from None
    yield number, position, None


def _with(position: Position, setup: Setup) -> Position:
    board = position.board
    for point, color in setup.stones.items():
        board.flat[point] = color
    return Position.of(board)


def _describe(record: Record, step: Move | Setup, number: int) -> str:
    if isinstance(step, Setup):
        return f"the stones set before move {number} make an illegal position"
    assert step.point is not None
    return f"move {number} ({COLORS[step.color]} {point_names(record.size)[step.point]}) is illegal"


def _stones(node: Node, size: int, number: int) -> dict[int, int]:
    """Returns the color of each point that AB, AW and AE of a node set.

    Two points with a colon between them are the corners of a rectangle.
    """
    stones: dict[int, int] = {}
    for key, color in _SETUP.items():
        for value in node.get(key, ()):
            where = f"the stones set before move {number + 1} ({key}[{value[:20]}])"
            first, _, last = value.strip().partition(":")
            (top, left), (bottom, right) = (
                divmod(_point(corner, size, where), size) for corner in (first, last or first)
            )
            area = (
                (row, column) for row in range(top, bottom + 1) for column in range(left, right + 1)
            )
            stones |= {row * size + column: color for row, column in area}
    return stones


def _moved(value: str, size: int, where: str) -> int | None:
    is_pass = not value or (value == "tt" and size <= _MAX_SIZE_WITH_TT)
    return None if is_pass else _point(value, size, where)


def _point(value: str, size: int, where: str) -> int:
    """dp -> 15 · 19 + 3: the column letter, then the row letter, from the top left."""
    column, row = (
        (ord(letter) - ord("a") for letter in value) if _POINT.fullmatch(value) else (size, size)
    )
    if column >= size or row >= size:
        raise RecordError(f"{where}: there is no such point on {size}x{size}")
    return row * size + column

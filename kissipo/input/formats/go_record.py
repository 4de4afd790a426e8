"""A record of go: what the properties of an SGF tree say, as stones that are set and moves that are made, and played by the rules.

SZ size      AB AW AE stones set before or within the game (handicap)      B W a move, empty or tt a pass      PL whose turn it is

Example:  >>> from kissipo.input.formats.sgf import parse
          >>> record = read_record(parse("(;SZ[19]AB[dd]HA[1];W[pp];B[])")[0], "example")
          >>> [(each.number, each.point, each.board.count("O")) for each in positions(record)]
          [(1, 300, 1)]
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kissipo.input.environments.go import (
    BLACK,
    COLORS,
    EMPTY,
    SIZE,
    WHITE,
    IllegalMoveError,
    Position,
    point_names,
)
from kissipo.input.formats.sgf import GameTree, Node

_SETUP = {"AB": BLACK, "AW": WHITE, "AE": EMPTY}
_MOVES = {"B": BLACK, "W": WHITE}
_TURN = {"b": BLACK, "black": BLACK, "1": BLACK, "w": WHITE, "white": WHITE, "2": WHITE}
_POINT = re.compile("[a-z]{2}")
_PASS_AS_A_POINT = 19  # tt is a pass on boards up to this size


class RecordError(ValueError):
    """A record that cannot be played; says at which move and why."""


@dataclass(frozen=True)
class Move:
    """One player's stone, or a pass where the point is None."""

    color: int
    point: int | None


@dataclass(frozen=True)
class Setup:
    """Stones that are set or taken away by no one's move: the color of each point."""

    stones: Mapping[int, int]


@dataclass(frozen=True)
class Record:
    """A game on a square board.

    turn:        who moves next behind the last step, where the record says so
    variations:  how many side lines it has that are not in `steps`
    """

    name: str
    size: int
    steps: tuple[Move | Setup, ...]
    turn: int | None = None
    variations: int = 0

    @property
    def moves(self) -> list[Move]:
        """The moves alone, passes included."""
        return [step for step in self.steps if isinstance(step, Move)]


@dataclass(frozen=True)
class Seen:
    """A move with the board before it, as the one who moves sees it: X own, O the other's, . empty."""

    number: int
    board: str
    point: int


def board_size(tree: GameTree) -> str:
    """The size that a tree says, such as 19x19; 19x19 where it says none."""
    said = tree.nodes[0].get("SZ", (str(SIZE),))[0].strip()
    width, _, height = said.partition(":")
    return f"{width}x{height or width}"


def game_kind(tree: GameTree) -> str:
    """Which game it is a record of, by the number that SGF gives it: 1 is go."""
    return tree.nodes[0].get("GM", ("1",))[0].strip()


def read_record(tree: GameTree, name: str) -> Record:
    """The steps of a game on a square board.

    Raises:   RecordError for a value that names no point of the board.
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


def positions(record: Record) -> Iterator[Seen]:
    """Every move that is no pass, with the board before it.

    Raises:   RecordError for a move that is illegal, naming it.
    """
    for number, position, move in _played(record):
        if isinstance(move, Move) and move.point is not None:
            yield Seen(number, position.seen_by(move.color), move.point)


def last_position(record: Record) -> tuple[str, int]:
    """The board behind the last step as the next player sees it, and who that is.

    Raises:   RecordError for a move that is illegal, naming it.
    """
    *_, (_, position, _) = _played(record)
    turn = record.turn or _next(record)
    return position.seen_by(turn), turn


def _next(record: Record) -> int:
    """The other one than who moved last; White where only black stones were set."""
    if record.moves:
        return -record.moves[-1].color
    stones = {
        color for step in record.steps if isinstance(step, Setup) for color in step.stones.values()
    }
    return WHITE if stones == {BLACK} else BLACK


def _played(record: Record) -> Iterator[tuple[int, Position, Move | Setup | None]]:
    """The position before each step, with the number of the move that is the next one; at last that behind all steps."""
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
            raise RecordError(f"{_tell(record, step, number)}: {error}") from None
    yield number, position, None


def _with(position: Position, setup: Setup) -> Position:
    board = position.board
    for point, color in setup.stones.items():
        board.flat[point] = color
    return Position.of(board)


def _tell(record: Record, step: Move | Setup, number: int) -> str:
    if isinstance(step, Setup):
        return f"the stones set before move {number} cannot stand so"
    assert step.point is not None
    return f"move {number} ({COLORS[step.color]} {point_names(record.size)[step.point]}) is illegal"


def _stones(node: Node, size: int, number: int) -> dict[int, int]:
    """What AB, AW and AE of a node put where; two points with a colon between them are the corners of a rectangle."""
    stones: dict[int, int] = {}
    for key, color in _SETUP.items():
        for value in node.get(key, ()):
            where = f"the stones set before move {number + 1} ({key}[{value[:20]}])"
            first, _, last = value.strip().partition(":")
            (top, left), (bottom, right) = (
                divmod(_point(each, size, where), size) for each in (first, last or first)
            )
            area = (
                (row, column) for row in range(top, bottom + 1) for column in range(left, right + 1)
            )
            stones |= {row * size + column: color for row, column in area}
    return stones


def _moved(value: str, size: int, where: str) -> int | None:
    is_pass = not value or (value == "tt" and size <= _PASS_AS_A_POINT)
    return None if is_pass else _point(value, size, where)


def _point(value: str, size: int, where: str) -> int:
    """dp -> 15 · 19 + 3: the letter of the column, then that of the row from the top."""
    column, row = (
        (ord(each) - ord("a") for each in value) if _POINT.fullmatch(value) else (size, size)
    )
    if column >= size or row >= size:
        raise RecordError(f"{where}: there is no such point on {size}x{size}")
    return row * size + column

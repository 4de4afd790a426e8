"""The rules of go against positions worked by hand, and against a board that counts every liberty anew after each move."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kissipo.input.environments.go import BLACK, WHITE, IllegalMoveError, Position, point_names

Board = Any
Point = tuple[int, int]
STONES = {"X": BLACK, "O": WHITE, ".": 0}


def drawn(*rows: str) -> Board:
    """A board from its rows: X black, O white."""
    return np.array([[STONES[each] for each in row] for row in rows], dtype=np.int8)


def group(board: Board, start: Point) -> tuple[set[Point], set[Point]]:
    """The stones that hang together with this one and their liberties, by asking every neighbor."""
    stones, liberties, asked = {start}, set(), [start]
    while asked:
        row, column = asked.pop()
        for near in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
            if not (0 <= near[0] < len(board) and 0 <= near[1] < len(board)):
                continue
            if board[near] == 0:
                liberties.add(near)
            elif board[near] == board[start] and near not in stones:
                stones.add(near)
                asked.append(near)
    return stones, liberties


def moved(board: Board, color: int, point: Point) -> Board | None:
    """The board after a move by the letter of the rules; None where the point is taken or the move is suicide."""
    if board[point]:
        return None
    after = board.copy()
    after[point] = color
    for each in zip(*np.nonzero(after == -color), strict=True):
        if after[each]:
            stones, liberties = group(after, each)
            if not liberties:
                for stone in stones:
                    after[stone] = 0
    return after if group(after, point)[1] else None


@pytest.mark.parametrize(
    ("before", "point", "after"),
    [
        pytest.param(("OX.", "...", "..."), "A2", (".X.", "X..", "..."), id="a stone in the corner"),
        pytest.param(("XOO.", ".XX.", "....", "...."), "D4", ("X..X", ".XX.", "....", "...."), id="two on the side"),
        pytest.param((".X..", "XOX.", "XOX.", "...."), "B1", (".X..", "X.X.", "X.X.", ".X.."), id="two in the middle"),
        pytest.param((".OX", "OX.", "X.."), "A3", ("X.X", ".X.", "X.."), id="two chains at once"),
        pytest.param((".OX", "OOX", "XX."), "A3", ("X.X", "..X", "XX."), id="in their only eye, no suicide"),
        pytest.param(("..", "O."), "B2", (".X", "O."), id="none"),
    ],
)  # fmt: skip
def test_what_a_move_takes(before: tuple[str, ...], point: str, after: tuple[str, ...]) -> None:
    position = Position.of(drawn(*before))
    taken = position.play(BLACK, point_names(len(before)).index(point))
    np.testing.assert_array_equal(position.board, drawn(*after))
    assert taken == "".join(before).count("O") - "".join(after).count("O")


@pytest.mark.parametrize(
    ("rows", "point"),
    [((".X.", "X..", "..."), 0), (("O.X", "XX.", "..."), 1), (("O.X", "OXX", "X.."), 1)],
)
def test_suicide_is_refused_and_changes_nothing(rows: tuple[str, ...], point: int) -> None:
    position = Position.of(drawn(*rows))
    assert moved(drawn(*rows), WHITE, divmod(point, 3)) is None
    with pytest.raises(IllegalMoveError, match=r"^it is suicide$"):
        position.play(WHITE, point)
    np.testing.assert_array_equal(position.board, drawn(*rows))
    assert not position.why_not(BLACK, point)


def test_a_taken_point_is_refused() -> None:
    with pytest.raises(IllegalMoveError, match=r"^the point is taken$"):
        Position.of(drawn("O.", "..")).play(BLACK, 0)


def test_a_ko_is_not_taken_back_at_once_but_after_a_threat_or_a_pass() -> None:
    def taken() -> Position:
        position = Position.of(drawn(".XO.", "XO.O", ".XO.", "...."))
        assert position.play(BLACK, 6) == 1
        return position

    with pytest.raises(IllegalMoveError, match=r"^it takes the ko back at once$"):
        taken().play(WHITE, 5)
    assert not taken().why_not(BLACK, 5)
    for moves in ([(WHITE, 15), (BLACK, 12)], [(WHITE, None)]):
        position = taken()
        for color, point in moves:
            position.play(color, point)
        assert position.play(WHITE, 5) == 1


def test_a_snapback_is_no_ko() -> None:
    position = Position.of(drawn("X..OX", "XOOOX", "XXXXX", ".....", "....."))
    assert [position.play(BLACK, 2), position.play(WHITE, 1), position.play(BLACK, 2)] == [0, 1, 5]
    np.testing.assert_array_equal(
        position.board, drawn("X.X.X", "X...X", "XXXXX", ".....", ".....")
    )


@settings(max_examples=60, deadline=None)
@given(size=st.integers(2, 7), seed=st.integers(0, 2**32))
def test_legal_play_at_random_is_that_of_a_board_counted_anew(size: int, seed: int) -> None:
    generator, position, color = np.random.default_rng(seed), Position(size), BLACK
    before = None
    for _ in range(3 * size * size):
        board = position.board
        found = {point: moved(board, color, divmod(point, size)) for point in range(size * size)}
        allowed = [
            point
            for point, after in found.items()
            if after is not None and not np.array_equal(after, before)
        ]
        assert [point for point in found if not position.why_not(color, point)] == allowed
        point = int(generator.choice(allowed)) if allowed and generator.random() > 0.05 else None
        position.play(color, point)
        np.testing.assert_array_equal(position.board, board if point is None else found[point])
        for chain in position.chains():
            stones, liberties = group(position.board, divmod(min(chain.stones), size))
            assert {divmod(each, size) for each in chain.stones} == stones
            assert {divmod(each, size) for each in chain.liberties} == liberties != set()
        before, color = board, -color


def test_each_player_sees_own_stones_and_the_others() -> None:
    position = Position.of(drawn("XO", ".."))
    assert (position.seen_by(BLACK), position.seen_by(WHITE)) == ("XO..", "OX..")
    assert position.chain(0) is not None and position.chain(2) is None


def test_stones_that_cannot_stand_there_are_refused() -> None:
    with pytest.raises(IllegalMoveError, match=r"^the white stones at A2 have no liberty$"):
        Position.of(drawn("OX", "X."))


def test_points_are_named_as_players_do() -> None:
    names = point_names(19)
    assert len(set(names)) == 361
    assert (names[0], names[18], names[9 * 19 + 9], names[342], names[3 * 19 + 15]) == (
        "A19",
        "T19",
        "K10",
        "A1",
        "Q16",
    )

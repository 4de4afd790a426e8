"""Go: worked positions by hand, and a slow board that recounts every liberty."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kissipo.plugins.go.environments.go import BLACK, WHITE, IllegalMoveError, Position, point_names

Board = Any
Point = tuple[int, int]
STONES = {"X": BLACK, "O": WHITE, ".": 0}


def drawn(*rows: str) -> Board:
    """Returns the board of some rows: X black, O white."""
    return np.array([[STONES[letter] for letter in row] for row in rows], dtype=np.int8)


def group(board: Board, start: Point) -> tuple[set[Point], set[Point]]:
    """Returns the chain of a stone and its liberties, by a search over neighbors."""
    stones, liberties, pending = {start}, set(), [start]
    while pending:
        row, column = pending.pop()
        for neighbor in (
            (row - 1, column),
            (row + 1, column),
            (row, column - 1),
            (row, column + 1),
        ):
            if not (0 <= neighbor[0] < len(board) and 0 <= neighbor[1] < len(board)):
                continue
            if board[neighbor] == 0:
                liberties.add(neighbor)
            elif board[neighbor] == board[start] and neighbor not in stones:
                stones.add(neighbor)
                pending.append(neighbor)
    return stones, liberties


def moved(board: Board, color: int, point: Point) -> Board | None:
    """Returns the board after a move; None for an occupied point or suicide."""
    if board[point]:
        return None
    after = board.copy()
    after[point] = color
    for neighbor in zip(*np.nonzero(after == -color), strict=True):
        if after[neighbor]:
            stones, liberties = group(after, neighbor)
            if not liberties:
                for stone in stones:
                    after[stone] = 0
    return after if group(after, point)[1] else None


@pytest.mark.parametrize(
    ("before", "point", "after"),
    [
        pytest.param(("OX.", "...", "..."), "A2",
                     (".X.", "X..", "..."), id="a stone in the corner"),
        pytest.param(("XOO.", ".XX.", "....", "...."), "D4",
                     ("X..X", ".XX.", "....", "...."), id="two on the side"),
        pytest.param((".X..", "XOX.", "XOX.", "...."), "B1",
                     (".X..", "X.X.", "X.X.", ".X.."), id="two in the middle"),
        pytest.param((".OX", "OX.", "X.."), "A3", ("X.X", ".X.", "X.."), id="two chains at once"),
        pytest.param((".OX", "OOX", "XX."), "A3",
                     ("X.X", "..X", "XX."), id="in their only eye, no suicide"),
        pytest.param(("..", "O."), "B2", (".X", "O."), id="none"),
    ],
)  # fmt: skip
def test_play_captures_chains_without_liberties(
    before: tuple[str, ...], point: str, after: tuple[str, ...]
) -> None:
    position = Position.of(drawn(*before))
    captured = position.play(BLACK, point_names(len(before)).index(point))
    np.testing.assert_array_equal(position.board, drawn(*after))
    assert captured == "".join(before).count("O") - "".join(after).count("O")


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


def test_play_refuses_an_occupied_point() -> None:
    with pytest.raises(IllegalMoveError, match=r"^the point is occupied$"):
        Position.of(drawn("O.", "..")).play(BLACK, 0)


def test_ko_is_recaptured_only_after_another_move_or_a_pass() -> None:
    def captured() -> Position:
        position = Position.of(drawn(".XO.", "XO.O", ".XO.", "...."))
        assert position.play(BLACK, 6) == 1
        return position

    with pytest.raises(IllegalMoveError, match=r"^it recaptures the ko at once$"):
        captured().play(WHITE, 5)
    assert not captured().why_not(BLACK, 5)
    for moves in ([(WHITE, 15), (BLACK, 12)], [(WHITE, None)]):
        position = captured()
        for color, point in moves:
            position.play(color, point)
        assert position.play(WHITE, 5) == 1


def test_ko_does_not_forbid_a_snapback() -> None:
    position = Position.of(drawn("X..OX", "XOOOX", "XXXXX", ".....", "....."))
    assert [position.play(BLACK, 2), position.play(WHITE, 1), position.play(BLACK, 2)] == [0, 1, 5]
    np.testing.assert_array_equal(
        position.board, drawn("X.X.X", "X...X", "XXXXX", ".....", ".....")
    )


@settings(max_examples=20, deadline=None)
@given(size=st.integers(2, 7), seed=st.integers(0, 2**32))
@pytest.mark.slow
def test_random_play_equals_the_slow_board(size: int, seed: int) -> None:
    generator, position, color = np.random.default_rng(seed), Position(size), BLACK
    before = None
    for _ in range(3 * size * size):
        board = position.board
        boards = {point: moved(board, color, divmod(point, size)) for point in range(size * size)}
        allowed = [
            point
            for point, after in boards.items()
            if after is not None and not np.array_equal(after, before)
        ]
        assert [point for point in boards if not position.why_not(color, point)] == allowed
        point = int(generator.choice(allowed)) if allowed and generator.random() > 0.05 else None
        position.play(color, point)
        np.testing.assert_array_equal(position.board, board if point is None else boards[point])
        for chain in position.chains():
            stones, liberties = group(position.board, divmod(min(chain.stones), size))
            assert {divmod(stone, size) for stone in chain.stones} == stones
            assert {divmod(stone, size) for stone in chain.liberties} == liberties != set()
        before, color = board, -color


def test_board_text_is_the_view_of_each_player() -> None:
    position = Position.of(drawn("XO", ".."))
    assert (position.board_text(BLACK), position.board_text(WHITE)) == ("XO..", "OX..")
    assert position.chain(0) is not None and position.chain(2) is None


def test_position_refuses_chains_without_liberties() -> None:
    with pytest.raises(IllegalMoveError, match=r"^the white stones at A2 have no liberty$"):
        Position.of(drawn("OX", "X."))


def test_point_names_follow_go_convention() -> None:
    names = point_names(19)
    assert len(set(names)) == 361
    assert (names[0], names[18], names[9 * 19 + 9], names[342], names[3 * 19 + 15]) == (
        "A19",
        "T19",
        "K10",
        "A1",
        "Q16",
    )

"""Board drawings of the report: points, the true and the predicted move."""

from __future__ import annotations

from typing import Any

from kissipo.core.frame import Frame, numbers, strings
from kissipo.plugins.go.codecs.board import Board
from kissipo.report.record_json import record_json


def drawn(
    boards: list[str], captions: list[str], moves: list[int], answers: list[int]
) -> dict[str, Any]:
    """The boards as the report shows them."""
    frame = Frame((
        strings("board", boards),
        strings("game", ["game <1>"] * len(boards)),
        numbers("number", range(7, 7 + len(boards))),
    ))  # fmt: skip
    return record_json(Board("board").drawings(frame, captions, moves, answers)[-1])


def test_board_draws_points_and_moves_in_place() -> None:
    gallery = drawn(["X..O....X"], ["A2"], [1], [5])
    lattice = gallery["groups"][0][0]["lattice"]
    assert (lattice["columns"], lattice["rows"]) == (3, 3)
    assert lattice["crossings"] == {
        "black": [[0, 0], [2, 2]],
        "white": [[0, 1]],
        "square": [[1, 0]],
        "ring": [[2, 1]],
    }


def test_boards_name_their_game_and_move() -> None:
    gallery = drawn(["....", "...."], ["A2", "b"], [0, 0], [1, 1])
    assert len(gallery["groups"]) == 2
    assert gallery["captions"][0] == "game <1>, move 7: A2"

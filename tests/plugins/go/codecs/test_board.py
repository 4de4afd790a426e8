"""Board: the matrix of the lecture, with 1, -1 and 0; other boards are refused."""

from __future__ import annotations

import pytest
import torch

from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, strings
from kissipo.plugins.go.codecs.board import Board


def frame(*boards: str | None) -> Frame:
    return Frame((strings("board", boards),))


def test_board_equals_the_matrix_of_the_lecture() -> None:
    codec = Board("board").fit(frame("X.OO.X..X"))
    encoded = codec.encode(frame("X.OO.X..X", "........."))
    assert encoded.dtype == torch.int8
    assert codec.finish(encoded).tolist() == [
        [[[1, 0, -1], [-1, 0, 1], [0, 0, 1]]],
        [[[0] * 3] * 3],
    ]
    assert (codec.spec.axes, codec.spec.shape) == (("channel", "height", "width"), (1, 3, 3))
    assert codec.describe() == "3x3, own stones 1, opponent -1, empty 0"


@pytest.mark.parametrize(
    ("board", "text"),
    [
        ("X" * 16, "'XXXXXXXXXXXXXXXX' (16 letters)"),
        ("XOxo.....", "'XOxo.....' (9 letters)"),
        ("ž........", "'ž........' (9 letters)"),
        (None, "'' (0 letters)"),
    ],
)
def test_board_of_another_form_is_refused(board: str | None, text: str) -> None:
    codec = Board("board").fit(frame("." * 9))
    with pytest.raises(DataError) as refused:
        codec.encode(frame("." * 9, board))
    assert (
        f"row 2 of 'board' is not a 3x3 board; got {text}. Allowed: 9 letters, row by row:"
        in str(refused.value)
    )

"""Go records: handicap, passes, setup, sizes and illegal moves, checked by hand."""

from __future__ import annotations

import pytest

from kissipo.plugins.go.environments.go import BLACK, WHITE, point_names
from kissipo.plugins.go.game_record import (
    RecordError,
    board_size,
    game_kind,
    last_position,
    positions,
    read_record,
)
from kissipo.plugins.go.sgf import parse


def record(text: str):  # type: ignore[no-untyped-def]
    return read_record(parse(text)[0], "game")


def board(own: str = "", other: str = "", size: int = 19) -> str:
    """Returns the letters of a board with stones on the named points."""
    letters = {**dict.fromkeys(own.split(), "X"), **dict.fromkeys(other.split(), "O")}
    return "".join(letters.get(name, ".") for name in point_names(size))


def played(text: str, size: int = 19) -> list[tuple[int, str, str]]:
    return [
        (move.number, move.board, point_names(size)[move.point]) for move in positions(record(text))
    ]


def test_positions_have_the_board_before_each_move() -> None:
    assert played("(;SZ[19];B[pd];W[dp];B[qp])") == [
        (1, board(), "Q16"),
        (2, board("", "Q16"), "D4"),
        (3, board("Q16", "D4"), "R4"),
    ]


def test_positions_captured_stones_are_removed() -> None:
    # White's stone in the corner A19 is captured by B19 and A18
    assert played("(;;B[ba];W[aa];B[ab];W[pp])")[-1] == (4, board("", "B19 A18"), "Q4")


def test_passes_are_moves_but_not_samples() -> None:
    assert [(number, point) for number, _, point in played("(;;B[dd];W[];B[tt];W[pp])")] == [
        (1, "D16"),
        (4, "Q4"),
    ]
    assert len(record("(;;B[dd];W[];B[tt];W[pp])").moves) == 4


def test_handicap_stones_stand_before_the_first_move() -> None:
    text = "(;HA[3]AB[dp][pd]AB[pp]"
    assert played(text + ";W[dd])") == [(1, board("", "D4 Q16 Q4"), "D16")]
    assert last_position(record(text + ")")) == (board("", "D4 Q16 Q4"), WHITE)


def test_setup_stones_within_a_game() -> None:
    assert played("(;AW[aa:bb];B[dd];AE[aa]AB[ss];B[pp])")[-1][1] == board("D16 T1", "B19 A18 B18")


@pytest.mark.parametrize(
    ("text", "turn"),
    [
        ("(;)", BLACK),
        ("(;;B[dd])", WHITE),
        ("(;;B[dd];W[])", BLACK),
        ("(;AB[dd]AW[pp])", BLACK),
        ("(;AB[dd]PL[B])", BLACK),
        ("(;PL[W])", WHITE),
        ("(;PL[W];W[dd])", BLACK),
        ("(;;B[dd];PL[black])", BLACK),
    ],
)
def test_last_position_has_the_player_to_move(text: str, turn: int) -> None:
    assert last_position(record(text))[1] == turn


@pytest.mark.parametrize(
    ("text", "size"),
    [("(;)", "19x19"), ("(;SZ[9])", "9x9"), ("(;SZ[19:19])", "19x19"), ("(;SZ[9:13])", "9x13")],
)
def test_board_size_of_a_tree(text: str, size: str) -> None:
    assert board_size(parse(text)[0]) == size


def test_game_kind_of_a_tree() -> None:
    assert [game_kind(parse(text)[0]) for text in ("(;)", "(;GM[1])", "(;GM[ 11 ])")] == [
        "1",
        "1",
        "11",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(;;B[dd];W[dd])", "move 2 (white D16) is illegal: the point is occupied"),
        ("(;AB[ba][ab];W[aa])", "move 1 (white A19) is illegal: it is suicide"),
        ("(;AB[ba][ab][bc]AW[bb][ca][cc][db];B[cb];W[bb])",
         "move 2 (white B18) is illegal: it recaptures the ko at once"),
        ("(;AB[ba][ab]AW[aa])", "the stones set before move 1 make an illegal position: "
         "the white stones at A19 have no liberty"),
        ("(;;B[dd];W[zz])", "move 2 (W[zz]): there is no such point on 19x19"),
        ("(;SZ[9];B[tt])", None),
        ("(;SZ[9];B[jj])", "move 1 (B[jj]): there is no such point on 9x9"),
        ("(;;B[D4])", "move 1 (B[D4]): there is no such point on 19x19"),
        ("(;AB[aa:zz])",
         "the stones set before move 1 (AB[aa:zz]): there is no such point on 19x19"),
    ],
)  # fmt: skip
def test_illegal_moves_are_named_in_the_error(text: str, message: str | None) -> None:
    if message is None:
        assert played(text, 9) == []
        return
    with pytest.raises(RecordError) as fault:
        list(positions(record(text)))
    assert str(fault.value) == message

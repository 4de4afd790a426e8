"""Games as samples: records in a folder, skipped records, and generated games."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kissipo.core.errors import DataError
from kissipo.input.source_data import Reading
from kissipo.plugins.go.environments.go import SIZE, Position, point_names
from kissipo.plugins.go.game_folder import has_game_records, read_ends
from kissipo.plugins.go.game_record import positions
from kissipo.plugins.go.generated_games import generate_games
from kissipo.plugins.go.sources.games import SOURCE, Options

FILES = {
    "sgf/a.sgf": "(;SZ[19];B[pd];W[dp];B[];W[pp])",
    "sgf/deep/b.SGF": "(;FF[3]AB[dd];W[pd](;B[dp])(;B[pp];W[dp]))",
    "sgf/two.sgf": "(;;B[aa])(;;B[bb];W[tt])",
    "sgf/small.sgf": "(;SZ[9];B[cc])(;SZ[9];B[dd])(;SZ[13];B[cc])",
    "sgf/empty.sgf": "(;SZ[19]AB[dd])(;GM[11];B[xx])",
    "sgf/notes.txt": "not a record",
}


def write(**more: str) -> None:
    for name, text in {**FILES, **{f"sgf/{key}.sgf": value for key, value in more.items()}}.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")


def descriptions(reading: Reading) -> list[str]:
    return [finding.describe() for finding in reading.findings]


def test_games_every_move_is_a_row_and_skipped_games_are_reported() -> None:
    write()
    reading = SOURCE.read("sgf", Options())
    frame = reading.frame
    rows = list(
        zip(
            frame["game"].texts(),
            frame["number"].values.tolist(),
            frame["move"].texts(),
            strict=True,
        )
    )
    assert rows == [
        ("sgf/a.sgf", 1, "Q16"),
        ("sgf/a.sgf", 2, "D4"),
        ("sgf/a.sgf", 4, "Q4"),
        ("sgf/deep/b.SGF", 1, "Q16"),
        ("sgf/deep/b.SGF", 2, "D4"),
        ("sgf/two.sgf, game 1", 1, "A19"),
        ("sgf/two.sgf, game 2", 1, "B18"),
    ]
    assert descriptions(reading) == [
        "PASS  4 games, 7 moves; 2 passes are not samples",
        "WARN  1 game on 13x13 -> left out",
        "WARN  2 games on 9x9 -> left out",
        "WARN  1 game without a move -> left out",
        "WARN  1 record of other games -> left out",
        "WARN  1 game of 4 have variations, the first is sgf/deep/b.SGF -> the main line is used",
    ]
    board = np.array(list(str(frame["board"].show(4)))).reshape(
        19, 19
    )  # Black's view of b.SGF's second move
    assert {(str(letter), *point) for point, letter in np.ndenumerate(board) if letter != "."} == {
        ("X", 3, 3),
        ("O", 3, 15),
    }


def test_damaged_records_are_refused_or_skipped_and_counted() -> None:
    write(broken="(;SZ[19];B[pd", illegal="(;;B[dd];W[dd])")
    with pytest.raises(DataError) as refused:
        SOURCE.read("sgf", Options())
    assert str(refused.value) == (
        "sgf/broken.sgf: line 1, column 11: "
        "the value of B that begins here is not closed (and 1 more). "
        "Correct or remove the file, or skip such files with input.skip_corrupt=true."
    )
    reading = SOURCE.read("sgf", Options(skip_corrupt=True))
    assert len(reading.frame) == 7
    assert [text for text in descriptions(reading) if "cannot be" in text] == [
        "WARN  2 records cannot be read or replayed, the first is sgf/broken.sgf: line 1, column "
        "11: "
        "the value of B that begins here is not closed -> left out"
    ]


def test_final_boards_are_the_view_of_the_next_player() -> None:
    write()
    index = point_names(19).index
    first = read_ends(Path("sgf/a.sgf"))[0]
    assert [first[index(name)] for name in ("Q16", "Q4", "D4", "D16")] == [
        "X",
        "O",
        "O",
        ".",
    ]  # Black is next
    assert [board.count("O") for board in read_ends(Path("sgf/two.sgf"))] == [
        1,
        0,
    ]  # White, and Black after a pass
    with pytest.raises(DataError, match=r"^sgf/small.sgf is a game on 9x9. Allowed: 19x19.$"):
        read_ends(Path("sgf/small.sgf"))


def test_game_folder_is_recognized_by_a_record() -> None:
    write()
    Path("images/good").mkdir(parents=True)
    assert (
        has_game_records(Path("sgf"))
        and has_game_records(Path("sgf/deep"))
        and not has_game_records(Path("images"))
    )


def test_generated_games_depend_on_the_seed_and_are_legal() -> None:
    games = generate_games(3, seed=5)
    assert games == generate_games(3, seed=5) == generate_games(4, seed=5)[:3]
    assert games != generate_games(3, seed=6)
    for game in games:
        moves = list(positions(game))  # replays every move by the rules
        assert [move.number for move in moves] == list(range(1, 121))
        assert all(move.board[move.point] == "." for move in moves)


def test_generated_games_capture_the_largest_chain() -> None:
    """About nine of ten moves do so, because one of ten is random."""
    right = chances = 0
    for game in generate_games(6, seed=0):
        for move in positions(game):
            board = np.array(
                [{"X": 1, "O": -1, ".": 0}[letter] for letter in move.board], dtype=np.int8
            )
            position = Position.of(board.reshape(SIZE, SIZE))
            captures = {
                min(chain.liberties): len(chain.stones)
                for chain in position.chains()
                if chain.color == -1 and len(chain.liberties) == 1
            }
            if captures:
                chances += 1
                right += captures.get(move.point, 0) == max(captures.values())
    assert chances > 50
    assert 0.8 < right / chances < 0.97


def test_generated_games_options_num_games_and_seed() -> None:
    reading = SOURCE.read("generated", Options(num_games=3, seed=1))
    assert descriptions(reading) == ["PASS  3 games, 360 moves"]
    assert (
        reading.frame.fingerprint()
        == SOURCE.read("generated", Options(num_games=3, seed=1)).frame.fingerprint()
    )
    assert (
        reading.frame.fingerprint()
        != SOURCE.read("generated", Options(num_games=3)).frame.fingerprint()
    )


def test_games_source_refuses_an_array() -> None:
    with pytest.raises(
        DataError,
        match=r"input.games must be a path of game records; got ndarray. Allowed: a folder, an "
        r".sgf",
    ):
        SOURCE.read(np.zeros(3), Options())

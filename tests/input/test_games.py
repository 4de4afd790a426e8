"""Games as samples: records in a folder, what of them is left out and told, and games that are made by a rule."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kissipo.core.errors import DataError
from kissipo.input.environments.go import SIZE, Position, point_names
from kissipo.input.formats.game_folder import holds_games, read_ends
from kissipo.input.formats.go_record import positions
from kissipo.input.generated_games import made_games
from kissipo.input.source_data import Reading
from kissipo.input.sources.games import Options, read

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


def told(reading: Reading) -> list[str]:
    return [finding.describe() for finding in reading.findings]


def test_every_move_of_every_game_is_a_row_and_the_rest_is_told() -> None:
    write()
    reading = read("sgf", Options())
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
    assert told(reading) == [
        "PASS  4 games, 7 moves; 2 passes are no samples",
        "WARN  1 game on 13x13 -> left out",
        "WARN  2 games on 9x9 -> left out",
        "WARN  1 game without a move -> left out",
        "WARN  1 record of other games -> left out",
        "WARN  1 game of 4 with variations, sgf/deep/b.SGF the first -> the main line is taken",
    ]
    board = np.array(list(str(frame["board"].show(4)))).reshape(
        19, 19
    )  # Black's view of b.SGF's second move
    assert {(str(each), *at) for at, each in np.ndenumerate(board) if each != "."} == {
        ("X", 3, 3),
        ("O", 3, 15),
    }


def test_damaged_records_are_refused_or_left_out_and_counted() -> None:
    write(broken="(;SZ[19];B[pd", illegal="(;;B[dd];W[dd])")
    with pytest.raises(DataError) as refused:
        read("sgf", Options())
    assert str(refused.value) == (
        "sgf/broken.sgf: line 1, column 11: the value of B that begins here is not closed (and 1 more). "
        "Correct or remove the file, or leave such out with input.skip_corrupt=true."
    )
    reading = read("sgf", Options(skip_corrupt=True))
    assert len(reading.frame) == 7
    assert [each for each in told(reading) if "cannot be" in each] == [
        "WARN  2 records cannot be read or played, the first is sgf/broken.sgf: line 1, column 11: "
        "the value of B that begins here is not closed -> left out"
    ]


def test_the_ends_of_games_are_what_the_next_player_sees() -> None:
    write()
    at = point_names(19).index
    first = read_ends(Path("sgf/a.sgf"))[0]
    assert [first[at(name)] for name in ("Q16", "Q4", "D4", "D16")] == [
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


def test_a_folder_is_known_by_a_record_in_it() -> None:
    write()
    Path("images/good").mkdir(parents=True)
    assert (
        holds_games(Path("sgf"))
        and holds_games(Path("sgf/deep"))
        and not holds_games(Path("images"))
    )


def test_made_games_are_a_function_of_the_seed_and_keep_the_rules() -> None:
    games = made_games(3, seed=5)
    assert games == made_games(3, seed=5) == made_games(4, seed=5)[:3]
    assert games != made_games(3, seed=6)
    for game in games:
        seen = list(positions(game))  # which plays every move by the rules
        assert [each.number for each in seen] == list(range(1, 121))
        assert all(each.board[each.point] == "." for each in seen)


def test_made_games_take_the_largest_chain_that_can_be_taken() -> None:
    """By liberties counted anew: nine of ten times, as one move of ten is made anywhere."""
    right = chances = 0
    for game in made_games(6, seed=0):
        for seen in positions(game):
            board = np.array(
                [{"X": 1, "O": -1, ".": 0}[each] for each in seen.board], dtype=np.int8
            )
            position = Position.of(board.reshape(SIZE, SIZE))
            takes = {
                min(chain.liberties): len(chain.stones)
                for chain in position.chains()
                if chain.color == -1 and len(chain.liberties) == 1
            }
            if takes:
                chances += 1
                right += takes.get(seen.point, 0) == max(takes.values())
    assert chances > 50
    assert 0.8 < right / chances < 0.97


def test_the_words_of_made_games_say_how_many_and_which() -> None:
    reading = read("generated", Options(num_games=3, seed=1))
    assert told(reading) == ["PASS  3 games, 360 moves"]
    assert (
        reading.frame.fingerprint()
        == read("generated", Options(num_games=3, seed=1)).frame.fingerprint()
    )
    assert (
        reading.frame.fingerprint() != read("generated", Options(num_games=3)).frame.fingerprint()
    )


def test_what_is_no_path_is_refused() -> None:
    with pytest.raises(
        DataError,
        match=r"input.games names records of games; got ndarray. Allowed: a folder, an .sgf",
    ):
        read(np.zeros(3), Options())

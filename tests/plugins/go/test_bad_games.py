"""Unusable game records on the command line: one paragraph, exit code 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from kissipo.cli.main import main

GOOD = "(;SZ[19];B[pd];W[dp];B[pp];W[dd])"
FOLDERS: dict[str, dict[str, bytes]] = {
    "none": {"notes.txt": b"nothing here"},
    "broken": {"a.sgf": b"(;SZ[19]\n;B[pd];W[dp"},
    "small": {"a.sgf": b"(;SZ[9];B[cc])", "b.sgf": b"(;SZ[9];B[dd])"},
    "still": {"a.sgf": b"(;SZ[19]PB[Black]PW[White])"},
    "illegal": {"a.sgf": GOOD.encode(), "b.sgf": b"(;SZ[19];B[pd];W[dp];B[dp])"},
    "binary": {"a.sgf": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"},
    "photo": {"a.sgf": b"\xff\xd8\xff\xe1Exif"},
    "blank": {"a.sgf": b""},
    "off": {"a.sgf": b"(;SZ[19];B[pd];W[zz])"},
    "one": {"a.sgf": GOOD.encode()},
}
REFUSED = [
    (
        "input.games=none output.category=move",
        "none contains no game records. Allowed: files ending in .sgf.",
    ),
    ("none", "none is a single document, and has no other to compare it with."),
    (
        "broken",
        "broken/a.sgf: line 2, column 9: the value of W that begins here is not closed. Correct "
        "or remove the file, or skip",
    ),
    (
        "broken input.skip_corrupt=true",
        "broken contains no game of go on 19x19 that has a move; got 1 damaged record.",
    ),
    ("small", "small contains no game of go on 19x19 that has a move; got 2 games on 9x9."),
    ("still", "still contains no game of go on 19x19 that has a move; got 1 game without a move."),
    (
        "illegal",
        "illegal/b.sgf: move 3 (black D4) is illegal: the point is occupied. Correct or remove "
        "the file, or skip such files with",
    ),
    (
        "binary",
        "binary/a.sgf: byte 9 is zero: this is not a text file. Correct or remove the file, or "
        "skip such files with",
    ),
    ("photo", "photo/a.sgf: line 1, column 1: 'ÿ' is not expected here."),
    ("blank", "blank/a.sgf: line 1, column 1: there is no game."),
    ("off", "off/a.sgf: move 2 (W[zz]): there is no such point on 19x19."),
    ("one", "the validation split would be empty; got 4 samples"),
    ("one/a.sgf", "the validation split would be empty; got 4 samples"),
    (
        "one output.category=winner",
        "output must be the next move for games; got category winner. Allowed: category: move.",
    ),
    (
        "one output.number=move",
        "output must be the next move for games; got number move. Allowed: category: move.",
    ),
    ("one process.net=recurrent", "'recurrent' takes a sequence"),
    ("nowhere.sgf", "there is no file nowhere.sgf."),
]


@pytest.fixture(autouse=True)
def _folders() -> None:
    for folder, files in FOLDERS.items():
        Path(folder).mkdir()
        for name, content in files.items():
            Path(folder, name).write_bytes(content)


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_fit_refuses_unusable_games(
    arguments: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if "recurrent" in arguments:
        arguments += " input.split.test=0 input.split.validation=0"
    assert main(["fit", *arguments.split(), "--quiet"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("kissipo: ") and err.count("\n") == 1
    assert message in err
    assert not Path("runs").exists()


def test_data_check_reports_skipped_records(capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(8):
        Path("illegal", f"good{number}.sgf").write_text(
            GOOD.replace("dd", f"d{'abcdefgh'[number]}"), encoding="utf-8"
        )
    Path("illegal", "small.sgf").write_bytes(FOLDERS["small"]["a.sgf"])
    assert main(["data", "check", "illegal"]) == 2
    assert "FAIL illegal/b.sgf: move 3 (black D4) is illegal" in " ".join(
        capsys.readouterr().out.split()
    )
    assert main(["data", "check", "illegal", "input.skip_corrupt=true"]) == 0
    message = " ".join(capsys.readouterr().out.split())
    assert "PASS 9 games, 36 moves" in message
    assert "WARN 1 game on 9x9 -> left out" in message
    assert (
        "WARN 1 record cannot be read or replayed, the first is illegal/b.sgf: move 3 (black D4) "
        "is illegal" in message
    )

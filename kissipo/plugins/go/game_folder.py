"""Game records on disk: one .sgf file, or all of a folder. Only 19x19 go is used.

The other records are counted and reported.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, counted
from kissipo.core.text import first_of
from kissipo.input.formats.files import existing, read_bytes
from kissipo.plugins.go.environments.go import SIZE
from kissipo.plugins.go.game_record import (
    PlayedMove,
    Record,
    RecordError,
    board_size,
    game_kind,
    last_position,
    positions,
    read_record,
)
from kissipo.plugins.go.sgf import GameTree, SgfError, decode, parse

SUFFIX = ".sgf"
_GO, _BOARD = "1", f"{SIZE}x{SIZE}"

Played = tuple[Record, list[PlayedMove]]


def has_game_records(folder: Path) -> bool:
    """Whether a folder, or a folder inside it, contains an .sgf file."""
    return next(_files(folder), None) is not None


def read_games(path: Path, *, skip_corrupt: bool = False) -> tuple[list[Played], list[Finding]]:
    """Reads and replays every game of go on 19x19 that has a move.

    skip_corrupt:  skip and count records that cannot be read or replayed
    Raises:        DataError when no game is left, and for a damaged record, with its
                   file and position.
    """
    existing(path, kind="folder" if path.is_dir() else "file")
    files = sorted(_files(path)) if path.is_dir() else [path]
    if not files:
        raise DataError(f"{path} contains no game records", allowed=f"files ending in {SUFFIX}")
    records = _Records()
    for file in files:
        records.read(file)
    if records.faults and not skip_corrupt:
        raise DataError(
            first_of(records.faults),
            do="Correct or remove the file, or skip such files with input.skip_corrupt=true",
        )
    if not records.games:
        left = [
            *records.left_out(),
            *([counted(len(records.faults), "damaged record")] if records.faults else []),
        ]
        raise DataError(
            f"{path} contains no game of go on {_BOARD} that has a move", got=", ".join(left)
        )
    return records.games, records.findings()


def read_ends(path: Path) -> list[str]:
    """Returns the final board of every game, from the view of the player to move.

    Raises:   DataError for damaged records and other boards, with file and position.
    """
    boards = []
    for file in sorted(_files(path)) if path.is_dir() else [existing(path)]:
        try:
            trees = parse(decode(read_bytes(file)))
            if any(game_kind(tree) != _GO for tree in trees):
                raise DataError(f"{file} is a record of another game", allowed="go, which is GM[1]")
            for size in (size for tree in trees if (size := board_size(tree)) != _BOARD):
                raise DataError(f"{file} is a game on {size}", allowed=_BOARD)
            boards += [last_position(read_record(tree, str(file)))[0] for tree in trees]
        except (SgfError, RecordError) as error:
            raise DataError(f"{file}: {error}", do="Correct the record") from None
    if not boards:
        raise DataError(f"{path} contains no game records", allowed=f"files ending in {SUFFIX}")
    return boards


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in folder.rglob("*") if file.suffix.lower() == SUFFIX and file.is_file())


@dataclass
class _Records:
    """The contents of the files: games, damaged records and counts of skipped games."""

    games: list[Played] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    sizes: Counter[str] = field(default_factory=Counter)
    other_games: int = 0
    without_moves: int = 0

    def read(self, file: Path) -> None:
        """Adds all games of a file, or a fault."""
        try:
            trees = parse(decode(read_bytes(file)))
        except SgfError as error:
            self.faults.append(f"{file}: {error}")
            return
        for number, tree in enumerate(trees, 1):
            self.take(tree, str(file) if len(trees) == 1 else f"{file}, game {number}")

    def take(self, tree: GameTree, name: str) -> None:
        """Adds one game if it is of the right kind and can be replayed."""
        if game_kind(tree) != _GO:
            self.other_games += 1
        elif (size := board_size(tree)) != _BOARD:
            self.sizes[size] += 1
        else:
            try:
                record = read_record(tree, name)
                moves = list(positions(record))
            except RecordError as error:
                self.faults.append(f"{name}: {error}")
                return
            self.games += [(record, moves)] if moves else []
            self.without_moves += not moves

    def left_out(self) -> list[str]:
        """Returns descriptions of the games that are left out, by reason."""
        reasons = [
            f"{counted(count, 'game')} on {size}" for size, count in sorted(self.sizes.items())
        ]
        reasons += (
            [f"{counted(self.without_moves, 'game')} without a move"] if self.without_moves else []
        )
        return reasons + (
            [f"{counted(self.other_games, 'record')} of other games"] if self.other_games else []
        )

    def findings(self) -> list[Finding]:
        """Returns the findings of the games."""
        warnings = [
            Finding("WARN", "other games", message, "left out") for message in self.left_out()
        ]
        if self.faults:
            message = (
                f"{counted(len(self.faults), 'record')} cannot be read or replayed, "
                f"the first is {self.faults[0]}"
            )
            warnings.append(Finding("WARN", "damaged records", message, "left out"))
        branched = [record for record, _ in self.games if record.variations]
        if branched:
            message = (
                f"{counted(len(branched), 'game')} of {len(self.games):,} have variations, "
                f"the first is {branched[0].name}"
            )
            warnings.append(Finding("WARN", "variations", message, "the main line is used"))
        return warnings

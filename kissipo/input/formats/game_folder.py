"""Records of games on disk: an .sgf file, or every one in a folder, as far as they are go on 19x19; the rest is counted and told."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, counted
from kissipo.core.text import first_of
from kissipo.input.environments.go import SIZE
from kissipo.input.formats.files import existing, read_bytes
from kissipo.input.formats.go_record import (
    Record,
    RecordError,
    Seen,
    board_size,
    game_kind,
    last_position,
    positions,
    read_record,
)
from kissipo.input.formats.sgf import GameTree, SgfError, decode, parse

SUFFIX = ".sgf"
_GO, _BOARD = "1", f"{SIZE}x{SIZE}"

Played = tuple[Record, list[Seen]]


def holds_games(folder: Path) -> bool:
    """Whether an .sgf file lies in a folder, or in one below it."""
    return next(_files(folder), None) is not None


def read_games(path: Path, *, skip_corrupt: bool = False) -> tuple[list[Played], list[Finding]]:
    """Every game of go on 19x19 that has a move, played to its end.

    skip_corrupt:  leaves out what cannot be read or played, and counts it
    Raises:        DataError where nothing is left, and for a damaged record, naming the file and the place.
    """
    existing(path, kind="folder" if path.is_dir() else "file")
    files = sorted(_files(path)) if path.is_dir() else [path]
    if not files:
        raise DataError(f"{path} holds no records of games", allowed=f"files ending in {SUFFIX}")
    found = _Found()
    for file in files:
        found.read(file)
    if found.faults and not skip_corrupt:
        raise DataError(
            first_of(found.faults),
            do="Correct or remove the file, or leave such out with input.skip_corrupt=true",
        )
    if not found.games:
        left = [
            *found.left_out(),
            *([counted(len(found.faults), "damaged record")] if found.faults else []),
        ]
        raise DataError(
            f"{path} holds no game of go on {_BOARD} that has a move", given=", ".join(left)
        )
    return found.games, found.findings()


def read_ends(path: Path) -> list[str]:
    """The board behind the last move of every game at a path, as the player to move next sees it.

    Raises:   DataError for what cannot be read, and for other boards, naming the file and the place.
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
        raise DataError(f"{path} holds no records of games", allowed=f"files ending in {SUFFIX}")
    return boards


def _files(folder: Path) -> Iterator[Path]:
    return (each for each in folder.rglob("*") if each.suffix.lower() == SUFFIX and each.is_file())


@dataclass
class _Found:
    """What the files hold: games to learn from, records that are damaged, and what is left out for another reason."""

    games: list[Played] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    sizes: Counter[str] = field(default_factory=Counter)
    other_games: int = 0
    without_moves: int = 0

    def read(self, file: Path) -> None:
        """All games of a file, or a fault."""
        try:
            trees = parse(decode(read_bytes(file)))
        except SgfError as error:
            self.faults.append(f"{file}: {error}")
            return
        for number, tree in enumerate(trees, 1):
            self.take(tree, str(file) if len(trees) == 1 else f"{file}, game {number}")

    def take(self, tree: GameTree, name: str) -> None:
        """One game, if it is of the right kind and can be played."""
        if game_kind(tree) != _GO:
            self.other_games += 1
        elif (size := board_size(tree)) != _BOARD:
            self.sizes[size] += 1
        else:
            try:
                record = read_record(tree, name)
                seen = list(positions(record))
            except RecordError as error:
                self.faults.append(f"{name}: {error}")
                return
            self.games += [(record, seen)] if seen else []
            self.without_moves += not seen

    def left_out(self) -> list[str]:
        """What is no game of the right kind, by its reason."""
        told = [f"{counted(count, 'game')} on {size}" for size, count in sorted(self.sizes.items())]
        told += (
            [f"{counted(self.without_moves, 'game')} without a move"] if self.without_moves else []
        )
        return told + (
            [f"{counted(self.other_games, 'record')} of other games"] if self.other_games else []
        )

    def findings(self) -> list[Finding]:
        """What is worth telling of games that are read."""
        warnings = [Finding("WARN", "other games", told, "left out") for told in self.left_out()]
        if self.faults:
            told = f"{counted(len(self.faults), 'record')} cannot be read or played, the first is {self.faults[0]}"
            warnings.append(Finding("WARN", "damaged records", told, "left out"))
        branched = [record for record, _ in self.games if record.variations]
        if branched:
            told = f"{counted(len(branched), 'game')} of {len(self.games):,} with variations, {branched[0].name} the first"
            warnings.append(Finding("WARN", "variations", told, "the main line is taken"))
        return warnings

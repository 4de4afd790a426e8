"""Games of go: a folder of records (.sgf), one such file, or made games. Each move is a sample: the board before it -> its point."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kissipo.core.errors import DataError
from kissipo.core.finding import Finding
from kissipo.core.frame import Frame, numbers, strings
from kissipo.core.schema import word
from kissipo.input.environments.go import SIZE, point_names
from kissipo.input.formats.game_folder import Played, read_games
from kissipo.input.formats.go_record import positions
from kissipo.input.generated_games import made_games
from kissipo.input.source_data import Reading

SAMPLES = "games"
GENERATED = "generated"


@dataclass(frozen=True)
class Options:
    """The words of games."""

    num_games: int = word(150, "number of games to generate, with games: generated", at_least=3)
    seed: int = word(
        0, "random seed of the generated games, independent of the seed of the run", at_least=0
    )
    skip_corrupt: bool = word(False, "skip and count game records that cannot be read or replayed")


def read(value: Any, options: Options) -> Reading:
    """One row a move: its game and number, the board as its player saw it, the point.

    Raises:   DataError when nothing usable stands at the path, naming the file and the place.
    """
    if isinstance(value, str) and value == GENERATED:
        made = made_games(options.num_games, seed=options.seed)
        return _as_rows([(record, list(positions(record))) for record in made], [], "made games")
    if not isinstance(value, str | Path):
        raise DataError(
            "input.games names records of games",
            given=type(value).__name__,
            allowed=f"a folder, an .sgf file, {GENERATED}",
        )
    games, findings = read_games(Path(value), skip_corrupt=options.skip_corrupt)
    return _as_rows(games, findings, str(value))


def _as_rows(games: list[Played], findings: list[Finding], origin: str) -> Reading:
    rows = [(record.name, each) for record, seen in games for each in seen]
    names = point_names(SIZE)
    frame = Frame(
        (
            strings("game", [name for name, _ in rows]),
            numbers("number", [each.number for _, each in rows]),
            strings("board", [each.board for _, each in rows]),
            strings("move", [names[each.point] for _, each in rows]),
        ),
        origin=origin,
    )
    passes = sum(len(record.moves) - len(seen) for record, seen in games)
    told = f"{len(games):,} games, {len(rows):,} moves" + (
        f"; {passes:,} passes are no samples" if passes else ""
    )
    return Reading(frame, (Finding("PASS", "games", told), *findings), answer="move")

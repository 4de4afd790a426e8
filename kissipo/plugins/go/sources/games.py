"""Games of go: a folder of records (.sgf), one such file, or generated games.

Each move is a sample: the board before the move -> its point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kissipo.core.codec import Codec
from kissipo.core.errors import DataError
from kissipo.core.finding import Finding
from kissipo.core.frame import Frame, numbers, strings
from kissipo.core.schema import option
from kissipo.core.task import Task
from kissipo.input.source import Source
from kissipo.input.source_data import Reading
from kissipo.plugins.go.environments.go import SIZE, point_names
from kissipo.plugins.go.game_folder import (
    SUFFIX,
    Played,
    has_game_records,
    read_ends,
    read_games,
)
from kissipo.plugins.go.game_record import positions
from kissipo.plugins.go.generated_games import generate_games

if TYPE_CHECKING:
    from kissipo.input.question import Question

GENERATED = "generated"


@dataclass(frozen=True)
class Options:
    """Options of games."""

    num_games: int = option(150, "number of games to generate, with games: generated", minimum=3)
    seed: int = option(
        0, "random seed of the generated games, independent of the seed of the run", minimum=0
    )
    skip_corrupt: bool = option(
        False, "skip and count game records that cannot be read or replayed"
    )


class Games(Source[Options]):
    """Games of go."""

    builder = "games"
    answers = ("category",)
    order = 20
    formats = f"games ({SUFFIX})"

    def read(self, value: object, options: Options) -> Reading:
        """Reads the games: one row per move.

        A row has the game, the move number, the player's view of the board, and the
        point.

        Raises:   DataError when the path has no usable game, with file and position.
        """
        if isinstance(value, str) and value == GENERATED:
            records = generate_games(options.num_games, seed=options.seed)
            return _as_rows(
                [(record, list(positions(record))) for record in records], [], "made games"
            )
        if not isinstance(value, str | Path):
            raise DataError(
                "input.games must be a path of game records",
                got=type(value).__name__,
                allowed=f"a folder, an .sgf file, {GENERATED}",
            )
        games, findings = read_games(Path(value), skip_corrupt=options.skip_corrupt)
        return _as_rows(games, findings, str(value))

    def infer(self, question: Question) -> Task | None:
        """Takes a game record, and a folder that contains one."""
        path = question.path
        if path is None or not (
            path.suffix.lower() == SUFFIX or (path.is_dir() and has_game_records(path))
        ):
            return None
        answer, column = question.answer or "category", question.output or "move"
        return question.task({"games": question.value}, {answer: column})

    def parse_values(
        self, values: Sequence[object], options: Options, codecs: Sequence[Codec]
    ) -> Frame:
        """Returns the last positions of game records, or boards as letters or arrays.

        The boards are seen by the player to move.
        """
        boards: list[str] = []
        for value in values:
            if not isinstance(value, str | Path):
                boards.append(_in_letters(value))
            elif isinstance(value, str) and value and not set(value) - set(".XO"):
                boards.append(value)
            else:
                boards += read_ends(Path(value))
        return Frame((strings("board", boards),), origin="the boards")

    def value_axes(self, codecs: Sequence[Codec]) -> int | None:
        return 2

    def usage(self, codecs: Sequence[Codec]) -> str:
        """Returns how positions are given."""
        return "Give records of games: kissipo predict RUN game.sgf"


def _as_rows(games: list[Played], findings: list[Finding], origin: str) -> Reading:
    rows = [(record.name, move) for record, moves in games for move in moves]
    names = point_names(SIZE)
    frame = Frame(
        (
            strings("game", [name for name, _ in rows]),
            numbers("number", [move.number for _, move in rows]),
            strings("board", [move.board for _, move in rows]),
            strings("move", [names[move.point] for _, move in rows]),
        ),
        origin=origin,
    )
    passes = sum(len(record.moves) - len(moves) for record, moves in games)
    message = f"{len(games):,} games, {len(rows):,} moves" + (
        f"; {passes:,} passes are not samples" if passes else ""
    )
    return Reading(frame, (Finding("PASS", "games", message), *findings), answer="move")


def _in_letters(board: object) -> str:
    """Returns an array of 1, -1 and 0 as the letters of a board."""
    points = np.asarray(board).reshape(-1)
    invalid = [value for value in points.tolist() if value not in (1, -1, 0)]
    if invalid:
        raise DataError(
            "a board as an array holds numbers",
            got=repr(invalid[0]),
            allowed="1 own stones, -1 the other's, 0 empty points",
        )
    return "".join(np.array(list(".XO"))[points.astype(np.int64)])


SOURCE = Games()

"""Made games of go: two players of one plain rule, drawn from a seed, so that there is something to learn without any record.

1. Take the largest chain of the other that has one liberty.      2. Save the largest own chain that has one, where that helps.
3. Leave the largest chain of the other that has two with one.    4. Else play near the last stone; now and then anywhere.

The first three can be read from the board, the last not; so no one can foretell every move.

Example:  >>> game, = made_games(1, seed=0)
          >>> len(game.moves), game == made_games(1, seed=0)[0]
          (120, True)
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from kissipo.core.seeds import numpy_generator
from kissipo.input.environments.go import BLACK, SIZE, Chain, Position
from kissipo.input.formats.go_record import Move, Record

MOVES = 120
_ANYWHERE = 0.1
_NEAR = 2


def made_games(count: int, *, seed: int) -> list[Record]:
    """So many games, each with dice of its own."""
    return [
        _game(number, numpy_generator(seed, "made games", number)) for number in range(1, count + 1)
    ]


def _game(number: int, generator: Any) -> Record:
    position, color = Position(SIZE), BLACK
    moves: list[Move] = []
    for _ in range(MOVES):
        last = moves[-1].point if moves else None
        moves.append(Move(color, _choice(position, color, last, generator)))
        position.play(color, moves[-1].point)
        color = -color
    return Record(f"game {number}", SIZE, tuple(moves))


def _choice(position: Position, color: int, last: int | None, generator: Any) -> int | None:
    """The first rule that has a point decides; a pass where there is none."""
    if generator.random() >= _ANYWHERE:
        for point in _urgent(position, color):
            if not position.why_not(color, point):
                return point
    near = generator.permutation(_around(last, position.size)).tolist() if last is not None else []
    anywhere = generator.permutation(position.size**2).tolist()
    for point in (*near, *anywhere):
        if not position.why_not(color, point) and len(position.breath(color, point)) > 1:
            return int(point)
    return None


def _urgent(position: Position, color: int) -> Iterator[int]:
    """What can be taken, what must be saved, what can be left with one liberty; large chains first, then from the top left."""
    chains = sorted(position.chains(), key=lambda chain: (-len(chain.stones), min(chain.stones)))
    own, others = (
        [chain for chain in chains if (chain.color == color) == mine] for mine in (True, False)
    )
    yield from (min(chain.liberties) for chain in others if len(chain.liberties) == 1)
    for chain in (chain for chain in own if len(chain.liberties) == 1):
        yield from (
            point for point in sorted(chain.liberties) if len(position.breath(color, point)) > 1
        )
    for chain in (chain for chain in others if len(chain.liberties) == 2):
        yield from (
            point for point in _ways_out(position, chain) if len(position.breath(color, point)) > 1
        )


def _ways_out(position: Position, chain: Chain) -> list[int]:
    """The liberties of a chain, first the one through which it would gain most."""
    return sorted(
        chain.liberties, key=lambda point: (-len(position.breath(chain.color, point)), point)
    )


@cache
def _around(point: int, size: int) -> tuple[int, ...]:
    """The points at most two lines away."""
    row, column = divmod(point, size)
    rows = range(max(0, row - _NEAR), min(size, row + _NEAR + 1))
    columns = range(max(0, column - _NEAR), min(size, column + _NEAR + 1))
    return tuple(r * size + c for r in rows for c in columns if (r, c) != (row, column))

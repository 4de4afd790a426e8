"""Generated games of go: two simulated players follow one simple rule.

1. Capture the largest opposing chain that has one liberty.
2. Save the largest own chain that has one liberty, if the move helps.
3. Leave the largest opposing chain that has two liberties with one.
4. Otherwise play near the last stone, and sometimes anywhere.

The first three rules follow from the board, the fourth is random. So no model can
predict every move.

Example:  >>> game, = generate_games(1, seed=0)
          >>> len(game.moves), game == generate_games(1, seed=0)[0]
          (120, True)
"""

from collections.abc import Iterator
from functools import cache

from numpy.random import Generator

from kissipo.core.seeds import numpy_generator
from kissipo.plugins.go.environments.go import BLACK, SIZE, Chain, Position
from kissipo.plugins.go.game_record import Move, Record

MOVES = 120
_ANYWHERE = 0.1
_NEAR = 2


def generate_games(count: int, *, seed: int) -> list[Record]:
    """Generates games; each game has its own random seed."""
    return [
        _game(number, numpy_generator(seed, "made games", number)) for number in range(1, count + 1)
    ]


def _game(number: int, generator: Generator) -> Record:
    position, color = Position(SIZE), BLACK
    moves: list[Move] = []
    for _ in range(MOVES):
        last = moves[-1].point if moves else None
        moves.append(Move(color, _choice(position, color, last, generator)))
        position.play(color, moves[-1].point)
        color = -color
    return Record(f"game {number}", SIZE, tuple(moves))


def _choice(position: Position, color: int, last: int | None, generator: Generator) -> int | None:
    """Returns the point of the first rule that applies, or None for a pass."""
    if generator.random() >= _ANYWHERE:
        for point in _urgent(position, color):
            if not position.why_not(color, point):
                return point
    near = generator.permutation(_around(last, position.size)).tolist() if last is not None else []
    anywhere = generator.permutation(position.size**2).tolist()
    for point in (*near, *anywhere):
        if not position.why_not(color, point) and len(position.liberties_after(color, point)) > 1:
            return int(point)
    return None


def _urgent(position: Position, color: int) -> Iterator[int]:
    """Yields the points of rules 1 to 3, large chains first, then from the top left.

    Chains that can be captured come first, then own chains in danger, then chains that
    can be left with one liberty.
    """
    chains = sorted(position.chains(), key=lambda chain: (-len(chain.stones), min(chain.stones)))
    own, others = (
        [chain for chain in chains if (chain.color == color) == mine] for mine in (True, False)
    )
    yield from (min(chain.liberties) for chain in others if len(chain.liberties) == 1)
    for chain in (chain for chain in own if len(chain.liberties) == 1):
        yield from (
            point
            for point in sorted(chain.liberties)
            if len(position.liberties_after(color, point)) > 1
        )
    for chain in (chain for chain in others if len(chain.liberties) == 2):
        yield from (
            point
            for point in _escapes(position, chain)
            if len(position.liberties_after(color, point)) > 1
        )


def _escapes(position: Position, chain: Chain) -> list[int]:
    """Returns the liberties of a chain; the first one would add most liberties."""
    return sorted(
        chain.liberties,
        key=lambda point: (-len(position.liberties_after(chain.color, point)), point),
    )


@cache
def _around(point: int, size: int) -> tuple[int, ...]:
    """Returns the points that are at most two lines away."""
    row, column = divmod(point, size)
    rows = range(max(0, row - _NEAR), min(size, row + _NEAR + 1))
    columns = range(max(0, column - _NEAR), min(size, column + _NEAR + 1))
    return tuple(r * size + c for r in rows for c in columns if (r, c) != (row, column))

"""Games: how a script makes games of go by the rules of the board and of two players, and reads the board before each move."""

from __future__ import annotations

from kissipo.export.script.inputs.split import split_groups, split_words
from kissipo.export.script.part import ARRAYS, Part, filled, unread
from kissipo.input.environments.go import SIZE
from kissipo.input.generated_games import MOVES
from kissipo.input.sources.games import GENERATED
from kissipo.pipeline.experiment import Prepared

_BOARD = '''
@cache
def around(point: int, lines: int) -> list[int]:
    """The points at most so many lines away, row by row."""
    row, column = divmod(point, SIZE)
    rows = range(max(0, row - lines), min(SIZE, row + lines + 1))
    columns = range(max(0, column - lines), min(SIZE, column + lines + 1))
    return [r * SIZE + c for r in rows for c in columns if (r, c) != (row, column)]


@cache
def beside(point: int) -> list[int]:
    """The points that touch it."""
    return [near for near in around(point, 1) if abs(near - point) in (1, SIZE)]


def chain(stones: Stones, point: int) -> Chain:
    """The stones of one colour that touch, and the empty points beside them."""
    own, free = [point], set[int]()
    for stone in own:  # which grows
        free.update(near for near in beside(stone) if not stones[near])
        same = [near for near in beside(stone) if stones[near] == stones[point]]
        own += [near for near in same if near not in own]
    return own, free


def breath(stones: Stones, colour: int, point: int) -> set[int]:
    """The liberties that a stone there would have."""
    own = [chain(stones, near)[1] for near in beside(point) if stones[near] == colour]
    return {near for near in beside(point) if not stones[near]}.union(*own) - {point}


def play(stones: Stones, colour: int, point: int) -> int:
    """Puts a stone, takes what has no liberty left; which point ko forbids then, or -1."""
    others = [chain(stones, near) for near in beside(point) if stones[near] == -colour]
    taken = {stone for other, free in others if len(free) == 1 for stone in other}
    stones[point] = colour
    for stone in taken:
        stones[stone] = 0
    own, free = chain(stones, point)
    return min(taken) if len(taken) == len(own) == len(free) == 1 else -1
'''

_PLAYER = '''
def urgent(stones: Stones, colour: int) -> list[int]:
    """What is taken, what is saved, what is left with one liberty; large chains first."""
    found: list[Chain] = []
    for point in range(SIZE**2):
        if stones[point] and not any(point in own for own, _ in found):
            found.append(chain(stones, point))
    found.sort(key=lambda each: -len(each[0]))
    own = [free for each, free in found if stones[each[0]] == colour]
    others = [free for each, free in found if stones[each[0]] != colour]
    then = [point for free in own if len(free) == 1 for point in free]
    for two in (free for free in others if len(free) == 2):
        ways = {point: len(breath(stones, -colour, point)) for point in two}
        then += sorted(ways, key=lambda point: (-ways[point], point))
    then = [point for point in then if len(breath(stones, colour, point)) > 1]
    return [min(free) for free in others if len(free) == 1] + then


def choice(stones: Stones, colour: int, last: int, dice: Dice) -> Iterator[int]:
    """What is urgent, else near the last stone, else anywhere; now and then at once."""
    if dice.random() >= 0.1:
        yield from urgent(stones, colour)
    near = dice.permutation(around(last, 2)).tolist() if last >= 0 else []
    for point in near + dice.permutation(SIZE**2).tolist():
        if not stones[point] and len(breath(stones, colour, point)) > 1:
            yield int(point)
'''

_MOVES = '''
def game(number: int) -> Iterator[tuple[Stones, int]]:
    """The moves of a game: the board as its player sees it, own stones 1, and the point."""
    dice = np.random.default_rng(seed_of("made games", number, seed=$seed))
    stones, colour, last, ko = [0] * SIZE**2, 1, -1, -1  # the last two: no point
    for _ in range(MOVES):
        points = choice(stones, colour, last, dice)  # none of them is suicide
        last = next((point for point in points if point != ko), -1)
        if last >= 0:
            yield [colour * stone for stone in stones], last
        ko = play(stones, colour, last) if last >= 0 else -1
        colour = -colour


def samples() -> Parts:
    """Boards (sample, 1, row, column), and the point of the move."""
    games = [list(game(number)) for number in range(1, GAMES + 1)]
    boards = torch.tensor([board for moves in games for board, _ in moves]).float()
    truth = torch.tensor([point for moves in games for _, point in moves])
    parts = split(np.repeat(np.arange(GAMES), [len(moves) for moves in games]))
    inputs = boards.view(-1, 1, SIZE, SIZE)
    return {name: (inputs[at], truth[at]) for name, at in parts.items()}
'''


def games(prepared: Prepared) -> Part:
    """Made games of go.

    Raises:   NotBuiltError for records of games.
    """
    source = prepared.choices.source
    if source.value != GENERATED:
        raise unread(str(source.value), GENERATED)
    words = split_words(prepared, groups=("game",))
    told = f"{len(prepared.wiring.frame):,} moves of {source.options.num_games} made games of go"
    pieces = [
        filled(_BOARD),
        filled(_PLAYER),
        split_groups(prepared),
        filled(_MOVES, seed=source.options.seed),
    ]
    types = ("Stones = list[int]", "Chain = tuple[Stones, set[int]]", "Dice = np.random.Generator")
    constants = (f"GAMES, MOVES, SIZE = {source.options.num_games}, {MOVES}, {SIZE}", *words)
    imports = (*ARRAYS, "from collections.abc import Iterator", "from functools import cache")
    return Part(told, "\n\n\n".join(pieces), imports, constants, types)

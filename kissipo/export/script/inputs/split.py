"""Split: how a script draws the parts, of single samples or of groups that stay together, or cuts them by time."""

from __future__ import annotations

from kissipo.core.errors import NotBuiltError
from kissipo.export.script.part import filled
from kissipo.pipeline.experiment import Prepared

_DRAW = '''
def draw(pool: Array, share: float, classes: Array, dice: np.random.Generator) -> Array:
    """A share of the samples of the pool, the same share of every class."""
    chosen: list[int] = []
    wanted = 0.0
    for each in dict.fromkeys(classes.tolist()):  # in the order of appearance
        members = dice.permutation(np.flatnonzero(classes[pool] == each))
        wanted += share * len(members)
        count = min(int(wanted - len(chosen) + 0.5), len(members) - 1)
        chosen += members[:count].tolist()
    return np.sort(pool[chosen])
'''

_DRAW_TOGETHER = '''
def draw(
    pool: Array, share: float, classes: Array, same: Array, dice: np.random.Generator
) -> Array:
    """A share of the pool, the same of every class; $together stay together."""
    names, first, member = np.unique(same[pool], return_index=True, return_inverse=True)
    sizes, labels = np.bincount(member), classes[pool][first]
    chosen = np.zeros(len(names), dtype=bool)
    wanted = 0.0
    for each in dict.fromkeys(classes.tolist()):  # in the order of appearance
        order = dice.permutation(np.flatnonzero(labels == each))
        wanted += share * sizes[order].sum()
        left = len(order) - 1  # one stays in the pool
        for group in order:
            if left and sizes[group] <= wanted - sizes[chosen].sum() + 0.5:
                chosen[group], left = True, left - 1
    return np.sort(pool[chosen[member]])
'''

_SPLIT = '''
def split($given) -> dict[str, Array]:
    """Which samples train, which choose the best epoch, which judge."""
    dice = np.random.default_rng(seed_of("split"$seed))
    everything = np.arange(len(classes))
    $test
    pool = np.setdiff1d(everything, test)
    $parts
'''

_WITH_VALIDATION = """
validation = draw(pool, $share, $alike, dice)
train = np.setdiff1d(pool, validation)
return {"train": train, "validation": validation, "test": test}
"""
_WITHOUT_VALIDATION = 'return {"train": pool, "validation": pool[:0], "test": test}'

_SPLIT_GROUPS = '''
def split(group: Array) -> dict[str, Array]:
    """Which samples train, choose the best epoch, judge; a group stays together."""
    dice = np.random.default_rng(seed_of("split"$seed))
    sizes, parts = np.bincount(group), {}
    left = np.arange(len(sizes))
    for name, share in (("test", TEST), ("validation", $share)):
        taken: list[int] = []
        for each in dice.permutation(left):
            if sizes[each] <= share * sizes[left].sum() - sizes[taken].sum() + 0.5:
                taken.append(each)
        parts[name] = np.flatnonzero(np.isin(group, taken))
        left = np.setdiff1d(left, taken)
    return {"train": np.flatnonzero(np.isin(group, left)), **parts}
'''

BORDERS = '''
def borders(steps: int) -> tuple[int, int]:
    """The first step of the validation part, and that of the test part."""
    test = steps - round(steps * TEST)
    return test - round(steps * VALIDATION), test
'''


def split_pieces(prepared: Prepared, *, together: str | None = None, published: str | None = None) -> list[str]:
    """The functions that draw the parts, the same share of every class: `split(classes)`, or `split(classes, same)`.

    together:   what stays on one side, in a word
    published:  the line that takes the test part; else it is drawn
    """
    alike = "classes" if together is None else "classes, same"
    share = "VALIDATION" if published else "VALIDATION / (1 - TEST)"
    watched = filled(_WITH_VALIDATION, share=share, alike=alike)
    split = filled(
        _SPLIT,
        given="classes: Array" if together is None else "classes: Array, same: Array",
        seed=_seed(prepared),
        test=published or f"test = draw(everything, TEST, {alike}, dice)",
        parts=(watched if prepared.choices.general.split.validation else _WITHOUT_VALIDATION).splitlines(),
    )
    return [filled(_DRAW) if together is None else filled(_DRAW_TOGETHER, together=together), split]


def split_groups(prepared: Prepared) -> str:
    """The function that draws the parts in whole groups, numbered from 0: `split(group)`."""
    watched = prepared.choices.general.split.validation
    return filled(_SPLIT_GROUPS, seed=_seed(prepared), share="VALIDATION / (1 - TEST)" if watched else 0.0)


def _seed(prepared: Prepared) -> str:
    """Of a split that is drawn from a seed of its own."""
    seed = prepared.choices.general.split.seed
    return "" if seed is None else f", seed={seed}"


def split_words(prepared: Prepared, *, groups: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The constants of a split that is drawn.

    groups:   the columns by which the samples may be split
    Raises:   NotBuiltError for a split by time or by another column.
    """
    split = prepared.choices.general.split
    if split.method == "time" or split.group not in (None, *groups):
        raise NotBuiltError("kissipo eject does not write yet a split of rows by time or by group")
    if not split.validation:
        return (f"TEST = {split.test}  # share that judges",)
    return (f"TEST, VALIDATION = {split.test}, {split.validation}  # shares that judge, that tell when to stop",)

"""What n-gram filters found: the winning n-grams of one text, and of many texts.

The match of a filter, times its weight in the output layer, is what its n-gram adds to
the output. All of them together with the bias, and with what pairs of tokens add on the
linear path, are the output, where there is one text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kissipo.core.description import ColoredText, Line, Record, Section, Table
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.ngram_filters import NgramFilters

MAX_SAMPLES = 10_000
_BATCH = 256
_OUTSIDE = "·"
_MAX_NGRAMS, _FAVORITES = 12, 10
_PER_CLASS, _MAX_CLASSES, _PER_SIDE = 2, 10, 6


@dataclass(frozen=True)
class Match:
    """An n-gram that won some filters.

    first:    its first token
    filters:  how many filters it won with a positive match
    added:    what it adds to the output
    """

    first: int
    width: int
    filters: int
    added: float


def matches_of(filters: NgramFilters, ids: Tensor, weights: Tensor) -> list[Match]:
    """Returns the n-grams of one text that won, those that add most (or least) first.

    Shapes:   ids (1, time), weights (filter), those of the output
    """
    counts: dict[tuple[int, int], int] = defaultdict(int)
    added: dict[tuple[int, int], float] = defaultdict(float)
    start = 0
    for width, best, first in filters.winners(ids):
        own = weights[start : start + best.shape[1]]
        start += best.shape[1]
        for place, match, weight in zip(first[0].tolist(), best[0].tolist(), own, strict=True):
            if match > 0:
                counts[place, width] += 1
                added[place, width] += match * float(weight)
    matches = [Match(*key, counts[key], added[key]) for key in counts]
    return sorted(matches, key=lambda match: -abs(match.added))


def text_section(
    matches: Sequence[Match], tokens: Sequence[str], spec: TensorSpec, answer: str
) -> Section:
    """Returns one text colored by what its n-grams add, and these n-grams.

    answer:   the class or the number to whose output they add
    """
    title = f"The n-grams of '{spec.name}' that won"
    if not matches:
        return Section(title, [Line("No filter found a match in this text.", "dim")])
    values = [0.0] * len(tokens)
    for match in matches:
        inside = range(max(0, match.first), min(match.first + match.width, len(tokens)))
        for place in inside:
            values[place] += match.added / max(1, len(inside))
    largest = max(map(abs, values), default=0.0) or 1.0
    separator = separator_of(spec)
    caption = f"Red tokens speak for {answer}, blue ones against it; the color is what their "
    caption += "n-grams add to the output, shared by their tokens."
    rows = [
        [
            separator.join(_ngram(tokens, match.first, match.width)),
            str(match.width),
            str(match.filters),
            f"{match.added:+.3f}",
        ]
        for match in matches[:_MAX_NGRAMS]
    ]
    content: list[Record] = [
        ColoredText(tuple(tokens), [value / largest for value in values], separator, caption),
        Table(["n-gram", "width", "filters it won", f"adds to {answer}"], rows, numbers=[1, 2, 3]),
    ]
    if len(matches) > _MAX_NGRAMS:
        rest = matches[_MAX_NGRAMS:]
        total = sum(match.added for match in rest)
        content.append(Line(f"{len(rest)} other n-grams add {total:+.3f} together.", "dim"))
    return Section(title, content)


def pairs_section(added: Tensor, tokens: Sequence[str], spec: TensorSpec, answer: str) -> Section:
    """Returns the pairs of one text that add most to (or subtract most from) an output.

    Shapes:   added (time + 1), of which the first pair ends with the first token
    """
    values = added[: len(tokens) + 1].tolist()
    order = sorted(range(len(values)), key=lambda place: -abs(values[place]))
    separator = separator_of(spec)
    rows = [
        [separator.join(_ngram(tokens, place - 1, 2)), f"{values[place]:+.3f}"]
        for place in order[:_MAX_NGRAMS]
    ]
    content: list[Record] = [Table(["pair", f"adds to {answer}"], rows, numbers=[1])]
    rest = order[_MAX_NGRAMS:]
    if rest:
        total = sum(values[place] for place in rest)
        content.append(Line(f"{len(rest)} other pairs add {total:+.3f} together.", "dim"))
    return Section(f"What the pairs of '{spec.name}' add", content)


def filters_section(
    filters: NgramFilters,
    ids: Tensor,
    weights: Tensor,
    spec: TensorSpec,
    answers: Sequence[str],
) -> Section:
    """Returns the filters that matter most, with the n-grams that they like best.

    Shapes:   ids (text, time), weights (answer, filter), those of the output
    answers:  the classes, or the name of the number
    """
    winners = [[*filters.winners(batch)] for batch in ids.split(_BATCH)]
    kinds = [(width, own) for width, best, _ in winners[0] for own in range(best.shape[1])]
    best = torch.cat([torch.cat([best for _, best, _ in batch], dim=1) for batch in winners])
    first = torch.cat([torch.cat([first for *_, first in batch], dim=1) for batch in winners])
    influence = weights * best.clamp(min=0).mean(dim=0)
    rows = []
    for answer, number in _influential(influence):
        width, own = kinds[number]
        ngrams = _favorites(best[:, number], first[:, number], ids, width, spec)
        word = "for" if influence[answer, number] >= 0 else "against"
        rows.append([f"{own + 1} of width {width}", f"{word} {answers[answer]}", ngrams])
    note = (
        "Each filter keeps its best match in a text. These filters change the output most; "
        f"their best n-grams in {len(ids):,} evaluated texts stand beside them."
    )
    table = Table(["filter", "speaks", "its n-grams, with their matches"], rows)
    return Section(f"What the filters over '{spec.name}' look for", [Line(note, "dim"), table])


def _influential(influence: Tensor) -> list[tuple[int, int]]:
    """Returns answers and filters: of each class those that speak for it most.

    Where there is one output, some speak for it and some against it.
    """
    answers, count = influence.shape
    if answers == 1:
        order = influence[0].argsort(descending=True).tolist()
        side = min(_PER_SIDE, count // 2)
        return [(0, number) for number in (*order[:side], *reversed(order[count - side :]))]
    classes = influence.amax(dim=1).argsort(descending=True)[:_MAX_CLASSES].sort().values.tolist()
    return [
        (answer, number)
        for answer in classes
        for number in influence[answer].argsort(descending=True)[:_PER_CLASS].tolist()
    ]


def _favorites(best: Tensor, first: Tensor, ids: Tensor, width: int, spec: TensorSpec) -> str:
    """Returns the different n-grams with the best matches, the best first."""
    favorites: dict[str, float] = {}
    for row in best.argsort(descending=True, stable=True).tolist():
        if best[row] <= 0 or len(favorites) == _FAVORITES:
            break
        labels = [
            spec.labels[number] if spec.labels else str(number)
            for number in ids[row].tolist()
            if number or not spec.padded
        ]
        names = _ngram(labels, int(first[row]), width)
        favorites.setdefault(separator_of(spec).join(names), float(best[row]))
    return ", ".join(f"{name} ({match:.2f})" for name, match in favorites.items())


def _ngram(tokens: Sequence[str], first: int, width: int) -> list[str]:
    """Returns the tokens of an n-gram; a dot stands for a zero around the text."""
    places = range(first, first + width)
    return [tokens[place] if 0 <= place < len(tokens) else _OUTSIDE for place in places]


def separator_of(spec: TensorSpec) -> str:
    """Returns the blank between two words, or nothing between characters."""
    return "" if spec.unit == "characters" else " "

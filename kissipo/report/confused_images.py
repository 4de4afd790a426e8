"""What is confused with what: for each kind of mistake the images on which it was made with most confidence.

Kinds stand in the order of how often they happen; at most eight of them, four images each, so that the page stays small.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from torch import Tensor

from kissipo.report.gallery import gallery

MOST_KINDS, MOST_IMAGES = 8, 4


@dataclass(frozen=True)
class Kind:
    """One cell of the confusion matrix beside the diagonal.

    samples:   positions of the most confident mistakes, the worst first
    count:     of so many mistakes; `of` so many samples of that truth
    """

    truth: int
    answer: int
    samples: tuple[int, ...]
    count: int
    of: int


def kinds(truth: Any, chosen: Any, scores: Any) -> list[Kind]:
    """The kinds of mistakes, the most frequent first.

    Example:  >>> found = kinds(np.array([0, 0, 1]), np.array([1, 1, 1]), np.array([[0.4, 0.6], [0.1, 0.9], [0.5, 0.5]]))
              >>> found[0].samples, found[0].count, found[0].of
              ((1, 0), 2, 2)
    """
    found = []
    for pair in sorted(set(zip(truth.tolist(), chosen.tolist(), strict=True))):
        at = np.flatnonzero((truth == pair[0]) & (chosen == pair[1]))
        if pair[0] != pair[1]:
            confident = at[np.argsort(-scores[at, pair[1]], kind="stable")][:MOST_IMAGES]
            found.append(
                Kind(*pair, tuple(confident.tolist()), len(at), int((truth == pair[0]).sum()))
            )
    return sorted(found, key=lambda kind: -kind.count)


def confused(
    found: Sequence[Kind],
    levels: Sequence[str],
    scores: Any,
    images_at: Callable[[Sequence[int]], tuple[Tensor, list[Any]]],
) -> str:
    """A row of thumbnails for each kind.

    images_at:  the images of some samples, from 0 to 1, and their files
    """
    shown = []
    for kind in found[:MOST_KINDS]:
        images, files = images_at(kind.samples)
        captions = [f"{scores[at, kind.answer]:.0%} sure" for at in kind.samples]
        title = f"<b>{escape(levels[kind.truth])}</b> → {escape(levels[kind.answer])}"
        count = f"{kind.count} of {kind.of}"
        shown.append(
            f'<div class="kind"><p>{title} <span class="dim">{count}</span></p>{gallery(images, captions, files)}</div>'
        )
    rest = len(found) - MOST_KINDS
    more = f'<p class="dim">And {rest} rarer kinds of mistakes.</p>' if rest > 0 else ""
    told = '<p class="dim">The truth → the answer; the mistakes of each kind that were made with most confidence.</p>'
    return f'{told}<div class="kinds">{"".join(shown)}</div>{more}' if shown else ""

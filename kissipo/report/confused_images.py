"""The most confident misclassified images for each pair of confused classes.

Kinds stand in the order of how often they happen; at most eight of them, four images each, so that the page stays small.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from torch import Tensor

from kissipo.report.gallery import gallery

MAX_KINDS, MAX_IMAGES = 8, 4


@dataclass(frozen=True)
class Kind:
    """One off-diagonal cell of the confusion matrix.

    samples:   positions of the most confident mistakes, the worst first
    count:     of so many mistakes; `of` so many samples of that truth
    """

    truth: int
    answer: int
    samples: tuple[int, ...]
    count: int
    of: int


def kinds(truth: Any, selected: Any, scores: Any) -> list[Kind]:
    """The confused pairs of classes, the most frequent first.

    Example:  >>> record = kinds(np.array([0, 0, 1]), np.array([1, 1, 1]), np.array([[0.4, 0.6], [0.1, 0.9], [0.5, 0.5]]))
              >>> record[0].samples, record[0].count, record[0].of
              ((1, 0), 2, 2)
    """
    record = []
    for pair in sorted(set(zip(truth.tolist(), selected.tolist(), strict=True))):
        index = np.flatnonzero((truth == pair[0]) & (selected == pair[1]))
        if pair[0] != pair[1]:
            confident = index[np.argsort(-scores[index, pair[1]], kind="stable")][:MAX_IMAGES]
            record.append(
                Kind(*pair, tuple(confident.tolist()), len(index), int((truth == pair[0]).sum()))
            )
    return sorted(record, key=lambda kind: -kind.count)


def confused(
    record: Sequence[Kind],
    classes: Sequence[str],
    scores: Any,
    images_at: Callable[[Sequence[int]], tuple[Tensor, list[Any]]],
) -> str:
    """One row of thumbnails per confused pair.

    images_at:  the images of some samples, from 0 to 1, and their files
    """
    html = []
    for kind in record[:MAX_KINDS]:
        images, files = images_at(kind.samples)
        captions = [f"{scores[index, kind.answer]:.0%} sure" for index in kind.samples]
        title = f"<b>{escape(classes[kind.truth])}</b> → {escape(classes[kind.answer])}"
        count = f"{kind.count} of {kind.of}"
        html.append(
            f'<div class="kind"><p>{title} <span class="dim">{count}</span></p>{gallery(images, captions, files)}</div>'
        )
    rest = len(record) - MAX_KINDS
    more = f'<p class="dim">And {rest} rarer kinds of mistakes.</p>' if rest > 0 else ""
    text = '<p class="dim">Target → prediction; for each confused pair the most confident mistakes.</p>'
    return f'{text}<div class="kinds">{"".join(html)}</div>{more}' if html else ""

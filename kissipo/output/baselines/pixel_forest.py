"""Pixel forest: a random forest (scikit-learn, 50 trees) on what lies around each pixel, as inspectors' tools do it without a net.

For each pixel its brightness, and at several scales the mean around it, the difference from that, and the strength of edges.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from torch import Tensor
from torch.nn import functional

from kissipo.codec.mask import VOID
from kissipo.output.answer import Scores
from kissipo.output.baseline_data import Case
from kissipo.output.sklearn_models import at_size

NAME = "random forest on pixels"
_SCALES = (3, 7, 15, 31)
_PIXELS = 40_000
_AT_ONCE = 16


def answer(case: Case) -> Scores | None:
    """Class numbers of all pixels; None when training has one class only."""
    images = case.train.inputs[0]
    truth = at_size(case.train.truth, tuple(images.shape[2:]))
    generator = np.random.default_rng(case.seed)
    share = min(1.0, _PIXELS / truth.size)
    seen, known = [], []
    for part, features in _features(images):
        labels = truth[part].reshape(-1)
        wanted = np.flatnonzero(labels != VOID)
        some = wanted[
            generator.random(len(wanted)) < np.where(labels[wanted] > 0, min(1.0, 5 * share), share)
        ]
        seen.append(features[some])
        known.append(labels[some])
    classes = np.concatenate(known)
    if len(np.unique(classes)) < 2:
        return None
    forest = RandomForestClassifier(50, min_samples_leaf=5, n_jobs=-1, random_state=case.seed)
    forest.fit(np.concatenate(seen), classes)
    forest.n_jobs = 1
    size = tuple(case.test.inputs[0].shape[2:])
    found = [
        forest.predict(features).reshape(-1, *size)
        for _, features in _features(case.test.inputs[0])
    ]
    return at_size(np.concatenate(found).astype(np.uint8), case.test.truth.shape[1:])


def _features(images: Tensor) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """A few images after the other: (image · pixel, feature)."""
    for start in range(0, len(images), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        x = images[part].mean(dim=1, keepdim=True)
        x = x - x.flatten(1).quantile(0.5, dim=1).reshape(-1, 1, 1, 1)
        maps = [x]
        for scale in (each for each in _SCALES if each <= min(x.shape[2:])):
            mean = functional.avg_pool2d(x, scale, 1, scale // 2, count_include_pad=False)
            down, right = torch.gradient(mean, dim=(2, 3))
            maps += [mean, x - mean, (down**2 + right**2).sqrt()]
        yield part, torch.cat(maps, dim=1).permute(0, 2, 3, 1).flatten(0, 2).numpy()

"""Pixel forest: a random forest on the surroundings of each pixel (scikit-learn).

The features are the brightness of the pixel and, at several scales, the local mean, the
difference from it, and the edge strength.
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
from kissipo.output.baseline_data import BaselineData
from kissipo.output.sklearn_models import computed_once, resized

NAME = "random forest on pixels"
_SCALES = (3, 7, 15, 31)
_PIXELS = 40_000
_BATCH_SIZE = 16


def predict(data: BaselineData) -> Scores | None:
    """Returns the class index of every pixel; None when training has only one class."""
    images = data.train.inputs[0]
    truth = resized(data.train.truth, tuple(images.shape[2:]))
    generator = np.random.default_rng(data.seed)
    share = min(1.0, _PIXELS / truth.size)
    samples, targets = [], []
    for batch, features in _features(images):
        labels = truth[batch].reshape(-1)
        valid = np.flatnonzero(labels != VOID)
        index = valid[
            generator.random(len(valid)) < np.where(labels[valid] > 0, min(1.0, 5 * share), share)
        ]
        samples.append(features[index])
        targets.append(labels[index])
    classes = np.concatenate(targets)
    if len(np.unique(classes)) < 2:
        return None
    train, images = np.concatenate(samples), data.test.inputs[0]

    def masks() -> Scores:
        forest = RandomForestClassifier(50, min_samples_leaf=5, n_jobs=-1, random_state=data.seed)
        forest.fit(train, classes)
        forest.n_jobs = 1
        size = tuple(images.shape[2:])
        return np.concatenate(
            [forest.predict(features).reshape(-1, *size) for _, features in _features(images)]
        ).astype(np.uint8)

    predicted = computed_once(masks, train, classes, images.numpy(), data.seed)
    return resized(predicted, data.test.truth.shape[1:])


def _features(images: Tensor) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Yields the features of each batch of images (image · pixel, feature)."""
    for start in range(0, len(images), _BATCH_SIZE):
        batch = slice(start, start + _BATCH_SIZE)
        x = images[batch].mean(dim=1, keepdim=True)
        x = x - x.flatten(1).quantile(0.5, dim=1).reshape(-1, 1, 1, 1)
        maps = [x]
        for scale in (size for size in _SCALES if size <= min(x.shape[2:])):
            mean = functional.avg_pool2d(x, scale, 1, scale // 2, count_include_pad=False)
            down, right = torch.gradient(mean, dim=(2, 3))
            maps += [mean, x - mean, (down**2 + right**2).sqrt()]
        yield batch, torch.cat(maps, dim=1).permute(0, 2, 3, 1).flatten(0, 2).numpy()

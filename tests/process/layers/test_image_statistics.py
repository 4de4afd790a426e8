"""The statistics of images, compared with those of the baselines, which use numpy."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from kissipo.core.batch import Batch
from kissipo.core.errors import ShapeError
from kissipo.core.tensor_spec import TensorSpec
from kissipo.output.image_features import simple_features
from kissipo.process.algorithms.supervised import Options, Supervised
from kissipo.process.layers.image_statistics import WIDTH, ImageStatistics, statistics
from kissipo.process.nets import ffn

CLASSES = TensorSpec("kind", ("class",), (3,))


def images(shape: tuple[int, ...], num_values: int = 256) -> Tensor:
    """Images of a few gray values, as files have them."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(num_values, (40, *shape), generator=generator) / (num_values - 1)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 37, 29), (1, 12, 64)])
@pytest.mark.parametrize("num_values", [2, 256])
def test_statistics_equal_those_of_numpy(shape: tuple[int, ...], num_values: int) -> None:
    x = images(shape, num_values)
    layer = ImageStatistics(*shape[1:])
    np.testing.assert_allclose(layer(x).numpy(), simple_features(x), atol=1e-5)
    layer.fit_scale(x)
    rows = simple_features(x)
    spread = np.where(rows.std(0) > 1e-6, rows.std(0), 1)
    expected = (rows - rows.mean(0)) / spread
    np.testing.assert_allclose(layer(x).numpy(), expected, atol=2e-3)


def test_gradient_of_a_plain_image_is_finite() -> None:
    x = torch.full((2, 1, 16, 16), 0.5, requires_grad=True)
    ImageStatistics(16, 16)(x).sum().backward()
    assert x.grad is not None and torch.isfinite(x.grad).all()


def test_small_images_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"images of 11x30. Allowed: sides of at least 12"):
        ImageStatistics(11, 30)


class Images:
    """Images and their classes as a data set."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.x)

    def batch(self, index: Tensor | slice) -> Batch:
        return Batch((self.x[index],), (self.y[index],))


def test_scale_is_fitted_before_the_first_step() -> None:
    x = images((1, 20, 16)) * torch.linspace(0.2, 1, 40)[:, None, None, None]
    spec = TensorSpec("image", ("channel", "height", "width"), (1, 20, 16))
    torch.manual_seed(0)
    net = ffn.build((spec,), (CLASSES,), ffn.Options(units=(8,), image_features="statistics"))
    algorithm = Supervised(net, (nn.functional.cross_entropy,), Options(), total_steps=1)
    algorithm.begin(Images(x, torch.arange(40) % 3))
    (layer,) = (layer for layer in net.modules() if isinstance(layer, ImageStatistics))
    scaled = layer(x)
    torch.testing.assert_close(scaled.mean(0), torch.zeros(WIDTH), atol=2e-3, rtol=0)
    assert ((scaled.std(0, correction=0) - 1).abs() < 2e-3).float().mean() > 0.9


def test_statistics_are_computed_once_and_training_is_the_same() -> None:
    """The net with kept statistics beside torch's own steps on all statistics."""
    x, y = images((1, 16, 16)), torch.arange(40) % 3
    spec = TensorSpec("image", ("channel", "height", "width"), (1, 16, 16))
    torch.manual_seed(0)
    net = ffn.build((spec,), (CLASSES,), ffn.Options(units=(8,), image_features="statistics"))
    algorithm = Supervised(
        net, (nn.functional.cross_entropy,), Options(optimizer="sgd", learning_rate=0.1),
        total_steps=3,
    )  # fmt: skip
    algorithm.begin(Images(x, y))
    statistics, *others = net
    plain = deepcopy(nn.Sequential(*others))
    calls = []
    statistics.register_forward_hook(lambda layer, inputs, output: calls.append(len(output)))
    rows = statistics(x)
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.1)
    calls.clear()
    for _ in range(3):
        algorithm.step(Batch((x,), (y,)))
        optimizer.zero_grad()
        nn.functional.cross_entropy(plain(rows), y).backward()
        optimizer.step()
    assert calls == [1] * 41  # each image once, after one trial
    for own, other in zip(nn.Sequential(*others).parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-5)


def test_values_outside_of_an_image_are_counted_at_its_borders() -> None:
    image = torch.rand(1, 1, 16, 16)
    image[0, 0, 0, :3] = torch.tensor([-0.4, 1.7, -9.0])
    counts = statistics(image)[0, 7:23] * 256
    bins = (image.flatten() * 16).floor().clamp(0, 15)
    assert counts.round().tolist() == [int((bins == number).sum()) for number in range(16)]

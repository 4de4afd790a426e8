"""Frozen first layers are computed once per sample, and change nothing else."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from kissipo.core.batch import Batch
from kissipo.core.tensor_spec import TensorSpec
from kissipo.engine.fit import Fit, FitConfig
from kissipo.pipeline.registries import NETS
from kissipo.process.algorithms import _frozen_part
from kissipo.process.algorithms._frozen_part import frozen_part
from kissipo.process.algorithms.supervised import Options, Supervised
from kissipo.process.pretrained import freeze_weights

IMAGE = TensorSpec("image", ("channel", "height", "width"), (3, 16, 16))
KINDS = TensorSpec("kind", ("class",), (3,))


class Nothing:
    """A data set that is not read."""

    def __len__(self) -> int:
        return 0

    def batch(self, index: Tensor | slice) -> Batch:
        raise AssertionError


def built(*frozen: str, dropout: float = 0.0) -> nn.Module:
    torch.manual_seed(0)
    module = NETS.find("efficientnet_lite0", place="net")
    options = module.Options(width_multiplier=0.1, dropout=dropout)
    net: nn.Module = module.build((IMAGE,), (KINDS,), options)
    freeze_weights(net, frozen)
    return net


def trained(net: nn.Module, batches: list[Batch], *, augmented: bool = False) -> Supervised:
    options = Options(learning_rate=0.01, epochs=1, freeze=("all but head",))
    algorithm = Supervised(net, (cross_entropy,), options, total_steps=9)
    algorithm.augmented = augmented
    algorithm.begin(Nothing())
    for batch in batches:
        algorithm.step(batch)
    return algorithm


def batches() -> list[Batch]:
    """Returns three epochs of six images, in other batches each."""
    generator = torch.Generator().manual_seed(1)
    x, y = torch.rand(6, 3, 16, 16, generator=generator), torch.arange(6) % 3
    orders = ([0, 1, 2, 3, 4, 5], [5, 0, 3, 1, 4, 2], [2, 5, 4, 0, 1, 3])
    return [Batch((x[part],), (y[part],)) for order in orders for part in (order[:4], order[4:])]


def count_samples(net: nn.Module, layer: str) -> list[int]:
    sizes: list[int] = []
    net.get_submodule(layer).register_forward_hook(lambda _, x, y: sizes.append(len(x[0])))
    return sizes


def test_frozen_layers_see_each_image_once() -> None:
    net, plain = built("all but head"), built("all but head")
    sizes = count_samples(net, "top.conv")
    trained(net, batches())
    assert sum(sizes) == 1 + 6  # the first one also shows that the layers may be kept
    sizes = count_samples(plain, "top.conv")
    trained(plain, batches(), augmented=True)
    assert sum(sizes) == 3 * 6
    for one, two in zip(net.state_dict().values(), plain.state_dict().values(), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("frozen", "dropout", "last"),
    [
        (("all but head",), 0.0, "dropout"),
        (("all but head",), 0.5, "flatten"),  # dropout draws random numbers
        (("stem", "block0", "block1"), 0.0, "block1"),
        (("block0",), 0.0, None),  # the layer before it is trained
    ],
)
def test_which_layers_are_kept(frozen: tuple[str, ...], dropout: float, last: str | None) -> None:
    net = built(*frozen, dropout=dropout).train()
    state = {name: value.clone() for name, value in net.state_dict().items()}
    part = frozen_part(net, torch.rand(2, 3, 16, 16))
    names = [] if part is None else [name for name, _ in part.layers.named_children()]
    assert (names or [None])[-1] == last
    assert all(torch.equal(state[name], value) for name, value in net.state_dict().items())


def test_batch_means_that_are_still_learned_are_not_kept() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(1024, 3))
    for layer in (net[0], net[1]):
        layer.requires_grad_(False)  # torch's batch norm goes on counting
    part = frozen_part(net.train(), torch.rand(2, 3, 16, 16))
    assert part is not None and len(part.layers) == 1


def test_no_more_than_the_limit_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_frozen_part, "MAX_BYTES", 4 * 128 * 3)
    net = built("all but head")
    sizes = count_samples(net, "top.conv")
    algorithm = trained(net, batches())
    assert algorithm._frozen_part is not None and len(algorithm._frozen_part.features) == 3
    assert sum(sizes) == 1 + 3 + 3 * 3


def test_the_loop_says_whether_images_change_at_random() -> None:
    for augment in (None, lambda batch, generator: batch):
        algorithm = trained(built("all but head"), [])
        Fit(algorithm.net, algorithm, FitConfig(1, 4, 0), train=Nothing(), augment=augment)
        assert algorithm.augmented == (augment is not None)

"""The residual net for small images: its counts, and the outputs of plain torch."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from kissipo.core.inferred_option import DataFacts
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.nets.small_resnet import DEFAULT_SPECS, Options, build, suggested_options

CLASSES = TensorSpec("kind", ("class",), (4,))


def image(*shape: int) -> TensorSpec:
    return TensorSpec("image", ("channel", "height", "width"), shape)


def test_resnet20_has_the_published_counts() -> None:
    """272,474 weights, and 40.81 million multiplications per image of CIFAR-10, as of
    the models of chenyaofo/pytorch-cifar-models."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        net = build(*DEFAULT_SPECS, Options(num_blocks=3))
        net(torch.zeros(1, 3, 32, 32))
    assert sum(weight.numel() for weight in net.parameters()) == 272_474
    assert round(counter.get_total_flops() / 2 / 1e6, 2) == 40.81
    convolutions = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d)]
    weighted = [layer for layer in convolutions if layer.kernel_size == (3, 3)]
    assert len(weighted) + 1 == 6 * 3 + 2


class PlainResNet(nn.Module):
    """ResNet-8 in plain torch, with layers in the order of the file."""

    def __init__(self, net: nn.Module, stride: int) -> None:
        super().__init__()
        layers = [part for part in net.modules() if isinstance(part, nn.Conv2d)]
        norms = [part for part in net.modules() if isinstance(part, nn.BatchNorm2d)]
        self.stride = stride
        self.convolutions = nn.ModuleList(
            nn.Conv2d(part.in_channels, part.out_channels, part.kernel_size, bias=False)
            for part in layers
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(part.num_features) for part in norms)
        self.head = nn.Linear(layers[-1].out_channels, CLASSES.size)
        for own, part in zip([*self.convolutions, *self.norms], [*layers, *norms], strict=True):
            own.load_state_dict(part.state_dict())
        self.head.load_state_dict(net.get_submodule("head").state_dict())

    def unit(self, number: int, x: Tensor, stride: int = 1) -> Tensor:
        weight = self.convolutions[number].weight
        assert isinstance(weight, Tensor)
        y = functional.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)
        normalized: Tensor = self.norms[number](y)
        return normalized

    def forward(self, x: Tensor) -> Tensor:
        x = self.unit(0, x, self.stride).relu()
        x = (self.unit(2, self.unit(1, x).relu()) + x).relu()
        x = (self.unit(4, self.unit(3, x, 2).relu()) + self.unit(5, x, 2)).relu()
        x = (self.unit(7, self.unit(6, x, 2).relu()) + self.unit(8, x, 2)).relu()
        y: Tensor = self.head(x.mean(dim=(2, 3)))
        return y


@pytest.mark.parametrize(("shape", "stride"), [((3, 32, 32), 1), ((1, 29, 23), 2)])
def test_training_steps_equal_those_of_plain_torch(shape: tuple[int, ...], stride: int) -> None:
    torch.manual_seed(0)
    net = build((image(*shape),), (CLASSES,), Options(stride=stride))
    plain = PlainResNet(net, stride)
    x, y = torch.rand(6, *shape), torch.arange(6) % 4
    for one in (net, plain):
        optimizer = torch.optim.SGD(one.parameters(), lr=0.1)
        for _ in range(2):
            optimizer.zero_grad()
            functional.cross_entropy(one(x), y).backward()
            optimizer.step()
    torch.testing.assert_close(net(x), plain(x), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(net.eval()(x), plain.eval()(x), rtol=1e-3, atol=1e-4)


def test_large_images_are_halved_and_epochs_follow_the_multiplications() -> None:
    def options(side: int, samples: int) -> dict[str, object]:
        facts = DataFacts(
            (image(1, side, side),), (CLASSES,), samples, False, ("",), ("category",), None, {}
        )
        return {option.place: option.value for option in suggested_options(facts)}

    assert options(16, 500)["process.stride"] == 1
    assert options(28, 500)["process.stride"] == 2
    # 14x14 after the first convolution, then 14x14, 7x7, 4x4, with shortcuts of 1x1
    convolutions = 144 * 14**2 + 2 * 2_304 * 14**2 + (4_608 + 9_216 + 512) * 7**2
    whole = convolutions + (18_432 + 36_864 + 2_048) * 4**2 + 64 * 4
    assert options(28, 2_000)["process.epochs"] == round(250e9 / (3 * whole * 2_000))
    assert options(28, 1_000_000)["process.epochs"] == 5
    assert options(28, 10)["process.epochs"] == 60

"""Image nets: published counts, counts by hand, and outputs of plain torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from kissipo.core.tensor_spec import TensorSpec
from kissipo.pipeline.registries import NETS
from kissipo.process.layers.inception import Inception, Widths
from kissipo.process.layers.norm import BatchNorm
from kissipo.process.layers.residual import basic, bottleneck

GOLDEN: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "golden" / "image_nets.json").read_text()
)
CLASSES = TensorSpec("kind", ("class",), (4,))
NAMES = [name for name in GOLDEN if name != "about"]


def image(*shape: int) -> TensorSpec:
    return TensorSpec("image", ("channel", "height", "width"), shape)


def published(name: str, **words: Any) -> nn.Module:
    """Builds a net of full size on the meta device, without memory for its weights."""
    module = NETS.find(name.split(" ")[0], place="net")
    with torch.device("meta"):
        net: nn.Module = module.build(
            *module.DEFAULT_SPECS, module.Options(**{**GOLDEN[name]["words"], **words})
        )
    return net.eval()


@pytest.mark.parametrize("name", NAMES)
def test_parameters_and_multiplications_equal_published_counts(name: str) -> None:
    net = published(name)
    assert sum(weight.numel() for weight in net.parameters()) == GOLDEN[name]["parameters"]
    with FlopCounterMode(display=False) as counter:
        assert net(torch.zeros(1, 3, 224, 224, device="meta")).shape == (1, 1000)
    assert round(counter.get_total_flops() / 2 / 1e9, 3) == GOLDEN[name]["multiplications"]


def test_vgg16_by_hand() -> None:
    """The lecture's rows: weights without_heads, layer by layer."""
    sizes = [
        weight.numel()
        for name, weight in published("vgg16").named_parameters()
        if name.endswith("weight")
    ]
    assert sizes == [
        *(
            1_728,
            36_864,
            73_728,
            147_456,
            294_912,
            589_824,
            589_824,
            1_179_648,
            2_359_296,
            2_359_296,
        ),
        *(2_359_296, 2_359_296, 2_359_296, 102_760_448, 16_777_216, 4_096_000),
    ]
    assert sum(sizes) + 2 * 64 + 2 * 128 + 3 * 256 + 6 * 512 + 2 * 4096 + 1000 == 138_357_544


def test_resnet50_by_hand() -> None:
    """A bottleneck from a to b channels, with m inside, has m (a + 9 m + b) weights.

    Each of its three norms has two more per channel.
    """

    def group(channels: int, inner: int, blocks: int) -> int:
        wide = 4 * inner
        norms = 2 * (inner + inner + wide)
        first = inner * (channels + 9 * inner + wide) + norms + channels * wide + 2 * wide
        return first + (blocks - 1) * (inner * (wide + 9 * inner + wide) + norms)

    stem, last = 3 * 49 * 64 + 2 * 64, 2048 * 1000 + 1000
    groups = group(64, 64, 3) + group(256, 128, 4) + group(512, 256, 6) + group(1024, 512, 3)
    assert stem + groups + last == 25_557_032 == GOLDEN["resnet50"]["parameters"]


def test_googlenet_by_hand() -> None:
    """The rows of table 1: weights and biases of each convolution.

    The number of multiplications is that of the weights times the number of positions.
    """

    def module(
        channels: int, one: int, reduced3: int, three: int, reduced5: int, five: int, pooled: int
    ) -> tuple[int, int]:
        weights = (
            channels * (one + reduced3 + reduced5 + pooled)
            + 9 * reduced3 * three
            + 25 * reduced5 * five
        )
        return weights, one + reduced3 + three + reduced5 + five + pooled

    rows = [
        (49 * 3 * 64, 64),
        (64 * 64, 64),
        (9 * 64 * 192, 192),
        module(192, 64, 96, 128, 16, 32, 32),
        module(256, 128, 128, 192, 32, 96, 64),
        module(480, 192, 96, 208, 16, 48, 64),
        module(512, 160, 112, 224, 24, 64, 64),
        module(512, 128, 128, 256, 24, 64, 64),
        module(512, 112, 144, 288, 32, 64, 64),
        module(528, 256, 160, 320, 32, 128, 128),
        module(832, 256, 160, 320, 32, 128, 128),
        module(832, 384, 192, 384, 48, 128, 128),
        (1024 * 1000, 1000),
    ]
    sides = (112, 56, 56, 28, 28, 14, 14, 14, 14, 14, 7, 7, 1)
    multiplications = sum(
        side * side * weights for side, (weights, _) in zip(sides, rows, strict=True)
    )
    assert multiplications == 1_582_671_872
    assert round(multiplications / 1e9, 3) == GOLDEN["googlenet"]["multiplications"]
    without_heads = sum(weights + biases for weights, biases in rows)
    assert without_heads == GOLDEN["googlenet alone"]["parameters"]
    heads = [width * 128 + 128 + 2048 * 1024 + 1024 + 1024 * 1000 + 1000 for width in (512, 528)]
    assert without_heads + sum(heads) == GOLDEN["googlenet"]["parameters"]


@pytest.mark.parametrize(
    "name",
    ["vgg16", "vgg16 with norm", "resnet18", "resnet152", "googlenet", "googlenet with norm"],
)
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 8, 8), (4, 31, 17), (3, 225, 223)])
def test_image_size_and_channels_are_free(name: str, shape: tuple[int, int, int]) -> None:
    module = NETS.find(name.split(" ")[0], place="net")
    with torch.device("meta"):
        net = module.build(
            (image(*shape),), (CLASSES,), module.Options(**GOLDEN[name]["words"])
        ).train()
    assert net(torch.zeros(1, *shape, device="meta")).shape == (1, 4)


def test_vgg11_equals_plain_torch() -> None:
    module = NETS.find("vgg11", place="net")
    net = module.build(
        (image(3, 40, 36),), (CLASSES,), module.Options(width_multiplier=0.1, units=(9, 7))
    ).eval()
    weights = net.state_dict()
    x = torch.randn(2, 3, 40, 36)
    y = x
    for group, count in enumerate((1, 1, 2, 2, 2), 1):
        for number in range(1, count + 1):
            place = f"conv{group}_{number}"
            y = functional.relu(
                functional.conv2d(
                    y, weights[f"{place}.weight"], weights[f"{place}.bias"], padding=1
                )
            )
        y = functional.max_pool2d(y, 2)
    y = functional.adaptive_avg_pool2d(y, 7).flatten(1)
    for place in ("fc6", "fc7"):
        y = functional.relu(
            functional.linear(y, weights[f"{place}.weight"], weights[f"{place}.bias"])
        )
    y = functional.linear(y, weights["head.weight"], weights["head.bias"])
    torch.testing.assert_close(net(x), y)


@pytest.mark.parametrize("norm", [False, True])
def test_inception_module_equals_plain_torch(norm: bool) -> None:
    torch.manual_seed(0)
    layer = Inception(5, Widths(2, 3, 4, 3, 5, 6), norm=norm).eval()
    x = torch.randn(2, 5, 7, 6)

    def unit(part: Any, x: Tensor) -> Tensor:
        y = functional.conv2d(
            x, part.conv.weight, part.conv.bias, padding=part.conv.weight.shape[-1] // 2
        )
        return functional.relu(
            y / (1 + 1e-3) ** 0.5 if norm else y
        )  # a new norm has mean 0 and variance 1

    pooled = functional.max_pool2d(functional.pad(x, (1, 1, 1, 1), value=-torch.inf), 3, stride=1)
    branches = [
        unit(layer.one, x),
        unit(layer.three.filter, unit(layer.three.reduce, x)),
        unit(layer.five.filter, unit(layer.five.reduce, x)),
        unit(layer.pool.reduce, pooled),
    ]
    torch.testing.assert_close(layer(x), torch.cat(branches, dim=1))
    assert layer.five.filter.conv.kernel_size == ((3, 3) if norm else (5, 5))


@pytest.mark.parametrize(("block", "kernels"), [(basic, [3, 3]), (bottleneck, [1, 3, 1])])
@pytest.mark.parametrize("stride", [1, 2])
def test_residual_block_equals_plain_torch(block: Any, kernels: list[int], stride: int) -> None:
    torch.manual_seed(0)
    layer, x = block(6, 4, 6, stride=stride).train(), torch.randn(3, 6, 9, 8)

    def unit(x: Tensor, conv: Any, norm: Any) -> Tensor:
        y = functional.conv2d(
            x, conv.weight, stride=conv.stride, padding=conv.weight.shape[-1] // 2
        )
        mean, variance = (
            y.mean((0, 2, 3), keepdim=True),
            y.var((0, 2, 3), unbiased=False, keepdim=True),
        )
        return (y - mean) / (variance + 1e-5).sqrt() * norm.weight[:, None, None] + norm.bias[
            :, None, None
        ]

    y = x
    for number in range(1, len(kernels) + 1):
        conv, norm = (
            layer.residual.get_submodule(f"conv{number}"),
            layer.residual.get_submodule(f"norm{number}"),
        )
        y = unit(y, conv, norm)
        y = functional.relu(y) if number < len(kernels) else y
        assert conv.kernel_size[0] == kernels[number - 1]
        assert conv.stride[0] == (
            stride if (kernels[0] == 1) == (number == 2) and (number < 3) else 1
        )
    shortcut = x if stride == 1 else unit(x, layer.shortcut.conv, layer.shortcut.norm)
    torch.testing.assert_close(layer(x), functional.relu(y + shortcut), rtol=1e-4, atol=1e-5)


WIDTHS = Widths(1, 1, 2, 1, 1, 2)


@pytest.mark.parametrize(
    "layer",
    [
        basic(2, 2, 3, stride=2),
        bottleneck(3, 2, 3),
        Inception(3, WIDTHS),
        Inception(3, WIDTHS, norm=True),
    ],
    ids=["basic", "bottleneck", "inception", "inception with norm"],
)
def test_gradients_of_layers_pass_gradcheck(layer: nn.Module) -> None:
    torch.manual_seed(0)
    layer = layer.double().train()
    channels = next(part for part in layer.modules() if isinstance(part, nn.Conv2d)).in_channels
    x = torch.randn(3, channels, 5, 4, dtype=torch.double, requires_grad=True)
    weights = {name: weight.detach().requires_grad_() for name, weight in layer.named_parameters()}

    def outputs(x: Tensor, *values: Tensor) -> Tensor:
        return torch.func.functional_call(layer, dict(zip(weights, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(
        outputs, (x, *weights.values()), fast_mode=True, check_batched_grad=False
    )


def test_batch_norm_equals_torch_unless_frozen_or_single_value() -> None:
    torch.manual_seed(0)
    ours, theirs = BatchNorm(3), nn.BatchNorm2d(3)
    for _ in range(3):
        x = torch.randn(4, 3, 2, 2)
        torch.testing.assert_close(ours(x), theirs(x))
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict())
    before, one = (
        {name: tensor.clone() for name, tensor in ours.state_dict().items()},
        torch.randn(1, 3, 1, 1),
    )
    torch.testing.assert_close(ours.train()(one), theirs.eval()(one))
    ours.requires_grad_(False)
    torch.testing.assert_close(ours.train()(x), theirs.eval()(x))
    torch.testing.assert_close(ours.state_dict(), before)


def test_kaiming_init_keeps_the_variance_of_a_deep_net() -> None:
    torch.manual_seed(0)
    module = NETS.find("vgg19", place="net")
    net = module.build(
        (image(3, 32, 32),), (CLASSES,), module.Options(width_multiplier=0.5, units=(512, 512))
    ).eval()
    assert 0.1 < net(torch.randn(16, 3, 32, 32)).std() < 10
    assert not any(weight.any() for name, weight in net.named_parameters() if name.endswith("bias"))


def test_naive_inception_modules_add_channels() -> None:
    channels, depths = 192, []
    for widths in ((64, 128, 32), (128, 192, 96)):
        channels += sum(widths)
        depths.append(channels)
    net: Any = published("googlenet alone", module="naive")
    assert [net.inception3a.channels, net.inception3b.channels] == depths == [416, 832]

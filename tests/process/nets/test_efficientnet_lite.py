"""EfficientNet-Lite: published counts, and the outputs of plain torch."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from kissipo.core.tensor_spec import TensorSpec
from kissipo.pipeline.registries import NETS
from kissipo.process.layers.inverted_residual import inverted_residual
from kissipo.process.layers.same_padding import SamePadding
from kissipo.process.nets import faster_rcnn, yolo
from kissipo.process.pretrained import load_pretrained

CLASSES = TensorSpec("kind", ("class",), (4,))
# kernel, stride, factor and filters of each block of Lite0, from table 1 of the paper
ROWS = [(3, 1, 1, 16), *((3, stride, 6, 24) for stride in (2, 1))]
ROWS += [(5, 2, 6, 40), (5, 1, 6, 40), (3, 2, 6, 80), (3, 1, 6, 80), (3, 1, 6, 80)]
ROWS += [(5, 1, 6, 112)] * 3 + [(5, 2, 6, 192), *[(5, 1, 6, 192)] * 3, (3, 1, 6, 320)]


def image(*shape: int) -> TensorSpec:
    return TensorSpec("image", ("channel", "height", "width"), shape)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("efficientnet_lite0", 4_652_008),
        ("efficientnet_lite1", 5_416_680),
        ("efficientnet_lite2", 6_092_072),
    ],
)
def test_parameters_equal_published_counts(name: str, parameters: int) -> None:
    module = NETS.find(name, place="net")
    with torch.device("meta"):
        net = module.build(*module.DEFAULT_SPECS, module.Options())
    assert sum(weight.numel() for weight in net.parameters()) == parameters


def test_lite0_by_hand() -> None:
    """Weights and multiplications, row by row; a norm has two weights per channel."""
    side, channels = 112, 32
    weights = 27 * 32 + 2 * 32
    multiplications = 112 * 112 * 27 * 32
    for kernel, stride, factor, filters in ROWS:
        inner = channels * factor
        before, side = side, -(-side // stride)
        wide = channels * inner if factor > 1 else 0
        norms = 2 * ((inner if factor > 1 else 0) + inner + filters)
        weights += wide + kernel * kernel * inner + inner * filters + norms
        multiplications += before * before * wide
        multiplications += side * side * inner * (kernel * kernel + filters)
        channels = filters
    weights += 320 * 1280 + 2 * 1280 + 1280 * 1000 + 1000
    multiplications += 7 * 7 * 320 * 1280 + 1280 * 1000
    assert weights == 4_652_008
    module = NETS.find("efficientnet_lite0", place="net")
    with torch.device("meta"):
        net = module.build(*module.DEFAULT_SPECS, module.Options()).eval()
    with FlopCounterMode(display=False) as counter:
        net(torch.zeros(1, 3, 224, 224, device="meta"))
    assert counter.get_total_flops() / 2 == multiplications == 385_187_552


def tensorflow_padding(x: Tensor, kernel: int, stride: int) -> Tensor:
    """Pads as tf.nn.conv2d does with SAME, written from its documentation."""
    sides = []
    for length in (x.shape[3], x.shape[2]):
        remainder = length % stride
        total = max(kernel - (remainder or stride), 0)
        sides += [total // 2, total - total // 2]
    return functional.pad(x, sides)


def published_weights(width: float) -> dict[str, Tensor]:
    """Returns random tensors with the published names, of a net that is less wide."""
    generator = torch.Generator().manual_seed(0)
    tensors: dict[str, Tensor] = {}

    def wide(channels: int) -> int:
        return max(1, round(channels * width))

    def norm(name: str, channels: int) -> None:
        tensors[f"{name}.weight"] = 1 + 0.1 * torch.randn(channels, generator=generator)
        tensors[f"{name}.bias"] = 0.1 * torch.randn(channels, generator=generator)
        tensors[f"{name}.running_mean"] = 0.1 * torch.randn(channels, generator=generator)
        tensors[f"{name}.running_var"] = 0.5 + torch.rand(channels, generator=generator)

    def conv(name: str, *shape: int) -> None:
        fan = shape[1] * shape[2] * shape[3]
        tensors[f"{name}.weight"] = torch.randn(shape, generator=generator) * (2 / fan) ** 0.5

    channels = wide(32)
    conv("_conv_stem", channels, 3, 3, 3)
    norm("_bn0", channels)
    for number, (kernel, _, factor, filters) in enumerate(ROWS):
        inner, filters, place = channels * factor, wide(filters), f"_blocks.{number}"
        if factor > 1:
            conv(f"{place}._expand_conv", inner, channels, 1, 1)
            norm(f"{place}._bn0", inner)
        conv(f"{place}._depthwise_conv", inner, 1, kernel, kernel)
        norm(f"{place}._bn1", inner)
        conv(f"{place}._project_conv", filters, inner, 1, 1)
        norm(f"{place}._bn2", filters)
        channels = filters
    conv("_conv_head", wide(1280), channels, 1, 1)
    norm("_bn1", wide(1280))
    tensors["_fc.weight"] = torch.randn(4, wide(1280), generator=generator)
    tensors["_fc.bias"] = torch.randn(4, generator=generator)
    return tensors


def in_plain_torch(x: Tensor, tensors: dict[str, Tensor]) -> Tensor:
    """Returns the logits for bytes, by the published names."""

    def unit(x: Tensor, conv: str, norm: str, *, stride: int = 1, groups: int = 1) -> Tensor:
        weight = tensors[f"{conv}.weight"]
        padded = tensorflow_padding(x, weight.shape[-1], stride)
        y = functional.conv2d(padded, weight, stride=stride, groups=groups)
        mean, variance = tensors[f"{norm}.running_mean"], tensors[f"{norm}.running_var"]
        y = (y - mean[:, None, None]) / (variance[:, None, None] + 1e-3).sqrt()
        return y * tensors[f"{norm}.weight"][:, None, None] + tensors[f"{norm}.bias"][:, None, None]

    x = unit((x - 127) / 128, "_conv_stem", "_bn0", stride=2).clamp(0, 6)
    for number, (_, stride, factor, _) in enumerate(ROWS):
        place, y = f"_blocks.{number}", x
        if factor > 1:
            y = unit(y, f"{place}._expand_conv", f"{place}._bn0").clamp(0, 6)
        depthwise = f"{place}._depthwise_conv"
        y = unit(y, depthwise, f"{place}._bn1", stride=stride, groups=y.shape[1]).clamp(0, 6)
        y = unit(y, f"{place}._project_conv", f"{place}._bn2")
        x = x + y if y.shape == x.shape else y
    x = unit(x, "_conv_head", "_bn1").clamp(0, 6).mean((2, 3))
    return functional.linear(x, tensors["_fc.weight"], tensors["_fc.bias"])


@pytest.mark.parametrize("sides", [(64, 64), (61, 40)])
def test_published_weights_give_the_outputs_of_plain_torch(sides: tuple[int, int]) -> None:
    module = NETS.find("efficientnet_lite0", place="net")
    options = module.Options(normalize=True, width_multiplier=0.25)
    net = module.build((image(3, *sides),), (CLASSES,), options).eval()
    tensors = published_weights(0.25)
    load_pretrained(net, tensors, ours=partial(module.ours, options=options), origin="a.pth")
    x = torch.randint(0, 256, (2, 3, *sides), generator=torch.Generator().manual_seed(1)).float()
    torch.testing.assert_close(net(x / 255), in_plain_torch(x, tensors), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 8, 8), (4, 31, 17), (3, 225, 223)])
def test_image_size_and_channels_are_free(shape: tuple[int, int, int]) -> None:
    module = NETS.find("efficientnet_lite0", place="net")
    with torch.device("meta"):
        net = module.build((image(*shape),), (CLASSES,), module.Options()).train()
    assert net(torch.zeros(1, *shape, device="meta")).shape == (1, 4)


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_same_padding_equals_a_loop(kernel: int, stride: int) -> None:
    """Window p starts at p · stride - before; there are ceil(n / stride) of them."""
    for length in range(1, 9):
        x = np.arange(1.0, length + 1)
        windows = -(-length // stride)
        needed = max((windows - 1) * stride + kernel, length)
        before = (needed - length) // 2
        sums = [
            sum(x[q] for k in range(kernel) if 0 <= (q := p * stride + k - before) < length)
            for p in range(windows)
        ]
        row = torch.from_numpy(x).reshape(1, 1, 1, length)
        padded = SamePadding(kernel, stride)(row).sum(2, keepdim=True)
        filters = torch.ones(1, 1, 1, kernel, dtype=torch.double)
        y = functional.conv2d(padded, filters, stride=stride)
        assert y.flatten().tolist() == sums


def layers() -> Iterator[tuple[str, nn.Module]]:
    yield "sum", inverted_residual(2, 2, 3, factor=2)
    yield "stride", inverted_residual(2, 3, 5, factor=2, stride=2)
    yield "no expansion", inverted_residual(2, 3, 3, factor=1)


@pytest.mark.parametrize(("name", "layer"), list(layers()), ids=[name for name, _ in layers()])
def test_gradients_of_blocks_pass_gradcheck(name: str, layer: nn.Module) -> None:
    torch.manual_seed(0)
    layer = layer.double().train()
    assert layer.is_sum == (name == "sum")
    x = torch.randn(3, 2, 5, 4, dtype=torch.double, requires_grad=True)
    weights: dict[str, Any] = {
        name: weight.detach().requires_grad_() for name, weight in layer.named_parameters()
    }

    def outputs(x: Tensor, *values: Tensor) -> Tensor:
        return torch.func.functional_call(layer, dict(zip(weights, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(
        outputs, (x, *weights.values()), fast_mode=True, check_batched_grad=False
    )


def test_a_detector_starts_from_published_weights(tmp_path: Path) -> None:
    """Its maps are those of the image net after the fifth, eleventh and last block."""
    tensors = published_weights(0.25)
    path = tmp_path / "lite0.safetensors"
    save_file(tensors, path, metadata={"net": "efficientnet_lite0"})
    words = {option.place: option.value for option in yolo.options_of_weights(path, None)}
    assert words == {"process.backbone": "efficientnet_lite0", "input.color": "rgb"}
    boxes = TensorSpec("label", ("candidate", "feature"), (0, 11))
    for net in (yolo, faster_rcnn):
        options = net.Options(backbone="efficientnet_lite0", width_multiplier=0.25, normalize=True)
        detector = net.build((image(3, 64, 96),), (boxes,), options).eval()
        message = net.load_file(detector, path, ())
        assert message is not None and "not used: _bn1.bias, " in message
        x = torch.rand(2, 3, 64, 96)
        module = NETS.find("efficientnet_lite0", place="net")
        own = module.Options(width_multiplier=0.25, normalize=True)
        whole = module.build((image(3, 64, 96),), (CLASSES,), own).eval()
        load_pretrained(whole, tensors, ours=partial(module.ours, options=own), origin="a.pth")
        for name, output in zip(
            ("block4", "block10", "block15"), detector.backbone(x), strict=True
        ):
            last = list(whole._modules).index(name) + 1
            torch.testing.assert_close(output, whole[:last](x))

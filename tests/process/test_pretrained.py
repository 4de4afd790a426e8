"""Pretrained weights, loaded by name: the outputs equal those of the published nets.

The published nets are written here in plain torch with their published names.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from kissipo.core.errors import ShapeError, TaskError
from kissipo.core.tensor_spec import TensorSpec
from kissipo.pipeline.registries import NETS
from kissipo.process.layers.heads import heads_of
from kissipo.process.pretrained import freeze_weights, load_pretrained, read_weights

MEAN = torch.tensor([0.485, 0.456, 0.406]).reshape(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).reshape(3, 1, 1)


class Block(nn.Module):
    """A block of the published ResNet-18."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels_out)
        if stride > 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, stride, bias=False),
                nn.BatchNorm2d(channels_out),
            )

    def forward(self, x: Tensor) -> Tensor:
        shortcut = self.downsample(x) if hasattr(self, "downsample") else x
        return torch.relu(self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x))))) + shortcut)


class Bottleneck(nn.Module):
    """A block of the published ResNet-50, with the stride in the 3x3."""

    def __init__(self, channels_in: int, inner: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels_in, inner, 1, bias=False), nn.BatchNorm2d(inner)
        self.conv2, self.bn2 = (
            nn.Conv2d(inner, inner, 3, stride, 1, bias=False),
            nn.BatchNorm2d(inner),
        )
        self.conv3, self.bn3 = nn.Conv2d(inner, 4 * inner, 1, bias=False), nn.BatchNorm2d(4 * inner)
        if stride > 1 or channels_in != 4 * inner:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels_in, 4 * inner, 1, stride, bias=False), nn.BatchNorm2d(4 * inner)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x))))))
        return torch.relu(
            self.bn3(self.conv3(y)) + (self.downsample(x) if hasattr(self, "downsample") else x)
        )


class PublishedResNet(nn.Module):
    """A ResNet with the names of torchvision and timm."""

    def __init__(
        self, blocks: tuple[int, ...], *, deep: bool, width: int = 64, classes: int = 10
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        channels_in = width
        for number, count in enumerate(blocks):
            layers: list[nn.Module] = []
            for index in range(count):
                stride, inner = 2 if index == 0 and number else 1, width * 2**number
                layers.append(
                    Bottleneck(channels_in, inner, stride)
                    if deep
                    else Block(channels_in, inner, stride)
                )
                channels_in = 4 * inner if deep else inner
            self.add_module(f"layer{number + 1}", nn.Sequential(*layers))
        self.fc = nn.Linear(channels_in, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        for number in (1, 2, 3, 4):
            x = self.get_submodule(f"layer{number}")(x)
        return self.fc(x.mean((2, 3)))


class PublishedVGG(nn.Module):
    """VGG-11 with the names of torchvision and an eighth of the filters."""

    def __init__(self, *, norm: bool = False, classes: int = 10) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels_in = 3
        for filters in (8, "M", 16, "M", 32, 32, "M", 64, 64, "M", 64, 64, "M"):
            if isinstance(filters, str):
                layers.append(nn.MaxPool2d(2, 2))
                continue
            norms = [nn.BatchNorm2d(filters)] if norm else []
            layers += [nn.Conv2d(channels_in, filters, 3, padding=1), *norms, nn.ReLU()]
            channels_in = filters
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        activations = (nn.ReLU(), nn.Dropout())
        self.classifier = nn.Sequential(
            nn.Linear(64 * 49, 20),
            *activations,
            nn.Linear(20, 12),
            *activations,
            nn.Linear(12, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


VGG_OPTIONS = {"width_multiplier": 0.125, "units": (20, 12)}
CASES: dict[str, tuple[str, Callable[[], nn.Module], dict[str, Any]]] = {
    "resnet18": ("resnet18", lambda: PublishedResNet((2, 2, 2, 2), deep=False), {}),
    "resnet34, narrow": (
        "resnet34",
        lambda: PublishedResNet((3, 4, 6, 3), deep=False, width=8),
        {"width_multiplier": 0.125},
    ),
    "resnet50, narrow": (
        "resnet50",
        lambda: PublishedResNet((3, 4, 6, 3), deep=True, width=8),
        {"width_multiplier": 0.125},
    ),
    "vgg11, narrow": ("vgg11", PublishedVGG, VGG_OPTIONS),
    "vgg11, narrow, with norms": (
        "vgg11",
        partial(PublishedVGG, norm=True),
        {**VGG_OPTIONS, "norm": True},
    ),
}


def ours(
    name: str, classes: int = 10, channels: int = 3, **options: Any
) -> tuple[nn.Module, Callable[[str], str]]:
    module = NETS.find(name, place="net")
    options = module.Options(**options)
    specs = (TensorSpec("image", ("channel", "height", "width"), (channels, 70, 64)),)
    net = module.build(specs, (TensorSpec("kind", ("class",), (classes,)),), options)
    return net.eval(), partial(module.ours, options=options)


def random_weights(net: nn.Module) -> nn.Module:
    """Returns the net with random statistics of its norms, too."""
    torch.manual_seed(7)
    for name, tensor in net.state_dict().items():
        if "running" in name or "bn" in name:
            tensor.copy_(torch.rand(tensor.shape) + 0.5)
    return net.eval()


def in_timms_names(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Returns weights as timm stores them: filters replace two linear layers."""
    names = {
        "classifier.0": "pre_logits.fc1",
        "classifier.3": "pre_logits.fc2",
        "classifier.6": "head.fc",
    }
    renamed = {}
    for name, tensor in weights.items():
        layer, _, field = name.rpartition(".")
        if names.get(layer, "").startswith("pre_logits") and field == "weight":
            side = 7 if layer == "classifier.0" else 1
            tensor = tensor.reshape(len(tensor), -1, side, side)
        renamed[f"{names.get(layer, layer)}.{field}"] = tensor
    return renamed


@pytest.mark.parametrize("timm", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_pretrained_outputs_equal_the_published_net(case: str, timm: bool) -> None:
    name, published, options = CASES[case]
    original = random_weights(published())
    weights = in_timms_names(original.state_dict()) if timm else original.state_dict()
    save_file(
        {name: tensor.contiguous() for name, tensor in weights.items()}, "published.safetensors"
    )
    x = torch.rand(4, 3, 70, 64)
    for center in (False, True):
        net, rename = ours(name, normalize=center, **options)
        message = load_pretrained(
            net,
            read_weights(Path("published.safetensors")),
            ours=rename,
            origin="published.safetensors",
        )
        count = f"{sum(weight.numel() for weight in original.parameters()):,}"
        assert message == f"published.safetensors fits: {count} of {count} parameters are loaded"
        with torch.no_grad():
            expected = original((x - MEAN) / STD if center else x)
            torch.testing.assert_close(net(x), expected, rtol=1e-5, atol=1e-5)
        assert expected.std() > 1e-4


def test_googlenet_names_match_the_published_weights() -> None:
    """The published names map one to one to our names, with equal shapes."""
    filters = {
        "3a": (192, 64, 96, 128, 16, 32, 32),
        "3b": (256, 128, 128, 192, 32, 96, 64),
        "4a": (480, 192, 96, 208, 16, 48, 64),
        "4b": (512, 160, 112, 224, 24, 64, 64),
        "4c": (512, 128, 128, 256, 24, 64, 64),
        "4d": (512, 112, 144, 288, 32, 64, 64),
        "4e": (528, 256, 160, 320, 32, 128, 128),
        "5a": (832, 256, 160, 320, 32, 128, 128),
        "5b": (832, 384, 192, 384, 48, 128, 128),
    }
    convolutions = {"conv1": (3, 64, 7), "conv2": (64, 64, 1), "conv3": (64, 192, 3)}
    for name, (channels_in, one, three_less, three, five_less, five, pooled) in filters.items():
        layer = f"inception{name}"
        convolutions |= {
            f"{layer}.branch1": (channels_in, one, 1),
            f"{layer}.branch2.0": (channels_in, three_less, 1),
        }
        convolutions |= {
            f"{layer}.branch2.1": (three_less, three, 3),
            f"{layer}.branch3.0": (channels_in, five_less, 1),
        }
        convolutions |= {
            f"{layer}.branch3.1": (five_less, five, 3),
            f"{layer}.branch4.1": (channels_in, pooled, 1),
        }
    convolutions |= {"aux1.conv": (512, 128, 1), "aux2.conv": (528, 128, 1)}
    published: dict[str, tuple[int, ...]] = {"fc.weight": (1000, 1024), "fc.bias": (1000,)}
    for layer, (channels_in, channels_out, kernel) in convolutions.items():
        published[f"{layer}.conv.weight"] = (channels_out, channels_in, kernel, kernel)
        published |= {
            f"{layer}.bn.{field}": (channels_out,)
            for field in ("weight", "bias", "running_mean", "running_var")
        }
        published[f"{layer}.bn.num_batches_tracked"] = ()
    for head in ("aux1", "aux2"):
        published |= {f"{head}.fc1.weight": (1024, 2048), f"{head}.fc1.bias": (1024,)}
        published |= {f"{head}.fc2.weight": (1000, 1024), f"{head}.fc2.bias": (1000,)}
    module = NETS.find("googlenet", place="net")
    options = module.Options(norm=True)
    with torch.device("meta"):
        net = module.build(*module.DEFAULT_SPECS, options)
    assert {module.ours(name, options): shape for name, shape in published.items()} == {
        name: tuple(tensor.shape) for name, tensor in net.state_dict().items()
    }


def test_head_stays_untrained_for_other_classes() -> None:
    original = random_weights(PublishedResNet((2, 2, 2, 2), deep=False, width=8, classes=1000))
    net, rename = ours("resnet18", classes=3, width_multiplier=0.125)
    before = net.get_parameter("head.weight").clone()
    message = load_pretrained(net, original.state_dict(), ours=rename, origin="r.safetensors")
    body = sum(
        weight.numel() for name, weight in original.named_parameters() if not name.startswith("fc.")
    )
    assert message == (
        f"r.safetensors fits: {body:,} of {body + 3 * 65:,} parameters are loaded; "
        "the head is untrained, because it has 3 outputs here and 1000 in the file"
    )
    assert torch.equal(net.get_parameter("head.weight"), before)
    assert torch.equal(net.get_parameter("conv1.weight"), original.get_parameter("conv1.weight"))


Change = Callable[[dict[str, Tensor]], Any]
CORRUPTED: list[tuple[Change, str]] = [
    (
        lambda weights: weights.pop("layer2.0.bn1.bias"),
        r"tensors: 1 missing in the file \(conv3\.0\.residual\.norm1\.bias\)\. It must",
    ),
    (
        lambda weights: weights.update({"layer4.1.conv2.weight": torch.zeros(64, 64, 1, 1)}),
        r"1 of another shape \(layer4\.1\.conv2\.weight: 64x64x1x1 in the file, 64x64x3x3 here\)",
    ),
    (lambda weights: weights.update({"extra": torch.zeros(3)}), r"1 not in the net \(extra\)"),
    (
        lambda weights: weights.update({"layer3.9.conv1.weight": torch.zeros(3)}),
        r"1 not in the net \(layer3\.9\.conv1\.weight\)",
    ),
    (
        lambda weights: weights.update({"head.bias": torch.zeros(10)}),
        r"1 in the file under two names \(fc\.bias\)",
    ),
    (
        lambda weights: [weights.pop(name) for name in list(weights) if name.startswith("layer1")],
        (
            r"20 missing in the file \(conv2\.0\.residual\.conv1\.weight, .*, "
            r"conv2\.0\.residual\.norm1\.running_mean and 16 more\)"
        ),
    ),
]


@pytest.mark.parametrize(("change", "message"), CORRUPTED)
def test_misfit_is_reported_and_nothing_is_changed(change: Change, message: str) -> None:
    original = PublishedResNet((2, 2, 2, 2), deep=False, width=8)
    net, rename = ours("resnet18", width_multiplier=0.125)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    weights = dict(original.state_dict())
    change(weights)
    with pytest.raises(TaskError) as error:
        load_pretrained(net, weights, ours=rename, origin="r.safetensors")
    assert re.search(message, str(error.value)), str(error.value)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(
        "process.weights: r.safetensors does not fit the net of 122 tensors: "
    )
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())


def test_weights_of_another_net_are_reported_together() -> None:
    net, rename = ours("vgg11", **VGG_OPTIONS)
    with pytest.raises(TaskError, match=r"\d+ missing in the file .*; \d+ not in the net"):
        load_pretrained(
            net,
            PublishedResNet((2, 2, 2, 2), deep=False, width=8).state_dict(),
            ours=rename,
            origin="r",
        )


def test_grayscale_error_names_the_channels_of_the_file() -> None:
    net, rename = ours("resnet18", channels=1, width_multiplier=0.125)
    with pytest.raises(
        TaskError,
        match=(
            r"conv1\.weight: 8x3x7x7 in the file, 8x1x7x7 here.*images with 3 channels: "
            r"set input"
        ),
    ):
        load_pretrained(
            net,
            PublishedResNet((2, 2, 2, 2), deep=False, width=8).state_dict(),
            ours=rename,
            origin="r",
        )
    with pytest.raises(ShapeError, match=r"process\.normalize takes color images; got 1 channels"):
        ours("resnet18", channels=1, normalize=True)


def test_norm_counters_may_be_missing_and_float16_is_read() -> None:
    original = random_weights(PublishedResNet((2, 2, 2, 2), deep=False, width=8))
    weights = {
        name: tensor.half()
        for name, tensor in original.state_dict().items()
        if "num_batches" not in name
    }
    net, rename = ours("resnet18", width_multiplier=0.125)
    load_pretrained(net, weights, ours=rename, origin="r")
    torch.testing.assert_close(
        net.get_parameter("conv1.weight"),
        original.get_parameter("conv1.weight"),
        atol=1e-3,
        rtol=1e-3,
    )
    assert net.get_parameter("conv1.weight").dtype == torch.float32


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04 pickled", b"\x10\0\0\0\0\0\0\0 not a header ..", bytes(1000)]
)
def test_files_of_other_formats_are_refused(content: bytes) -> None:
    Path("weights.pth").write_bytes(content)
    with pytest.raises(
        TaskError,
        match=r"weights\.pth is not a readable safetensors file .* unpickling can run code",
    ):
        read_weights(Path("weights.pth"))


@pytest.mark.parametrize(
    ("names", "trained"),
    [
        (("all but head",), {"head.weight", "head.bias"}),
        (("conv1", "norm1", "conv2", "conv3", "conv4", "conv5"), {"head.weight", "head.bias"}),
        (("all but conv5",), None),
        (("conv?.*.residual.norm*", "head.bias"), None),
        (("all but head.bias", "conv1"), {"head.bias"}),
    ],
)
def test_freeze_by_name(names: tuple[str, ...], trained: set[str] | None) -> None:
    net, _ = ours("resnet18", width_multiplier=0.125)
    message = freeze_weights(net, names)
    trainable = {name for name, weight in net.named_parameters() if weight.requires_grad}
    frozen = sum(weight.numel() for weight in net.parameters() if not weight.requires_grad)
    total = sum(weight.numel() for weight in net.parameters())
    assert message == f"{frozen:,} of {total:,} parameters are frozen"
    if names == ("all but conv5",):
        trained = {name for name, _ in net.named_parameters() if name.startswith("conv5.")}
    if names[0].startswith("conv?"):
        assert not any("residual.norm" in name for name in trainable)
        assert (
            "norm1.weight" in trainable
            and "head.weight" in trainable
            and "head.bias" not in trainable
        )
    else:
        assert trainable == trained


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("conv9",), r"no parameter is called 'conv9'\. Did you mean 'conv1'"),
        (("all",), r"no parameter is called 'all'"),
        (
            ("conv*", "norm1", "head"),
            r"freezes every parameter, so that nothing would be trained\. Use 'all but head'",
        ),
    ],
)
def test_freeze_refuses_wrong_names(names: tuple[str, ...], message: str) -> None:
    net, _ = ours("resnet18", width_multiplier=0.125)
    with pytest.raises(TaskError, match=message):
        freeze_weights(net, names)
    assert all(weight.requires_grad for weight in net.parameters())


def test_heads_of_nets() -> None:
    specs = (TensorSpec("kind", ("class",), (4,)), TensorSpec("size", ("answer",), (2,)))
    row = (TensorSpec("row", ("feature",), (6,)),)
    ffn = NETS.find("ffn", place="net")
    assert heads_of(ffn.build(row, specs[:1], ffn.Options(units=(5,)))) == ("3",)
    assert heads_of(ffn.build(row, specs, ffn.Options(units=(5,)))) == ("3.heads",)
    assert heads_of(ffn.build(row, specs[:1], ffn.Options(units=(5,), wide=True))) == (
        "1.wide",
        "1.head",
    )
    google, _ = ours("googlenet", width_multiplier=0.1)
    assert set(heads_of(google)) == {
        "head",
        "auxiliary.inception4a.head",
        "auxiliary.inception4d.head",
    }

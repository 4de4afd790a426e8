"""Tests of Grad-CAM: the formula by hand, and images whose relevant region is known."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from kissipo.core.tensor_spec import TensorSpec
from kissipo.inspect.grad_cam import grad_cam
from kissipo.pipeline.registries import NETS

IMAGE = TensorSpec("image", ("channel", "height", "width"), (3, 40, 36))
CLASSES = TensorSpec("kind", ("class",), (4,))


def built(name: str, **words: Any) -> nn.Module:
    torch.manual_seed(0)
    module = NETS.find(name, place="net")
    net: nn.Module = module.build((IMAGE,), (CLASSES,), module.Options(**words))
    with torch.no_grad():
        for _ in range(3):
            net.train()(torch.randn(8, *IMAGE.shape))  # so that norms know something
    return net.eval()


def of_class(number: int) -> Any:
    return lambda outputs: outputs[:, number]


def split(net: nn.Module, layer: str) -> tuple[nn.Module, nn.Module]:
    """The net up to a layer of its first level, and what follows."""
    children = dict(net.named_children())
    end = list(children).index(layer) + 1
    return nn.Sequential(*list(children.values())[:end]), nn.Sequential(
        *list(children.values())[end:]
    )


@pytest.mark.parametrize(
    ("name", "layer", "words"),
    [
        ("cnn", "5", {"filters": (6, 8), "units": (16,)}),
        ("cnn", "7", {"filters": (6, 8), "units": (16,), "norm": True, "padding": "valid"}),
        (
            "resnet18",
            "conv3.1",
            {"width_multiplier": 0.1},
        ),  # 5x5; those behind it have fewer than 4x4 places
    ],
)
def test_it_is_the_formula_worked_out_with_the_net_in_two_halves(
    name: str, layer: str, words: Any
) -> None:
    net, x = built(name, **words), torch.randn(3, *IMAGE.shape)
    heat = grad_cam(net, x, of_class(2))
    assert heat.layer == layer
    before, after = split(net, layer.split(".")[0])
    with torch.no_grad():
        maps = before(x)
    expected = []
    for one in maps:
        leaf = one[None].clone().requires_grad_(True)
        after(leaf.clone())[0, 2].backward()
        assert leaf.grad is not None
        weights = leaf.grad[0].flatten(1).mean(dim=1)
        weighted = sum(
            weight * channel for weight, channel in zip(weights, one, strict=True)
        ).clamp(min=0)  # type: ignore[union-attr]
        larger = functional.interpolate(
            weighted[None, None], size=x.shape[2:], mode="bilinear", align_corners=False
        )[0, 0]
        expected.append(larger / larger.max() if larger.max() > 0 else larger)
    assert heat.size == tuple(maps.shape[2:])
    torch.testing.assert_close(heat.maps, torch.stack(expected), rtol=1e-4, atol=1e-5)


def test_net_without_feature_maps_is_explained_by_pixels_times_gradients() -> None:
    net, x = built("ffn", units=(8,)), torch.randn(2, *IMAGE.shape)
    heat = grad_cam(net, x, of_class(1))
    leaf = x.clone().requires_grad_(True)
    net(leaf)[:, 1].sum().backward()
    assert leaf.grad is not None
    expected = (leaf.grad * x).sum(dim=1).abs()
    torch.testing.assert_close(heat.maps, expected / expected.amax(dim=(1, 2), keepdim=True))
    assert (heat.layer, heat.size, heat.describe()) == (
        "",
        (40, 36),
        "each pixel times its gradient",
    )


def test_it_is_warm_where_the_thing_is() -> None:
    """The output is the sum of filter 2, which reads only channel 2."""
    net = nn.Sequential(
        nn.Conv2d(2, 2, 3, padding=1, bias=False), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    with torch.no_grad():
        net[0].weight.zero_()  # type: ignore[operator]
        net[0].weight[0, 0] = net[0].weight[1, 1] = 1.0  # type: ignore[index]
    x = torch.zeros(1, 2, 12, 12)
    x[0, 0, 2, 3] = x[0, 1, 8, 9] = 1.0
    for number, place in ((0, (2, 3)), (1, (8, 9))):
        heat = grad_cam(net, x, of_class(number))
        warm = {tuple(index) for index in (heat.maps[0] == 1).nonzero().tolist()}
        assert warm == {(place[0] + i, place[1] + j) for i in (-1, 0, 1) for j in (-1, 0, 1)}
        assert int((heat.maps[0] > 0).sum()) == 9


def test_where_nothing_speaks_for_it_it_is_cold() -> None:
    net = nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU(), nn.Flatten(), nn.Linear(16, 1))
    nn.init.constant_(net[0].weight, -1.0)  # type: ignore[arg-type]
    nn.init.zeros_(net[0].bias)  # type: ignore[arg-type]
    assert not grad_cam(net, torch.ones(1, 1, 4, 4), of_class(0)).maps.any()


def test_the_net_is_as_it_was() -> None:
    net, x = built("resnet18", width_multiplier=0.1).train(), torch.randn(2, *IMAGE.shape)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    grad_cam(net, x, of_class(0))
    assert net.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(weight.grad is None for weight in net.parameters())
    assert not any(layer._forward_hooks for layer in net.modules())


def test_frozen_weights_do_not_change_the_heatmap() -> None:
    net, x = built("cnn", filters=(6, 8), units=(16,)), torch.randn(2, *IMAGE.shape)
    free = grad_cam(net, x, of_class(3)).maps
    for weight in net.parameters():
        weight.requires_grad_(False)
    frozen: Tensor = grad_cam(net, x, of_class(3)).maps
    assert torch.equal(free, frozen)


def test_a_net_without_gradients_has_no_heat() -> None:
    class Steps(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x.mean(dim=(1, 2, 3)) > 0).float().unsqueeze(1)

    heat = grad_cam(Steps(), torch.ones(2, 1, 4, 6), of_class(0))
    assert heat.maps.shape == (2, 4, 6) and not heat.maps.any()
    assert heat.describe() == "there are none here, as this model has no gradients"

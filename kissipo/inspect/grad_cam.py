"""Heat maps: where on an image a net looked for what it answered (Grad-CAM).

map = relu( sum over channels of  mean over places of d score / d A[channel]  ·  A[channel] )      A: what the last convolutions give

A is the last map of a layer that is not pooling and has at least 4x4 places; of a net without maps (feed-forward) the strength of
x · d score / dx at each pixel is told instead.

Shapes:   images (batch, channel, height, width) -> maps (batch, height, width) from 0 to 1
Source:   Selvaraju et al., Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization, 2017.
Example:  >>> net = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.Flatten(), nn.Linear(16, 1, bias=False))
          >>> _ = nn.init.ones_(net[0].weight), nn.init.ones_(net[2].weight)
          >>> x = torch.zeros(1, 1, 4, 4)
          >>> x[..., 0, 1] = 2.0
          >>> found = grad_cam(net, x, lambda outputs: outputs[:, 0])
          >>> found.layer, found.maps[0, 0].tolist()
          ('0', [0.0, 1.0, 0.0, 0.0])
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from kissipo.core.module_state import eval_mode
from kissipo.inspect.tracing.recording import is_step

_LEAST = 4  # places along a side; fewer say little of where
_POOLING = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)


@dataclass(frozen=True)
class HeatMaps:
    """What was found.

    maps:   (batch, height, width), the greatest of each is 1, unless nothing spoke for the answer
    layer:  whose map was read, empty where it was the image itself
    size:   of that map
    """

    maps: Tensor
    layer: str
    size: tuple[int, int]

    def describe(self) -> str:
        """From where it is."""
        height, width = self.size
        return (
            f"Grad-CAM of layer {self.layer} ({height}x{width})"
            if self.layer
            else "each pixel times its slope"
        )


def grad_cam(net: nn.Module, x: Tensor, score: Callable[[Any], Tensor]) -> HeatMaps:
    """One map an image.

    score:   of what the net gives, one number an image: how strongly it speaks for the answer
    """
    kept: dict[str, Tensor] = {}

    def keep(name: str) -> Any:
        def hook(layer: nn.Module, given: Any, gives: Any) -> None:
            if (
                isinstance(gives, Tensor)
                and gives.dim() == 4
                and min(gives.shape[2:]) > 1
                and gives.requires_grad
            ):
                kept.pop(name, None)
                kept[name] = gives

        return hook

    handles = [
        layer.register_forward_hook(keep(name))
        for name, layer in net.named_modules()
        if is_step(layer) and not isinstance(layer, _POOLING)
    ]
    try:
        with eval_mode(net), torch.enable_grad():
            x = x.detach().clone().requires_grad_(True)
            spoken = score(net(x.clone())).sum()
            large = [name for name, each in kept.items() if min(each.shape[2:]) >= _LEAST]
            layer = (large or list(kept) or [""])[-1]
            at = kept[layer] if layer else x
            (gradient,) = torch.autograd.grad(spoken, at)
    finally:
        for handle in handles:
            handle.remove()
    gradient, values = gradient.detach(), at.detach()
    if layer:
        maps = (gradient.mean(dim=(2, 3), keepdim=True) * values).sum(dim=1, keepdim=True).relu()
        maps = functional.interpolate(
            maps, size=list(x.shape[2:]), mode="bilinear", align_corners=False
        )
    else:
        maps = (gradient * values).sum(dim=1, keepdim=True).abs()
    maximum = maps.amax(dim=(2, 3), keepdim=True)
    maps = maps / maximum.where(maximum > 0, 1.0)
    return HeatMaps(maps.squeeze(1), layer, (int(at.shape[2]), int(at.shape[3])))

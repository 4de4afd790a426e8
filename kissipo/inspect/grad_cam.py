"""Heat maps: the parts of an image that a prediction depends on (Grad-CAM).

map = relu( sum over channels c of  mean over positions of d score / d A[c] · A[c] )

A is the last feature map of a layer, except pooling layers and maps smaller than 4x4.
For a net without feature maps (feed-forward) the map is |x · d score / dx| at each
pixel.

Shapes:   images (batch, channel, height, width) -> maps (batch, height, width) from 0
          to 1
Source:   Selvaraju et al., Grad-CAM: Visual Explanations from Deep Networks via
          Gradient-based Localization, 2017.
Example:  >>> conv = nn.Conv2d(1, 1, 1, bias=False)
          >>> linear = nn.Linear(16, 1, bias=False)
          >>> _ = nn.init.ones_(conv.weight), nn.init.ones_(linear.weight)
          >>> x = torch.zeros(1, 1, 4, 4)
          >>> x[..., 0, 1] = 2.0
          >>> net = nn.Sequential(conv, nn.Flatten(), linear)
          >>> heat = grad_cam(net, x, lambda outputs: outputs[:, 0])
          >>> heat.layer, heat.maps[0, 0].tolist()
          ('0', [0.0, 1.0, 0.0, 0.0])
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from kissipo.core.module_state import eval_mode
from kissipo.core.protocols import Outputs
from kissipo.inspect.tracing.recording import is_step

_MIN_SIDE = 4  # smaller maps say little about positions
_POOLING = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)


@dataclass(frozen=True)
class HeatMaps:
    """The heat maps of a batch of images.

    maps:   (batch, height, width); the maximum of each is 1, or 0 if no pixel counts
    layer:  the name of the layer; empty if the map is computed from the image itself
    size:   the height and width of the feature map
    has_gradient:  whether the score has a gradient; the maps are 0 if not
    """

    maps: Tensor
    layer: str
    size: tuple[int, int]
    has_gradient: bool = True

    def describe(self) -> str:
        """Returns the source of the maps, as text."""
        if not self.has_gradient:
            return "there are none here, as this model has no gradients"
        height, width = self.size
        return (
            f"Grad-CAM of layer {self.layer} ({height}x{width})"
            if self.layer
            else "each pixel times its gradient"
        )


def grad_cam(net: nn.Module, x: Tensor, score: Callable[[Outputs], Tensor]) -> HeatMaps:
    """Returns one heat map per image.

    score:   computes one number per image from the outputs of the net, such as a logit
    """
    outputs: dict[str, Tensor] = {}

    def record(name: str) -> object:
        def hook(layer: nn.Module, args: object, y: object) -> None:
            if isinstance(y, Tensor) and y.dim() == 4 and min(y.shape[2:]) > 1 and y.requires_grad:
                outputs.pop(name, None)
                outputs[name] = y

        return hook

    handles = [
        layer.register_forward_hook(record(name))
        for name, layer in net.named_modules()
        if is_step(layer) and not isinstance(layer, _POOLING)
    ]
    try:
        with eval_mode(net), torch.enable_grad():
            x = x.detach().clone().requires_grad_(True)
            total = score(net(x.clone())).sum()
            if not total.requires_grad:  # such as that of trees
                size = (int(x.shape[2]), int(x.shape[3]))
                return HeatMaps(torch.zeros(len(x), *size), "", size, has_gradient=False)
            large = [name for name, output in outputs.items() if min(output.shape[2:]) >= _MIN_SIDE]
            layer = (large or list(outputs) or [""])[-1]
            target = outputs[layer] if layer else x
            (gradient,) = torch.autograd.grad(total, target)
    finally:
        for handle in handles:
            handle.remove()
    gradient, values = gradient.detach(), target.detach()
    if layer:
        maps = (gradient.mean(dim=(2, 3), keepdim=True) * values).sum(dim=1, keepdim=True).relu()
        maps = functional.interpolate(
            maps, size=list(x.shape[2:]), mode="bilinear", align_corners=False
        )
    else:
        maps = (gradient * values).sum(dim=1, keepdim=True).abs()
    maximum = maps.amax(dim=(2, 3), keepdim=True)
    maps = maps / maximum.where(maximum > 0, 1.0)
    return HeatMaps(maps.squeeze(1), layer, (int(target.shape[2]), int(target.shape[3])))

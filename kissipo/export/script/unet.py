"""U-Net as the source of one class in plain torch.nn: levels on the way down and on the way up."""

from __future__ import annotations

from torch import nn

from kissipo.export.script.part import Part, filled
from kissipo.process.layers.standardize import Standardize
from kissipo.process.nets.unet import UNet

_UNET = '''
def two(channels: int, filters: int) -> nn.Sequential:
    """Two convolutions of 3x3."""
    layers: list[nn.Module] = []
    for each in (channels, filters):
        $layers
    return nn.Sequential(*layers)


class Net(nn.Module):
    """$told."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.up, self.join = (nn.ModuleList() for _ in range(3))
        for channels, filters in zip((1, *FILTERS), FILTERS):
            self.down.append(two(channels, filters))
        for channels, filters in zip(FILTERS[:0:-1], FILTERS[-2::-1]):
            self.up.append(nn.ConvTranspose2d(channels, filters, 2, stride=2))
            self.join.append(two(2 * filters, filters))
        self.head = nn.Conv2d(FILTERS[0], $classes, 1)
        for layer in self.modules():  # the start of He
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                $biases
        $bias

    def forward(self, x: Tensor) -> Tensor:
        $even
        seen = [self.down[0](x)]
        for down in self.down[1:]:
            seen.append(down(functional.max_pool2d(seen[-1], 2)))
        x = seen.pop()
        for up, join in zip(self.up, self.join):
            $joined
        x = self.head(x)
        return x
'''

_EVEN = [
    "x = x - x.mean((2, 3), keepdim=True)  # each picture has mean 0 and deviation 1",
    "x = x * (x.square().mean((2, 3), keepdim=True) + 1e-6).rsqrt()",
]
_JOINED = ["x = join(torch.cat([seen.pop(), up(x)], 1))"]
_ODD = [
    "across, x = seen.pop(), up(x)",
    "wide, high = across.shape[3] - x.shape[3], across.shape[2] - x.shape[2]",
    'x = functional.pad(x, (0, wide, 0, high), mode="replicate")',
    "x = join(torch.cat([across, x], 1))",
]


def unet_part(net: UNet, sides: tuple[int, ...]) -> Part:
    """The class of a U-Net for pictures of so many rows and columns."""
    odd = any(side % 2 ** (net.levels - 1) for side in sides)
    filters = tuple(net.get_submodule(f"down{level}")[0][0].out_channels for level in range(1, net.levels + 1))  # type: ignore[index]
    norms = any(isinstance(layer, nn.BatchNorm2d) for layer in net.modules())
    bias = ", bias=False" if norms else ""
    layers = [f"layers += [nn.Conv2d(each, filters, 3, padding=1{bias})]"]
    layers.append(f"layers += [{'nn.BatchNorm2d(filters), ' if norms else ''}nn.ReLU()]")
    told = f"U-Net of {net.levels} levels: {sum(weight.numel() for weight in net.parameters()):,} weights"
    code = filled(
        _UNET,
        told=told,
        layers=layers,
        biases=[] if norms else ['nn.init.zeros_(layer.get_parameter("bias"))'],
        bias=['nn.init.zeros_(self.head.get_parameter("bias"))'] if norms else [],
        joined=_ODD if odd else _JOINED,
        classes=net.head.out_channels,
        even=_EVEN if isinstance(net.standardize, Standardize) else [],
    )
    imports = ("from torch import Tensor, nn", "from torch.nn import functional")
    return Part(told, code, imports, (f"FILTERS = {filters}  # of each level",))

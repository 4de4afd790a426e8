"""Layers on one input as an `nn.Sequential`, or on several concatenated inputs."""

from typing import Any

from torch import Tensor, nn

from kissipo.process.layers.concat_features import ConcatFeatures


class Joined(nn.Module):
    """A concatenation of several inputs, followed by the body."""

    def __init__(self, join: ConcatFeatures, body: nn.Module) -> None:
        super().__init__()
        self.join, self.body = join, body

    def forward(self, *inputs: Tensor) -> Any:
        return self.body(self.join(*inputs))


def stack(join: ConcatFeatures, *layers: nn.Module) -> nn.Module:
    """Returns an `nn.Sequential` for one input, and Joined for several."""
    if len(join.branches) == 1:
        return nn.Sequential(join.branches[0], *layers)
    return Joined(join, layers[0] if len(layers) == 1 else nn.Sequential(*layers))

"""Stack: a join and what follows it, as one plain `nn.Sequential` where there is only one input."""

from typing import Any

from torch import Tensor, nn

from kissipo.process.layers.concat_features import ConcatFeatures


class Joined(nn.Module):
    """Several inputs are joined, then the body follows."""

    def __init__(self, join: ConcatFeatures, body: nn.Module) -> None:
        super().__init__()
        self.join, self.body = join, body

    def forward(self, *inputs: Tensor) -> Any:
        return self.body(self.join(*inputs))


def stack(join: ConcatFeatures, *layers: nn.Module) -> nn.Module:
    """The plainest module for these layers: `nn.Sequential` unless several inputs must be joined."""
    if len(join.branches) == 1:
        return nn.Sequential(join.branches[0], *layers)
    return Joined(join, layers[0] if len(layers) == 1 else nn.Sequential(*layers))

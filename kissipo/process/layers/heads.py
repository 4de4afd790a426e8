"""Heads: from features to the answers, one linear layer each.

One answer gives one tensor, several give a tuple. An answer with more than one axis (twelve months of two variables) is
computed as one long row and then folded.

Raises:   ShapeError for an answer to every pixel.
Shapes:   (batch, feature) -> (batch, *port.shape), one for each port
Example:  >>> import torch
          >>> from kissipo.core.tensor_spec import TensorSpec
          >>> Heads(4, (TensorSpec("sales", ("horizon", "variable"), (12, 2)),))(torch.zeros(3, 4)).shape
          torch.Size([3, 12, 2])
"""

from collections.abc import Sequence

from torch import Tensor, nn

from kissipo.core.errors import ShapeError
from kissipo.core.tensor_spec import TensorSpec

_HEADS = ("head", "heads", "wide")
_PIXELS = ("class", "height", "width")


class Heads(nn.Module):
    """One linear layer an answer, beside each other."""

    def __init__(self, width: int, specs: tuple[TensorSpec, ...], *, bias: bool = True) -> None:
        super().__init__()
        self.heads = nn.ModuleList([_head(width, spec, bias=bias) for spec in specs])

    def forward(self, features: Tensor) -> Tensor | tuple[Tensor, ...]:
        answers = tuple(head(features) for head in self.heads)
        return answers[0] if len(answers) == 1 else answers


def heads_of(net: nn.Module) -> tuple[str, ...]:
    """The places of the layers that depend on what is asked: those called head or wide, else the last layer with weights.

    Example:  >>> heads_of(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)))
              ('2',)
    """
    named = [name for name, _ in net.named_modules() if name.split(".")[-1] in _HEADS]
    last = [name for name, layer in net.named_modules() if list(layer.parameters(recurse=False))]
    return tuple(named or last[-1:])


def is_under(name: str, places: Sequence[str]) -> bool:
    """Whether a weight belongs to one of these places, or is one.

    Example:  >>> is_under("heads.0.bias", ("heads",)), is_under("head2.bias", ("head",))
              (True, False)
    """
    return any(name == place or name.startswith(f"{place}.") for place in places)


def head(width: int, specs: tuple[TensorSpec, ...], *, bias: bool = True) -> nn.Module:
    """The plainest module that gives these answers: a single linear layer where one is enough."""
    return _head(width, specs[0], bias=bias) if len(specs) == 1 else Heads(width, specs, bias=bias)


def _head(width: int, spec: TensorSpec, *, bias: bool) -> nn.Module:
    if spec.axes == _PIXELS:
        raise ShapeError(
            f"'{spec.name}' asks for every pixel {spec.describe()}, and this net answers an image as a whole",
            do="Use process.net=unet",
        )
    linear = nn.Linear(width, spec.size, bias=bias)
    return linear if len(spec.shape) == 1 else nn.Sequential(linear, nn.Unflatten(1, spec.shape))

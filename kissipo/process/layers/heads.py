"""Heads: one linear layer per output.

One output gives one tensor, several outputs give a tuple. An output with more than one
axis (12 months of two variables) is computed as one row and then reshaped.

Raises:   ShapeError for an output per pixel, and for one whose size the net sets.
Shapes:   (batch, feature) -> (batch, *spec.shape) for each output
Example:  >>> import torch
          >>> from kissipo.core.tensor_spec import TensorSpec
          >>> sales = TensorSpec("sales", ("horizon", "variable"), (12, 2))
          >>> Heads(4, (sales,))(torch.zeros(3, 4)).shape
          torch.Size([3, 12, 2])
"""

from collections.abc import Sequence

from torch import Tensor, nn

from kissipo.core.errors import ShapeError
from kissipo.core.tensor_spec import TensorSpec

_HEADS = ("head", "heads", "wide")
_PIXELS = ("class", "height", "width")


class Heads(nn.Module):
    """One linear layer per output."""

    def __init__(self, width: int, specs: tuple[TensorSpec, ...], *, bias: bool = True) -> None:
        super().__init__()
        self.heads = nn.ModuleList([_head(width, spec, bias=bias) for spec in specs])

    def forward(self, features: Tensor) -> Tensor | tuple[Tensor, ...]:
        outputs = tuple(head(features) for head in self.heads)
        return outputs[0] if len(outputs) == 1 else outputs


def heads_of(net: nn.Module) -> tuple[str, ...]:
    """Returns the names of the layers that depend on the task.

    Those are the layers called head, heads or wide, else the last layer with weights.

    Example:  >>> heads_of(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)))
              ('2',)
    """
    named = [name for name, _ in net.named_modules() if name.split(".")[-1] in _HEADS]
    last = [name for name, layer in net.named_modules() if list(layer.parameters(recurse=False))]
    return tuple(named or last[-1:])


def is_under(name: str, places: Sequence[str]) -> bool:
    """Returns whether a parameter belongs to one of these layers, or is one of them.

    Example:  >>> is_under("heads.0.bias", ("heads",))
              True
              >>> is_under("head2.bias", ("head",))
              False
    """
    return any(name == place or name.startswith(f"{place}.") for place in places)


def head(width: int, specs: tuple[TensorSpec, ...], *, bias: bool = True) -> nn.Module:
    """Returns a linear layer for one output, and Heads for several."""
    return _head(width, specs[0], bias=bias) if len(specs) == 1 else Heads(width, specs, bias=bias)


def linear_head(layer: nn.Module) -> tuple[nn.Linear | None, tuple[int, ...]]:
    """Returns the linear layer of a head with one output, and the shape of that output;
    None for other heads.

    Example:  >>> from kissipo.core.tensor_spec import TensorSpec
              >>> sales = TensorSpec("sales", ("horizon", "variable"), (12, 2))
              >>> linear_head(head(4, (sales,)))
              (Linear(in_features=4, out_features=24, bias=True), (12, 2))
    """
    linear, *reshaped = layer if isinstance(layer, nn.Sequential) else [layer]
    if type(linear) is not nn.Linear or any(type(one) is not nn.Unflatten for one in reshaped):
        return None, ()
    sizes = [tuple(one.unflattened_size) for one in reshaped if isinstance(one, nn.Unflatten)]
    return linear, sizes[0] if sizes else (linear.out_features,)


def _head(width: int, spec: TensorSpec, *, bias: bool) -> nn.Module:
    if spec.axes == _PIXELS:
        raise ShapeError(
            f"'{spec.name}' needs an output for every pixel {spec.describe()}, "
            "but this model has one output per image",
            do="Use process.net=unet",
        )
    if not spec.size:
        raise ShapeError(
            f"'{spec.name}' needs a net that sets the number of its candidates, "
            "but this model has a fixed number of outputs",
            do="Use process.net=grid_detector",
        )
    linear = nn.Linear(width, spec.size, bias=bias)
    return linear if len(spec.shape) == 1 else nn.Sequential(linear, nn.Unflatten(1, spec.shape))

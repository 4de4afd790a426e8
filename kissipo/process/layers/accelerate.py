"""Acceleration of the recurrent layers inside any torch model, in place and reversible.

The layers stay the same objects with the same parameters. So optimizers, hooks, shared
layers and state_dicts stay valid.

Example:  >>> model = nn.Sequential(nn.LSTM(3, 4, batch_first=True))
          >>> with accelerate(model):
          ...     print(type(model[0]).__module__)
          kissipo.process.layers.lstm
          >>> type(model[0]) is nn.LSTM
          True
"""

from __future__ import annotations

from types import TracebackType

from torch import nn

from kissipo.core.errors import TaskError
from kissipo.process.layers.gru import GRU
from kissipo.process.layers.lstm import LSTM
from kissipo.process.layers.recurrent import Kernel, Recurrent, check_kernel
from kissipo.process.layers.rnn import RNN

_FAST: dict[type[nn.Module], type[Recurrent]] = {nn.RNN: RNN, nn.GRU: GRU, nn.LSTM: LSTM}


class Acceleration:
    """The accelerated layers; `undo` or the end of a `with` block restores torch's."""

    def __init__(self, layers: list[nn.Module]) -> None:
        self.layers = layers

    def undo(self) -> None:
        """Gives every layer its torch class again."""
        for layer in self.layers:
            layer.__class__ = next(slow for slow, fast in _FAST.items() if type(layer) is fast)
            for name in ("kernel", "used", "_torch_call"):
                vars(layer).pop(name, None)
        self.layers = []

    def __enter__(self) -> Acceleration:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.undo()

    def __repr__(self) -> str:
        return f"<{len(self.layers)} recurrent layers accelerated>"


def accelerate(module: nn.Module, *, kernel: Kernel = "auto") -> Acceleration:
    """Turns every torch.nn.RNN, GRU and LSTM in `module` into kissipo's fast layer.

    Subclasses of these classes stay as they are.

    Raises:   TaskError when `module` is not a torch module.
    """
    if not isinstance(module, nn.Module):
        raise TaskError("accelerate takes a torch.nn.Module", got=type(module).__name__)
    check_kernel(kernel)
    layers = [layer for layer in module.modules() if type(layer) in _FAST]
    for layer in layers:
        layer.__class__ = _FAST[type(layer)]
        vars(layer)["kernel"] = kernel
    return Acceleration(layers)

"""A loss of the user as an object of Python, with errors in one paragraph.

Example:  >>> import torch
          >>> loss = LossObject(torch.nn.L1Loss())
          >>> loss(torch.zeros(2, 1), torch.ones(2, 1)).item()
          1.0
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from kissipo.core.errors import NotBuiltError, ShapeError
from kissipo.core.script_part import ScriptDefinition


@dataclass(frozen=True, eq=False)
class LossObject:
    """Calls a function of outputs and targets that returns one number."""

    function: Callable[[Tensor, Tensor], Tensor]

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Returns the loss of a batch.

        Raises:   ShapeError when the function does not take these tensors, or returns
                  something else than one number.
        """
        name = type(self.function).__name__
        shapes = f"outputs {tuple(outputs.shape)}, targets {tuple(targets.shape)}"
        if isinstance(self.function, nn.Module):
            self.function.to(outputs.device)
        try:
            value = self.function(outputs, targets)
        except (RuntimeError, TypeError, ValueError, IndexError) as error:
            raise ShapeError(
                f"the loss {name} does not take the outputs and targets of the task: "
                f"{str(error).splitlines()[0]}",
                got=f"{shapes} of {targets.dtype}",
            ) from error
        if not isinstance(value, Tensor) or value.dim():
            raise ShapeError(
                f"the loss {name} does not return one number",
                got=str(tuple(value.shape)) if isinstance(value, Tensor) else repr(value),
                do="Take the mean over the samples",
            )
        return value

    def script(self) -> ScriptDefinition:
        """Refuses to write the object."""
        raise NotBuiltError(
            f"kissipo eject does not write the loss {type(self.function).__name__}, an object",
            do="Name a loss of kissipo: process.loss=cross_entropy",
        )

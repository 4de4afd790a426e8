"""What the two passes of a function of autograd share."""

from typing import Protocol

from torch import Tensor


class AutogradContext(Protocol):
    """The context that torch passes to `forward` and `backward`."""

    needs_input_grad: tuple[bool, ...]

    @property
    def saved_tensors(self) -> tuple[Tensor, ...]:
        """The tensors that the forward pass saved."""
        ...

    def save_for_backward(self, *tensors: Tensor) -> None:
        """Saves tensors for the backward pass."""
        ...

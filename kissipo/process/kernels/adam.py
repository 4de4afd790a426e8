"""Adam and AdamW by the compiled kernel: one step over many tensors.

m += (1 - beta1) (g - m)        v = beta2 v + (1 - beta2) g²
w -= learning_rate m / (1 - beta1^step) / (sqrt(v / (1 - beta2^step)) + epsilon)
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kissipo.process.kernels.native import Kernels, thread_count

_ADAM, _TENSOR = struct.Struct("2q7d2q"), struct.Struct("5q")  # see native/kernels.h
_PARALLEL_WEIGHTS = 100_000

AdamTensors = tuple[Tensor, Tensor | None, Tensor, Tensor]  # w, its gradient, and the moments m, v


@dataclass(frozen=True, slots=True)
class AdamConfig:
    """The options of Adam.

    decoupled:  whether weight decay shrinks the weights (AdamW) or joins the gradients
    """

    learning_rate: float
    beta1: float
    beta2: float
    epsilon: float
    weight_decay: float
    decoupled: bool


def fits(tensors: Sequence[Tensor | None]) -> bool:
    """Whether the kernels of optimizers take these: float32 on the CPU, no gaps, one
    layout."""
    return all(
        tensor is not None
        and tensor.dtype is torch.float32
        and tensor.is_cpu
        and tensor.layout is torch.strided
        for tensor in tensors
    ) and _have_one_layout(tensors)


def _have_one_layout(tensors: Sequence[Tensor | None]) -> bool:
    """Whether all of them are contiguous, or all of them are channels-last."""
    present = [tensor for tensor in tensors if tensor is not None]
    if all(tensor.is_contiguous() for tensor in present):
        return True
    return all(tensor.is_contiguous(memory_format=torch.channels_last) for tensor in present)


def step_adam(
    kernels: Kernels, tensors: Sequence[AdamTensors], config: AdamConfig, *, step: int
) -> None:
    """Change weights and moments in place; `step` counts from 1.

    Example:  >>> from kissipo.process.kernels.native import kernels
              >>> w, m, v = torch.zeros(3, 2)
              >>> g = torch.ones(2)
              >>> config = AdamConfig(0.1, 0.9, 0.999, 1e-8, 0.0, False)
              >>> step_adam(kernels(), [(w, g, m, v)], config, step=1)
              >>> w
              tensor([-0.1000, -0.1000])
    """
    trained = [(w, m, v, g) for w, g, m, v in tensors if g is not None]
    threads = thread_count(sum(w.numel() for w, *_ in trained), _PARALLEL_WEIGHTS)
    parts = [
        _TENSOR.pack(w.numel(), w.data_ptr(), m.data_ptr(), v.data_ptr(), g.data_ptr())
        for w, m, v, g in trained
    ]
    options = (
        *(config.learning_rate, config.beta1, config.beta2, config.epsilon, config.weight_decay),
        *(1 - config.beta1**step, 1 - config.beta2**step),
    )
    header = _ADAM.pack(len(parts), config.decoupled, *options, threads, kernels.parallel_for)
    kernels.adam(header + b"".join(parts))

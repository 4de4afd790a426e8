"""One step of Adam or AdamW over many tensors by the compiled kernel."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kissipo.process.kernels.native import Kernels

_HEAD, _PART = struct.Struct("2q7d2q"), struct.Struct("5q")
_WORTH_SHARING = 100_000  # weights

Learned = tuple[Tensor, Tensor | None, Tensor, Tensor]  # weights, gradient, mean, mean of squares


@dataclass(frozen=True, slots=True)
class Rates:
    """What Adam goes by.

    decoupled:  whether decay shrinks the weights (AdamW) or joins the gradients
    """

    rate: float
    beta1: float
    beta2: float
    epsilon: float
    decay: float
    decoupled: bool


def fits_adam(tensors: Learned) -> bool:
    """Whether the kernel takes these: float32 on the CPU, laid out alike without gaps."""
    return all(
        each is not None and each.dtype is torch.float32 and each.is_cpu and each.layout is torch.strided
        for each in tensors
    ) and _lie_alike(tensors)


def _lie_alike(tensors: Learned) -> bool:
    """Whether the numbers of one weight stand at one place in all of them: in the usual order, or channels last."""
    there = [each for each in tensors if each is not None]
    if all(each.is_contiguous() for each in there):
        return True
    return all(each.is_contiguous(memory_format=torch.channels_last) for each in there)


def step_adam(kernels: Kernels, tensors: Sequence[Learned], rates: Rates, *, step: int) -> None:
    """Changes weights and means in place; `step` counts from 1.

    Example:  >>> from kissipo.process.kernels.native import kernels
              >>> w, g, m, v = torch.zeros(2), torch.ones(2), torch.zeros(2), torch.zeros(2)
              >>> step_adam(kernels(), [(w, g, m, v)], Rates(0.1, 0.9, 0.999, 1e-8, 0.0, False), step=1)
              >>> w
              tensor([-0.1000, -0.1000])
    """
    whole = [(w, g, m, v) for w, g, m, v in tensors if g is not None]
    count = sum(each[0].numel() for each in whole)
    threads = torch.get_num_threads() if count >= _WORTH_SHARING else 1
    parts = [_PART.pack(w.numel(), w.data_ptr(), m.data_ptr(), v.data_ptr(), g.data_ptr()) for w, g, m, v in whole]
    corrections = (1 - rates.beta1**step, 1 - rates.beta2**step)
    words = (rates.rate, rates.beta1, rates.beta2, rates.epsilon, rates.decay, *corrections)
    head = _HEAD.pack(len(parts), rates.decoupled, *words, threads, kernels.parallel_for)
    kernels.adam(head + b"".join(parts))

"""RMSprop by the compiled kernel: one step over many tensors.

v = alpha v + (1 - alpha) g²        w -= learning_rate g / (sqrt(v) + epsilon)
"""

import struct
from collections.abc import Sequence

from torch import Tensor

from kissipo.process.kernels.native import Kernels, thread_count

_RMSPROP, _TENSOR = struct.Struct("q4d2q"), struct.Struct("5q")  # see native/kernels.h
_PARALLEL_WEIGHTS = 100_000

RmsPropTensors = tuple[Tensor, Tensor | None, Tensor]  # w, its gradient, and v


def step_rmsprop(
    kernels: Kernels,
    tensors: Sequence[RmsPropTensors],
    learning_rate: float,
    alpha: float,
    epsilon: float,
    weight_decay: float,
) -> None:
    """Change weights and running means in place.

    Example:  >>> import torch
              >>> from kissipo.process.kernels.native import kernels
              >>> w, v = torch.zeros(2, 2)
              >>> step_rmsprop(kernels(), [(w, torch.ones(2), v)], 0.1, 0.99, 1e-8, 0.0)
              >>> w
              tensor([-1.0000, -1.0000])
    """
    trained = [(w, v, g) for w, g, v in tensors if g is not None]
    threads = thread_count(sum(w.numel() for w, *_ in trained), _PARALLEL_WEIGHTS)
    parts = [
        _TENSOR.pack(w.numel(), w.data_ptr(), 0, v.data_ptr(), g.data_ptr()) for w, v, g in trained
    ]
    options = (learning_rate, alpha, epsilon, weight_decay, threads, kernels.parallel_for)
    kernels.rmsprop(_RMSPROP.pack(len(parts), *options) + b"".join(parts))

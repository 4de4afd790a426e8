"""Seeds: every random choice is a pure function of the run's seed and of what the choice is for.

So the order of epoch 7 is the same whether the run came there unbroken or was resumed, and a change in one place (one more
layer) does not move the dice of another (the split).

Example:  >>> derive(0, "order", 7) == derive(0, "order", 7) != derive(0, "order", 8)
          True
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy import int64
    from numpy.random import Generator
    from numpy.typing import NDArray
    from torch import Generator as TorchGenerator


def derive(seed: int, *purpose: str | int) -> int:
    """A 63-bit seed for one purpose."""
    text = "/".join(str(each) for each in (seed, *purpose))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def numpy_generator(seed: int, *purpose: str | int) -> Generator:
    """A numpy generator of its own for one purpose."""
    import numpy

    return numpy.random.default_rng(derive(seed, *purpose))


def drawn(count: int, most: int, *purpose: str | int) -> NDArray[int64]:
    """At most so many of `count` positions, in rising order; drawn, because every second row may be of one kind.

    Example:  >>> drawn(3, 5, "baselines").tolist()
              [0, 1, 2]
    """
    import numpy

    everything = numpy.arange(count)
    if count <= most:
        return everything
    return numpy.sort(numpy_generator(0, *purpose).choice(everything, most, replace=False))


def torch_generator(seed: int, *purpose: str | int) -> TorchGenerator:
    """A torch generator of its own for one purpose."""
    import torch

    return torch.Generator().manual_seed(derive(seed, *purpose))

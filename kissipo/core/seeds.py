"""Seeds: every random choice is a pure function of the run's seed and of its purpose.

The order of epoch 7 is equal in a continuous run and in a resumed one. A change in one
place (one more layer) does not change the random numbers of another (the split). The
purpose strings are part of the results: they are hashed into seeds and must not change.

Example:  >>> derive(0, "order", 7) == derive(0, "order", 7) != derive(0, "order", 8)
          True
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy import int64, uint64
    from numpy.random import Generator
    from numpy.typing import NDArray
    from torch import Generator as TorchGenerator

_GOLDEN, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def derive(seed: int, *purpose: str | int) -> int:
    """Returns a 63-bit seed for one purpose."""
    text = "/".join(str(item) for item in (seed, *purpose))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def numpy_generator(seed: int, *purpose: str | int) -> Generator:
    """Returns a separate numpy generator for one purpose."""
    import numpy

    return numpy.random.default_rng(derive(seed, *purpose))


def drawn(count: int, limit: int, *purpose: str | int) -> NDArray[int64]:
    """Returns at most `limit` of `count` indices, a random sample in ascending order.

    Example:  >>> drawn(3, 5, "baselines").tolist()
              [0, 1, 2]
    """
    import numpy

    indices = numpy.arange(count)
    if count <= limit:
        return indices
    return numpy.sort(numpy_generator(0, *purpose).choice(indices, limit, replace=False))


def random_bits(key: int | NDArray[uint64], places: NDArray[uint64]) -> NDArray[uint64]:
    """Returns the 64 random bits at some places of the stream of a key, or of several.

    Source:   splitmix64 of Steele, Lea and Flood, Fast Splittable Pseudorandom Number
              Generators, 2014.
    """
    import numpy

    number = numpy.uint64
    with numpy.errstate(over="ignore"):
        z = numpy.asarray(key, dtype=number) + (places + number(1)) * number(_GOLDEN)
        z = (z ^ (z >> number(30))) * number(_FIRST)
        z = (z ^ (z >> number(27))) * number(_SECOND)
    bits: NDArray[uint64] = z ^ (z >> number(31))
    return bits


def torch_generator(seed: int, *purpose: str | int) -> TorchGenerator:
    """Returns a separate torch generator for one purpose."""
    import torch

    return torch.Generator().manual_seed(derive(seed, *purpose))

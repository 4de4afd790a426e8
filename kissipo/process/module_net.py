"""A torch module as a net: what a file of `nets/` says, for a module from Python.

Example:  >>> net = net_from_module(nn.Linear(3, 2))
          >>> net.ALGORITHMS, type(net.build((), (), net.Options()))
          (('supervised',), <class 'torch.nn.modules.linear.Linear'>)
"""

from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType

from torch import nn

from kissipo.core.tensor_spec import TensorSpec


@dataclass(frozen=True)
class Options:
    """A given module has no options."""


@lru_cache(maxsize=8)
def net_from_module(module: nn.Module) -> ModuleType:
    """Returns a net whose `build` copies the module, so the module stays as it is."""

    def build(
        inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
    ) -> nn.Module:
        return deepcopy(module)

    net = ModuleType(type(module).__name__, __doc__)
    vars(net).update(ALGORITHMS=("supervised",), Options=Options, build=build)
    return net

"""Optimizers by name: how a gradient becomes a step (S05).

sgd        w <- w - r g
momentum   v <- m v + g;  w <- w - r v
adagrad    n <- n + g²;  w <- w - r g / (sqrt(n) + e)
rmsprop    n <- 0.9 n + 0.1 g²;  w <- w - r g / (sqrt(n) + e)
adam       m, n: running means of g and g², freed from their start at zero;  w <- w - r m / (sqrt(n) + e);  0.9, 0.999, e 1e-8
adamw      adam, and each weight shrinks by r · decay a step (0.01 unless said)

Source:   Robbins and Monro 1951; Polyak 1964; Duchi et al. 2011; Hinton 2012; Kingma and Ba 2015; Loshchilov and Hutter 2019.
Choices:  torch's own implementations; the fused ones where torch has them, which do the same sums in one pass.
Example:  >>> import torch
          >>> type(optimizer("adam", [torch.nn.Parameter(torch.zeros(1))], rate=1e-3)).__name__
          'Adam'
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch
from torch import nn

Name = Literal["sgd", "momentum", "adagrad", "rmsprop", "adam", "adamw"]
RATES: dict[str, float] = {"sgd": 0.01, "momentum": 0.01, "adagrad": 0.01, "rmsprop": 1e-3, "adam": 1e-3, "adamw": 1e-3}


def optimizer(
    name: Name, parameters: Iterable[nn.Parameter], *, rate: float, momentum: float = 0.9, decay: float | None = None
) -> torch.optim.Optimizer:
    """A fresh optimizer over these parameters."""
    parameters = list(parameters)
    if name in ("sgd", "momentum"):
        return torch.optim.SGD(
            parameters, rate, momentum=momentum if name == "momentum" else 0.0, weight_decay=decay or 0.0, fused=True
        )
    if name == "adagrad":
        return torch.optim.Adagrad(parameters, rate, eps=1e-8, weight_decay=decay or 0.0)
    if name == "rmsprop":
        return torch.optim.RMSprop(parameters, rate, alpha=0.9, eps=1e-8, weight_decay=decay or 0.0)
    if name == "adam":
        return torch.optim.Adam(parameters, rate, eps=1e-8, weight_decay=decay or 0.0, fused=True)
    return torch.optim.AdamW(parameters, rate, eps=1e-8, weight_decay=0.01 if decay is None else decay, fused=True)

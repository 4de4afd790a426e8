"""Optimizers by name: how a gradient becomes a step (S05).

sgd        w <- w - r g
momentum   v <- m v + g;  w <- w - r v
adagrad    n <- n + g²;  w <- w - r g / (sqrt(n) + e)
rmsprop    n <- 0.9 n + 0.1 g²;  w <- w - r g / (sqrt(n) + e)
adam       m, n: running means of g and g², freed from their start at zero;  w <- w - r m / (sqrt(n) + e);  0.9, 0.999, e 1e-8
adamw      adam, and each weight shrinks by r · decay a step (0.01 unless said)

Source:   Robbins and Monro 1951; Polyak 1964; Duchi et al. 2011; Hinton 2012; Kingma and Ba 2015; Loshchilov and Hutter 2019.
Choices:  torch's own implementations; the fused ones where torch has them, which do the same sums in one pass. Adam's sums are
          done by a kernel of our own, as torch gathers its lists anew at each step and divides three times a weight (measured
          for 102,000 weights: 35 microseconds instead of 92), but for groups of several rates. Same state_dict, numbers equal to the
          last digits.
Example:  >>> import torch
          >>> type(optimizer("adam", [torch.nn.Parameter(torch.zeros(1))], rate=1e-3)).__name__
          'LeanAdam'
"""

from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from kissipo.process.kernels.adam import AdamConfig, fits_adam, step_adam
from kissipo.process.kernels.native import kernels
from kissipo.process.layers.heads import heads_of, is_under

Name = Literal["sgd", "momentum", "adagrad", "rmsprop", "adam", "adamw"]
RATES: dict[str, float] = {
    "sgd": 0.01,
    "momentum": 0.01,
    "adagrad": 0.01,
    "rmsprop": 1e-3,
    "adam": 1e-3,
    "adamw": 1e-3,
}
MEMORY: dict[str, int] = {
    "sgd": 0,
    "momentum": 1,
    "adagrad": 1,
    "rmsprop": 1,
    "adam": 2,
    "adamw": 2,
}  # numbers a weight


Group = dict[str, Any]


def groups(net: nn.Module, rate: float, *, backbone: float) -> list[Group]:
    """The weights that learn: those of the head with the whole rate, all others with the share `backbone` of it.

    Example:  >>> net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
              >>> [(len(group["params"]), group["lr"]) for group in groups(net, 0.1, backbone=0.5)]
              [(2, 0.1), (2, 0.05)]
    """
    heads = heads_of(net)
    parts: tuple[list[nn.Parameter], ...] = ([], [])
    for name, weight in net.named_parameters():
        if weight.requires_grad:
            parts[not is_under(name, heads)].append(weight)
    told = [
        {"params": part, "lr": rate * share, "share": share}
        for part, share in zip(parts, (1.0, backbone), strict=True)
    ]
    return [group for group in told if group["params"]]


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """The rate from now on; each group takes its share of it."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("share", 1.0)


def optimizer(
    name: Name,
    learned: Iterable[nn.Parameter] | Iterable[Group],
    *,
    rate: float,
    momentum: float = 0.9,
    decay: float | None = None,
) -> torch.optim.Optimizer:
    """A fresh optimizer over these parameters, or groups of them."""
    parameters: Any = list(learned)
    if name in ("sgd", "momentum"):
        return torch.optim.SGD(
            parameters,
            rate,
            momentum=momentum if name == "momentum" else 0.0,
            weight_decay=decay or 0.0,
            fused=True,
        )
    if name == "adagrad":
        return torch.optim.Adagrad(parameters, rate, eps=1e-8, weight_decay=decay or 0.0)
    if name == "rmsprop":
        return torch.optim.RMSprop(parameters, rate, alpha=0.9, eps=1e-8, weight_decay=decay or 0.0)
    if name == "adam":
        return LeanAdam(parameters, rate, eps=1e-8, weight_decay=decay or 0.0, fused=True)
    return LeanAdamW(
        parameters, rate, eps=1e-8, weight_decay=0.01 if decay is None else decay, fused=True
    )


def go_on(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Gives an optimizer its memory back, laid out as the weights are: the sums in one pass go through both side by side."""
    optimizer.load_state_dict(state)
    for weight, memory in optimizer.state.items():
        for name, kept in memory.items():
            if isinstance(kept, Tensor) and kept.shape == weight.shape:
                memory[name] = torch.empty_like(weight).copy_(kept)


class LeanAdam(torch.optim.Adam):
    """Adam whose step is one compiled function once the memory of every weight stands.

    The first step, any step in which a weight has no gradient, and all steps of weights that the kernel does not take go torch's
    own way.
    """

    _decoupled = False
    _memory: list[tuple[Tensor, Tensor, Tensor]] | None = None  # each weight with its running means
    _steps = 0

    def step(self, closure: Any = None) -> Any:
        found = kernels() if closure is None else None
        if found is None or not (self._memory or self._remember()):
            return self._by_torch(closure)
        learned = [
            (weight, weight.grad, mean, square) for weight, mean, square in self._memory or ()
        ]
        if not all(fits_adam(each) for each in learned):
            return self._by_torch(closure)
        group = self.param_groups[0]
        self._steps += 1
        beta1, beta2 = group["betas"]
        config = AdamConfig(
            group["lr"], beta1, beta2, group["eps"], group["weight_decay"], self._decoupled
        )
        step_adam(found, learned, config, step=self._steps)
        return None

    step.hooked = True  # type: ignore[attr-defined]  # torch would wrap a profiler's record around it, which costs 30 microseconds

    def state_dict(self) -> dict[str, Any]:
        self._settle()
        return super().state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._memory = None
        super().load_state_dict(state_dict)

    def _remember(self) -> bool:
        """Takes over from torch, if all weights were changed equally often."""
        group, *others = self.param_groups
        weights = group["params"]
        steps = {float(self.state[weight]["step"]) for weight in weights if weight in self.state}
        if others or len(steps) != 1 or any(weight not in self.state for weight in weights):
            return False
        self._steps = int(steps.pop())
        states = [self.state[weight] for weight in weights]
        self._memory = [
            (weight, state["exp_avg"], state["exp_avg_sq"])
            for weight, state in zip(weights, states, strict=True)
        ]
        return True

    def _by_torch(self, closure: Any) -> Any:
        self._settle()
        self._memory = None
        return super().step(closure)

    def _settle(self) -> None:
        """Tells torch's counters what was counted here."""
        for weight, _, _ in self._memory or ():
            self.state[weight]["step"].fill_(self._steps)


class LeanAdamW(LeanAdam, torch.optim.AdamW):
    """AdamW, in one pass as well."""

    _decoupled = True

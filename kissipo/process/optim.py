"""Optimizers by name: the rules that turn a gradient into a step (S05).

sgd        w <- w - r g
momentum   v <- m v + g;  w <- w - r v
adagrad    n <- n + g²;  w <- w - r g / (sqrt(n) + e)
rmsprop    n <- 0.9 n + 0.1 g²;  w <- w - r g / (sqrt(n) + e)
adam       m, n: bias-corrected running means of g and g², coefficients 0.9, 0.999;
           w <- w - r m / (sqrt(n) + e), e = 1e-8
adamw      adam, and each step shrinks each weight by r · decay (default 0.01)

Source:   Robbins and Monro 1951; Polyak 1964; Duchi et al. 2011; Hinton 2012;
          Kingma and Ba 2015; Loshchilov and Hutter 2019.
Choices:  torch's own implementations, fused where torch has them: they compute the same
          values in one pass. Adam and RMSprop use kernels of kissipo, because torch
          collects its lists of tensors at each step and divides three times per weight
          (measured for Adam of 102,000 weights: 35 microseconds instead of 92). With
          several learning rates torch's own are used. The state_dict is the same, and
          the values are equal up to rounding.
Example:  >>> import torch
          >>> weights = [torch.nn.Parameter(torch.zeros(1))]
          >>> type(optimizer("adam", weights, rate=1e-3)).__name__
          'LeanAdam'
"""

from collections.abc import Callable, Iterable, Sequence
from inspect import unwrap
from typing import Any, ClassVar, Literal, cast
from weakref import ref

import torch
from torch import Tensor, nn

from kissipo.core.protocols import StateDict
from kissipo.process.kernels.adam import AdamConfig, AdamTensors, fits, step_adam
from kissipo.process.kernels.native import Kernels, kernels
from kissipo.process.kernels.rmsprop import RmsPropTensors, step_rmsprop
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
}  # stored values per weight

Group = dict[str, Any]
WeightTensors = tuple[Tensor, Tensor, *tuple[Tensor, ...]]  # weight, gradient, moments


def groups(net: nn.Module, rate: float, *, backbone: float) -> list[Group]:
    """Returns two parameter groups: the head and the backbone.

    The learning rate of the backbone is that of the head times `backbone`.

    Example:  >>> net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
              >>> head_and_backbone = groups(net, 0.1, backbone=0.5)
              >>> [(len(group["params"]), group["lr"]) for group in head_and_backbone]
              [(2, 0.1), (2, 0.05)]
    """
    heads = heads_of(net)
    head_and_backbone: tuple[list[nn.Parameter], ...] = ([], [])
    for name, weight in net.named_parameters():
        if weight.requires_grad:
            head_and_backbone[not is_under(name, heads)].append(weight)
    return [
        {"params": parameters, "lr": rate * share, "share": share}
        for parameters, share in zip(head_and_backbone, (1.0, backbone), strict=True)
        if parameters
    ]


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Sets the learning rate; each group gets its share of it."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("share", 1.0)


def optimizer(
    name: Name,
    trained: Iterable[nn.Parameter] | Iterable[Group],
    *,
    rate: float,
    momentum: float = 0.9,
    decay: float | None = None,
) -> torch.optim.Optimizer:
    """Returns a new optimizer of these parameters or parameter groups."""
    parameters: Any = list(trained)
    if name in ("sgd", "momentum"):
        return SGD(
            parameters,
            rate,
            momentum=momentum if name == "momentum" else 0.0,
            weight_decay=decay or 0.0,
            fused=True,
        )
    if name == "adagrad":
        return Adagrad(parameters, rate, eps=1e-8, weight_decay=decay or 0.0)
    if name == "rmsprop":
        return LeanRMSprop(parameters, rate, alpha=0.9, eps=1e-8, weight_decay=decay or 0.0)
    if name == "adam":
        return LeanAdam(parameters, rate, eps=1e-8, weight_decay=decay or 0.0, fused=True)
    return LeanAdamW(
        parameters, rate, eps=1e-8, weight_decay=0.01 if decay is None else decay, fused=True
    )


def load_optimizer_state(optimizer: torch.optim.Optimizer, state: dict[str, object]) -> None:
    """Loads a state_dict, with each tensor in the memory layout of its weight.

    The fused optimizers read both in the same order.
    """
    optimizer.load_state_dict(state)
    for weight, memory in optimizer.state.items():
        for name, value in memory.items():
            if isinstance(value, Tensor) and value.shape == weight.shape:
                memory[name] = torch.empty_like(weight).copy_(value)


class WithoutCompiler(torch.optim.Optimizer):
    """An optimizer that does not load torch's compiler.

    Torch wraps these methods and every `step` in functions that import torch._dynamo,
    which took a third of the processor time of `kissipo fit digits epochs=3`. The
    wrappers only matter for steps that are compiled.
    """

    zero_grad = unwrap(torch.optim.Optimizer.zero_grad)
    add_param_group = unwrap(torch.optim.Optimizer.add_param_group)
    state_dict = unwrap(torch.optim.Optimizer.state_dict)
    load_state_dict = unwrap(torch.optim.Optimizer.load_state_dict)


class SGD(WithoutCompiler, torch.optim.SGD):
    """Stochastic gradient descent of torch."""

    step = torch.no_grad()(unwrap(torch.optim.SGD.step))


class Adagrad(WithoutCompiler, torch.optim.Adagrad):
    """Adagrad of torch."""

    step = torch.no_grad()(unwrap(torch.optim.Adagrad.step))


class Lean(WithoutCompiler):
    """An optimizer whose step is one compiled function.

    torch computes the first step, every step in which a weight has no gradient, and all
    steps if the kernel does not support a weight.

    MOMENTS:  torch's names of the values that are stored per weight
    """

    MOMENTS: ClassVar[tuple[str, ...]]
    _torch_step: ClassVar[Callable[..., object]]
    _memory: list[tuple[Tensor, ...]] | None = None  # weight and moments
    _checked: Sequence[Callable[[], Tensor | None]] = ()  # gradients that fitted before
    _steps = 0

    def _step_compiled(self, library: Kernels, tensors: list[WeightTensors]) -> None:
        """Computes a step of (weight, gradient, moments)."""
        raise NotImplementedError

    def step(self, closure: object = None) -> Any:
        library = kernels() if closure is None else None
        if library is None or not (self._memory or self._collect_memory()):
            return self._by_torch(closure)
        memory = self._memory or ()
        tensors = [(weight, weight.grad, *moments) for weight, *moments in memory]
        if not self._are_checked(tensors):
            if not all(map(fits, tensors)):
                return self._by_torch(closure)
            self._checked = [ref(gradient) for _, gradient, *_ in tensors if gradient is not None]
        self._steps += 1
        self._step_compiled(library, cast(list[WeightTensors], tensors))
        return None

    # Without this torch wraps a profiler around each step, which costs 30 microseconds.
    step.hooked = True  # type: ignore[attr-defined]

    def state_dict(self) -> StateDict:
        self._sync_steps()
        return super().state_dict()

    def load_state_dict(self, state_dict: dict[str, object]) -> None:
        self._memory = None
        super().load_state_dict(state_dict)

    def _are_checked(self, tensors: Sequence[tuple[Tensor | None, ...]]) -> bool:
        """Returns whether these are the gradients of the step before: nets that compute
        their own gradients write them to the same tensors."""
        return len(tensors) == len(self._checked) and all(
            gradient is not None and gradient is checked()
            for (_, gradient, *_), checked in zip(tensors, self._checked, strict=True)
        )

    def _collect_memory(self) -> bool:
        """Collects torch's tensors; False on a GPU, or if step counts differ."""
        group, *others = self.param_groups
        weights = group["params"]
        if not weights[0].is_cpu:
            return False
        steps = {float(self.state[weight]["step"]) for weight in weights if weight in self.state}
        if others or len(steps) != 1 or any(weight not in self.state for weight in weights):
            return False
        self._steps = int(steps.pop())
        self._checked = ()
        self._memory = [
            (weight, *(self.state[weight][moment] for moment in self.MOMENTS)) for weight in weights
        ]
        return True

    def _by_torch(self, closure: object) -> Any:
        self._sync_steps()
        self._memory = None
        return type(self)._torch_step(self, closure)

    def _sync_steps(self) -> None:
        """Writes the step count into torch's state."""
        for weight, *_ in self._memory or ():
            self.state[weight]["step"].fill_(self._steps)


class LeanRMSprop(Lean, torch.optim.RMSprop):
    """RMSprop whose step is one compiled function."""

    MOMENTS = ("square_avg",)
    _torch_step = torch.no_grad()(unwrap(torch.optim.RMSprop.step))

    def _step_compiled(self, library: Kernels, tensors: list[WeightTensors]) -> None:
        group = self.param_groups[0]
        options = (group["lr"], group["alpha"], group["eps"], group["weight_decay"])
        step_rmsprop(library, cast(list[RmsPropTensors], tensors), *options)


class LeanAdam(Lean, torch.optim.Adam):
    """Adam whose step is one compiled function."""

    MOMENTS = ("exp_avg", "exp_avg_sq")
    _decoupled = False
    _torch_step = torch.no_grad()(unwrap(torch.optim.Adam.step))

    def _step_compiled(self, library: Kernels, tensors: list[WeightTensors]) -> None:
        group = self.param_groups[0]
        beta1, beta2 = group["betas"]
        config = AdamConfig(
            group["lr"], beta1, beta2, group["eps"], group["weight_decay"], self._decoupled
        )
        step_adam(library, cast(list[AdamTensors], tensors), config, step=self._steps)


class LeanAdamW(LeanAdam, torch.optim.AdamW):
    """AdamW whose step is one compiled function."""

    _decoupled = True

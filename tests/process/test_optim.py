"""Optimizers, compared with numpy and torch; schedules at known values."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from math import cos, pi, sqrt
from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch import nn

from kissipo.process import optim, schedule
from kissipo.process.kernels.native import BUILT, available_sets

Array = np.ndarray
GRADIENTS = [
    np.array([[0.5, -2.0], [1.0, 0.1]]) * factor for factor in (1.0, -0.4, 0.7, 2.0, 0.0, 1.3)
]
START = np.array([[1.0, -1.0], [0.3, 2.0]])


def sgd(w: Array, rate: float) -> Array:
    for g in GRADIENTS:
        w = w - rate * g
    return w


def momentum(w: Array, rate: float) -> Array:
    v = np.zeros_like(w)
    for g in GRADIENTS:
        v = 0.9 * v + g
        w = w - rate * v
    return w


def adagrad(w: Array, rate: float) -> Array:
    n = np.zeros_like(w)
    for g in GRADIENTS:
        n = n + g**2
        w = w - rate * g / (np.sqrt(n) + 1e-8)
    return w


def rmsprop(w: Array, rate: float) -> Array:
    n = np.zeros_like(w)
    for g in GRADIENTS:
        n = 0.9 * n + 0.1 * g**2
        w = w - rate * g / (np.sqrt(n) + 1e-8)
    return w


def adam(w: Array, rate: float, decay: float = 0.0) -> Array:
    m, n = np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(GRADIENTS, 1):
        w = w - rate * decay * w
        m, n = 0.9 * m + 0.1 * g, 0.999 * n + 0.001 * g**2
        w = w - rate * (m / (1 - 0.9**t)) / (np.sqrt(n / (1 - 0.999**t)) + 1e-8)
    return w


FORMULAS: dict[str, Callable[[Array, float], Array]] = {
    "sgd": sgd,
    "momentum": momentum,
    "adagrad": adagrad,
    "rmsprop": rmsprop,
    "adam": adam,
    "adamw": lambda w, rate: adam(w, rate, decay=0.01),
}


def trained_weights(name: Any, rate: float, **more: Any) -> Array:
    weight = nn.Parameter(torch.tensor(START, dtype=torch.float32))
    steps = optim.optimizer(name, [weight], rate=rate, **more)
    for gradient in GRADIENTS:
        weight.grad = torch.tensor(gradient, dtype=torch.float32)
        steps.step()
    return weight.detach().numpy()


def test_formulas_and_rates_cover_every_optimizer() -> None:
    assert set(FORMULAS) == set(get_args(optim.Name)) == set(optim.RATES)


@pytest.mark.parametrize("name", FORMULAS)
def test_optimizer_steps_equal_the_formula(name: str) -> None:
    np.testing.assert_allclose(
        trained_weights(name, 0.1), FORMULAS[name](START, 0.1), rtol=2e-6, atol=1e-6
    )


@pytest.mark.parametrize(
    ("name", "torch_class"),
    [
        ("adam", partial(torch.optim.Adam, fused=True)),
        ("adamw", partial(torch.optim.AdamW, fused=True)),
        ("rmsprop", partial(torch.optim.RMSprop, alpha=0.9)),
    ],
)
@pytest.mark.parametrize(
    ("decay", "dtype"), [(0.0, torch.float32), (0.1, torch.float32), (0.1, torch.float64)]
)
def test_lean_optimizers_equal_torch(
    name: Any, torch_class: Any, decay: float, dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    ours, other = (
        nn.Sequential(nn.Linear(7, 5), nn.ReLU(), nn.Linear(5, 3)).to(dtype) for _ in range(2)
    )
    other.load_state_dict(ours.state_dict())
    lean = optim.optimizer(name, ours.parameters(), rate=0.01, decay=decay)
    plain = torch_class(other.parameters(), 0.01, eps=1e-8, weight_decay=decay)
    for step in range(8):
        x = torch.randn(4, 7, dtype=dtype)
        for net, steps in ((ours, lean), (other, plain)):
            if step == 5:  # a new learning rate, as from a schedule
                steps.param_groups[0]["lr"] = 0.002
            steps.zero_grad()
            net(x).square().sum().backward()
            steps.step()
        if step == 3:  # one more step, then the saved state is restored
            weights, state = deepcopy(ours.state_dict()), deepcopy(lean.state_dict())
            lean.step()
            ours.load_state_dict(weights)
            lean.load_state_dict(state)
    close = {"rtol": 0, "atol": 0} if dtype == torch.float64 else {"rtol": 3e-6, "atol": 1e-7}
    for one, two in zip(ours.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one, two, **close)  # torch computes float64
    states, expected = lean.state_dict()["state"], plain.state_dict()["state"]
    assert states.keys() == expected.keys()
    for number, state in expected.items():
        assert states[number].keys() == state.keys() and torch.equal(
            states[number]["step"], state["step"]
        )
        for name in type(lean).MOMENTS:  # type: ignore[attr-defined]
            torch.testing.assert_close(states[number][name], state[name], **close)


@pytest.mark.skipif(not BUILT, reason="the kernels were not built here")
@pytest.mark.parametrize("instructions", ["avx512", "avx2", "plain"])
def test_adam_kernel_with_a_million_weights_on_several_threads(
    instructions: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if instructions not in available_sets():
        pytest.skip(f"this machine has no {instructions}")
    monkeypatch.setattr("kissipo.process.kernels.native._FORCED", instructions)
    torch.manual_seed(1)
    pair = [nn.Parameter(torch.randn(1000, 1003)) for _ in range(2)]
    pair[1].data.copy_(pair[0])
    lean, plain = (
        optim.optimizer("adam", pair[:1], rate=0.01),
        torch.optim.Adam(pair[1:], 0.01, foreach=False),
    )
    for step in range(1, 5):
        gradient = torch.randn(1000, 1003) * 10.0 ** (-9 * step)  # until squares underflow to zero
        for weight, steps in zip(pair, (lean, plain), strict=True):
            weight.grad = gradient.clone()
            steps.step()
    torch.testing.assert_close(pair[0], pair[1], rtol=3e-6, atol=1e-6)


def test_sparse_gradients_use_torchs_step() -> None:
    table = nn.Embedding(6, 3, sparse=True)
    torch.nn.init.ones_(table.weight)
    steps = optim.optimizer("adam", table.parameters(), rate=0.1)
    table(torch.tensor([2])).sum().backward()
    with pytest.raises(RuntimeError, match="sparse"):  # torch's own message
        steps.step()


def test_weight_without_gradient_stays() -> None:
    used, idle = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    steps = optim.optimizer("adam", [used, idle], rate=0.1)
    for _ in range(3):
        used.grad = torch.ones(2)
        steps.step()
    assert torch.equal(idle, torch.ones(2)) and used.max() < 0.8


@pytest.mark.parametrize(
    ("name", "done", "factor"),
    [
        ("constant", 0.7, 1.0),
        ("step", 0.49, 1.0), ("step", 0.5, 0.1), ("step", 0.75, 0.01), ("step", 1.0, 0.01),
        ("exponential", 0.0, 1.0), ("exponential", 0.5, 0.1), ("exponential", 1.0, 0.01),
        ("cosine", 0.0, 1.0), ("cosine", 0.25, (1 + sqrt(0.5)) / 2), ("cosine", 0.5, 0.5),
        ("cosine", 1.0, 0.0),
        ("one_cycle", 0.0, 0.04), ("one_cycle", 0.15, 0.5), ("one_cycle", 0.3, 1.0),
        ("one_cycle", 0.65, 0.5), ("one_cycle", 0.475, (1 + cos(pi / 4)) / 2),
        ("one_cycle", 1.0, 0.0),
    ],
)  # fmt: skip
def test_schedule_factors_by_hand(name: Any, done: float, factor: float) -> None:
    assert schedule.factor(name, done) == pytest.approx(factor, abs=1e-12)


def test_warmup_rises_linearly_before_the_schedule() -> None:
    assert [
        schedule.factor("constant", done, warmup=0.2) for done in (0.0, 0.05, 0.1, 0.2, 0.9)
    ] == [
        0,
        0.25,
        0.5,
        1,
        1,
    ]
    assert schedule.factor("cosine", 0.5, warmup=0.2) == pytest.approx(0.5)


def test_schedule_cases_cover_every_name() -> None:
    assert set(get_args(schedule.Name)) == {
        "constant",
        "step",
        "exponential",
        "cosine",
        "one_cycle",
    }


WITHOUT_COMPILER = """
import sys, torch
from kissipo.process.optim import RATES, load_optimizer_state, optimizer
for name in RATES:
    weight = torch.nn.Parameter(torch.ones(3))
    ours = optimizer(name, [weight], rate=0.1)
    for _ in range(3):
        weight.square().sum().backward()
        ours.step()
        ours.zero_grad()
    load_optimizer_state(optimizer(name, [weight], rate=0.1), ours.state_dict())
    assert not weight.detach().equal(torch.ones(3)), name
print("torch._dynamo" in sys.modules)
"""


def test_no_optimizer_loads_the_compiler_of_torch() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_COMPILER], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "False"

"""Manual backpropagation, compared with autograd: losses, weights and gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from kissipo.core.batch import Batch
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.algorithms.supervised import Options, Supervised
from kissipo.process.kernels.native import BUILT
from kissipo.process.losses import (
    binary_cross_entropy,
    huber,
    mean_squared_error,
    sparse_categorical_cross_entropy,
)
from kissipo.process.manual_backprop import loss_and_gradient, manual_backprop
from kissipo.process.nets import ffn

built = pytest.mark.skipif(not BUILT, reason="the kernels were not built here")
CASES: dict[str, tuple[Any, Tensor, int]] = {
    "classes": (sparse_categorical_cross_entropy, torch.arange(20) % 3, 3),
    "yes or no": (binary_cross_entropy, torch.arange(20) % 2, 1),
    "several yes or no": (binary_cross_entropy, torch.arange(60).view(20, 3) % 2, 3),
    "numbers": (mean_squared_error, torch.linspace(-1, 1, 40).view(20, 2), 2),
    "no gradient formula": (huber, torch.linspace(-3, 3, 40).view(20, 2), 2),
}


def net(width: int, **options: Any) -> nn.Module:
    torch.manual_seed(3)
    return ffn.build(
        (TensorSpec("x", ("feature",), (7,)),),
        (TensorSpec("y", ("answer",), (width,)),),
        ffn.Options(units=(9, 5), **options),
    )


@pytest.mark.parametrize("name", CASES)
def test_loss_gradient_equals_autograd(name: str) -> None:
    module, targets, width = CASES[name]
    torch.manual_seed(1)
    outputs = torch.randn(20, width)
    value, gradient = loss_and_gradient(module.loss, outputs, targets)
    outputs.requires_grad_()
    expected = module.loss(outputs, targets)
    torch.testing.assert_close(value, expected.detach())
    torch.testing.assert_close(gradient, torch.autograd.grad(expected, outputs)[0])


@built
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(
    "options", [{}, {"l1": 0.01, "l2": 0.02}, {"clip_norm": 0.05}, {"optimizer": "sgd"}], ids=str
)
def test_manual_backprop_takes_the_steps_of_autograd(
    name: str, wide: bool, options: dict[str, Any]
) -> None:
    module, targets, width = CASES[name]
    pair = [net(width, wide=wide) for _ in range(2)]
    ours, autograd = (
        Supervised(model, (module.loss,), Options(learning_rate=0.01, **options), total_steps=9)
        for model in pair
    )
    for algorithm in (ours, autograd):
        algorithm.begin(None)  # type: ignore[arg-type]
    assert ours._manual_backprop is not None
    autograd._manual_backprop = None
    torch.manual_seed(2)
    for step in range(9):
        rows = slice(0, 20 - step % 3 * 6)  # batches of 20, 14 and 8
        batch = Batch((torch.randn(20, 7)[rows],), (targets[rows],))
        torch.testing.assert_close(
            ours.step(batch)["loss"], autograd.step(batch)["loss"], rtol=1e-4, atol=1e-5
        )
    for one, two in zip(pair[0].parameters(), pair[1].parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-4)
        assert one.grad is None


@built
def test_frozen_path_keeps_its_weights() -> None:
    module = net(2, wide=True)
    wide = module[1].wide  # type: ignore[index]
    wide.requires_grad_(False)
    algorithm = Supervised(
        module, (mean_squared_error.loss,), Options(learning_rate=0.1), total_steps=3
    )
    algorithm.begin(None)  # type: ignore[arg-type]
    before = wide.weight.clone()
    for _ in range(3):
        algorithm.step(Batch((torch.randn(5, 7),), (torch.randn(5, 2),)))
    assert algorithm._manual_backprop is not None and torch.equal(wide.weight, before)


@built
def test_dropout_depends_on_the_seed() -> None:
    def trained_weights(seed: int) -> Tensor:
        module = net(2, dropout=0.5)
        algorithm = Supervised(
            module, (mean_squared_error.loss,), Options(learning_rate=0.1), total_steps=3
        )
        algorithm.begin(None)  # type: ignore[arg-type]
        torch.manual_seed(seed)
        for _ in range(3):
            algorithm.step(Batch((torch.ones(5, 7),), (torch.ones(5, 2),)))
        return torch.cat([weight.detach().flatten() for weight in module.parameters()])

    assert torch.equal(trained_weights(1), trained_weights(1)) and not torch.equal(
        trained_weights(1), trained_weights(2)
    )


@built
def test_autograd_is_used_for_other_layers_and_inputs() -> None:
    flat, linear = nn.Flatten(), nn.Linear(7, 5)
    assert (
        manual_backprop(nn.Sequential(flat, linear, nn.ReLU(), nn.Dropout(0.1), nn.Linear(5, 2)))
        is not None
    )
    for layers in (
        [linear],  # without flatten
        [flat, linear, nn.Tanh(), nn.Linear(5, 2)],
        [flat, linear, nn.BatchNorm1d(5), nn.Linear(5, 2)],
        [flat, linear, nn.Dropout(0.1), nn.ReLU(), nn.Linear(5, 2)],
        [flat, nn.ReLU(), linear],
        [flat, nn.utils.parametrizations.weight_norm(nn.Linear(7, 5)), nn.ReLU(), nn.Linear(5, 2)],
        [flat, nn.Linear(7, 5).double()],
        [flat, nn.Linear(2000, 1000), nn.ReLU(), nn.Linear(1000, 1)],
    ):
        assert manual_backprop(nn.Sequential(*layers)) is None, layers
    hooked = nn.Sequential(flat, linear, nn.ReLU(), nn.Linear(5, 2))
    hooked[1].register_forward_hook(lambda layer, inputs, output: None)
    assert manual_backprop(hooked) is None
    manual = manual_backprop(nn.Sequential(nn.Flatten(), nn.Linear(7, 5)))
    assert (
        manual is not None and manual.fits(torch.randn(3, 7)) and manual.fits(torch.randn(3, 1, 7))
    )
    for x in (
        torch.randn(3, 7).double(),
        torch.randn(3, 8),
        torch.randn(0, 7),
        torch.randn(1000, 7),
        torch.arange(7),
    ):
        assert not manual.fits(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not manual.fits(torch.randn(3, 7))

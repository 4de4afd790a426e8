"""Recurrent nets without autograd: outputs, gradients and steps beside autograd in
float64."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from kissipo.core.batch import Batch
from kissipo.core.errors import ShapeError
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.algorithms.supervised import Options, Supervised
from kissipo.process.kernels import native
from kissipo.process.kernels.native import BUILT
from kissipo.process.losses import (
    binary_cross_entropy,
    huber,
    mean_squared_error,
    sparse_categorical_cross_entropy,
)
from kissipo.process.manual_backprop import (
    FeedForward,
    ManualBackprop,
    RecurrentBackprop,
    RelativeBackprop,
    manual_backprop,
)
from kissipo.process.nets import ffn, recurrent

pytestmark = pytest.mark.skipif(not BUILT, reason="the kernels were not built here")
LOSSES: dict[str, tuple[Any, Tensor, int]] = {
    "yes or no": (binary_cross_entropy.loss, torch.arange(9) % 2, 1),
    "classes": (sparse_categorical_cross_entropy.loss, torch.arange(9) % 3, 3),
    "numbers": (mean_squared_error.loss, torch.linspace(-1, 1, 18).view(9, 2), 2),
    "no gradient formula": (huber.loss, torch.linspace(-3, 3, 18).view(9, 2), 2),
}


def texts() -> Tensor:
    """Ids of 9 texts: of several lengths, with a 0 inside, and an empty one."""
    generator = torch.Generator().manual_seed(4)
    ids = torch.randint(1, 30, (9, 12), generator=generator)
    for row, length in enumerate((12, 3, 7, 7, 1, 5, 12, 2, 0)):
        ids[row, length:] = 0
    ids[0, 4] = ids[2, 0] = 0
    return ids


def net(width: int, kind: str, **options: Any) -> nn.Module:
    torch.manual_seed(3)
    spec = {
        "ids": TensorSpec("text", ("time",), (12,), vocab_size=30, padded=True),
        "numbers": TensorSpec("sound", ("time", "feature"), (12, 3), padded=True),
        "windows": TensorSpec("series", ("time", "variable"), (12, 2), labels=("a", "b")),
    }[kind]
    output = TensorSpec("y", ("class",), (width,))
    if options.get("subtract_last"):
        output = TensorSpec("y", ("horizon", "variable"), (width, 1), labels=("b",))
    return recurrent.build((spec,), (output,), recurrent.Options(embedding_dim=5, **options))


def inputs(kind: str) -> Tensor:
    if kind == "ids":
        return texts()
    x = torch.randn(
        9, 12, 3 if kind == "numbers" else 2, generator=torch.Generator().manual_seed(5)
    )
    return x * (texts() != 0).unsqueeze(-1) if kind == "numbers" else x


def assert_equals_autograd(model: nn.Module, x: Tensor, loss: Any, targets: Tensor) -> None:
    witness = deepcopy(model).double()
    expected = loss(witness(x.double() if x.is_floating_point() else x), _double(targets))
    expected.backward()
    manual = manual_backprop(model)
    assert manual is not None and manual.fits(x)
    for _ in range(2):  # the second call uses the memory of the first
        value = manual.loss_and_backward(loss, x, targets)
    torch.testing.assert_close(value.double(), expected.detach(), rtol=2e-6, atol=2e-6)
    for (name, ours), theirs in zip(model.named_parameters(), witness.parameters(), strict=True):
        if not ours.requires_grad:
            assert ours.grad is None
            continue
        assert ours.grad is not None and theirs.grad is not None, name
        torch.testing.assert_close(ours.grad.double(), theirs.grad, rtol=2e-5, atol=2e-6)


def _double(targets: Tensor) -> Tensor:
    return targets.double() if targets.is_floating_point() else targets


@pytest.mark.parametrize("kind", ["ids", "numbers", "windows"])
@pytest.mark.parametrize("pooling", ["last", "max", "mean"])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "bilstm"])
@pytest.mark.parametrize("units", [4, 21])
def test_gradients_equal_autograd_in_float64(
    kind: str, pooling: str, cell: str, units: int
) -> None:
    loss, targets, width = LOSSES["classes"]
    model = net(width, kind, cell=cell, units=units, pooling=pooling)
    assert_equals_autograd(model, inputs(kind), loss, targets)


@pytest.mark.parametrize("instructions", ["avx512", "avx2", "plain"])
@pytest.mark.parametrize("name", LOSSES)
def test_every_instruction_set_and_loss(
    monkeypatch: pytest.MonkeyPatch, instructions: str, name: str
) -> None:
    if instructions not in native.available_sets():
        pytest.skip(f"this machine has no {instructions}")
    monkeypatch.setattr("kissipo.process.kernels.native._FORCED", instructions)
    loss, targets, width = LOSSES[name]
    for cell in ("lstm", "gru", "rnn"):
        model = net(width, "ids", cell=cell, units=17, pooling="max", bidirectional=True)
        assert_equals_autograd(model, texts(), loss, targets)


def test_equal_maxima_share_their_gradient() -> None:
    model = net(2, "ids", cell="rnn", units=6, pooling="max")
    with torch.no_grad():  # the state is that of the bias alone at every step
        for name in ("weight_ih_l0", "weight_hh_l0"):
            getattr(model.cell, name).zero_()  # type: ignore[union-attr]
    loss, targets, _ = LOSSES["numbers"]
    assert_equals_autograd(model, texts(), loss, targets)


@pytest.mark.parametrize("pooling", ["last", "max"])
@pytest.mark.parametrize("patch", [1, 3])
def test_windows_relative_to_their_last_value(pooling: str, patch: int) -> None:
    model = net(2, "windows", cell="lstm", pooling=pooling, patch_length=patch, subtract_last=True)
    targets = torch.linspace(-1, 1, 18).view(9, 2, 1)
    assert isinstance(manual_backprop(model), RecurrentBackprop)
    assert_equals_autograd(model, inputs("windows"), mean_squared_error.loss, targets)


def test_feed_forward_nets_relative_to_the_last_value() -> None:
    spec = TensorSpec("series", ("time", "variable"), (12, 2), labels=("a", "b"))
    output = TensorSpec("y", ("horizon", "variable"), (2, 1), labels=("b",))
    model = ffn.build((spec,), (output,), ffn.Options(units=(7,), subtract_last=True))
    assert isinstance(manual_backprop(model), RelativeBackprop)
    targets = torch.linspace(-1, 1, 18).view(9, 2, 1)
    assert_equals_autograd(model, inputs("windows"), mean_squared_error.loss, targets)


def test_frozen_embedding_gets_no_gradient() -> None:
    model = net(3, "ids", cell="gru")
    model.embedding.weight.requires_grad_(False)  # type: ignore[union-attr]
    loss, targets, _ = LOSSES["classes"]
    assert_equals_autograd(model, texts(), loss, targets)


@pytest.mark.parametrize(
    "options",
    [{}, {"l1": 0.01, "l2": 0.02}, {"clip_norm": 0.05}, {"optimizer": "rmsprop"}, {"ema": 0.9}],
    ids=str,
)
def test_steps_equal_those_of_autograd(options: dict[str, Any]) -> None:
    loss, targets, width = LOSSES["yes or no"]
    pair = [net(width, "ids", cell="lstm", units=9) for _ in range(2)]
    ours, autograd = (
        Supervised(model, (loss,), Options(learning_rate=0.01, **options), total_steps=9)
        for model in pair
    )
    for algorithm in (ours, autograd):
        algorithm.begin(None)  # type: ignore[arg-type]
    assert ours._manual_backprop is not None
    autograd._manual_backprop = None
    generator = torch.Generator().manual_seed(2)
    for step in range(9):
        rows = torch.randperm(9, generator=generator)[: 9 - step % 3 * 2]
        batch = Batch((texts()[rows],), (targets[rows],))
        torch.testing.assert_close(
            ours.step(batch)["loss"], autograd.step(batch)["loss"], rtol=1e-4, atol=1e-5
        )
    for one, two in zip(pair[0].parameters(), pair[1].parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-4)
        assert one.grad is None


def test_dropout_scales_what_it_keeps_and_depends_on_the_seed() -> None:
    model = net(3, "ids", cell="rnn", units=40, dropout=0.5)
    manual, x = manual_backprop(model), texts()
    assert manual is not None

    def outputs(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return manual.outputs(x).clone()

    assert torch.equal(outputs(1), outputs(1)) and not torch.equal(outputs(1), outputs(2))
    mean = torch.stack([outputs(seed) for seed in range(400)]).mean(dim=0)
    torch.testing.assert_close(mean, model.eval()(x), rtol=0.1, atol=0.1)
    assert not manual.fits(x)  # in evaluation nothing is dropped


def test_dropout_passes_gradients_through_the_same_mask() -> None:
    model = net(1, "ids", cell="rnn", units=40, dropout=0.5, pooling="mean")
    manual, weight = manual_backprop(model), model.get_parameter("head.weight")
    assert manual is not None

    def total() -> Tensor:
        torch.manual_seed(0)
        return manual.outputs(texts()).sum().double()

    for changed in (weight, model.get_parameter("cell.bias_hh_l0")):
        total()
        manual.backward(texts(), torch.ones(9, 1))
        assert changed.grad is not None
        derivative = changed.grad.sum().double()
        with torch.no_grad():
            before = changed.clone()
            changed.add_(1e-2)
            above = total()
            changed.copy_(before).sub_(1e-2)
            difference = above - total()
            changed.copy_(before)
        torch.testing.assert_close(difference / 2e-2, derivative, rtol=2e-3, atol=2e-3)


def test_resumed_steps_are_equal_bit_for_bit() -> None:
    loss, targets, width = LOSSES["yes or no"]
    options = Options(learning_rate=0.01, optimizer="adam")

    def algorithm() -> Supervised:
        model = net(width, "ids", cell="lstm", units=9, dropout=0.3)
        one = Supervised(model, (loss,), options, total_steps=9)
        one.begin(None)  # type: ignore[arg-type]
        return one

    def steps(one: Supervised, numbers: range) -> None:
        for number in numbers:
            torch.manual_seed(number)
            rows = torch.randperm(9)[:7]
            one.step(Batch((texts()[rows],), (targets[rows],)))

    whole, half, rest = algorithm(), algorithm(), algorithm()
    steps(whole, range(8))
    steps(half, range(4))
    state = deepcopy((half.net.state_dict(), half.state_dict()))
    rest.net.load_state_dict(state[0])
    rest.load_state_dict(state[1])
    steps(rest, range(4, 8))
    for one, two in zip(whole.net.parameters(), rest.net.parameters(), strict=True):
        assert torch.equal(one, two)


def test_ids_outside_of_the_table_are_refused() -> None:
    manual, ids = manual_backprop(net(1, "ids")), texts()
    assert manual is not None
    for wrong in (30, -1):
        ids[3, 2] = wrong
        with pytest.raises(ShapeError, match="ids must be 0 to 29"):
            manual.outputs(ids)


def test_autograd_is_used_where_a_net_does_not_fit() -> None:
    for options in ({"num_layers": 2}, {"bidirectional": True, "merge": "sum"}):
        assert manual_backprop(net(1, "ids", **options)) is None, options
    assert manual_backprop(net(1, "ids").double()) is None
    normed = net(1, "ids")
    cell = next(layer for layer in normed.modules() if isinstance(layer, nn.RNNBase))
    nn.utils.parametrizations.weight_norm(cell, "weight_hh_l0")
    assert manual_backprop(normed) is None
    sparse = net(1, "ids")
    sparse.embedding.sparse = True  # type: ignore[union-attr]
    assert manual_backprop(sparse) is None
    model = net(1, "ids")
    manual = manual_backprop(model)
    assert isinstance(manual, ManualBackprop) and not isinstance(manual, FeedForward)
    assert manual.fits(texts())
    for x in (texts().int(), texts()[:0], torch.zeros(9, 12), texts()[0]):
        assert not manual.fits(x)
    assert not manual.fits(texts(), texts())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not manual.fits(texts())
    handle = model.cell.register_forward_hook(  # type: ignore[union-attr]
        lambda layer, inputs, output: None
    )
    assert not manual.fits(texts())
    handle.remove()
    assert manual.fits(texts())
    weight = model.get_parameter("embedding.weight")
    removed = weight.register_hook(lambda gradient: gradient)
    assert not manual.fits(texts())
    removed.remove()
    assert manual.fits(texts())
    model.cell.kernel = "torch"  # type: ignore[union-attr]
    fresh = manual_backprop(model)
    assert fresh is not None and not fresh.fits(texts())

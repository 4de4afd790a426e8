"""S21: full and truncated backpropagation through time on the unrolled graph."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from kissipo.inspect.gradients_through_time import through_time
from kissipo.process.layers import GRU, LSTM, RNN
from kissipo.process.layers.recurrent import each_state

T, D, M, K = 100, 10, 15, 1


def weights(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def test_the_weights_of_the_lecture() -> None:
    """T=100, D=10, M=15, K=1: a dense net over all steps and a recurrent net.

    The dense net has 1.5 million weights, the recurrent one 150 + 225 + 15 = 390.
    """
    unrolled = nn.Linear(T * D, T * M, bias=False)
    layer, head = RNN(D, M, bias=False, batch_first=True), nn.Linear(M, K, bias=False)
    assert weights(unrolled) == 1_500_000
    assert [parameter.numel() for parameter in layer.parameters()] == [150, 225]
    assert weights(layer) + weights(head) == 150 + 225 + 15 == 390
    assert head(layer(torch.zeros(1, T, D))[0]).shape == (1, T, K)


def test_the_recurrent_net_is_a_dense_one_with_shared_weights() -> None:
    """Unrolled over five steps, every layer has the same W and U.

    The gradients of the copies sum to the gradients of W and U.
    """
    torch.manual_seed(0)
    layer, head = RNN(D, M, bias=False, batch_first=True), nn.Linear(M, K, bias=False)
    x = torch.randn(1, 5, D)
    head(layer(x)[0][:, -1]).sum().backward()
    w, u = (
        [weight.detach().clone().requires_grad_() for _ in range(5)]
        for weight in (layer.weight_ih_l0, layer.weight_hh_l0)
    )
    h = torch.zeros(M)
    for t in range(5):
        h = torch.tanh(w[t] @ x[0, t] + u[t] @ h)
    head(h).sum().backward()
    for shared, copies in ((layer.weight_ih_l0, w), (layer.weight_hh_l0, u)):
        torch.testing.assert_close(shared.grad, torch.stack([one.grad for one in copies]).sum(0))
    assert not u[0].grad.any() and all(
        one.grad.any() for one in u[1:]
    )  # before the first step there is no state


class LastStep(nn.Module):
    """The loss is of the last step; the state is detached before step `cut`."""

    def __init__(self, cell: nn.RNNBase, cut: int = 0) -> None:
        super().__init__()
        self.cell, self.cut = cell, cut

    def forward(self, x: Tensor) -> Tensor:
        state: Any = None
        for piece in (x[:, : self.cut], x[:, self.cut :]) if self.cut else (x,):
            y, state = self.cell(piece, each_state(state, Tensor.detach))
        return y[:, -1]


@pytest.mark.parametrize("cell", [RNN, LSTM, GRU, nn.RNN, nn.LSTM, nn.GRU])
def test_a_truncated_gradient_is_the_full_one_inside_its_piece_and_nothing_before(
    cell: Any,
) -> None:
    torch.manual_seed(0)
    layer, x = cell(D, M, batch_first=True), torch.randn(1, 20, D)
    loss = {"last": lambda y: y.square().sum()}
    (full,) = through_time(LastStep(layer), (x,), loss)
    before, inside = through_time(LastStep(layer, cut=12), (x,), loss)
    assert before.norms == (0.0,) * 12 and min(full.norms) > 0
    assert inside.norms == pytest.approx(full.norms[12:], rel=1e-9)


@pytest.mark.parametrize("cell", [RNN, LSTM, GRU])
def test_truncation_changes_the_gradient_of_the_weights_as_its_graph_says(cell: Any) -> None:
    """Full: one graph of 20 steps. Truncated: the last 8 from a constant state."""
    torch.manual_seed(0)
    layer, x = cell(D, M, batch_first=True), torch.randn(1, 20, D)

    def gradients(net: nn.Module, inputs: Tensor) -> list[Tensor]:
        return list(torch.autograd.grad(net(inputs).square().sum(), list(layer.parameters())))

    full, cut = gradients(LastStep(layer), x), gradients(LastStep(layer, cut=12), x)
    with torch.no_grad():
        state = layer(x[:, :12])[1]
    alone = list(
        torch.autograd.grad(
            layer(x[:, 12:], state)[0][:, -1].square().sum(), list(layer.parameters())
        )
    )
    torch.testing.assert_close(cut, alone)
    assert all(
        not torch.allclose(one, other, rtol=1e-3) for one, other in zip(full, cut, strict=True)
    )


def reaches(build_layer: Any, scale: float) -> list[float]:
    """Ratio first to last of five layers with recurrent weights of this size."""
    ratios = []
    for seed in range(5):
        torch.manual_seed(seed)
        layer = build_layer()
        with torch.no_grad():
            for name, weight in layer.named_parameters():
                weight.mul_(scale if name.startswith("weight_hh") else 1.0)
        (result,) = through_time(
            LastStep(layer), (torch.randn(1, 40, D),), {"last": lambda y: y.sum()}
        )
        ratios.append(result.ratio or 0.0)
    return ratios


def test_small_recurrent_weights_vanish_and_large_ones_explode() -> None:
    """The gradient of an active relu is 1, so the size of U decides.

    An open forget gate keeps the gradient from vanishing.
    """
    small = reaches(lambda: nn.RNN(D, M, batch_first=True, nonlinearity="relu"), 1.0)
    large = reaches(lambda: nn.RNN(D, M, batch_first=True, nonlinearity="relu"), 5.0)
    assert max(small) < 1e-6 and min(large) > 1e3

    def remembering() -> nn.LSTM:
        layer = nn.LSTM(D, M, batch_first=True)
        with torch.no_grad():
            layer.bias_ih_l0[M : 2 * M].fill_(5.0)
        return layer

    assert min(reaches(remembering, 1.0)) > 1000 * max(
        reaches(lambda: nn.RNN(D, M, batch_first=True), 1.0)
    )

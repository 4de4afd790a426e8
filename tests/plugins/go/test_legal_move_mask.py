"""Legal move mask: occupied points have no probability and no gradient."""

from __future__ import annotations

import torch
from torch import nn

from kissipo.core.protocols import has_auxiliary_heads
from kissipo.inspect.trace import steps_of
from kissipo.inspect.tracing.record import record
from kissipo.plugins.go.legal_move_mask import LegalMoveMask, legal_move_mask


def test_legal_move_mask_keeps_the_odds_of_legal_points() -> None:
    board = torch.tensor([[[[0.0, 1.0], [-1.0, 0.0]]], [[[0.0, 0.0], [0.0, 1.0]]]])
    scores = torch.tensor([[1.0, 90.0, 80.0, 2.0], [0.5, 0.25, -3.0, 7.0]])

    class ConstantScores(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return scores

    probabilities = LegalMoveMask(ConstantScores())(board).softmax(1)
    for row, occupied in ((0, [1, 2]), (1, [3])):
        assert probabilities[row, occupied].tolist() == [0] * len(occupied)
        legal = [point for point in range(4) if point not in occupied]
        torch.testing.assert_close(probabilities[row, legal], scores[row, legal].softmax(0))


def test_occupied_points_get_no_gradient() -> None:
    linear = nn.Linear(4, 4)
    board = torch.tensor([[[[0.0, 1.0], [1.0, 0.0]]]])
    loss = nn.functional.cross_entropy(
        LegalMoveMask(nn.Sequential(nn.Flatten(), linear))(board), torch.tensor([0])
    )
    loss.backward()
    assert linear.bias.grad is not None
    assert (linear.bias.grad != 0).tolist() == [True, False, False, True]
    assert torch.isfinite(loss)


def test_auxiliary_heads_are_masked_too() -> None:
    class NetWithAuxiliary(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.flatten(1) + 5

        def with_auxiliary(self, x: torch.Tensor) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
            return self(x), (x.flatten(1) + 7, x.flatten(1) * 3)

    board = torch.tensor([[[[0.0, 1.0], [-1.0, 0.0]]]])
    net = legal_move_mask(NetWithAuxiliary())
    assert has_auxiliary_heads(net) and not has_auxiliary_heads(legal_move_mask(nn.Flatten()))
    minimum = torch.finfo(torch.float32).min
    points, others = net.with_auxiliary(board)  # type: ignore[operator]
    assert points.tolist() == net(board).tolist() == [[5, minimum, minimum, 5]]
    assert [other.tolist() for other in others] == [
        [[7, minimum, minimum, 7]],
        [[0, minimum, minimum, 0]],
    ]


def test_legal_move_mask_is_a_step_of_the_trace() -> None:
    net = LegalMoveMask(nn.Sequential(nn.Flatten(), nn.Linear(4, 4)))
    steps = steps_of(record(net, (torch.tensor([[[[0.0, 1.0], [1.0, 0.0]]]]),)))
    assert [step.description for step in steps] == [
        "flatten",
        "linear 4 -> 4",
        "occupied points are masked",
    ]
    assert [step.parameters for step in steps] == [0, 20, 0]

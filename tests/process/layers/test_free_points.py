"""Taken points of a board: no probability, no slope, whatever the net behind them says."""

from __future__ import annotations

import torch
from torch import nn

from kissipo.core.protocols import has_auxiliary_heads
from kissipo.inspect.trace import steps_of
from kissipo.inspect.tracing.record import record
from kissipo.process.layers.legal_move_mask import LegalMoveMask, legal_move_mask


def test_taken_points_have_no_probability_and_free_ones_keep_their_odds() -> None:
    board = torch.tensor([[[[0.0, 1.0], [-1.0, 0.0]]], [[[0.0, 0.0], [0.0, 1.0]]]])
    scores = torch.tensor([[1.0, 90.0, 80.0, 2.0], [0.5, 0.25, -3.0, 7.0]])

    class Given(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return scores

    shares = LegalMoveMask(Given())(board).softmax(1)
    for row, taken in ((0, [1, 2]), (1, [3])):
        assert shares[row, taken].tolist() == [0] * len(taken)
        free = [at for at in range(4) if at not in taken]
        torch.testing.assert_close(shares[row, free], scores[row, free].softmax(0))


def test_no_slope_goes_to_what_may_not_be_answered() -> None:
    linear = nn.Linear(4, 4)
    board = torch.tensor([[[[0.0, 1.0], [1.0, 0.0]]]])
    loss = nn.functional.cross_entropy(
        LegalMoveMask(nn.Sequential(nn.Flatten(), linear))(board), torch.tensor([0])
    )
    loss.backward()
    assert linear.bias.grad is not None
    assert (linear.bias.grad != 0).tolist() == [True, False, False, True]
    assert torch.isfinite(loss)


def test_heads_in_the_middle_answer_no_taken_point_either() -> None:
    class Headed(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.flatten(1) + 5

        def with_auxiliary(self, x: torch.Tensor) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
            return self(x), (x.flatten(1) + 7, x.flatten(1) * 3)

    board = torch.tensor([[[[0.0, 1.0], [-1.0, 0.0]]]])
    net = legal_move_mask(Headed())
    assert has_auxiliary_heads(net) and not has_auxiliary_heads(legal_move_mask(nn.Flatten()))
    least = torch.finfo(torch.float32).min
    points, others = net.with_auxiliary(board)  # type: ignore[operator]
    assert points.tolist() == net(board).tolist() == [[5, least, least, 5]]
    assert [other.tolist() for other in others] == [[[7, least, least, 7]], [[0, least, least, 0]]]


def test_it_is_a_step_of_the_way_where_a_point_is_taken() -> None:
    net = LegalMoveMask(nn.Sequential(nn.Flatten(), nn.Linear(4, 4)))
    steps = steps_of(record(net, (torch.tensor([[[[0.0, 1.0], [1.0, 0.0]]]]),)))
    assert [step.description for step in steps] == [
        "flatten",
        "linear 4 -> 4",
        "occupied points are masked",
    ]
    assert [step.parameters for step in steps] == [0, 20, 0]

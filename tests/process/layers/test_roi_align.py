"""RoI align and proposals: loops of numpy, a linear ramp, and greedy suppression."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from kissipo.codec._boxes import OFFSET_SIZES, with_center, with_corners
from kissipo.inspect.breakdown import explain_value
from kissipo.output.decode.nms import nms
from kissipo.process.layers.proposal_boxes import ProposalBoxes
from kissipo.process.layers.proposals import Proposals, survivors
from kissipo.process.layers.roi_align import RoIAlign

Array = NDArray[np.float64]


def value_at(x: Array, y: float, across: float) -> float:
    """Returns the value of a map at a point in cells, where cell i has its center at
    i + 1/2."""
    total = 0.0
    for row in range(x.shape[0]):
        for column in range(x.shape[1]):
            v = min(max(y - 0.5, 0), x.shape[0] - 1)
            u = min(max(across - 0.5, 0), x.shape[1] - 1)
            total += x[row, column] * max(0, 1 - abs(v - row)) * max(0, 1 - abs(u - column))
    return total


def aligned(x: Array, box: Array, side: int) -> Array:
    """Returns the bins of one channel below one box: a loop over bins and points."""
    height, width = x.shape
    low_x, low_y = box[0] - box[2] / 2, box[1] - box[3] / 2
    bins = np.zeros((side, side))
    for row in range(side):
        for column in range(side):
            for quarter in ((1, 1), (1, 3), (3, 1), (3, 3)):
                y = low_y + box[3] * (row + quarter[0] / 4) / side
                across = low_x + box[2] * (column + quarter[1] / 4) / side
                bins[row, column] += value_at(x, y * height, across * width) / 4
    return bins


@pytest.mark.parametrize("side", [1, 3, 7])
def test_roi_align_equals_a_loop(side: int) -> None:
    generator = np.random.default_rng(side)
    x, boxes = generator.normal(size=(2, 3, 5, 6)), generator.uniform(0.1, 0.9, (2, 4, 4))
    boxes[:, 0] = [0.05, 0.95, 0.4, 0.3]  # beyond the border
    result = RoIAlign(side)(torch.tensor(x), torch.tensor(boxes))
    assert result.shape == (2, 4, 3, side, side)
    expected = [
        [[aligned(channel, box, side) for channel in image] for box in boxes[number]]
        for number, image in enumerate(x)
    ]
    np.testing.assert_allclose(result.numpy(), np.array(expected), atol=1e-12)


def test_roi_align_is_exact_on_a_ramp() -> None:
    """On a linear map each bin has the value at its center."""
    rows, columns = torch.meshgrid(torch.arange(12.0), torch.arange(16.0), indexing="ij")
    ramp = (3 * (rows + 0.5) / 12 - 2 * (columns + 0.5) / 16 + 1)[None, None].double()
    box = torch.tensor([[[0.45, 0.6, 0.5, 0.3]]], dtype=torch.double)
    bins = RoIAlign(7)(ramp, box)[0, 0, 0]
    steps = (torch.arange(7, dtype=torch.double) + 0.5) / 7 - 0.5
    expected = 3 * (0.6 + 0.3 * steps)[:, None] - 2 * (0.45 + 0.5 * steps) + 1
    torch.testing.assert_close(bins, expected, rtol=0, atol=1e-6)


def test_gradient_reaches_the_map_and_not_the_boxes() -> None:
    x = torch.randn(1, 2, 4, 5, dtype=torch.double, requires_grad=True)
    boxes = torch.tensor([[[0.4, 0.5, 0.5, 0.6]]], dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: RoIAlign(3)(x, boxes), (x,))
    RoIAlign(3)(x, boxes).sum().backward()
    assert boxes.grad is None and x.grad is not None and x.grad.any()


def test_breakdowns_of_the_second_stage() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 2, 5, 6, generator=generator)
    boxes = torch.rand(1, 3, 4, generator=generator)
    layer = RoIAlign(3)
    output = layer(x, boxes)
    for index in ((0, 0, 0, 0, 0), (0, 1, 1, 2, 1), (0, 2, 1, 0, 2)):
        assert explain_value(layer, (x, boxes), output, index).agrees
    inputs = (boxes, torch.randn(1, 3, 4), torch.randn(1, 3, 4))
    rows = ProposalBoxes()(*inputs)
    for feature in range(rows.shape[2]):
        assert explain_value(ProposalBoxes(), inputs, rows, (0, 1, feature)).agrees


def test_candidates_of_the_second_stage_have_the_softmax_over_all_classes() -> None:
    proposals, offsets = torch.rand(2, 3, 4), torch.randn(2, 3, 4)
    logits = torch.randn(2, 3, 5)
    rows = ProposalBoxes()(proposals, offsets, logits)
    p = rows[..., 8:9].sigmoid() * rows[..., 9:].softmax(-1)
    torch.testing.assert_close(p, logits.softmax(-1)[..., 1:])
    x, y, w, h = proposals.unbind(-1)
    moved = offsets * torch.tensor(OFFSET_SIZES)
    expected = (x + moved[..., 0] * w, y + moved[..., 1] * h)
    expected += (w * moved[..., 2].exp(), h * moved[..., 3].exp())
    torch.testing.assert_close(rows[..., 4:8], torch.stack(expected, -1))
    assert torch.equal(rows[..., :4], proposals)


@pytest.mark.parametrize("seed", range(5))
def test_suppression_of_all_images_at_once_is_greedy(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    low = torch.rand(3, 60, 2, generator=generator) * 0.6
    corners = torch.cat([low, low + 0.4 * torch.rand(3, 60, 2, generator=generator)], dim=-1)
    survives = survivors(corners, iou_threshold=0.3)
    scores = torch.arange(60.0, 0, -1)
    for boxes, row in zip(corners, survives, strict=True):
        greedy = nms(boxes, scores, torch.zeros(60), iou_threshold=0.3)
        assert row.nonzero().flatten().tolist() == greedy
        assert 1 < len(greedy) < 60


def test_proposals_are_the_best_boxes_then_the_suppressed_ones() -> None:
    boxes = torch.tensor(
        [[0.3, 0.5, 0.4, 0.4], [0.31, 0.5, 0.4, 0.4], [0.75, 0.5, 0.2, 0.2], [0.95, 0.5, 0.3, 0.2]]
    )
    logits = torch.tensor([[1.0], [2.0], [0.0], [-1.0]])
    rows = torch.cat([torch.zeros(4, 4), boxes, logits], dim=1)[None].requires_grad_()
    proposals = Proposals(4, 4, iou_threshold=0.7)(rows)
    assert not proposals.requires_grad
    cut = with_center(with_corners(boxes[3]).clamp(0, 1))  # at the border of the image
    expected = torch.stack([boxes[1], boxes[2], cut, boxes[0]])
    torch.testing.assert_close(proposals[0], expected)
    assert len(Proposals(2, 4, iou_threshold=0.7)(rows)[0]) == 2

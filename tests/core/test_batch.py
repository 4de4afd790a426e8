"""Batch: moved to a device and cut into parts, compared with slices by hand."""

import pytest
import torch

from kissipo.core.batch import Batch


@pytest.mark.parametrize(("parts", "sizes"), [(1, [7]), (3, [3, 2, 2]), (7, [1] * 7), (9, [1] * 7)])
def test_parts_are_the_rows_in_order(parts: int, sizes: list[int]) -> None:
    x, y, weights = torch.rand(7, 2, 3), torch.arange(7), torch.rand(7)
    cut = Batch((x, x + 1), (y,), weights).split(parts)
    assert [len(part) for part in cut] == sizes
    assert torch.equal(torch.cat([part.inputs[1] for part in cut]), x + 1)
    assert torch.equal(torch.cat([part.targets[0] for part in cut]), y)
    assert sum(part.total_weight for part in cut) == pytest.approx(float(weights.sum()))


def test_moved_batch_has_all_tensors_on_the_device() -> None:
    batch = Batch((torch.rand(2, 3),), (torch.arange(2),), torch.ones(2))
    assert batch.to(torch.device("cpu")) is batch
    moved = batch.to(torch.device("meta"))
    assert moved.weights is not None
    assert {x.device.type for x in (*moved.inputs, *moved.targets, moved.weights)} == {"meta"}

"""Bucketing: every sample once per epoch, in batches of similar length."""

from __future__ import annotations

import pytest
import torch

from kissipo.core.batch import Batch
from kissipo.input.bucketing import BucketedDataset, Texts, bucketed_order, joint_lengths
from kissipo.input.tensor_dataset import TensorDataset


def texts(lengths: list[int], width: int) -> torch.Tensor:
    return (torch.arange(width) < torch.tensor(lengths).unsqueeze(1)).long() * 5


@pytest.mark.parametrize(("count", "batch"), [(1000, 16), (1003, 16), (5, 16), (32, 32)])
def test_every_sample_is_once_in_an_epoch(count: int, batch: int) -> None:
    lengths = torch.randint(1, 60, (count,), generator=torch.Generator().manual_seed(1))
    orders = [bucketed_order(lengths, batch, torch.Generator().manual_seed(s)) for s in (0, 0, 1)]
    assert orders[0].sort().values.equal(torch.arange(count))
    assert orders[0].equal(orders[1]) and (count < 20 or not orders[0].equal(orders[2]))
    whole = orders[0][: count // batch * batch].view(-1, batch)
    if len(whole) > 10:
        spread = lengths[whole].amax(1) - lengths[whole].amin(1)
        assert spread.float().mean() < 5  # of 59 at random
        assert lengths[whole].float().mean(1)[:10].std() > 3  # the batches are shuffled


def test_lengths_sort_by_the_target_then_the_source() -> None:
    target, source = texts([2, 1, 2, 1], 4), texts([3, 3, 1, 1], 5)
    assert joint_lengths([target, source]).argsort().tolist() == [3, 1, 2, 0]


def test_common_padding_is_cut_in_training_only() -> None:
    samples = TensorDataset((texts([1, 3], 9),), (texts([2, 2], 7),), texts=Texts((0,), (0,)))
    train = samples.for_training()
    assert isinstance(train, BucketedDataset)
    batch = next(iter(train.ahead([torch.tensor([0, 1])])))
    assert (batch.inputs[0].shape, batch.targets[0].shape) == ((2, 3), (2, 2))
    assert samples.batch(slice(0, 2)).inputs[0].shape == (2, 9)
    assert Batch((texts([0], 4),), ()).trimmed().inputs[0].shape == (1, 1)
    plain = TensorDataset(samples.inputs, samples.targets)
    assert plain.for_training() is plain

"""Hidden pieces: the shares 80/10/10, and what they depend on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kissipo.codec._masking import MaskRule, uniform

SIZE = 1_000
RULE = MaskRule(special=(0, 1, 2, 3, 4), mask=4, vocab_size=SIZE)


def texts(rows: int = 400, length: int = 50) -> torch.Tensor:
    """Rows of different lengths between [CLS] and [SEP]; the rest is padding."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(5, SIZE, (rows, length), generator=generator)
    for row in range(rows):
        end = 3 + row % (length - 3)
        ids[row, 0], ids[row, end], ids[row, end + 1 :] = 2, 3, 0
    return ids


def test_a_fraction_of_each_text_is_a_target_and_no_special_piece() -> None:
    ids = texts()
    _, targets = RULE.hide(ids, torch.arange(len(ids)), seed=3, probability=0.15)
    ordinary = (ids > 4).sum(dim=1)
    expected = np.maximum(1, np.round(0.15 * ordinary.numpy()))
    assert targets.sum(dim=1).tolist() == expected.tolist()
    assert (ids[targets] > 4).all()


def test_shares_are_80_10_10_and_others_stay() -> None:
    ids = texts(4_000)
    hidden, targets = RULE.hide(ids, torch.arange(len(ids)), seed=5)
    assert torch.equal(hidden[~targets], ids[~targets])
    read, truth = hidden[targets], ids[targets]
    shares = [(read == 4), (read != 4) & (read != truth), read == truth]
    for share, wanted in zip(shares, (0.8, 0.1, 0.1), strict=True):
        error = (wanted * (1 - wanted) / len(read)) ** 0.5
        assert share.double().mean().item() == pytest.approx(wanted, abs=4 * error)
    drawn = read[shares[1]]
    assert (drawn > 4).all() and drawn.double().mean().item() == pytest.approx(502, abs=20)


def test_every_place_is_a_target_equally_often() -> None:
    ids = torch.full((20_000, 20), 7)
    _, targets = RULE.hide(ids, torch.arange(len(ids)), seed=1, probability=0.25)
    assert targets.double().mean(dim=0).numpy() == pytest.approx(np.full(20, 0.25), abs=0.015)


def test_choice_depends_on_seed_and_row_number_alone() -> None:
    ids, rows = texts(30), torch.arange(100, 130)
    one = RULE.hide(ids, rows, seed=3)
    some = RULE.hide(ids[10:14], rows[10:14], seed=3)
    for whole, part in zip(one, some, strict=True):
        assert torch.equal(whole[10:14], part)
    assert not torch.equal(RULE.hide(ids, rows, seed=4)[1], one[1])
    assert not torch.equal(RULE.hide(ids, rows + 1, seed=3)[1], one[1])


def test_all_targets_are_hidden_for_evaluation() -> None:
    ids = texts(50)
    hidden, targets = RULE.hide_all(ids, torch.arange(50), seed=9)
    assert (hidden[targets] == 4).all() and torch.equal(hidden[~targets], ids[~targets])
    assert torch.equal(targets, RULE.hide(ids, torch.arange(50), seed=9)[1])


def test_random_numbers_are_uniform() -> None:
    numbers = uniform(11, np.arange(500), 400)
    counts, _ = np.histogram(numbers, bins=20, range=(0, 1))
    assert counts.sum() == 200_000
    assert ((counts - 10_000) ** 2 / 10_000).sum() < 43.8  # chi square, 19 degrees, 0.1%
    assert abs(np.corrcoef(numbers[:-1].ravel(), numbers[1:].ravel())[0, 1]) < 0.01
    assert abs(np.corrcoef(numbers[:, :-1].ravel(), numbers[:, 1:].ravel())[0, 1]) < 0.01

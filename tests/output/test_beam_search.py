"""Beam search equals the exhaustive search of all texts, and with one beam the greedy
one."""

from __future__ import annotations

from itertools import product
from math import exp

import numpy as np
import pytest
import torch
from torch import Tensor

from kissipo.output.decode.beam_search import State, beam_search

CLASSES, LENGTH, END = 5, 3, 2  # ids 3 and 4 are letters


def model(seed: int) -> Tensor:
    """Logits (token t-2, token t-1, class) of a random process."""
    generator = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(CLASSES, CLASSES, CLASSES, generator=generator)


def step_of(tables: list[Tensor]):  # type: ignore[no-untyped-def]
    """A step whose state is the number of the sample and the token before the last."""
    stacked = torch.stack(tables)

    def step(tokens: Tensor, state: State) -> tuple[Tensor, State]:
        sample, before = state
        return stacked[sample, before, tokens], (sample, tokens)

    return step


def start(samples: int) -> State:
    return torch.arange(samples), torch.full((samples,), END)


def all_texts() -> list[tuple[int, ...]]:
    """Every text of at most three tokens, which ends or is cut off."""
    ended = [(*letters, END) for n in range(LENGTH) for letters in product((3, 4), repeat=n)]
    return [*ended, *product((3, 4), repeat=LENGTH)]


def log_probability(table: Tensor, text: tuple[int, ...]) -> float:
    before, last, total = END, END, 0.0
    for token in text:
        total += float(table[before, last].double().log_softmax(0)[token])
        before, last = last, token
    return total


@pytest.mark.parametrize("seed", range(8))
def test_wide_beam_returns_all_texts_in_the_order_of_an_exhaustive_search(seed: int) -> None:
    tables = [model(3 * seed + number) for number in range(3)]
    texts = all_texts()
    tokens, shares = beam_search(step_of(tables), start(3), beam=len(texts), length=LENGTH, end=END)
    for table, rows, values in zip(tables, tokens.tolist(), shares.double(), strict=True):
        expected = sorted(texts, key=lambda text: -log_probability(table, text))
        assert [
            tuple(row[: len(text)]) for row, text in zip(rows, expected, strict=True)
        ] == expected
        assert all(not any(row[len(text) :]) for row, text in zip(rows, expected, strict=True))
        totals = [log_probability(table, text) for text in expected]
        np.testing.assert_allclose(values.sum(dim=1), totals, rtol=1e-5, atol=1e-5)
    total = sum(exp(log_probability(tables[0], text)) for text in texts)
    assert total < 1  # the ids that are never written have a probability, too


@pytest.mark.parametrize("seed", range(4))
def test_one_beam_is_the_greedy_search_and_more_are_never_worse(seed: int) -> None:
    tables = [model(100 + 20 * seed + number) for number in range(20)]
    results = {
        beam: beam_search(step_of(tables), start(20), beam=beam, length=LENGTH, end=END)
        for beam in (1, 2, 15)
    }
    for number, table in enumerate(tables):
        before, last, greedy = END, END, list[int]()
        while len(greedy) < LENGTH and (not greedy or last != END):
            token = int(table[before, last, END:].argmax()) + END
            greedy.append(token)
            before, last = last, token
        written = results[1][0][number, 0].tolist()
        assert written[: len(greedy)] == greedy and not any(written[len(greedy) :])
    best = {beam: shares[:, 0].sum(dim=1) for beam, (_, shares) in results.items()}
    assert (best[15] >= best[2] - 1e-6).all() and (best[15] >= best[1] - 1e-6).all()
    assert (best[15] > best[1] + 1e-3).any()  # the greedy search is not the best one

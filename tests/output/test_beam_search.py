"""Beam search equals the exhaustive search of all texts, and with one beam the greedy
one."""

from __future__ import annotations

from itertools import product
from math import exp

import numpy as np
import pytest
import torch
from torch import Tensor

from kissipo.core.description import Tree
from kissipo.output.decode.beam_search import KeptBeginnings, State, beam_search
from kissipo.output.decode.sampling import sample
from kissipo.output.texts.inside import beam_tree

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


@pytest.mark.parametrize("power", [0.6, 1.0, 3.0])
def test_length_penalty_orders_all_texts_by_the_formula(power: float) -> None:
    table, texts = model(7), all_texts()

    def score(text: tuple[int, ...]) -> float:
        return float(log_probability(table, text) / ((5 + len(text)) / 6) ** power)

    tokens, _ = beam_search(
        step_of([table]), start(1), beam=len(texts), length=LENGTH, end=END, length_penalty=power
    )
    expected = sorted(texts, key=score, reverse=True)
    assert [tuple(token for token in row if token) for row in tokens[0].tolist()] == expected
    plain = sorted(texts, key=lambda text: -log_probability(table, text))
    assert expected != plain  # the penalty matters here


def test_blocked_repetition_is_the_search_of_all_texts_without_one() -> None:
    table, length = model(11), 4
    letters = [text for n in range(length) for text in product((3, 4), repeat=n)]
    texts = [*((*text, END) for text in letters), *product((3, 4), repeat=length)]
    for size in (1, 2):

        def has_no_repetition(text: tuple[int, ...], size: int = size) -> bool:
            runs = [text[place : place + size] for place in range(len(text) - size + 1)]
            return len(set(runs)) == len(runs)

        allowed = sorted(
            filter(has_no_repetition, texts), key=lambda text: -log_probability(table, text)
        )
        tokens, shares = beam_search(
            step_of([table]), start(1), beam=len(texts), length=length, end=END, no_repeat=size
        )
        is_text = shares[0].sum(dim=1) > -torch.inf
        assert [
            tuple(token for token in row if token) for row in tokens[0][is_text].tolist()
        ] == allowed


def test_tree_has_every_beginning_of_a_search_and_says_which_branches_are_dead() -> None:
    states = set[str]()
    for seed in range(6):
        states |= {node.state for node in tree_of_a_search(seed).nodes}
    assert states == {"best", "kept", "dropped"}


def tree_of_a_search(seed: int) -> Tree:
    """The tree of a search, after it was compared with all beginnings."""
    steps: list[KeptBeginnings] = []
    tables, beam = [model(seed) / 4, model(32)], 2
    tokens, shares = beam_search(
        step_of(tables), start(2), beam=beam, length=LENGTH, end=END, watch=steps.append
    )
    tree = beam_tree(steps, ["", "?", ".", "a", "b"], "")
    totals = {tree.text(number): node.total for number, node in enumerate(tree.nodes)}
    # brute force over beginnings: of each step the three best, ended ones included
    beginnings, expected = [()], set[tuple[int, ...]]()
    for _ in range(LENGTH):
        longer = [
            text if text and text[-1] == END else (*text, token)
            for text in beginnings
            for token in ((END,) if text and text[-1] == END else (END, 3, 4))
        ]
        beginnings = sorted(set(longer), key=lambda text: -log_probability(tables[0], text))[:beam]
        expected |= set(beginnings)
    names = {"".join("??.ab"[token] for token in text): text for text in expected}
    assert set(totals) == set(names)
    for name, text in names.items():
        assert totals[name] == pytest.approx(log_probability(tables[0], text), abs=1e-4)
    final = {"".join("??.ab"[token] for token in text) for text in beginnings}
    best = "".join("??.ab"[token] for token in tokens[0, 0].tolist() if token)
    assert totals[best] == pytest.approx(float(shares[0, 0].sum()), abs=1e-5)
    for number, node in enumerate(tree.nodes):
        text = tree.text(number)
        leads = [end for end in final if end.startswith(text)]
        state = "best" if best.startswith(text) else "kept" if leads else "dropped"
        assert node.state == state and node.ends == text.endswith(".")
    return tree


def test_drawn_texts_have_the_probabilities_of_the_model() -> None:
    table, count = model(3) / 3, 20_000
    drawn, shares = sample(
        step_of([table]),
        start(1),
        [torch.Generator().manual_seed(0)],
        count=count,
        length=LENGTH,
        end=END,
        temperature=1.0,
    )
    rows = [tuple(token for token in row if token) for row in drawn[0].tolist()]
    expected = {}
    for text in all_texts():
        before, last, chance = END, END, 1.0
        for token in text:
            chance *= float(table[before, last, END:].double().softmax(0)[token - END])
            before, last = last, token
        expected[text] = chance
    assert sum(expected.values()) == pytest.approx(1)
    for text, chance in expected.items():
        assert rows.count(text) / count == pytest.approx(chance, abs=4 * (chance / count) ** 0.5)
    assert float(shares[0, 0].sum()) == pytest.approx(log_probability(table, rows[0]), abs=1e-4)


def test_drawing_is_greedy_for_one_token_and_does_not_depend_on_the_batch() -> None:
    tables = [model(50 + number) for number in range(6)]

    def drawn(
        samples: list[int], temperature: float = 1.0, top_k: int | None = None
    ) -> list[list[int]]:
        generators = [torch.Generator().manual_seed(sample) for sample in samples]
        state = (torch.tensor(samples), torch.full((len(samples),), END))
        tokens, _ = sample(
            step_of(tables), state, generators, count=2, length=LENGTH, end=END,
            temperature=temperature, top_k=top_k,
        )  # fmt: skip
        return tokens.flatten(1).tolist()

    together = drawn(list(range(6)))
    assert [drawn([number])[0] for number in range(6)] == together
    greedy, _ = beam_search(step_of(tables), start(6), beam=1, length=LENGTH, end=END)
    twice = greedy.repeat(1, 2, 1).flatten(1).tolist()
    assert drawn(list(range(6)), top_k=1) == twice
    assert drawn(list(range(6)), temperature=1e-3) == twice != together

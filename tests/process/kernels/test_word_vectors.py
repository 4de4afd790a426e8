"""word2vec: the kernel against plain formulas, autograd, and cases worked by hand."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from kissipo.core.seeds import random_bits
from kissipo.process.kernels import word_vectors as by_kernel
from kissipo.process.kernels.huffman import huffman_tree
from kissipo.process.kernels.native import BUILT, Kernels, available_sets, kernels
from kissipo.process.kernels.word_draws import (
    SENTENCE_END,
    WordTables,
    alias_table,
    draw_windows,
    keep_probabilities,
    word_tables,
)
from kissipo.process.kernels.word_vectors import WordStep
from kissipo.process.layers import word_vectors as by_torch

needs_kernels = pytest.mark.skipif(not BUILT, reason="the kernels were not built here")
MODELS = pytest.mark.parametrize("cbow", [False, True], ids=["skipgram", "cbow"])
LOSSES = pytest.mark.parametrize("negative", [5, 0], ids=["negative", "hierarchical"])
WORDS, DIM = 40, 21
COUNTS = torch.tensor(sorted(range(3, 3 + 7 * WORDS, 7), reverse=True))
KEYS = (2**63 + 12345, 77)


@pytest.fixture(params=["avx512", "avx2", "plain", "neon"])
def instructions(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Kernels:
    if request.param not in available_sets():
        pytest.skip(f"this machine has no {request.param}")
    monkeypatch.setattr("kissipo.process.kernels.native._FORCED", request.param)
    library = kernels()
    assert library is not None
    assert library.name == request.param
    return library


def random_blocks(*lengths: int) -> list[NDArray[np.int32]]:
    """Returns blocks of random words, a tenth of which are ends of sentences."""
    generator = np.random.default_rng(1)
    drawn = (generator.integers(0, WORDS, length) for length in lengths)
    return [
        np.where(generator.random(len(block)) < 0.1, SENTENCE_END, block).astype(np.int32)
        for block in drawn
    ]


def random_weights(dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return tuple(  # type: ignore[return-value]
        torch.randn(WORDS, DIM, generator=generator, dtype=dtype) / 2 for _ in range(2)
    )


def tables_with(negative: int, subsample: float = 0.02) -> WordTables:
    return word_tables(COUNTS, subsample=subsample, negative=negative, exponent=0.75)


@needs_kernels
@MODELS
@LOSSES
def test_kernel_equals_plain_formulas(instructions: Kernels, cbow: bool, negative: int) -> None:
    blocks, tables = random_blocks(150, 61), tables_with(negative)
    step = WordStep(context=4, cbow=cbow, learning_rate=0.05)
    fast, plain = random_weights(), random_weights()
    losses = by_kernel.train_blocks(instructions, fast, blocks, KEYS, tables, step)
    expected = by_torch.train_blocks(plain, blocks, KEYS, tables, step)
    for one, other in zip(fast, plain, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)
    assert losses[0] == pytest.approx(expected[0], rel=1e-5)
    assert losses[1] == expected[1] > 100


@MODELS
@LOSSES
def test_change_of_a_window_is_the_gradient_of_autograd(cbow: bool, negative: int) -> None:
    tables, step = tables_with(negative), WordStep(context=4, cbow=cbow, learning_rate=0.05)
    block = np.array([3, 9, 9, 1, 3], np.int32)  # repeated words, in the context and the targets
    for draw in draw_windows(block, 5, word_tables_without_subsampling(negative), context=4):
        vectors, outputs = (weight.requires_grad_() for weight in random_weights(torch.float64))
        by_torch.window_loss(vectors, outputs, draw, cbow=cbow).backward()
        changed = tuple(weight.detach().clone() for weight in (vectors, outputs))
        by_torch._train_window(*changed, draw, step)
        for weight, after in zip((vectors, outputs), changed, strict=True):
            assert weight.grad is not None
            torch.testing.assert_close(after, weight.detach() - 0.05 * weight.grad)
    assert tables.negative == negative


def word_tables_without_subsampling(negative: int) -> WordTables:
    return tables_with(negative, subsample=0.0)


@needs_kernels
@MODELS
@LOSSES
def test_kernel_changes_a_sentence_of_two_words_by_the_gradient_of_autograd(
    instructions: Kernels, cbow: bool, negative: int
) -> None:
    block, tables = np.array([4, 11], np.int32), word_tables_without_subsampling(negative)
    rate = 1e-3  # so small that the second window sees almost the weights of the first
    step = WordStep(context=1, cbow=cbow, learning_rate=rate)
    vectors, outputs = (weight.requires_grad_() for weight in random_weights())
    draws = list(draw_windows(block, KEYS[0], tables, context=1))
    losses = [by_torch.window_loss(vectors, outputs, draw, cbow=cbow) for draw in draws]
    torch.stack(losses).sum().backward()
    changed = tuple(weight.detach().clone() for weight in (vectors, outputs))
    by_kernel.train_blocks(instructions, changed, [block], KEYS[:1], tables, step)
    for weight, after in zip((vectors, outputs), changed, strict=True):
        assert weight.grad is not None
        torch.testing.assert_close(
            (weight.detach() - after) / rate, weight.grad, atol=5e-3, rtol=1e-2
        )


@needs_kernels
def test_one_thread_repeats_exactly_and_order_of_blocks_matters(instructions: Kernels) -> None:
    blocks, tables = random_blocks(100, 100), tables_with(5)
    step = WordStep(context=3, cbow=False, learning_rate=0.05)

    def trained(blocks: Sequence[NDArray[np.int32]], keys: Sequence[int]) -> Tensor:
        weights = random_weights()
        by_kernel.train_blocks(instructions, weights, blocks, keys, tables, step)
        return weights[0]

    torch.set_num_threads(1)
    assert torch.equal(trained(blocks, KEYS), trained(blocks, KEYS))
    assert not torch.equal(trained(blocks, KEYS), trained(blocks[::-1], KEYS[::-1]))


def test_huffman_tree_of_the_textbook() -> None:
    """Cormen et al.: a 45, b 13, c 12, d 16, e 9, f 5, in thousands."""
    counts = {"a": 45, "d": 16, "b": 13, "c": 12, "e": 9, "f": 5}
    tree = huffman_tree(torch.tensor([*counts.values()]))
    codes = {name: tree.path(word)[1] for word, name in enumerate(counts)}
    assert {name: len(code) for name, code in codes.items()} == {
        "a": 1,
        "b": 3,
        "c": 3,
        "d": 3,
        "e": 4,
        "f": 4,
    }
    # by hand: f+e=14 (node 0), c+b=25 (1), 14+d=30 (2), 25+30=55 (3), a+55=100 (4)
    assert tree.path(5) == ([4, 3, 2, 0], [1, 1, 0, 0])
    assert tree.path(4) == ([4, 3, 2, 0], [1, 1, 0, 1])
    assert tree.path(2) == ([4, 3, 1], [1, 0, 1])
    assert tree.path(0) == ([4], [0])


@given(st.lists(st.integers(1, 50), min_size=2, max_size=40))
def test_huffman_tree_is_optimal_and_free_of_prefixes(counts: list[int]) -> None:
    counts.sort(reverse=True)
    tree = huffman_tree(torch.tensor(counts))
    codes = [tuple(tree.path(word)[1]) for word in range(len(counts))]
    assert sum(2.0 ** -len(code) for code in codes) == 1.0
    assert len({*codes}) == len(codes)
    heap, cost = list(counts), 0
    heapq.heapify(heap)
    while len(heap) > 1:
        both = heapq.heappop(heap) + heapq.heappop(heap)
        cost += both
        heapq.heappush(heap, both)
    assert sum(count * len(code) for count, code in zip(counts, codes, strict=True)) == cost


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=30))
def test_alias_table_has_the_distribution(weights: list[float]) -> None:
    expected = torch.tensor(weights, dtype=torch.float64)
    expected /= expected.sum()
    torch.testing.assert_close(
        alias_table(torch.tensor(weights, dtype=torch.float64)).probabilities(),
        expected,
        atol=1e-8,
        rtol=0,
    )


def test_drawn_negatives_follow_counts_to_the_power_of_three_quarters() -> None:
    tables = word_tables_without_subsampling(20)
    block = np.zeros(4_000, np.int32)
    drawn = [row for draw in draw_windows(block, 9, tables, context=1) for row in draw.rows[1:]]
    expected = COUNTS.double() ** 0.75
    expected[0] = 0  # the word itself is never its own negative
    expected *= len(drawn) / expected.sum()
    counts = np.bincount(drawn, minlength=WORDS)
    assert counts[0] == 0
    chi_squared = float(((counts - expected.numpy())[1:] ** 2 / expected.numpy()[1:]).sum())
    assert chi_squared < 72  # 38 degrees of freedom, p = 0.0007


def test_subsampling_formula_of_the_program() -> None:
    probabilities = keep_probabilities(torch.tensor([10_000, 400, 1]), 1e-3)
    total = 10_401
    for count, probability in zip((10_000, 400, 1), probabilities.tolist(), strict=True):
        ratio = count / (1e-3 * total)
        assert probability == pytest.approx(min(1.0, (ratio**0.5 + 1) / ratio))


def test_subsampling_keeps_that_share_of_the_words() -> None:
    tables = tables_with(5)
    assert tables.keep is not None
    block = np.zeros(5_000, np.int32)
    count = sum(1 for _ in draw_windows(block, 3, tables, context=2))
    assert count / len(block) == pytest.approx(float(tables.keep[0]) / 2**32, abs=0.04)


def test_windows_are_equally_probable_and_end_with_the_sentence() -> None:
    block = np.array([*[1] * 3_000, SENTENCE_END, 2, 3], np.int32)
    draws = list(draw_windows(block, 4, word_tables_without_subsampling(0), context=4))
    share = np.bincount([draw.reach for draw in draws], minlength=5)[1:] / len(draws)
    assert share == pytest.approx([0.25] * 4, abs=0.03)
    assert [draw.context for draw in draws[-2:]] == [[3], [2]]
    assert all(1 in draw.context for draw in draws[:-2])


def test_random_bits_are_those_of_splitmix64() -> None:
    """The first numbers of the published generator with the seed 1234567."""
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert random_bits(1234567, np.arange(3, dtype=np.uint64)).tolist() == expected

"""The text CNN beside a loop over all n-grams in numpy, and what it says of them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from kissipo.core.description import ColoredText, Line, Section, Table
from kissipo.core.errors import ShapeError
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.ngram_filters import NgramFilters
from kissipo.process.layers.pair_weights import PairWeights
from kissipo.process.nets import text_cnn

pytestmark = pytest.mark.usefixtures("one_thread")
WORDS = ("(padding)", "(unknown)", "who", "was", "the", "first", "man", "?", "where")
TEXT = TensorSpec("question", ("time",), (8,), len(WORDS), WORDS, padded=True, unit="words")
KIND = TensorSpec("kind", ("class",), (3,), labels=("human", "number", "place"))
ROW = TensorSpec("row", ("feature",), (2,))
IDS = torch.tensor([
    [2, 3, 4, 5, 6, 7, 0, 0],
    [8, 0, 0, 0, 0, 0, 0, 0],
    [2, 3, 2, 3, 2, 3, 2, 3],
    [0, 0, 0, 0, 0, 0, 0, 0],
])  # fmt: skip


def built(*inputs: TensorSpec, outputs: tuple[TensorSpec, ...] = (KIND,), **words: Any) -> Any:
    torch.manual_seed(3)
    options = {"kernel_sizes": (1, 3, 9), "filters": 5, "embedding_dim": 4} | words
    net = text_cnn.build(inputs or (TEXT,), outputs, text_cnn.Options(**options))
    with torch.no_grad():
        for weight in net.parameters():
            weight.normal_()
    return net.eval()


def by_hand(filters: Any, ids: list[int]) -> list[tuple[float, int]]:
    """Returns the best match of each filter, and the first token of its n-gram."""
    table = filters.embedding.weight.detach().numpy().astype(float)
    rows = [table[number] for number in ids if number]
    best = []
    for convolution in filters.convolutions:
        weight = convolution.weight.detach().numpy().astype(float)
        bias = convolution.bias.detach().numpy().astype(float)
        width = weight.shape[2]
        around = [np.zeros(table.shape[1])] * (width - 1)
        padded = [*around, *rows, *around] if rows else [np.zeros(table.shape[1])] * width
        for kernel, constant in zip(weight, bias, strict=True):
            matches = [
                constant + sum(kernel[:, step] @ padded[start + step] for step in range(width))
                for start in range(len(padded) - width + 1)
            ]
            best.append((max(matches), int(np.argmax(np.round(matches, 6))) - (width - 1)))
    return best


def test_matches_and_their_ngrams_equal_a_loop_over_all_ngrams() -> None:
    filters = built().texts[0]
    winners = [*filters.winners(IDS)]
    matches = torch.cat([best for _, best, _ in winners], dim=1)
    places = torch.cat([first for *_, first in winners], dim=1)
    assert torch.equal(matches, filters(IDS))
    for row, ids in enumerate(IDS.tolist()):
        expected, first = zip(*by_hand(filters, ids), strict=True)
        np.testing.assert_allclose(matches[row].detach(), expected, rtol=1e-4, atol=1e-5)
        if any(ids):
            assert places[row].tolist() == list(first)


def test_output_is_that_of_the_formula() -> None:
    net = built(TEXT, ROW)
    row = torch.tensor([[0.5, -2.0]]).expand(4, 2)
    matches = torch.tensor(
        [[match for match, _ in by_hand(net.texts[0], ids)] for ids in IDS.tolist()]
    )
    features = torch.cat([matches.float().clamp(min=0), row], dim=1)
    expected = features @ net.head.weight.T + net.head.bias
    torch.testing.assert_close(net(IDS, row), expected, rtol=1e-4, atol=1e-4)


def test_training_computes_the_same_numbers_and_gradients() -> None:
    net = built(dropout=0.0)
    gradients: list[list[Tensor]] = []
    outputs = []
    for is_training in (False, True):
        net.train(is_training)
        net.zero_grad()
        outputs.append(net(IDS))
        outputs[-1].square().sum().backward()
        gradients.append([weight.grad.clone() for weight in net.parameters()])
    torch.testing.assert_close(outputs[1], outputs[0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-4, atol=1e-4)


def test_padding_never_wins_whatever_its_embedding_is() -> None:
    net = built()
    before = net(IDS)
    with torch.no_grad():
        net.texts[0].embedding.weight[0] = 1e6
    torch.testing.assert_close(net(IDS), before)
    torch.testing.assert_close(net(torch.nn.functional.pad(IDS, (0, 30))), before)


def described(net: Any, ids: Tensor, tokens: tuple[str, ...]) -> tuple[Section, ...]:
    with torch.no_grad():
        return tuple(net.describe_example((ids,), [TEXT], [KIND], [tokens]))


def test_ngrams_of_an_example_add_up_to_its_output() -> None:
    net, tokens = built(), ("who", "was", "the", "first", "man", "?")
    (section,) = described(net, IDS[:1], tokens)
    output = net(IDS[:1])[0]
    winner = int(output.argmax())
    text, table, *rest = section.content
    assert isinstance(text, ColoredText) and isinstance(table, Table)
    assert text.tokens == tokens and max(map(abs, text.values)) == 1
    assert table.titles[-1] == f"adds to '{KIND.labels[winner]}'"
    added = sum(float(row[3]) for row in table.rows)
    if rest:
        assert isinstance(rest[0], Line)
        added += float(rest[0].text.split(" add ")[1].split()[0])
    assert added == pytest.approx(float((output - net.head.bias)[winner].detach()), abs=0.02)
    wins = sum(int(row[2]) for row in table.rows)
    assert wins <= 15
    padded = ["·"] * 8 + list(tokens) + ["·"] * 8
    grams = {" ".join(padded[i : i + k]) for k in (1, 3, 9) for i in range(len(padded) - k + 1)}
    assert {row[0] for row in table.rows} <= grams


def test_colors_are_what_the_ngrams_of_a_token_add() -> None:
    """With filters of one token, the color of a token is what it alone adds."""
    net = built(kernel_sizes=(1,))
    (section,) = described(net, IDS[:1], ("who", "was", "the", "first", "man", "?"))
    winner = int(net(IDS[:1])[0].argmax())
    added = np.zeros(6)
    best = by_hand(net.texts[0], IDS[0].tolist())
    for (match, place), weight in zip(best, net.head.weight[winner].tolist(), strict=True):
        added[place] += max(0.0, match) * weight
    text = section.content[0]
    assert isinstance(text, ColoredText)
    np.testing.assert_allclose(text.values, added / np.abs(added).max(), atol=1e-4)


def test_filters_list_their_best_ngrams_of_all_samples() -> None:
    net = built(kernel_sizes=(3,), filters=4)
    batches = [(IDS[:2],), (IDS[2:],)]
    with torch.no_grad():
        (section,) = net.describe_samples(batches, [TEXT], [KIND])
    note, table = section.content
    assert isinstance(note, Line) and "4 evaluated texts" in note.text
    assert isinstance(table, Table) and len(table.rows) == 6  # two for each class
    filters = net.texts[0]
    for name, _, ngrams in table.rows:
        number = int(name.split(" ")[0]) - 1
        best: dict[str, float] = {}
        for ids in IDS.tolist():
            match, first = by_hand(filters, ids)[number]
            words = [WORDS[id_] for id_ in ids if id_]
            names = [words[p] if 0 <= p < len(words) else "·" for p in range(first, first + 3)]
            if match > 0:
                best[" ".join(names)] = max(match, best.get(" ".join(names), 0.0))
        ordered = sorted(best.items(), key=lambda pair: -pair[1])
        assert ngrams == ", ".join(f"{gram} ({match:.2f})" for gram, match in ordered)


def test_several_texts_have_filters_of_their_own() -> None:
    title = TensorSpec("title", ("time",), (5,), 7, padded=True, unit="characters")
    net = built(TEXT, ROW, title)
    assert [text.embedding.num_embeddings for text in net.texts] == [9, 7]
    short = torch.tensor([[2, 3, 0, 0, 0]] * 4)
    sections = net.describe_example(
        (IDS[:1], torch.zeros(1, 2), short[:1]),
        [TEXT, ROW, title],
        [KIND],
        [["who"], [], ["月", "亮"]],
    )
    assert [section.title for section in sections] == [
        "The n-grams of 'question' that won", "The n-grams of 'title' that won",
    ]  # fmt: skip
    assert net(IDS, torch.zeros(4, 2), short).shape == (4, 3)


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        ((ROW,), (KIND,), "takes a text (batch, time); got input step 'row' (batch, feature 2)"),
        (
            (TEXT,),
            (TensorSpec("next", ("time", "class"), (8, 9)),),
            "has one output per text, not one for every step. Use process.net=recurrent",
        ),
    ],
)
def test_text_cnn_refuses_other_inputs_and_outputs(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], message: str
) -> None:
    with pytest.raises(ShapeError) as refused:
        built(*inputs, outputs=outputs)
    assert message in str(refused.value)


def test_filters_are_those_of_torch() -> None:
    """Another convolution of torch, over texts of one length, without a mask."""
    filters = NgramFilters(9, 4, widths=(2,), filters=5, padded=False)
    ids = torch.randint(0, 9, (3, 6))
    x = filters.embedding(ids)
    windows = torch.nn.functional.pad(x, (0, 0, 1, 1)).unfold(1, 2, 1)
    convolution = filters.convolutions[0]
    expected = torch.einsum("btek,fek->btf", windows, convolution.weight) + convolution.bias
    torch.testing.assert_close(filters(ids), expected.amax(dim=1))


def bucket_by_hand(first: int, second: int, buckets: int) -> int:
    return (1_664_525_003 * first + 1_013_904_223 * second) % 2_147_483_647 % buckets + 1


def test_pairs_add_the_weights_of_their_buckets_to_every_output() -> None:
    """Python's integers and a loop over the pairs of each text, without padding."""
    price = TensorSpec("price", ("feature",), (1,))
    both = built(pair_buckets=11, outputs=(KIND, price))
    without = built(outputs=(KIND, price))
    without.load_state_dict(both.state_dict(), strict=False)
    table = both.wide[0].weight.detach()
    assert table.shape == (12, 4)
    for row, ids in enumerate(IDS.tolist()):
        tokens = [number for number in ids if number]
        around = [0, *tokens, 0] if tokens else []
        expected = torch.zeros(4)
        for first, second in pairwise(around):
            expected += table[bucket_by_hand(first, second, 11)]
        deep, outputs = without(IDS)[0][row], both(IDS)[0][row]
        torch.testing.assert_close(outputs - deep, expected[:3], rtol=1e-4, atol=1e-4)
        added = both(IDS)[1][row] - without(IDS)[1][row]
        torch.testing.assert_close(added, expected[3:], rtol=1e-4, atol=1e-4)


def test_weights_of_pairs_start_at_zero_and_have_the_gradient_of_their_counts() -> None:
    pairs = PairWeights(11, 3, padded=True)
    assert not pairs(IDS).any()
    pairs(IDS).sum().backward()
    counts = torch.zeros(12)
    for ids in IDS.tolist():
        tokens = [number for number in ids if number]
        around = [0, *tokens, 0] if tokens else []
        for first, second in pairwise(around):
            counts[bucket_by_hand(first, second, 11)] += 1
    assert counts[0] == 0 and counts.sum() > 10
    assert pairs.weight.grad is not None
    torch.testing.assert_close(pairs.weight.grad, counts.unsqueeze(1).expand(12, 3))


def test_pairs_of_texts_without_padding_count_token_0() -> None:
    ids = torch.tensor([[0, 2, 0]])
    expected = [bucket_by_hand(*pair, 11) for pair in ((0, 1), (1, 3), (3, 1), (1, 0))]
    assert PairWeights(11, 3, padded=False).buckets_of(ids).tolist() == [expected]


def test_ngrams_and_pairs_of_an_example_add_up_to_its_output() -> None:
    net, tokens = built(pair_buckets=11), ("who", "was", "the", "first", "man", "?")
    _, section = described(net, IDS[:1], tokens)
    output = net(IDS[:1])[0]
    winner = int(output.argmax())
    (table,) = section.content
    assert isinstance(table, Table)
    assert {row[0] for row in table.rows} == {
        "· who", "who was", "was the", "the first", "first man", "man ?", "? ·",
    }  # fmt: skip
    with torch.no_grad():
        wide = net.wide[0](IDS[:1])[0, winner]
    assert sum(float(row[1]) for row in table.rows) == pytest.approx(float(wide), abs=0.01)


def test_dropped_words_are_zeros_in_training_only() -> None:
    """Each token keeps all of its features, unscaled, or none of them."""
    filters = NgramFilters(9, 4, widths=(2,), filters=5, padded=True, word_dropout=0.5)
    training = filters.embedded(torch.full((40, 30), 5))[0]
    evaluation = filters.eval().embedded(torch.full((40, 30), 5))[0]
    assert torch.equal(evaluation, filters.embedding.weight[5].view(1, 4, 1).expand(40, 4, 30))
    is_dropped = (training == 0).all(dim=1)
    assert torch.equal(torch.where(is_dropped.unsqueeze(1), 0.0, evaluation), training)
    assert 0.4 < float(is_dropped.float().mean()) < 0.6  # 1,200 tokens, 7 standard deviations

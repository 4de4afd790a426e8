"""BERT for a choice: every pair of a text and an option is scored by itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from kissipo.codec.option_pairs import OptionPairs
from kissipo.codec.word_pieces import SPECIAL, WordPieces
from kissipo.core.batch import Batch
from kissipo.core.errors import ShapeError
from kissipo.core.frame import Frame, strings
from kissipo.core.tensor_spec import TensorSpec
from kissipo.input.bucketing import joint_lengths
from kissipo.process.nets._published_bert import name_here
from kissipo.process.nets.bert import ChoiceBert, Options, build
from tests.process.nets.test_bert import Published

TEXTS = {
    "start": ["the dog barks at", "a cat"],
    "end0": ["the cat", "sleeps and sleeps"],
    "end1": ["a sleeping house", ""],
    "end2": ["dogs", "barks"],
}
FRAME = Frame(tuple(strings(name, values) for name, values in TEXTS.items()))
ENDS = ("end0", "end1", "end2")
RIGHT = TensorSpec("right", ("option",), (3,))
OPTIONS = Options(num_layers=2, units=8, num_heads=2, feed_forward_units=24, max_positions=60)


def choices() -> OptionPairs:
    return OptionPairs(("start",), options=ENDS, vocab_size=90).fit(FRAME)


def net(codec: OptionPairs) -> ChoiceBert:
    torch.manual_seed(3)
    built = build((codec.spec,), (RIGHT,), OPTIONS)
    assert isinstance(built, ChoiceBert)
    return built.eval()


def test_scores_equal_those_of_torch_layers_pair_by_pair() -> None:
    codec = choices()
    ours, theirs = net(codec), Published()
    theirs.words = torch.nn.Embedding(len(codec.spec.labels), 8)
    theirs.positions = torch.nn.Embedding(60, 8)
    theirs.eval()
    state = {name_here(name): value for name, value in theirs.tensors().items()}
    del state["embeddings.position_ids"]
    missing = ours.load_state_dict(state, strict=False)
    assert missing.missing_keys == ["head.output.weight", "head.output.bias"]
    assert not missing.unexpected_keys
    pair = WordPieces(("start", "end"), length=40, model=codec.pieces.model)
    expected = torch.full((2, 3), -torch.inf)
    for row in range(2):
        for place, name in enumerate(ENDS):
            if not TEXTS[name][row]:
                continue
            texts = (strings("start", [TEXTS["start"][row]]), strings("end", [TEXTS[name][row]]))
            ids = pair.fit(Frame(texts)).encode(Frame(texts))
            ids = ids[:, : int((ids != 0).sum())]
            first_end = ids[0].tolist().index(SPECIAL.index("[SEP]"))
            segments = (torch.arange(ids.shape[1]) > first_end).long()[None]
            pooled = torch.tanh(theirs.pooler(theirs(ids, segments)[:, 0]))
            weight, bias = ours.head.output.weight, ours.head.output.bias
            expected[row, place] = functional.linear(pooled, weight, bias)
    outputs = ours(codec.encode(FRAME))
    torch.testing.assert_close(outputs, expected, atol=1e-5, rtol=1e-5)
    shares = np.exp(expected.double().detach().numpy())
    np.testing.assert_allclose(
        outputs.double().softmax(1).detach().numpy(),
        shares / shares.sum(axis=1, keepdims=True),
        rtol=1e-5,
    )


def test_second_text_stands_before_each_option() -> None:
    columns = {
        "context": ["the house"],
        "question": ["who sleeps"],
        "a": ["the cat"],
        "b": ["a dog"],
    }
    frame = Frame(tuple(strings(name, values) for name, values in columns.items()))
    codec = OptionPairs(("context", "question"), options=("a", "b"), vocab_size=90).fit(frame)
    rows = codec.encode(frame)[0].tolist()
    pieces = [[codec.spec.labels[number] for number in row if number] for row in rows]
    assert codec.tokens_of([*(values[0] for values in columns.values())]) == pieces[0]
    texts = [" ".join(row).replace(" ##", "") for row in pieces]
    assert texts == [
        "[CLS] the house [SEP] who sleeps the cat [SEP]",
        "[CLS] the house [SEP] who sleeps a dog [SEP]",
    ]
    assert {name: codec.decode(codec.encode(frame))[name].texts() for name in columns} == columns


def test_batches_of_options_are_cut_and_sorted_by_the_longest() -> None:
    ids = choices().encode(FRAME)
    longest = (ids != 0).sum(dim=2).amax(dim=1)
    assert joint_lengths([ids]).tolist() == longest.tolist()
    (cut,) = Batch((ids,), ()).trimmed().inputs
    assert cut.shape == (2, 3, int(longest.max()))
    torch.testing.assert_close(net(choices())(cut), net(choices())(ids))


def test_heads_are_shown_for_the_first_option() -> None:
    codec = choices()
    (section,) = net(codec).describe_example(
        (codec.encode(FRAME)[:1],), (codec.spec,), (RIGHT,), [[]]
    )
    assert "This is the first option." in section.content[0].text  # type: ignore[union-attr]
    heads = section.content[1].content[0].content  # type: ignore[union-attr]
    weights = heads[0].content[0]
    assert weights.rows[0] == "[CLS]" and weights.rows.count("[SEP]") == 2
    np.testing.assert_allclose(np.array(weights.values, dtype=float).sum(axis=1), 1, rtol=1e-5)


def test_options_beside_another_answer_are_refused() -> None:
    kind = TensorSpec("kind", ("class",), (3,))
    with pytest.raises(ShapeError, match="for one answer, the choice of an option"):
        build((choices().spec,), (RIGHT, kind), OPTIONS)

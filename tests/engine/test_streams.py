"""Streams: every piece of a text is read once, in order, with the carried state."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from kissipo.core.batch import Batch
from kissipo.core.tensor_spec import TensorSpec
from kissipo.engine.evaluate import evaluate
from kissipo.engine.streams import stream_steps
from kissipo.input.tensor_dataset import TensorDataset
from kissipo.output.answers.text import NextToken
from kissipo.process.algorithms.supervised import Options, Supervised
from kissipo.process.nets import recurrent

TEXT = TensorSpec("text", ("time",), (4,), vocab_size=7)
NEXT = TensorSpec("next", ("time", "class"), (4, 7), causal=True)


def net(cell: str, **words: object) -> recurrent.Recurrent:
    torch.manual_seed(0)
    options = recurrent.Options(
        cell=cell,  # type: ignore[arg-type]
        embedding_dim=5,
        units=6,
        stateful=True,
        **words,  # type: ignore[arg-type]
    )
    return recurrent.build((TEXT,), (NEXT,), options)  # type: ignore[return-value]


def cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    return nn.functional.cross_entropy(outputs.flatten(0, 1), targets.flatten())


@pytest.mark.parametrize("rows", range(1, 9))
@pytest.mark.parametrize("pieces", range(1, 20))
def test_stream_steps_read_every_piece_once_in_order(pieces: int, rows: int) -> None:
    steps = [step.tolist() for step in stream_steps(pieces, rows)]
    assert sorted(piece for step in steps for piece in step) == list(range(pieces))
    assert max(len(step) for step in steps) == min(rows, pieces)
    assert [len(step) for step in steps[:-1]] == [len(steps[0])] * (len(steps) - 1)
    for before, after in pairwise(steps):
        assert after == [piece + 1 for piece in before[: len(after)]]


@pytest.mark.parametrize("streams", [1, 7])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_evaluate_in_streams_equals_the_whole_text(
    cell: str, streams: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kissipo.engine.evaluate._STREAMS", streams)
    ids = torch.randint(0, 7, (4 * 30 + 1,))
    whole, answer = net(cell).eval(), NextToken(window=4)
    dataset = TensorDataset((ids[:-1].view(30, 4),), (ids[1:].view(30, 4),))
    result = evaluate(whole, dataset, (answer,))
    bounds = [
        0,
        *torch.cumsum(
            torch.tensor([30 // streams + (index < 30 % streams) for index in range(streams)]), 0
        ),
    ]
    expected = [
        whole(ids[:-1][4 * first : 4 * last].unsqueeze(0)).log_softmax(-1)[0]
        for first, last in pairwise(bounds)
    ]
    right = torch.cat(expected).gather(1, ids[1:].unsqueeze(1)).exp().view(30, 4)
    torch.testing.assert_close(torch.from_numpy(result.scores[0][..., 0]), right.detach())
    assert math.isclose(
        result.evaluations[0].metrics["nll"], -float(right.detach().log().mean()), rel_tol=1e-5
    )


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_truncated_backpropagation_carries_the_state_without_gradient(cell: str) -> None:
    """Two steps of gradient descent, compared with torch layers and detached states."""
    ours, rate = net(cell), 0.5
    kind = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[cell]
    embedding, layer, head = nn.Embedding(7, 5), kind(5, 6, batch_first=True), nn.Linear(6, 7)
    theirs = nn.ModuleList([embedding, layer, head])
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)))
    algorithm = Supervised(
        ours.train(), (cross_entropy,), Options(optimizer="sgd", learning_rate=rate), total_steps=4
    )
    algorithm.begin(TensorDataset((), ()))
    ids = torch.randint(0, 7, (3, 9))
    state = None
    algorithm.begin_epoch()
    for piece in (slice(0, 4), slice(4, 8)):
        x, y = ids[:, piece], ids[:, piece.start + 1 : piece.stop + 1]
        algorithm.step(Batch((x,), (y,)))
        states, state = layer(embedding(x), state)
        cross_entropy(head(states), y).backward()
        state = tuple(part.detach() for part in state) if cell == "lstm" else state.detach()
        with torch.no_grad():
            for weight in theirs.parameters():
                weight -= rate * weight.grad
                weight.grad = None
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other)
    carried = algorithm.state_dict()["state"]
    torch.testing.assert_close(carried, state)
    algorithm.begin_epoch()
    assert algorithm.state_dict()["state"] is None

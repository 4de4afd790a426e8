"""Tests of the next-token reader.

States and probabilities equal those of the torch layer with the same weights. Each
piece starts from the state of the piece before.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from kissipo.core.tensor_spec import TensorSpec
from kissipo.inspect import next_token as module
from kissipo.inspect.next_token import read_along
from kissipo.process.nets import recurrent

TORCHS: dict[str, Any] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def built(cell: Any, layers: int = 2) -> Any:
    torch.manual_seed(0)
    text = TensorSpec("text", ("time",), (20,), vocab_size=9)
    options = recurrent.Options(
        cell=cell, units=6, num_layers=layers, embedding_dim=4, stateful=True, dropout=0.5
    )
    return recurrent.build(
        (text,), (TensorSpec("next", ("time", "class"), (20, 9), causal=True),), options
    )


@pytest.mark.parametrize("cell", TORCHS)
@pytest.mark.parametrize("piece", [7, 512])
def test_it_is_what_torch_computes_over_the_whole_text(
    cell: Any, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PIECE", piece)
    net, ids = built(cell), torch.randint(0, 9, (30,))
    theirs = TORCHS[cell](4, 6, 2, batch_first=True)
    theirs.load_state_dict(net.cell.state_dict())
    reading = read_along(net, ids)
    assert reading is not None and reading.cell == cell
    with torch.no_grad():
        states = theirs(net.embedding(ids)[None])[0][0]
        chances = net.head(states).softmax(-1)
    torch.testing.assert_close(reading.states, states)
    torch.testing.assert_close(reading.probabilities, chances.sort(descending=True).values[:, :5])
    torch.testing.assert_close(chances.gather(1, reading.top), reading.probabilities)
    assert reading.top.shape == (30, 5)


def test_nothing_is_left_behind() -> None:
    net, ids = built("lstm"), torch.randint(0, 9, (30,))
    net.train()
    net.head.eval()
    generator, weights = torch.get_rng_state(), [weight.clone() for weight in net.parameters()]
    first, second = read_along(net, ids), read_along(net, ids)
    assert first is not None and second is not None
    assert torch.equal(first.states, second.states)  # nothing is dropped while it reads
    assert (
        net.training
        and not net.cell._forward_hooks
        and torch.equal(torch.get_rng_state(), generator)
    )
    assert all(
        torch.equal(one, other) for one, other in zip(weights, net.parameters(), strict=True)
    )


def test_a_hook_is_taken_off_when_the_net_fails() -> None:
    net = built("gru")
    with pytest.raises(IndexError):
        read_along(net, torch.tensor([99]))
    assert not net.cell._forward_hooks


def test_fewer_units_than_are_asked_for_and_nets_without_a_state() -> None:
    reading = read_along(built("rnn"), torch.tensor([1, 2]), top_k=100)
    assert reading is not None and reading.top.shape == (2, 9)
    torch.testing.assert_close(reading.probabilities.sum(1), torch.ones(2))

    class Plain(nn.Linear):
        def forward_with_state(self, state: Any, x: Tensor) -> Any:
            return self(x), None

    assert read_along(Plain(2, 2), torch.tensor([1])) is None

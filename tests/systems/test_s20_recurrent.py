"""S20: recurrent layers in all shapes, compared with torch.nn and with the formulas."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import kissipo as ki
from kissipo.core.errors import TaskError
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers import GRU, LSTM, RNN
from kissipo.process.nets import recurrent

CELLS = {"RNN": (RNN, nn.RNN, 1), "LSTM": (LSTM, nn.LSTM, 4), "GRU": (GRU, nn.GRU, 3)}
STEPS, FEATURES, UNITS, BATCH = 6, 3, 5, 2


@pytest.fixture(params=CELLS)
def pair(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    """A layer of ours, and torch's with the same weights."""
    ours, theirs, _ = CELLS[request.param]
    torch.manual_seed(0)
    mine = ours(FEATURES, UNITS, batch_first=True)
    other = theirs(FEATURES, UNITS, batch_first=True)
    other.load_state_dict(mine.state_dict())
    return mine, other


def by_hand(layer: nn.RNNBase, x: Tensor) -> Tensor:
    """Returns h_t by the formulas: (time, feature) -> (time, unit)."""
    w, u, b, d = (
        getattr(layer, f"{name}_l0").double()
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    h = c = torch.zeros(layer.hidden_size, dtype=torch.float64)
    states = []
    for row in x.double():
        if isinstance(layer, nn.LSTM):
            i, f, g, o = (w @ row + b + u @ h + d).chunk(4)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
        elif isinstance(layer, nn.GRU):
            (a_r, a_z, a_n), (b_r, b_z, b_n) = (w @ row + b).chunk(3), (u @ h + d).chunk(3)
            z = (a_z + b_z).sigmoid()
            h = (1 - z) * (a_n + (a_r + b_r).sigmoid() * b_n).tanh() + z * h
        else:
            h = (w @ row + b + u @ h + d).tanh()
        states.append(h)
    return torch.stack(states)


def test_one_to_one(pair: Any) -> None:
    """A single step is a dense layer with gates."""
    mine, other = pair
    x = torch.randn(BATCH, 1, FEATURES)
    torch.testing.assert_close(mine(x)[0], other(x)[0])
    torch.testing.assert_close(mine(x)[0][0].double(), by_hand(mine, x[0]), rtol=1e-5, atol=1e-6)


def test_one_to_many(pair: Any) -> None:
    """From one input: each output is the next input, and the state is passed on."""
    mine, other = pair
    back = nn.Linear(UNITS, FEATURES)

    def written(layer: Any) -> list[Tensor]:
        x, state, outputs = torch.ones(BATCH, 1, FEATURES), None, []
        for _ in range(STEPS):
            y, state = layer(x, state)
            x = back(y)
            outputs.append(x)
        return outputs

    torch.testing.assert_close(written(mine), written(other))


def test_many_to_one(pair: Any) -> None:
    """The last state of a sequence, whether it is taken from y or from h."""
    mine, other = pair
    x = torch.randn(BATCH, STEPS, FEATURES)
    y, state = mine(x)
    h = state[0] if isinstance(state, tuple) else state
    torch.testing.assert_close(y[:, -1], h[-1])
    torch.testing.assert_close(y[:, -1], other(x)[0][:, -1])
    torch.testing.assert_close(y[1, -1].double(), by_hand(mine, x[1])[-1], rtol=1e-5, atol=1e-6)


def test_many_to_many_in_step(pair: Any) -> None:
    """An answer at every step; what comes later does not change it."""
    mine, other = pair
    x = torch.randn(BATCH, STEPS, FEATURES)
    y = mine(x)[0]
    assert y.shape == (BATCH, STEPS, UNITS)
    torch.testing.assert_close(y, other(x)[0])
    torch.testing.assert_close(y[0].double(), by_hand(mine, x[0]), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(mine(x[:, :3])[0], y[:, :3])


def test_many_to_many_one_after_the_other(pair: Any) -> None:
    """An encoder passes its state to a decoder of any number of steps."""
    mine, other = pair
    x, begin = torch.randn(BATCH, STEPS, FEATURES), torch.zeros(BATCH, 3, FEATURES)
    reader, writer = (
        type(mine)(FEATURES, UNITS, batch_first=True),
        type(other)(FEATURES, UNITS, batch_first=True),
    )
    writer.load_state_dict(reader.state_dict())
    outputs, expected = reader(begin, mine(x)[1])[0], writer(begin, other(x)[1])[0]
    assert outputs.shape == (BATCH, 3, UNITS)
    torch.testing.assert_close(outputs, expected)


@pytest.mark.parametrize("cell", CELLS)
def test_deep_and_in_both_directions_as_torch_does_it(cell: str) -> None:
    """Each layer reads what the one below says in both directions, side by side."""
    ours, theirs, _ = CELLS[cell]
    mine, other = (
        layer(FEATURES, UNITS, 3, batch_first=True, bidirectional=True) for layer in (ours, theirs)
    )
    other.load_state_dict(mine.state_dict())
    x = torch.randn(BATCH, STEPS, FEATURES)
    y, state = mine(x)
    torch.testing.assert_close((y, state), other(x))
    assert y.shape == (BATCH, STEPS, 2 * UNITS)
    below = torch.randn(BATCH, STEPS, FEATURES)
    first = ours(FEATURES, UNITS, batch_first=True, bidirectional=True)
    forwards, backwards = (ours(FEATURES, UNITS, batch_first=True) for _ in range(2))
    weights = first.state_dict()
    forwards.load_state_dict(
        {name: weight for name, weight in weights.items() if "reverse" not in name}
    )
    backwards.load_state_dict(
        {n.replace("_reverse", ""): weight for n, weight in weights.items() if "reverse" in n}
    )
    joined = torch.cat([forwards(below)[0], backwards(below.flip(1))[0].flip(1)], dim=-1)
    torch.testing.assert_close(first(below)[0], joined)


@pytest.mark.parametrize("cell", CELLS)
def test_weights_of_the_formulas(cell: str) -> None:
    """Each gate has D·M + M·M weights and, in torch, two biases of M."""
    layer, gates = CELLS[cell][0](10, 15), CELLS[cell][2]
    count = {name: parameter.numel() for name, parameter in layer.named_parameters()}
    assert count["weight_ih_l0"] + count["weight_hh_l0"] == gates * (10 * 15 + 15 * 15)
    assert count["bias_ih_l0"] + count["bias_hh_l0"] == gates * 2 * 15
    assert layer(torch.zeros(100, 1, 10))[0].shape == (100, 1, 15)


def built(merge: Any, cell: Any = "bilstm", layers: int = 1, **more: Any) -> Any:
    torch.manual_seed(0)
    text = TensorSpec("text", ("time",), (7,), vocab_size=11, padded=True)
    options = recurrent.Options(
        cell=cell, units=UNITS, num_layers=layers, merge=merge, embedding_dim=3, **more
    )
    return recurrent.build((text,), (TensorSpec("kind", ("class",), (4,)),), options).eval()


MERGES = {
    "concat": lambda f, b: torch.cat([f, b], dim=-1),
    "sum": lambda f, b: f + b,
    "mul": lambda f, b: f * b,
    "ave": lambda f, b: (f + b) / 2,
}


@pytest.mark.parametrize("merge", MERGES)
@pytest.mark.parametrize("pool", ["last", "max", "mean"])
def test_both_directions_are_merged_as_keras_defines_it(merge: Any, pool: Any) -> None:
    """Bidirectional(LSTM, merge_mode) as in Keras.

    The second layer reads the reversed text; its states are reversed and merged.
    """
    net = built(merge, pooling=pool)
    ids = torch.tensor([[4, 9, 2, 7, 1, 0, 0]])
    weights = net.cell.state_dict()
    one, other = (nn.LSTM(3, UNITS, batch_first=True) for _ in range(2))
    one.load_state_dict({name: weight for name, weight in weights.items() if "reverse" not in name})
    other.load_state_dict(
        {n.replace("_reverse", ""): weight for n, weight in weights.items() if "reverse" in n}
    )
    x = net.embedding(ids[:, :5])
    states = MERGES[merge](one(x)[0], other(x.flip(1))[0].flip(1))[0]
    row = {"last": states[-1], "max": states.amax(0), "mean": states.mean(0)}[pool]
    torch.testing.assert_close(net(ids)[0], net.head(row[None])[0])
    assert net.head(row[None]).shape == (1, 4)


def test_merge_concatenates_by_default() -> None:
    ids = torch.randint(1, 11, (3, 7))
    torch.testing.assert_close(built(None, layers=2)(ids), built("concat", layers=2)(ids))


def test_there_must_be_two_directions_to_merge() -> None:
    with pytest.raises(
        TaskError, match=r"process\.merge=sum needs two directions.*bidirectional=true"
    ):
        built("sum", cell="lstm")
    assert built("sum", cell="gru", bidirectional=True).cell.bidirectional


def test_merge_is_an_option_and_a_step_of_the_trace() -> None:
    words = {
        "process.net": "recurrent",
        "process.units": 6,
        "process.bidirectional": True,
        "process.merge": "mul",
    }
    run = ki.load("sunspots", horizon=3, words=words).fit(epochs=1)
    steps = {step.description: step for step in run.trace().of("process")}
    merged = steps["both directions multiplied"]
    states = next(step.value for step in run.trace().of("process") if step.name.endswith("cell"))
    assert merged.shape[-1] == 6 and states.shape[-1] == 12
    torch.testing.assert_close(
        torch.from_numpy(merged.value), torch.from_numpy(states[:, :6] * states[:, 6:])
    )
    again = ki.open(run.folder)
    assert dict(again.task.process)["merge"] == "mul"
    assert [item.forward for item in again.trace().through_time] == [True, False]

"""Tests of the gradients through time.

They equal difference quotients of recurrences in numpy and powers of a spectral radius,
and they are zero before a cut.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_wine
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.batch import Batch
from kissipo.inspect.gradients_through_time import ThroughTime, UnsupportedNetError, through_time
from kissipo.process.algorithms.supervised import Options, Supervised
from kissipo.process.layers import GRU, LSTM, RNN

STEPS, FEATURES, UNITS = 7, 3, 4
TITLE = "Gradients through time"


class Readout(nn.Module):
    """A recurrent cell with one output per step."""

    def __init__(self, cell: nn.RNNBase) -> None:
        super().__init__()
        self.cell = cell
        self.head = nn.Linear(cell.hidden_size * (2 if cell.bidirectional else 1), 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.cell(x)[0])[..., 0]


def surprise(y: Any) -> Any:
    """Returns a nonlinear loss over all steps."""
    return (y**2 + y).sum()


def last_surprise(y: Any) -> Any:
    return surprise(y[:, -1])


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def numpy_step(
    mode: str, x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any
) -> tuple[Any, Any]:
    """One step as the papers write it."""
    a, b = w_ih @ x + b_ih, w_hh @ h + b_hh
    if mode == "LSTM":
        i, f, g, o = np.split(a + b, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c
    if mode == "GRU":
        (a_r, a_z, a_n), (b_r, b_z, b_n) = np.split(a, 3), np.split(b, 3)
        z = sigmoid(a_z + b_z)
        return (1 - z) * np.tanh(a_n + sigmoid(a_r + b_r) * b_n) + z * h, c
    return (np.maximum(a + b, 0) if mode == "RNN_RELU" else np.tanh(a + b)), c


def numpy_outputs(net: Readout, x: Any, nudged: tuple[int, int, int] | None, by: Any) -> Any:
    """Returns the outputs of all layers and directions, computed by numpy.

    The state h at one (layer, direction, step) is changed by `by` once it is computed.
    """
    weights = {
        name: value.detach().numpy().astype(np.float64) for name, value in net.state_dict().items()
    }
    for layer in range(net.cell.num_layers):
        outputs = []
        for direction in range(2 if net.cell.bidirectional else 1):
            end = f"_l{layer}" + ("_reverse" if direction else "")
            four = [
                weights[f"cell.{name}{end}"]
                for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            ]
            h = c = np.zeros(UNITS)
            states = np.zeros((len(x), UNITS))
            for t in reversed(range(len(x))) if direction else range(len(x)):
                h, c = numpy_step(net.cell.mode, x[t], h, c, *four)
                h = h + by if (layer, direction, t) == nudged else h
                states[t] = h
            outputs.append(states)
        x = np.concatenate(outputs, axis=1)
    return (x @ weights["head.weight"].T + weights["head.bias"])[None, :, 0]


def quotients(
    net: Readout, x: Any, loss: Callable[[Any], Any], layer: int, direction: int
) -> list[float]:
    """|dL/dh_t| of every step by differences."""
    small = 1e-5
    norms = []
    for t in range(len(x)):
        gradients = [
            loss(numpy_outputs(net, x, (layer, direction, t), by))
            - loss(numpy_outputs(net, x, (layer, direction, t), -by))
            for by in small * np.eye(UNITS)
        ]
        norms.append(float(np.linalg.norm(gradients)) / (2 * small))
    return norms


CELLS = [nn.RNN, nn.LSTM, nn.GRU, RNN, LSTM, GRU]


@pytest.mark.parametrize(
    "cell", CELLS, ids=lambda cell: f"{cell.__module__.split('.')[0]}-{cell.__name__}"
)
@pytest.mark.parametrize(("layers", "both"), [(1, False), (2, True)])
def test_every_norm_is_that_of_the_difference_quotients(cell: Any, layers: int, both: bool) -> None:
    torch.manual_seed(3)
    net = Readout(cell(FEATURES, UNITS, layers, batch_first=True, bidirectional=both))
    x = torch.randn(1, STEPS, FEATURES)
    results = through_time(net, (x,), {"all": surprise, "last": last_surprise})
    places = [
        (layer, direction) for layer in range(layers) for direction in range(2 if both else 1)
    ]
    assert [(item.layer, item.forward, item.loss) for item in results] == [
        ("cell" + (f", layer {layer + 1}" if layers > 1 else ""), not direction, loss)
        for loss in ("all", "last")
        for layer, direction in places
    ]
    for loss, function in (("all", surprise), ("last", last_surprise)):
        mine = [item for item in results if item.loss == loss]
        for item, (layer, direction) in zip(mine, places, strict=True):
            expected = quotients(net, x[0].double().numpy(), function, layer, direction)
            np.testing.assert_allclose(item.norms, expected, rtol=1e-5, atol=1e-9)
            assert item.cell == cell.__name__.lower()
            assert min(expected) > 0 or (loss, direction) == ("last", 1)


def test_a_vanilla_layer_of_relu_too() -> None:
    torch.manual_seed(1)
    net = Readout(nn.RNN(FEATURES, UNITS, nonlinearity="relu", batch_first=True))
    x = torch.randn(1, STEPS, FEATURES)
    (result,) = through_time(net, (x,), {"all": surprise})
    np.testing.assert_allclose(
        result.norms, quotients(net, x[0].double().numpy(), surprise, 0, 0), rtol=1e-5, atol=1e-9
    )


@pytest.mark.parametrize("radius", [0.5, 1.0, 1.5])
def test_a_vanilla_layer_at_rest_vanishes_or_explodes_by_its_spectral_radius(radius: float) -> None:
    """At h = 0 the derivative of tanh is 1, and W_hh is the only factor.

    W_hh is a rotation times r, so each step back multiplies the norm by r.
    """
    net = Readout(nn.RNN(FEATURES, UNITS, bias=False, batch_first=True))
    with torch.no_grad():
        net.cell.weight_hh_l0.copy_(radius * torch.linalg.qr(torch.randn(UNITS, UNITS)).Q)
        net.head.bias.zero_()
    (result,) = through_time(
        net, (torch.zeros(1, 60, FEATURES),), {"last": lambda y: y[:, -1].sum()}
    )
    end = float(net.head.weight.detach().norm())
    np.testing.assert_allclose(
        result.norms, [end * radius ** (59 - t) for t in range(60)], rtol=1e-4
    )
    assert result.ratio == pytest.approx(radius**59, rel=1e-4)
    assert result.reach == {0.5: 7, 1.0: 60, 1.5: 60}[radius]


class Pieces(nn.Module):
    """Two pieces of a text, the state handed on with or without its gradients."""

    def __init__(self, net: Any, cut: bool) -> None:
        super().__init__()
        self.net, self.cut = net, cut

    def forward(self, ids: Tensor) -> Tensor:
        half = ids.shape[1] // 2
        first, state = self.net.forward_with_state(None, ids[:, :half])
        if self.cut:
            state = tuple(part.detach() for part in state)
        return torch.cat([first, self.net.forward_with_state(state, ids[:, half:])[0]], dim=1)


def text_net() -> Any:
    from kissipo.core.tensor_spec import TensorSpec
    from kissipo.process.nets import recurrent

    torch.manual_seed(0)
    ids = TensorSpec("text", ("time",), (6,), vocab_size=9)
    options = recurrent.Options(units=5, embedding_dim=4, stateful=True)
    return recurrent.build(
        (ids,), (TensorSpec("next", ("time", "class"), (6, 9), causal=True),), options
    )


def cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    return nn.functional.cross_entropy(outputs.reshape(-1, 9), targets.reshape(-1))


def test_where_the_state_is_cut_off_no_gradient_flows_before_the_piece() -> None:
    """In the piece, truncated gradients equal the full ones; before it, they are 0."""
    net, ids, truth = text_net(), torch.randint(1, 9, (1, 12)), torch.randint(1, 9, (1, 6))
    second = {"of the second piece": lambda y: cross_entropy(y[:, 6:], truth)}
    full, cut = (through_time(Pieces(net, cut), (ids,), second) for cut in (False, True))
    assert [item.layer for item in full] == ["net.cell", "net.cell, call 2"]
    assert min(full[0].norms) > 0 and set(cut[0].norms) == {0.0}
    assert full[1].norms == cut[1].norms and min(cut[1].norms) > 0
    assert cut[0].ratio is None and cut[0].reach == 0


def test_training_on_pieces_is_truncated_backpropagation() -> None:
    """A training step on the second piece uses the truncated gradient."""
    net, ids, truth = text_net(), torch.randint(1, 9, (3, 12)), torch.randint(1, 9, (3, 12))
    gradients = {}
    for cut in (False, True):
        loss = cross_entropy(Pieces(net, cut)(ids)[:, 6:], truth[:, 6:])
        gradients[cut] = torch.autograd.grad(loss, list(net.parameters()))
    before = [weight.detach().clone() for weight in net.parameters()]
    algorithm = Supervised(
        net, (cross_entropy,), Options(optimizer="sgd", learning_rate=1.0), total_steps=2
    )
    algorithm.begin(None)  # type: ignore[arg-type]
    algorithm.begin_epoch()
    algorithm.step(Batch((ids[:, :6],), (truth[:, :6],)))
    with torch.no_grad():
        for weight, was in zip(net.parameters(), before, strict=True):
            weight.copy_(was)
    algorithm.step(Batch((ids[:, 6:],), (truth[:, 6:],)))
    moved = [was - weight.detach() for weight, was in zip(net.parameters(), before, strict=True)]
    for change, cut, full in zip(moved, gradients[True], gradients[False], strict=True):
        torch.testing.assert_close(change, cut, rtol=1e-4, atol=1e-6)
        assert full.shape == change.shape
    assert any(
        not torch.allclose(change, full, atol=1e-5)
        for change, full in zip(moved, gradients[False], strict=True)
    )


def test_nothing_is_disturbed() -> None:
    net = nn.ModuleDict({"net": Readout(LSTM(FEATURES, UNITS, 2, batch_first=True, dropout=0.5))})
    inner: Any = net["net"]
    inner.train()
    inner.head.eval()
    inner.head.weight.requires_grad_(False)
    x = torch.randn(1, STEPS, FEATURES, requires_grad=True)
    surprise(inner(x)).backward()
    weights = [weight.detach().clone() for weight in inner.parameters()]
    gradients = [
        None if weight.grad is None else weight.grad.clone() for weight in inner.parameters()
    ]
    modes, generator, words = (
        [item.training for item in inner.modules()],
        torch.get_rng_state(),
        dict(vars(inner.cell)),
    )
    results = through_time(inner, (x,), {"all": surprise})
    assert len(results) == 2
    assert torch.equal(torch.get_rng_state(), generator)
    assert [item.training for item in inner.modules()] == modes
    assert vars(inner.cell).keys() == words.keys() and not inner.cell._forward_hooks
    assert not inner.head.weight.requires_grad and inner.cell.weight_hh_l0.dtype == torch.float32
    for weight, was, gradient in zip(inner.parameters(), weights, gradients, strict=True):
        assert torch.equal(weight, was)
        assert (weight.grad is None) == (gradient is None) and (
            gradient is None or torch.equal(weight.grad, gradient)
        )
    with torch.inference_mode():
        assert through_time(inner, (x.detach(),), {"all": surprise})[0].norms == results[0].norms


class Otherwise(nn.Module):
    """A cell called in another way."""

    def __init__(self, cell: nn.RNNBase, call: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.cell, self.call = cell, call

    def forward(self, x: Tensor) -> Tensor:
        return self.call(self.cell, x)


def packed(cell: nn.RNNBase, x: Tensor) -> Tensor:
    lengths = torch.tensor([3, 7])
    return pad_packed_sequence(
        cell(pack_padded_sequence(x, lengths, enforce_sorted=False, batch_first=True))[0]
    )[0]


def with_state(cell: nn.RNNBase, x: Tensor) -> Tensor:
    h = torch.full((1, len(x), UNITS), 0.3, dtype=x.dtype)
    y, (last, _) = cell(x, (h, 2 * h))
    return y + last[0][:, None]


CALLS: dict[str, tuple[Callable[[], nn.RNNBase], Callable[[Any, Tensor], Tensor]]] = {
    "time first": (lambda: nn.GRU(FEATURES, UNITS), lambda cell, x: cell(x.transpose(0, 1))[0]),
    "no batch": (lambda: nn.LSTM(FEATURES, UNITS), lambda cell, x: cell(x[0])[0]),
    "packed": (lambda: nn.LSTM(FEATURES, UNITS, 2, bidirectional=True, batch_first=True), packed),
    "lengths": (
        lambda: GRU(FEATURES, UNITS, 2, bidirectional=True, batch_first=True),
        lambda cell, x: cell(x, lengths=[3, 7])[0],
    ),
    "a state": (lambda: LSTM(FEATURES, UNITS, batch_first=True), with_state),
    "projections": (
        lambda: nn.LSTM(FEATURES, 6, proj_size=2, batch_first=True),
        lambda cell, x: cell(x)[0],
    ),
    "no biases": (
        lambda: nn.GRU(FEATURES, UNITS, bias=False, batch_first=True),
        lambda cell, x: cell(x)[0],
    ),
    "the state alone": (
        lambda: nn.GRU(FEATURES, UNITS, batch_first=True),
        lambda cell, x: cell(x)[1],
    ),
}


@pytest.mark.parametrize("call_name", CALLS)
def test_unrolled_layer_supports_every_call_signature_of_torch(call_name: str) -> None:
    """The package compares the states; here the input gradients are equal, too."""
    build_cell, call = CALLS[call_name]
    torch.manual_seed(0)
    net, x = Otherwise(build_cell(), call), torch.randn(2, STEPS, FEATURES)
    results = through_time(net, (x,), {"all": surprise})
    assert len(results) == net.cell.num_layers * (2 if net.cell.bidirectional else 1)
    assert all(len(item.norms) == STEPS and item.read[-1] > 0 for item in results)
    unrolled, real = [], []
    for net_here, into in ((net.double(), real), (net, unrolled)):
        x_here = x.double().requires_grad_()
        if into is unrolled:
            from kissipo.inspect.gradients_through_time import _gives, _UnrolledForward

            expected = iter(_gives(net, [net.cell], (x_here,)))
            net.cell.forward = _UnrolledForward(net.cell, "cell", expected, [])
        surprise(net_here(x_here)).backward()
        into.append(x_here.grad)
    torch.testing.assert_close(unrolled[0], real[0], rtol=1e-9, atol=1e-12)


def test_gradients_of_a_layer_with_several_calls_are_listed_per_call() -> None:
    """In an autoregressive forecast, the last call affects only its own loss."""
    words = {
        "process.net": "recurrent",
        "process.units": 4,
        "process.autoregressive": True,
        "process.pooling": "last",
    }
    task = ki.load("sunspots", horizon=3, words=words)
    trace = task.fit(epochs=1).trace()
    assert [item.layer.split(",")[-1] for item in trace.through_time[1:]] == [" call 2", " call 3"]
    assert all(max(item.norms) > 0 for item in trace.through_time)


def test_what_is_not_recurrent_has_none() -> None:
    assert through_time(nn.Linear(2, 1), (torch.zeros(1, 2),), {"all": surprise}) == []


def test_unrolled_layer_with_other_states_is_refused() -> None:
    class Other(nn.GRU):
        def forward(self, input: Tensor, hx: Any = None) -> Any:  # type: ignore[override]
            y, last = super().forward(input, hx)
            return y + 1e-4, last

    net, x = Readout(Other(FEATURES, UNITS, batch_first=True)), torch.zeros(1, STEPS, FEATURES)
    with pytest.raises(
        UnsupportedNetError,
        match=r"'cell', unrolled in .* gives other states than the layer .*0\.0001",
    ):
        through_time(net, (x,), {"all": surprise})
    net = Readout(nn.GRU(FEATURES, UNITS, batch_first=True))
    with pytest.raises(
        UnsupportedNetError, match="at most 400 steps are supported; 'cell' takes 1,001"
    ):
        through_time(net, (torch.zeros(1, 1001, FEATURES),), {"all": surprise})


def test_ratio_and_reach_by_hand() -> None:
    def through(*norms: float, forward: bool = True) -> ThroughTime:
        return ThroughTime("cell", "rnn", forward, "all", norms)

    fading = through(0.001, 0.009, 0.5, 0.2, 1.0)
    assert (fading.ratio, fading.reach) == (0.001, 3)
    assert through(1.0, 0.5, 0.001, forward=False).reach == 2
    assert through(1.0, 0.5, 0.001, forward=False).ratio == 0.001
    assert (through(8.0, 2.0, 0.5).ratio, through(8.0, 2.0, 0.5).reach) == (16.0, 3)
    assert (through(0.0, 0.0).ratio, through(0.0, 0.0).reach) == (None, 0)


def sunspots() -> Any:
    words = {
        "process.net": "recurrent",
        "process.units": 6,
        "process.cell": "rnn",
        "process.num_layers": 2,
    }
    return ki.load("sunspots", horizon=3, words=words).fit(epochs=2)


def messages() -> Any:
    lines = [line.replace('"', "") for line in load_wine().DESCR.splitlines() if line.strip()] * 3
    rows = [f'"{text}",{"short" if len(text) < 50 else "long"}' for text in lines]
    Path("messages.csv").write_text("\n".join(["message,kind", *rows]), encoding="utf-8")
    words = {
        "process.net": "recurrent",
        "process.cell": "bilstm",
        "process.units": 7,
        "input.text": ["message"],
    }
    return ki.load("messages.csv", output="kind", words=words).fit(epochs=2)


def novel() -> Any:
    Path("novel.txt").write_text(load_breast_cancer().DESCR, encoding="utf-8")
    return ki.load("novel.txt", words={"process.units": 6, "process.cell": "gru"}).fit(epochs=1)


@pytest.mark.parametrize(
    ("fit_run", "expected"),
    [
        (
            sunspots,
            [
                ("rnn", "net.cell, layer 1", True, "the sample"),
                ("rnn", "net.cell, layer 2", True, "the sample"),
            ],
        ),
        (messages, [("lstm", "cell", True, "the sample"), ("lstm", "cell", False, "the sample")]),
        (novel, [("gru", "cell", True, "last step"), ("gru", "cell", True, "all steps")]),
    ],
)
def test_gradients_through_time_of_a_run_need_a_sample_with_a_target(
    fit_run: Callable[[], Any],
    expected: list[Any],
    capsys: pytest.CaptureFixture[str],
    content_of: Callable[[Path], Any],
) -> None:
    run = fit_run()
    trace = run.trace()
    assert [
        (item.cell, item.layer, item.forward, item.loss) for item in trace.through_time
    ] == expected
    assert all(max(item.norms) > 0 for item in trace.through_time)
    assert trace.notes == ("this is the first example of the test split",)
    capsys.readouterr()
    assert main(["show", str(run.folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["through_time"] == [
        item.to_json() for item in trace.through_time
    ]
    assert main(["show", str(run.folder)]) == 0
    output = capsys.readouterr().out
    assert "Gradients through time" in output and expected[0][1] in output and "█" in output
    sections = content_of(run.folder / "report.html")["sections"]
    (records,) = (item["records"] for item in sections if item["title"] == TITLE)
    losses = list(dict.fromkeys(item[-1] for item in expected))
    assert [record["kind"] for record in records] == ["chart", "line"] * len(losses)
    for loss, chart, line in zip(losses, records[::2], records[1::2], strict=True):
        assert line["text"].startswith(f"Loss of {loss}. ") and chart["log_scale"]
        layers = [item for item in trace.through_time if item.loss == loss]
        for series, item in zip(chart["series"], layers, strict=True):
            assert series["name"].startswith(item.layer)
            assert series["points"] == [
                [step, pytest.approx(norm, rel=1e-3)] for step, norm in enumerate(item.norms, 1)
            ]


def test_the_loss_of_the_last_step_is_that_of_the_text_without_the_others() -> None:
    run = novel()
    sample = run.pipeline().datasets["test"].batch(slice(0, 1))
    (result, _) = run.trace().through_time
    cell, head = run.net.cell, run.net.head
    states, _ = cell(run.net.embedding(sample.inputs[0]))
    last = states[:, -1].detach().requires_grad_()
    nn.functional.cross_entropy(head(last), sample.targets[0][:, -1]).backward()
    assert result.norms[-1] == pytest.approx(float(last.grad.norm()), rel=1e-4)


def test_a_value_without_truth_and_a_net_that_is_not_recurrent_have_none(
    content_of: Callable[[Path], Any],
) -> None:
    assert messages().trace("what comes next").through_time == ()
    digits = ki.load("digits").fit(epochs=1)
    assert digits.trace().through_time == ()
    titles = [item["title"] for item in content_of(digits.folder / "report.html")["sections"]]
    assert "Training" in titles and TITLE not in titles


def test_too_many_steps_are_reported_in_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    words = {"process.units": 3, "input.window": 401}
    Path("novel.txt").write_text(load_breast_cancer().DESCR * 3, encoding="utf-8")
    run = ki.load("novel.txt", words=words).fit(epochs=1)
    sample_note, note = run.trace().notes
    assert sample_note == "this is the first example of the test split"
    assert (
        note
        == "gradients through time are left out: at most 400 steps are supported; 'cell' takes 401"
    )
    assert main(["show", str(run.folder)]) == 0
    assert "left out" in capsys.readouterr().err


def test_a_text_of_your_own_is_its_own_truth() -> None:
    run = novel()
    trace = run.trace("the data set")
    ids = trace.recording.values["t0"].tensor  # type: ignore[union-attr]
    logits = trace.recording.output  # type: ignore[union-attr]
    expected = logits.softmax(dim=-1) - torch.nn.functional.one_hot(
        ids.roll(-1, 1), logits.shape[-1]
    )
    expected[:, -1] = 0  # what comes after the last unit is not known
    values = {value.key: value.tensor for value in trace.inside.values}  # type: ignore[union-attr]
    torch.testing.assert_close(
        values["head.gradient"], expected / (ids.shape[1] - 1), rtol=1e-4, atol=1e-7
    )
    last, everything = trace.through_time
    assert (last.loss, everything.loss) == ("last step", "all steps")
    assert last.norms[-1] == everything.norms[-1] == 0
    assert last.norms[-2] > 0
    assert run.trace("t").through_time == ()

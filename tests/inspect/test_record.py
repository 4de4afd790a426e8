"""Tests of the recording of any torch module, operation by operation.

A record equals the computation, a replay gives equal values, and operations that cannot
be recorded are named.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from kissipo.core.errors import NotBuiltError
from kissipo.core.tensor_spec import TensorSpec
from kissipo.inspect.tracing.record import record
from kissipo.inspect.tracing.recording import Recording
from kissipo.inspect.tracing.trace_file import read_trace
from kissipo.inspect.tracing.trace_module import trace
from kissipo.process.nets.bert import Options, build


class Choosy(nn.Module):
    """Goes another way for other data, and as often as they say."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        layer = self.up if x.sum() > 0 else self.down
        while x.norm() < 30:
            x = torch.tanh(layer(x)) + 1.5 * x
        return x


class ManyThings(nn.Module):
    """Gives a dict of tensors, lists and None, and takes words."""

    def forward(self, pair: tuple[Tensor, Tensor], *, scale: Tensor) -> dict[str, Any]:
        left, right = pair
        return {
            "sum": left + right,
            "parts": [left * scale, (right.split(2, dim=1), None)],
            "name": "x",
        }


class WritesOver(nn.Module):
    """Writes into tensors and their views in every way."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 6)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x)
        copy = y + 0
        functional.relu(y, inplace=True)
        row = y[:, 2]
        row += 10
        y[:, 0] = 5
        y.view(-1)[3] = 7
        turned = y.t()
        torch.add(copy, 1, out=copy)
        turned.mul_(2)
        copy.masked_fill_(copy > 0.5, -1)
        return torch.cat([y, copy, row[:, None], turned.t()], dim=1)


class Twice(nn.Module):
    """One layer under two names, called three times."""

    def __init__(self) -> None:
        super().__init__()
        self.first = self.second = nn.Linear(4, 4)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.first(self.act(self.second(x))) + self.first(x))


class Random(nn.Module):
    """Draws while it learns, and has running figures."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.drop = nn.BatchNorm1d(4), nn.Dropout(0.5)
        self.cell = nn.LSTM(4, 5, 2, dropout=0.5, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.drop(self.norm(x)) + torch.rand_like(x)
        return self.cell(x.unsqueeze(1))[0] * torch.bernoulli(torch.full((1,), 0.7))


class Packed(nn.Module):
    """A packed sequence goes through a recurrent layer."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRU(4, 3, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor) -> Tensor:
        packed = pack_padded_sequence(
            x, torch.tensor([3, 5]), batch_first=True, enforce_sorted=False
        )
        gives, last = self.cell(packed)
        return pad_packed_sequence(gives, batch_first=True)[0].sum(dim=1) + last.sum(dim=0).repeat(
            1, 2
        )


class Waves(nn.Module):
    """Complex numbers, sorting, whole numbers."""

    def forward(self, x: Tensor) -> Tensor:
        values, order = torch.fft.rfft(x).abs().sort(dim=1)
        return values * order + torch.where(values > 1, values, 0.0)


HARD: dict[str, tuple[nn.Module, tuple[Any, ...], dict[str, Any]]] = {
    "control flow, up": (Choosy(), (torch.ones(2, 4),), {}),
    "control flow, down": (Choosy(), (-torch.ones(2, 4),), {}),
    "dicts, tuples, words": (
        ManyThings(),
        ((torch.rand(2, 4), torch.rand(2, 4)),),
        {"scale": torch.tensor(2.0)},
    ),
    "in place": (WritesOver(), (torch.rand(3, 4),), {}),
    "called twice": (Twice(), (torch.rand(2, 4),), {}),
    "random": (Random(), (torch.rand(6, 4),), {}),
    "packed": (Packed(), (torch.rand(2, 5, 4),), {}),
    "complex": (Waves(), (torch.rand(2, 8),), {}),
    "transformer": (
        nn.TransformerEncoderLayer(8, 2, 16, batch_first=True),
        (torch.rand(2, 5, 8),),
        {},
    ),
    "transformers": (
        nn.Transformer(8, 2, 1, 2, 16, batch_first=True),
        (torch.rand(2, 5, 8), torch.rand(2, 3, 8)),
        {"tgt_mask": nn.Transformer.generate_square_subsequent_mask(3)},
    ),
    "spectral norm": (
        nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Linear(4, 3))),
        (torch.rand(2, 4),),
        {},
    ),
}


def tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return (
        [tensor for part in value for tensor in tensors(part)]
        if isinstance(value, list | tuple)
        else []
    )


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("case", HARD)
def test_any_module_is_followed_truly_and_not_disturbed(case: str, training: bool) -> None:
    net, inputs, words = HARD[case]
    net.train()
    state, modes = (
        {name: value.clone() for name, value in net.state_dict().items()},
        [m.training for m in net.modules()],
    )
    generator, before = torch.get_rng_state(), [tensor.clone() for tensor in tensors(list(inputs))]
    recording = record(net, inputs, words, training=training)
    assert torch.equal(generator, torch.get_rng_state())
    assert all(torch.equal(state[name], value) for name, value in net.state_dict().items())
    assert [m.training for m in net.modules()] == modes
    assert all(
        torch.equal(one, two) for one, two in zip(before, tensors(list(inputs)), strict=True)
    )
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
    assert recording.mismatches() == []
    assert [note for note in recording.notes if "no operation of torch" in note] == []
    with torch.no_grad():
        expected = tensors(net.train(training)(*inputs, **words))
    torch.set_rng_state(generator)
    net.load_state_dict(state)
    for one, two in zip(tensors(recording.output), expected, strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=1e-5 * float(two.abs().max()))


def at_the_end(recording: Recording) -> list[Tensor]:
    return [recording.values[key].tensor for key in recording.answers]


@pytest.mark.parametrize("case", HARD)
def test_the_answer_follows_from_every_value_that_matters(case: str) -> None:
    net, inputs, words = HARD[case]
    recording = record(net, inputs, words)
    for value in recording.activations:
        same = recording.answer_from(value.key, value.tensor)
        assert all(
            torch.equal(one, two) for one, two in zip(same, at_the_end(recording), strict=True)
        )
    last = next(
        value
        for value in recording.activations[::-1]
        if value.tensor.is_floating_point() and recording.matters(value.key)
    )
    other = recording.answer_from(last.key, last.tensor + 100)
    assert not all(
        torch.equal(one, two) for one, two in zip(other, at_the_end(recording), strict=True)
    )


def test_what_was_written_over_is_kept_as_it_was_and_as_it_became() -> None:
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(inplace=True), nn.Hardtanh(0, 0.1, inplace=True))
    with torch.no_grad():
        net[0].bias -= 0.5  # type: ignore[operator]
    x = torch.randn(5, 3)
    recording = record(net, (x,))
    linear, relu, cut = (call.output for call in recording.steps)
    expected = functional.linear(x, net[0].weight, net[0].bias)  # type: ignore[arg-type]
    torch.testing.assert_close(linear, expected)
    assert linear.min() < 0 <= relu.min()
    assert cut.max() <= 0.1 < relu.max()


def test_fast_path_of_an_encoder_layer_is_recorded_as_its_operations() -> None:
    net = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    names = {operation.name for operation in record(net, (torch.rand(1, 5, 8),)).operations}
    assert {"multiheadattention", "linear", "layer_norm", "relu"} <= names


def test_what_comes_from_elsewhere_is_named() -> None:
    class ByNumpy(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.from_numpy(np.sqrt(x.numpy())) * x

    class ByPython(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * float(x.max())

    recording = record(ByNumpy(), (torch.ones(2),))
    assert [note.split(" a tensor")[0] for note in recording.notes if "no operation" in note] == [
        "operation 0 (mul) of 'bynumpy' reads"
    ]
    assert any(
        note.startswith("numpy in 'bynumpy' converts values to Python") for note in recording.notes
    )
    recording = record(ByPython(), (torch.ones(2),))
    assert recording.notes == (
        "float in 'bypython' converts values to Python; what Python does was not recorded",
    )


def test_memory_that_is_written_behind_torchs_back_makes_a_recording_untrue() -> None:
    class Sly(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            y = torch.zeros(3)
            y.numpy()[:] = 5
            return y + x

    recording = record(Sly(), (torch.ones(3),))
    assert recording.output.tolist() == [6, 6, 6]
    assert [operation.name for operation in recording.mismatches()] == ["add"]


def test_a_weight_that_the_net_writes_over_is_named() -> None:
    class Restless(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(2))

        def forward(self, x: Tensor) -> Tensor:
            with torch.no_grad():
                self.weight.mul_(0.5)
            return x * self.weight

    assert record(Restless(), (torch.ones(2),)).notes == (
        "the net overwrites its weight weight in forward: it was not restored",
    )


def test_where_nothing_can_be_seen_it_is_said() -> None:
    with pytest.warns(DeprecationWarning, match="jit"):
        compiled = torch.jit.script(nn.Linear(3, 2))
    with pytest.raises(NotBuiltError, match=r"'0' is compiled by torch\.jit"):
        record(nn.Sequential(compiled), (torch.ones(1, 3),))
    with pytest.raises(NotBuiltError, match="'0' has uninitialized weights"):
        record(nn.Sequential(nn.LazyLinear(2)), (torch.ones(1, 3),))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_numbers_of_every_precision_are_followed(dtype: torch.dtype) -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).to(dtype)
    recording = trace(net, torch.ones(1, 3, dtype=dtype), loss=lambda output: output.float().sum())
    assert recording.recording
    assert recording.recording.mismatches() == []
    assert [step.value.size for step in recording.steps] == [4, 4, 2]
    assert read_trace(recording.save("trace"))[1](recording.recording.answers[0]).shape == (1, 2)


def test_a_net_that_fails_is_left_without_hooks() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.Linear(3, 4)).train()
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        record(net, (torch.ones(1, 3),))
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in net.modules())
    assert net.training
    assert torch.is_grad_enabled()
    (torch.ones(1) + 1).sum()  # no mode is left behind


def test_what_stands_outside_of_layers_counts_too() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.start, self.cell = nn.Parameter(torch.zeros(1, 6)), nn.GRUCell(4, 6)

        def forward(self, x: Tensor) -> Tensor:
            h = self.start
            for step in x.unbind(1):
                h = self.cell(step, h)
            return h @ h.t()

    net = Own()
    recording = trace(net, torch.rand(1, 5, 4))
    assert recording.parameters == sum(weight.numel() for weight in net.parameters())
    assert recording.multiplications == 5 * 3 * 6 * (4 + 6) + 6
    assert [step.multiplications for step in recording.steps] == [180] * 5


@pytest.mark.parametrize(
    ("work", "axes"),
    [
        (lambda x: x.flatten(1), ("batch", "feature")),
        (lambda x: x.flatten(2), ("batch", "channel", "axis 2")),
        (lambda x: x.flatten(2).transpose(1, 2), ("batch", "axis 2", "channel")),
        (lambda x: x.permute(0, 2, 3, 1), ("batch", "height", "width", "channel")),
        (lambda x: x.movedim(1, -1), ("batch", "height", "width", "channel")),
        (lambda x: x.mean(dim=1), ("batch", "height", "width")),
        (lambda x: x[:, 0], ("batch", "height", "width")),
        (lambda x: x[..., -1], ("batch", "channel", "height")),
        (lambda x: x[:, None], ("batch", "one", "channel", "height", "width")),
        (lambda x: x.unsqueeze(-1), ("batch", "channel", "height", "width", "axis 4")),
        (lambda x: torch.relu(x), ("batch", "channel", "height", "width")),
        (lambda x: x.sum(), ()),
    ],
)
def test_axes_keep_their_names_where_it_is_known_which_they_are(
    work: Any, axes: tuple[str, ...]
) -> None:
    class Does(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            recording: Tensor = work(x)
            return recording

    recording = record(Does(), (torch.rand(2, 3, 4, 5),))
    assert recording.values[recording.answers[0]].axes == axes


def test_operations_have_names_places_costs_and_axes() -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8 * 36, 5))
    recording = record(net, (torch.rand(1, 3, 8, 8),))
    assert [
        (operation.name, operation.layer, operation.parameters, operation.multiplications)
        for operation in recording.operations
    ] == [
        ("conv2d", "0", 224, 27 * 8 * 36),
        ("flatten", "1", 0, 0),
        ("linear", "2", 1445, 1440),
    ]
    axes = [recording.values[operation.output_keys[0]].axes for operation in recording.operations]
    assert axes == [
        ("batch", "channel", "height", "width"),
        ("batch", "feature"),
        ("batch", "feature"),
    ]
    assert all(operation.seconds > 0 for operation in recording.operations)


class NamesAxes(nn.Module):
    """Cuts features into heads, and names the axes itself."""

    AXES: ClassVar = {"unflatten": (None, None, "head", "feature"), "": ("sample", "mean")}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(2, (2, 3)).transpose(1, 2).mean(dim=(2, 3))


@pytest.mark.parametrize("first", ["batch", "option"])
def test_layer_names_the_axes_of_its_operations(first: str) -> None:
    recording = record(NamesAxes(), (torch.ones(4, 5, 6),), axes=[(first, "time", "feature")])
    named = [recording.values[call.output_keys[0]].axes for call in recording.operations]
    assert named == [
        (first, "time", "head", "feature"), (first, "head", "time", "feature"), ("sample", "mean"),
    ]  # fmt: skip


def test_attention_of_a_bert_has_named_axes() -> None:
    text = TensorSpec("text", ("time",), (7,), 9, ("[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcde"))
    options = Options(num_layers=1, units=8, num_heads=2, max_positions=9)
    net = build((text,), (TensorSpec("kind", ("class",), (3,)),), options).eval()
    recording = record(net, (torch.tensor([[2, 5, 6, 3, 0, 0, 0]]),), axes=[("batch", "time")])
    axes = {
        call.name: recording.values[call.output_keys[0]].axes
        for call in recording.steps
        if call.name
        in ("positions", "layers.0.attention.heads", "layers.0.attention.heads.softmax")
    }
    assert axes == {
        "positions": ("time", "feature"),
        "layers.0.attention.heads.softmax": ("batch", "head", "query", "key"),
        "layers.0.attention.heads": ("batch", "head", "query", "feature"),
    }

"""Tests of the trace as files.

The files hold the values that torch computed and follow the schema. Nothing is lost,
and no other file is replaced.
"""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

import kissipo as ki
from kissipo.core.errors import MachineError, RunError
from kissipo.inspect.tracing.inside import look_inside
from kissipo.inspect.tracing.record import record
from kissipo.inspect.tracing.recording import as_array
from kissipo.inspect.tracing.statistics import statistics
from kissipo.inspect.tracing.trace_file import read_trace
from kissipo.inspect.tracing.trace_module import trace

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs" / "trace.schema.json").read_text(encoding="utf-8")
)


class Reader(nn.Module):
    """Ids are read by two cells and attended to."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(9, 8)
        self.cell = nn.LSTM(8, 4, 2, batch_first=True, bidirectional=True)
        self.attend = nn.MultiheadAttention(8, 2, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, ids: Tensor) -> Tensor:
        x, _ = self.cell(self.embed(ids))
        return self.head(self.attend(x, x, x)[0].mean(dim=1))


def test_what_is_written_is_read_again_number_by_number() -> None:
    net, ids = Reader(), torch.tensor([[1, 4, 2, 8, 0]])
    result = trace(net, ids, loss=lambda output: output.square().sum())
    folder = result.save("a/trace")
    content, tensor = read_trace(folder)
    jsonschema.validate(content, SCHEMA)
    assert result.recording
    for value in result.values:
        if value.origin == "weight":
            assert content["tensors"][value.key]["file"] is None
        else:
            np.testing.assert_array_equal(tensor(value.key), value.tensor.numpy())
    about = content["tensors"]["t0"]
    raw = (folder / about["file"]).read_bytes()
    assert np.frombuffer(raw, "<i8").tolist() == ids[0].tolist()
    assert (about["dtype"], about["shape"], about["axes"]) == ("int64", [1, 5], ["batch", "time"])
    with torch.no_grad():
        expected = net.eval()(ids).numpy()
        np.testing.assert_allclose(
            tensor(content["answers"][0]), expected, rtol=0, atol=1e-5 * np.abs(expected).max()
        )
    directions = content["expanded"][0]["unrolled"]
    assert [(direction["number"], direction["forward"]) for direction in directions] == [
        (0, True),
        (0, False),
        (1, True),
        (1, False),
    ]
    assert set(directions[0]["gates"]) == {"i", "f", "g", "o", "c", "h"}
    assert content["tensors"][directions[0]["gates"]["f"]]["shape"] == [5, 1, 4]
    states = tensor(content["operations"][1]["outputs"][0])
    np.testing.assert_allclose(
        tensor(directions[2]["gates"]["h"])[:, 0], states[0, :, :4], atol=1e-5
    )
    weights = tensor(content["expanded"][1]["attention"]["weights"])
    np.testing.assert_allclose(weights.sum(axis=-1), 1, rtol=1e-5)


@pytest.mark.parametrize("name", ["digits", "sunspots", "equations"])
def test_the_trace_of_a_run_keeps_the_schema(name: str) -> None:
    run = ki.load(name).fit(epochs=1)
    content, arrays = run.trace().content()
    jsonschema.validate(json.loads(json.dumps(content, allow_nan=False)), SCHEMA)
    assert {entry["name"] for entry in content["layers"] if entry["step"]} == {
        step["name"] for step in content["steps"] if step["stage"] == "process"
    }
    assert all(entry["tensor"] in arrays for entry in content["gradients"])
    assert content["gradients"]


def test_gradients_at_layers_are_autograds_own() -> None:
    net, x = Reader().double(), torch.tensor([[3, 1, 1]])
    inside = look_inside(net, record(net, (x,)), loss=lambda output: output.square().sum())
    embedded = net.embed(x).detach().requires_grad_()
    states, _ = net.cell(embedded)
    states.retain_grad()
    net.head(net.attend(states, states, states)[0].mean(dim=1)).square().sum().backward()
    values = {value.key: value.tensor for value in inside.values}
    assert embedded.grad is not None
    torch.testing.assert_close(
        values["embed.gradient"].double(), embedded.grad, rtol=1e-4, atol=1e-6
    )
    torch.testing.assert_close(values["cell.gradient"].double(), states.grad, rtol=1e-4, atol=1e-6)
    assert all(weight.grad is None for weight in Reader().parameters())


def test_statistics_beside_scipy() -> None:
    values = np.random.default_rng(0).normal(size=(30, 7)).astype(np.float32)
    values[3], values[4, 0] = 0, np.inf
    result = statistics(values)
    finite = values[np.isfinite(values)]
    expected_statistics = stats.describe(finite.astype(np.float64), ddof=0)
    assert result["statistics"] == {
        "mean": pytest.approx(expected_statistics.mean),
        "std": pytest.approx(expected_statistics.variance**0.5),
        "min": expected_statistics.minmax[0],
        "max": expected_statistics.minmax[1],
        "zeros": 7 / 210,
        "not_finite": 1,
    }
    low, high = result["histogram"]["from"], result["histogram"]["to"]
    expected = stats.binned_statistic(finite, finite, "count", bins=32, range=(low, high)).statistic
    assert result["histogram"]["counts"] == expected.tolist()
    assert statistics(np.full(3, np.nan))["histogram"] is None
    assert statistics(np.zeros((0, 2)))["statistics"]["mean"] is None
    assert statistics(np.array([True, False]))["statistics"]["mean"] == 0.5


def test_of_large_tensors_only_statistics_are_written() -> None:
    result = trace(nn.Linear(3, 100), torch.ones(1, 3))
    content, tensor = read_trace(result.save("small", max_bytes=300))
    assert content["tensors"]["t1"]["file"] is None
    assert content["tensors"]["t1"]["statistics"]["max"] is not None
    assert tensor("t0").tolist() == [[1, 1, 1]]
    with pytest.raises(RunError, match="the trace has only statistics"):
        tensor("t1")


def test_types_that_numpy_lacks_are_written_as_float32() -> None:
    assert as_array(torch.tensor([1.5, -2.0], dtype=torch.bfloat16)).dtype == np.float32
    assert as_array(torch.tensor([1.5], dtype=torch.float16)).dtype == np.float16
    assert as_array(torch.eye(2).to_sparse()).tolist() == [[1, 0], [0, 1]]


def test_another_trace_is_replaced_and_nothing_else() -> None:
    result = trace(nn.Linear(3, 2), torch.ones(1, 3))
    Path("mine").mkdir()
    (Path("mine") / "notes.txt").write_text("dear")
    with pytest.raises(RunError, match="mine exists and is not a trace"):
        result.save("mine")
    Path("file").write_text("dear")
    with pytest.raises(RunError, match="not a trace"):
        result.save("file")
    assert (Path("mine") / "notes.txt").read_text() == Path("file").read_text() == "dear"
    other = trace(nn.Linear(3, 4), torch.ones(1, 3))
    assert read_trace(other.save(result.save("trace")))[1]("t1").shape == (1, 4)
    assert not [path for path in Path.cwd().iterdir() if path.name.startswith(".trace")]


def test_trace_that_cannot_be_written_or_read_raises_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result = trace(nn.Linear(3, 2), torch.ones(1, 3))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.replace", full)
        with pytest.raises(MachineError, match="No space left"):
            result.save("trace")
    assert not [*Path.cwd().glob(".trace*"), *Path.cwd().glob("trace*")]
    with pytest.raises(RunError, match="there is no trace in nowhere"):
        read_trace("nowhere")
    folder = result.save("trace")
    content = json.loads((folder / "trace.json").read_text())
    (folder / "trace.json").write_text(json.dumps(content | {"version": 2}))
    with pytest.raises(RunError, match="has another version"):
        read_trace(folder)

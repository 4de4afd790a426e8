"""TensorBoard's own reader finds the graph, the numbers and the weights of a fit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import kissipo as ki
from kissipo.inspect.tracing.record import record
from kissipo.runs.tensorboard import graph, histogram

pytest.importorskip("tensorboard")


def test_tensorboard_has_graph_metrics_and_weights() -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = ki.load("digits").fit(epochs=2)
    events = EventAccumulator(str(run.folder)).Reload()
    nodes = {node.name: node for node in events.Graph().node}
    assert list(nodes["1/linear_1"].input) == ["0/flatten_0", "weights/1/weight", "weights/1/bias"]
    assert [side.size for side in nodes["1/linear_1"].attr["_output_shapes"].list.shape[0].dim] == [
        1,
        256,
    ]
    weights = {f"weights/{name}": weight for name, weight in run.net.named_parameters()}
    assert events.Tags()["histograms"] == [name.replace(".", "/") for name in weights]
    assert events.Tags()["images"] == []
    assert [value.step for value in events.Scalars("loss")] == [1, 2]
    assert [value.value for value in events.Scalars("loss")] == pytest.approx(
        [row["loss"] for row in run.history if "loss" in row]
    )
    for name, weight in weights.items():
        values = events.Histograms(name.replace(".", "/"))[-1].histogram_value
        assert values.num == weight.numel() == sum(values.bucket)


def test_training_is_the_same_with_and_without_tensorboard(monkeypatch: pytest.MonkeyPatch) -> None:
    words = {"process.net": "cnn", "process.dropout": 0.3, "process.norm": True}
    watched = ki.load("digits", words=words).fit(epochs=2, seed=4)
    monkeypatch.setattr("kissipo.runs.fit.tensorboard_callbacks", lambda *_: [])
    alone = ki.load("digits", words=words).fit(epochs=2, seed=4)
    assert not [*alone.folder.glob("events*")]
    state = alone.net.state_dict()
    assert all(
        torch.equal(state[name], weight) for name, weight in watched.net.state_dict().items()
    )


def test_tensorboard_graph_has_all_operations_and_edges() -> None:
    from tensorboard.compat.proto.graph_pb2 import GraphDef

    recording = record(
        nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), (torch.rand(1, 3, 8),)
    )
    content = GraphDef.FromString(graph(recording))
    nodes = {node.name: node for node in content.node}
    assert len(nodes) == len(content.node)
    assert all(source in nodes for node in content.node for source in node.input)
    assert {node.op for node in content.node} >= {
        operation.name for operation in recording.operations
    }


def test_histogram_counts_match_the_values() -> None:
    values = histogram(np.array([0.0, 1.0, 1.0, np.nan], dtype=np.float32))
    assert (values.num, values.min, values.max, values.sum, values.sum_squares) == (3, 0, 1, 2, 2)
    assert (values.bucket[1], values.bucket[-1]) == (1, 2)
    assert histogram(np.array([np.nan])).num == 0

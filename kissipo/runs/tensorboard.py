"""TensorBoard: writes `events.out.tfevents.*`, when the extra 'board' is installed.

The file holds the metrics of each epoch, the graph of the net's operations, and
histograms of its weights, from which TensorBoard also draws distributions.

TensorBoard's own record writer writes the file in the same thread. torch's
SummaryWriter uses another thread, whose failure on a full disk cannot be caught. Its
graph comes from `torch.jit`, which follows one path through a net only. Histograms are
left out of an epoch when they take more than a fiftieth of the time. Large weights are
sampled.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from kissipo.core.devices import device_of
from kissipo.core.numpy_array import NumpyArray
from kissipo.core.protocols import FitCallback
from kissipo.inspect.tracing.record import record
from kissipo.inspect.tracing.recording import Recording

_SHARE = 1 / 50
_NUMBERS, _BINS = 50_000, 30


class Board(FitCallback):
    """Writes during training; open it with `tensorboard --logdir runs`.

    inputs:  the inputs of one example, whose operations are drawn as a graph
    """

    def __init__(self, folder: Path, net: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        from tensorboard.summary.writer.record_writer import RecordWriter

        self._net = net
        self._started, self._spent = time.perf_counter(), 0.0
        now = time.time_ns()
        self._writer = RecordWriter(
            (folder / f"events.out.tfevents.{now // 10**9}.{now % 10**9}").open("wb")
        )
        self._write(file_version="brain.Event:2")
        if inputs:
            self._write(graph_def=graph(record(net, tuple(x.to(device_of(net)) for x in inputs))))

    def on_epoch(self, row: Mapping[str, object]) -> None:
        """Writes a point per metric, and histograms of the weights if time allows."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = [
            Summary.Value(tag=name, simple_value=value)
            for name, value in row.items()
            if isinstance(value, float) and name != "seconds"
        ]
        start = time.perf_counter()
        if self._spent <= _SHARE * (start - self._started):
            values += [
                Summary.Value(tag=f"weights/{name}", histo=histogram(w))
                for name, w in _weights(self._net)
            ]
            self._spent += time.perf_counter() - start
        self._write(step=row["epoch"], summary=Summary(value=values))

    def _write(self, **content: object) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._writer.write(Event(wall_time=time.time(), **content).SerializeToString())
        self._writer.flush()


def tensorboard_callbacks(
    folder: Path, net: nn.Module, inputs: tuple[Tensor, ...]
) -> list[FitCallback]:
    """Returns the callback, or an empty list when TensorBoard is not installed."""
    return [Board(folder, net, inputs)] if find_spec("tensorboard") is not None else []


def graph(recording: Recording) -> bytes:
    """Returns the operations as a TensorBoard graph, in scopes per layer."""
    from tensorboard.compat.proto.graph_pb2 import GraphDef
    from tensorboard.compat.proto.node_def_pb2 import NodeDef
    from tensorboard.compat.proto.versions_pb2 import VersionDef

    nodes, makers = [], {}
    read = {key for operation in recording.operations for key in operation.input_keys}
    for key, value in recording.values.items():
        if value.origin != "operation" and key in read:
            makers[key] = f"{value.origin}s/{key}".replace(".", "/")
            nodes.append(NodeDef(name=makers[key], op=value.origin, attr=_shape(value.tensor)))
    for operation in recording.operations:
        name = "/".join(
            filter(None, [*operation.layer.split("."), f"{operation.name}_{operation.number}"])
        )
        output = recording.values[operation.output_keys[0]].tensor
        nodes.append(
            NodeDef(
                name=name,
                op=operation.name,
                input=[makers[key] for key in operation.input_keys],
                attr=_shape(output),
            )
        )
        makers |= dict.fromkeys(operation.output_keys, name)
    nodes += [
        NodeDef(
            name=f"answers/{number}",
            op="answer",
            input=[makers[key]],
            attr=_shape(recording.values[key].tensor),
        )
        for number, key in enumerate(recording.answers)
        if key in makers
    ]
    content: bytes = GraphDef(node=nodes, versions=VersionDef(producer=22)).SerializeToString()
    return content


def histogram(values: NumpyArray) -> object:
    """Returns the histogram of some values in TensorBoard's form."""
    from tensorboard.compat.proto.summary_pb2 import HistogramProto

    values = values[np.isfinite(values)].astype(np.float64)
    if not len(values):
        return HistogramProto(bucket_limit=[0.0], bucket=[0.0])
    counts, edges = np.histogram(values, bins=_BINS)
    return HistogramProto(
        min=values.min(),
        max=values.max(),
        num=len(values),
        sum=values.sum(),
        sum_squares=values @ values,
        bucket_limit=edges,
        bucket=[0, *counts],  # the first bucket ends at the minimum
    )


def _weights(net: nn.Module) -> Iterator[tuple[str, NumpyArray]]:
    for name, weight in net.named_parameters():
        flat = weight.detach().reshape(-1)
        yield name.replace(".", "/"), flat[:: 1 + len(flat) // _NUMBERS].cpu().numpy()


def _shape(tensor: Tensor) -> dict[str, object]:
    from tensorboard.compat.proto.attr_value_pb2 import AttrValue
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto

    sides = [TensorShapeProto.Dim(size=side) for side in tensor.shape]
    return {
        "_output_shapes": AttrValue(list=AttrValue.ListValue(shape=[TensorShapeProto(dim=sides)]))
    }

"""How fast is inference of recurrent layers beside ONNX Runtime?

Question   By what factor is a layer under no_grad faster than the same layer in ONNX
           Runtime, for one sequence and for whole batches?
Shapes     those of benchmarks/recurrent.py.
Method     one process, one thread each, the peers interleaved in 20 rounds (5 for
           batches); processor time, medians. With --threads 2 it is the time of the
           clock. Before its turn, a peer runs for 30 ms: its threads wake up, and those
           of the other peer, which wait busily, go to sleep. The ratio is ONNX
           Runtime's time over ours.
Needs      the packages onnx and onnxruntime.
Run        python benchmarks/onnx_inference.py [--shapes a,b,c256,d96] [--threads 1]
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
from collections.abc import Callable
from functools import partial

import onnxruntime  # type: ignore[import-not-found,unused-ignore]
import torch
from recurrent import CELLS, SHAPES
from torch import nn

_WARM_UP = 0.03  # seconds


def by_onnx(layer: nn.RNNBase, x: torch.Tensor, threads: int) -> Callable[[], object]:
    """Returns a function that computes the layer in ONNX Runtime."""
    file = io.BytesIO()
    torch.onnx.export(layer.eval(), (x,), file, dynamo=False, input_names=["x"])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(file.getvalue(), options)
    inputs = {"x": x.numpy()}
    return lambda: session.run(None, inputs)


def medians(
    peers: list[Callable[[], object]], rounds: int, clock: Callable[[], float]
) -> list[float]:
    """Returns the median microseconds of each peer, in interleaved rounds."""
    times: list[list[float]] = [[] for _ in peers]
    for _ in range(rounds):
        for run, own in zip(peers, times, strict=True):
            count, ends = 0, time.perf_counter() + _WARM_UP
            while not count or time.perf_counter() < ends:
                run()
                count += 1
            began = clock()
            for _ in range(count):
                run()
            own.append((clock() - began) / count * 1e6)
    return [statistics.median(own) for own in times]


@torch.no_grad()
def main() -> None:
    """Prints a row per shape, cell and batch."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shapes", default="a,b,c256,d96")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    clock = time.process_time if arguments.threads == 1 else time.perf_counter
    print(
        "| shape | cell | batch | ONNX Runtime us | kissipo us | ratio |\n|---|---|---|---|---|---|"
    )
    for name in arguments.shapes.split(","):
        batch, steps, features, units, layers, _ = SHAPES[name]
        for cell, (ours, theirs, _) in CELLS.items():
            plain, own = theirs(features, units, layers), ours(features, units, layers)
            own.load_state_dict(plain.state_dict())
            for rows in (1, batch):
                x = torch.randn(steps, rows, features)
                peers = [by_onnx(plain, x, arguments.threads), partial(own, x)]
                other, mine = medians(peers, 20 if rows == 1 else 5, clock)
                print(
                    f"| {name} | {cell} | {rows} | {other:.0f} | {mine:.0f} "
                    f"| **{other / mine:.2f}** |",
                    flush=True,
                )


if __name__ == "__main__":
    main()

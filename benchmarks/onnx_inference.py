"""How fast is inference of recurrent layers beside ONNX Runtime?

Question   By what factor is a layer under no_grad faster than the same layer in ONNX
           Runtime, for one sequence and for whole batches?
Shapes     those of benchmarks/recurrent.py.
Method     Each peer has its own process. In one process, the idle threads of one peer
           would slow down the other. One thread each, the peers interleaved in 20
           rounds (5 for batches); processor time, medians. With --threads 2 it is the
           time of the clock. Before its turn, a peer runs for 0.3 s, and on Linux its
           busiest threads get a core each: else a system may leave threads that wake
           up on one core. The ratio is ONNX Runtime's time over ours.
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
from multiprocessing import get_context
from multiprocessing.connection import Connection

import torch
from cores import divide_threads
from recurrent import CELLS, SHAPES
from torch import nn

_WARM_UP, _MEASURED = 0.3, 0.05  # seconds of a round


def by_onnx(layer: nn.RNNBase, x: torch.Tensor, threads: int) -> Callable[[], object]:
    """Returns a function that computes the layer in ONNX Runtime."""
    import onnxruntime  # type: ignore[import-not-found,unused-ignore]

    file = io.BytesIO()
    torch.onnx.export(layer.eval(), (x,), file, dynamo=False, input_names=["x"])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(file.getvalue(), options)
    inputs = {"x": x.numpy()}
    return lambda: session.run(None, inputs)


@torch.no_grad()
def serve(peer: str, threads: int, pipe: Connection) -> None:
    """Measures a layer whenever it is asked to: the process of a peer.

    A message is a shape, a cell and a number of rows, for which a layer is built, or
    None for a round of the last one, which is answered with its microseconds.
    """
    torch.set_num_threads(threads)
    clock = time.process_time if threads == 1 else time.perf_counter
    run: Callable[[], object] = int
    while (message := pipe.recv()) != "end":
        if message is not None:
            name, cell, rows = message
            _, steps, features, units, layers, _ = SHAPES[name]
            torch.manual_seed(0)
            ours, theirs, _ = CELLS[cell]
            plain, x = theirs(features, units, layers), torch.randn(steps, rows, features)
            if peer == "ours":
                own = ours(features, units, layers)
                own.load_state_dict(plain.state_dict())
                run = partial(own, x)
            else:
                run = by_onnx(plain, x, threads)
        else:
            pipe.send(one_round(run, clock, threads))


def one_round(run: Callable[[], object], clock: Callable[[], float], threads: int) -> float:
    """Returns the microseconds of a call, after a warm-up."""
    calls_in(_WARM_UP / 2, run)
    if threads > 1:
        divide_threads(threads)
    count = max(1, round(calls_in(_WARM_UP / 2, run) * 2 * _MEASURED / _WARM_UP))
    began = clock()
    for _ in range(count):
        run()
    return (clock() - began) / count * 1e6


def calls_in(seconds: float, run: Callable[[], object]) -> int:
    """Calls a function for so long, at least once, and returns how often it did."""
    count, ends = 0, time.perf_counter() + seconds
    while not count or time.perf_counter() < ends:
        run()
        count += 1
    return count


def medians(pipes: list[Connection], rounds: int) -> list[float]:
    """Returns the median microseconds of each peer, in interleaved rounds."""
    times: list[list[float]] = [[] for _ in pipes]
    for _ in range(rounds):
        for pipe, own in zip(pipes, times, strict=True):
            pipe.send(None)
            own.append(pipe.recv())
    return [statistics.median(own) for own in times]


def main() -> None:
    """Prints a row per shape, cell and batch."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shapes", default="a,b,c256,d96")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    context, pipes = get_context("spawn"), []
    for peer in ("onnx", "ours"):
        pipe, other_end = context.Pipe()
        child = context.Process(
            target=serve, args=(peer, arguments.threads, other_end), daemon=True
        )
        child.start()
        other_end.close()
        pipes.append(pipe)
    print(
        "| shape | cell | batch | ONNX Runtime us | kissipo us | ratio |\n|---|---|---|---|---|---|"
    )
    for name in arguments.shapes.split(","):
        for cell in CELLS:
            for rows in (1, SHAPES[name][0]):
                for pipe in pipes:
                    pipe.send((name, cell, rows))
                other, mine = medians(pipes, 20 if rows == 1 else 5)
                print(
                    f"| {name} | {cell} | {rows} | {other:.0f} | {mine:.0f} "
                    f"| **{other / mine:.2f}** |",
                    flush=True,
                )
    for pipe in pipes:
        pipe.send("end")


if __name__ == "__main__":
    main()

"""How long does a trace take? One sample, recorded operation by operation, as a page.

Question   How much time and memory does a trace need, and how large is its page? The
           nets are VGG16 and ResNet-50 at 224x224, an LSTM of 256 units over 1,000
           steps and a character LSTM over 200 steps.
Peers      the same net without a recording: the ratio is the cost of the recording.
Method     each net runs in a process of its own, on one thread. The times of inference
           and of recording are medians of three, interleaved. The gates, gradients and
           explained values, the statistics and the page are measured once. The peak
           memory is that of the process; it includes the weights of the net and torch
           (0.2 GB).
Run        python benchmarks/trace.py [--pages DIR]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import torch
from kissipo.report.trace_page import trace_page
from torch import Tensor, nn

from kissipo.core.tensor_spec import TensorSpec
from kissipo.inspect.tracing.inside import look_inside
from kissipo.inspect.tracing.record import record
from kissipo.inspect.tracing.trace_module import trace
from kissipo.pipeline.registries import NETS


class Reader(nn.Module):
    """A recurrent net that reads ids and predicts the next one."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.embed, self.cell, self.head = (
            nn.Embedding(100, 64),
            nn.LSTM(64, units, batch_first=True),
            nn.Linear(units, 100),
        )

    def forward(self, ids: Tensor) -> Tensor:
        """(batch, time) -> (batch, time, 100)."""
        answer: Tensor = self.head(self.cell(self.embed(ids))[0])
        return answer


def on_images(name: str) -> tuple[nn.Module, Tensor]:
    """Returns a net for images with random weights, and an image of noise."""
    module = NETS.find(name, place="process.net")
    specs = (
        (TensorSpec("image", ("channel", "height", "width"), (3, 224, 224)),),
        (TensorSpec("kind", ("class",), (1000,)),),
    )
    return module.build(*specs, module.Options()), torch.rand(1, 3, 224, 224)


CASES = {
    "VGG16, 224x224": lambda: on_images("vgg16"),
    "ResNet-50, 224x224": lambda: on_images("resnet50"),
    "LSTM of 256, 1,000 steps": lambda: (Reader(256), torch.randint(0, 100, (1, 1000))),
    "LSTM of 128, 200 steps": lambda: (Reader(128), torch.randint(0, 100, (1, 200))),
}


def timed(work: Any) -> tuple[float, Any]:
    """Returns the seconds of a call, and its result."""
    start = perf_counter()
    result = work()
    return perf_counter() - start, result


def measure(case: str, pages: Path | None) -> dict[str, float]:
    """Returns all times and sizes of one net, in this process."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    net, x = CASES[case]()
    net.eval()

    def infer() -> Tensor:
        with torch.no_grad():
            answer: Tensor = net(x)
        return answer

    infer()
    rounds = [(timed(infer)[0], timed(lambda: record(net, (x,)))[0]) for _ in range(3)]
    plain, recorded = (median(times) for times in zip(*rounds, strict=True))
    recording = record(net, (x,))
    inside = timed(
        partial(look_inside, net, recording, loss=lambda output: output.square().mean())
    )[0]
    del recording
    net_trace = trace(net, x, name=case, loss=lambda output: output.square().mean())
    statistics_time, (content, arrays) = timed(lambda: net_trace.content())
    draw_time, page = timed(
        lambda: trace_page(content, arrays, title=case, subtitle="fresh weights")
    )
    if pages is not None:
        pages.mkdir(parents=True, exist_ok=True)
        (pages / f"{case.split(',')[0].replace(' ', '-')}.html").write_text(page, encoding="utf-8")
    return {
        "plain": plain,
        "recorded": recorded,
        "inside": inside,
        "statistics": statistics_time,
        "draw": draw_time,
        "page": len(page.encode()) / 1e6,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }


def main() -> None:
    """Runs every net in a process of its own, and prints one line per net."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=Path)
    parser.add_argument("--case")
    arguments = parser.parse_args()
    if arguments.case:
        print(json.dumps(measure(arguments.case, arguments.pages)))
        return
    print(
        f"{'net':26} {'plain':>5}  recorded  ratio  gates,     statis-  page     page   peak\n"
        f"{'':51}gradients  tics              (MB)   (GB)"
    )
    for case in CASES:
        command = [sys.executable, __file__, "--case", case]
        command += ["--pages", str(arguments.pages)] if arguments.pages else []
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        row = json.loads(done.stdout)
        print(
            f"{case:26} {row['plain']:5.2f} s {row['recorded']:6.2f} s "
            f"{row['recorded'] / row['plain']:6.1f} {row['inside']:8.2f} s "
            f"{row['statistics']:7.2f} s {row['draw']:5.2f} s "
            f"{row['page']:6.2f} {row['memory']:6.2f}"
        )


if __name__ == "__main__":
    main()

"""What does it take to look into a net? One sample followed operation by operation, kept, and drawn as a page.

Question   How long, how much memory and how large a page: VGG16 at 224x224, ResNet-50 at 224x224, an LSTM of 256 units over 1,000
           steps, a character LSTM over 200 steps?
Peers      the same net asked plainly, without anything recorded: the ratio is the price of looking
Method     each in a process of its own, one thread; the median of three plain answers and of three recordings, interleaved; then gates,
           gradients and opened numbers, statistics and page once. Peak memory is that of the process, the net's weights and torch
           (0.2 GB) included.
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
from torch import Tensor, nn

from kissipo.core.tensor_spec import TensorSpec
from kissipo.inspect.tracing.inside import look_inside
from kissipo.inspect.tracing.record import record
from kissipo.inspect.tracing.trace_module import trace
from kissipo.pipeline.registries import NETS
from kissipo.report.trace_page import trace_page


class Reader(nn.Module):
    """Ids, a recurrent layer, what comes next."""

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
    """A net on images with fresh weights, and one of noise."""
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
    """Seconds, and what came of it."""
    start = perf_counter()
    found = work()
    return perf_counter() - start, found


def measure(case: str, pages: Path | None) -> dict[str, float]:
    """All figures of one net, in this process."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    net, x = CASES[case]()
    net.eval()

    def asked() -> Tensor:
        with torch.no_grad():
            answer: Tensor = net(x)
        return answer

    asked()
    rounds = [(timed(asked)[0], timed(lambda: record(net, (x,)))[0]) for _ in range(3)]
    plain, recorded = (median(each) for each in zip(*rounds, strict=True))
    recording = record(net, (x,))
    inside = timed(
        partial(look_inside, net, recording, loss=lambda output: output.square().mean())
    )[0]
    del recording
    seen = trace(net, x, name=case, loss=lambda output: output.square().mean())
    kept, (content, arrays) = timed(lambda: seen.content())
    drawn, page = timed(lambda: trace_page(content, arrays, title=case, subtitle="fresh weights"))
    if pages is not None:
        pages.mkdir(parents=True, exist_ok=True)
        (pages / f"{case.split(',')[0].replace(' ', '-')}.html").write_text(page, encoding="utf-8")
    return {
        "plain": plain,
        "recorded": recorded,
        "inside": inside,
        "kept": kept,
        "drawn": drawn,
        "page": len(page.encode()) / 1e6,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }


def main() -> None:
    """Every net in a process of its own, a line each."""
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
        "net                        plain  recorded  ratio  gates,     statis-  page     page   peak"
    )
    print(
        "                                                   gradients  tics              (MB)   (GB)"
    )
    for case in CASES:
        command = [sys.executable, __file__, "--case", case]
        command += ["--pages", str(arguments.pages)] if arguments.pages else []
        told = json.loads(
            subprocess.run(command, capture_output=True, text=True, check=True).stdout
        )
        print(
            f"{case:26} {told['plain']:5.2f} s {told['recorded']:6.2f} s {told['recorded'] / told['plain']:6.1f} "
            f"{told['inside']:8.2f} s {told['kept']:7.2f} s {told['drawn']:5.2f} s {told['page']:6.2f} {told['memory']:6.2f}"
        )


if __name__ == "__main__":
    main()

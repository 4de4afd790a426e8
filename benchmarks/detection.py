"""How long does a training step of a detector take? kissipo beside a torch loop.

Question   YOLO on the blood cells of `kissipo fit blood-cells`: how many images per
           second does training process, and how long do the candidates and the
           non-maximum suppression of one image take?
Peers      the training loop of `kissipo fit`; the same net, loss, Adam and changes of
           the images in a plain loop over torch.utils.data.DataLoader: with tensors in
           memory, and with the usual Dataset (Pillow: open, convert, resize) and
           --workers workers
Method     one process; each peer starts from the same weights and trains one epoch per
           round, in interleaved rounds; the first round does not count. Wall time and
           the processor time of the process and its workers, the median of the rounds.
Run        python benchmarks/detection.py [--rounds 3] [--threads 1] [--workers 0 2]
           [--batches 20]
"""

from __future__ import annotations

import argparse
import copy
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, TensorDataset

from kissipo.core.batch import Batch
from kissipo.engine.fit import Fit, FitConfig
from kissipo.output.decode.nms import detect
from kissipo.pipeline.experiment import build_experiment
from kissipo.runs.load import load


def processor_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def timed(run: Callable[[], object]) -> tuple[float, float]:
    """Returns the wall and the processor seconds of a call."""
    wall, processor = time.perf_counter(), processor_seconds()
    run()
    return time.perf_counter() - wall, processor_seconds() - processor


class Files(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Images from their files, as the usual Dataset reads them."""

    def __init__(self, paths: list[str], targets: torch.Tensor, size: tuple[int, int]) -> None:
        self.paths, self.targets, self.size = paths, targets, size

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        with Image.open(self.paths[index]) as image:
            small = image.convert("RGB").resize(self.size, Image.Resampling.BILINEAR)
        pixels = torch.from_numpy(np.array(small)).permute(2, 0, 1)
        return pixels.float().div(255), self.targets[index]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, nargs="*", default=[0, 2])
    parser.add_argument("--batches", type=int, default=20)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    task = build_experiment(load("blood-cells"), seed=0)
    batch, pipeline = task.resolved.general.batch_size or 8, task.pipeline
    count = batch * arguments.batches
    train = pipeline.datasets["train"].take(range(count))
    whole = train.batch(slice(0, count))
    images, targets = whole.inputs[0].clone(), whole.targets[0].clone()
    paths = list(pipeline.frame.take(pipeline.splits["train"][:count])["image"].values)
    loss, augment = task.algorithm.losses[0], pipeline.augment
    start = copy.deepcopy(task.net.state_dict())  # as kissipo trains its net in place

    def by_kissipo() -> None:
        config = FitConfig(1, batch, 0)
        Fit(task.net, task.algorithm, config, train=train, augment=augment).run()

    def by_torch(loader: DataLoader[Any]) -> Callable[[], object]:
        net = copy.deepcopy(task.net).train()
        net.load_state_dict(start)
        optimizer = torch.optim.Adam(net.parameters(), 0.004, fused=True)
        generator = torch.Generator().manual_seed(0)

        def epoch() -> None:
            for x, y in loader:
                assert augment is not None
                changed = augment(Batch((x,), (y,)), generator)
                optimizer.zero_grad()
                loss(net(*changed.inputs), changed.targets[0]).backward()
                optimizer.step()

        return epoch

    def loaders() -> Iterator[tuple[str, DataLoader[Any]]]:
        yield (
            "torch, tensors in memory",
            DataLoader(TensorDataset(images, targets), batch, shuffle=True),
        )
        height, width = images.shape[2:]
        for workers in arguments.workers:
            files = Files(paths, targets, (width, height))
            yield (
                f"torch, files, {workers} workers",
                DataLoader(files, batch, shuffle=True, num_workers=workers),
            )

    peers = {"kissipo": by_kissipo, **{name: by_torch(x) for name, x in loaders()}}
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in peers}
    for number in range(arguments.rounds + 1):
        for name, epoch in peers.items():
            measured = timed(epoch)
            if number:
                seconds[name].append(measured)
    own = [statistics.median(column) for column in zip(*seconds["kissipo"], strict=True)]
    print(f"{count} images of {images.shape[2]}x{images.shape[3]}, batches of {batch}, "
          f"{arguments.threads} threads, {torch.__version__}")  # fmt: skip
    for name, rows in seconds.items():
        wall, processor = (statistics.median(column) for column in zip(*rows, strict=True))
        print(
            f"{name:28} {1000 * wall / count:7.1f} ms wall, {1000 * processor / count:7.1f} ms "
            f"processor per image; time / kissipo's: {wall / own[0]:.2f}, {processor / own[1]:.2f}"
        )
    net = task.net.eval()
    with torch.no_grad():
        net(images[:1])
        forward = min(timed(lambda: net(images[:1]))[1] for _ in range(10))
        outputs = net(images[:1])
        outputs[..., 8] = torch.randn(outputs.shape[:2]) - 1  # half of them above the minimum
        decoded = min(
            timed(lambda: detect(outputs, iou_threshold=0.5, max_detections=100))[1]
            for _ in range(10)
        )
    print(f"one image: net {1000 * forward:.1f} ms; scores, sorting and suppression of "
          f"{outputs.shape[1]:,} candidates {1000 * decoded:.1f} ms processor")  # fmt: skip


if __name__ == "__main__":
    main()

"""How fast does training read images from disk? kissipo beside torch's DataLoader.

Question   A small convolutional net trains on generated JPEGs of 512x512, which are
           read from disk in every epoch and resized to --size. How many images per
           second does it process? How large is the resident memory (VmHWM) at most?
Peers      the training loop of `kissipo fit` with input.memory_limit=0;
           torch.utils.data.DataLoader with 0, 1, 2 ... workers over the usual Dataset
           (Pillow: open, convert, resize); the same with Pillow's draft mode, which
           kissipo uses. Net, optimizer and batch size are the same.
Method     each peer runs in a process of its own, in interleaved rounds; the first
           epoch does not count. One more process runs the whole `kissipo fit`
           (data check, training, baselines, report) and prints its largest memory.
Run        python benchmarks/images.py [--images 1000] [--size 128] [--rounds 3]
           python benchmarks/images.py --images 20000 --size 512 --only whole
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

BATCH, EPOCHS, DRAWN = 32, 3, 1000
WORDS = {
    "process.net": "cnn",
    "process.filters": [8, 16],
    "process.pool_size": 4,
    "process.units": [16],
    "process.loss": "cross_entropy",
    "process.early_stopping": 0,
    "input.batch_size": BATCH,
    "input.memory_limit": 0,
}


def make(folder: Path, count: int) -> None:
    """Writes images of clouds with grain, half of them bright, half dark.

    The generator draws a thousand; the others repeat these with other bytes at the end.
    """
    generator, drawn = np.random.default_rng(0), list[bytes]()
    for number in range(min(count, DRAWN)):
        kind = ("bright", "dark")[number % 2]
        (folder / kind).mkdir(exist_ok=True)
        coarse = generator.integers(0, 160, (16, 16, 3), dtype=np.uint8) + (
            60 if kind == "bright" else 0
        )
        cloud = np.asarray(
            Image.fromarray(coarse.astype(np.uint8)).resize((512, 512), Image.Resampling.BICUBIC)
        )
        grain = generator.integers(-12, 13, (512, 512, 1))
        image = np.clip(cloud + grain, 0, 255).astype(np.uint8)
        Image.fromarray(image).save(folder / kind / f"{number:05}.jpg", quality=85)
        drawn.append((folder / kind / f"{number:05}.jpg").read_bytes())
    for number in range(DRAWN, count):
        path = folder / ("bright", "dark")[number % 2] / f"{number:05}.jpg"
        path.write_bytes(drawn[number % DRAWN] + str(number).encode())


def experiment(folder: str, size: int) -> Any:
    from kissipo.pipeline.experiment import build_experiment
    from kissipo.runs.load import load

    return build_experiment(
        load(folder, words={**WORDS, "input.size": size, "process.epochs": EPOCHS}), seed=0
    )


def by_kissipo(folder: str, size: int) -> float:
    """Returns the images per second after the first epoch."""
    from kissipo.core.protocols import FitCallback
    from kissipo.engine.fit import Fit, FitConfig

    task, ends = experiment(folder, size), list[float]()

    class Clock(FitCallback):
        def on_epoch(self, row: object) -> None:
            ends.append(time.perf_counter())

    train = task.pipeline.datasets["train"]
    Fit(
        task.net, task.algorithm, FitConfig(EPOCHS, BATCH, 0), train=train, callbacks=[Clock()]
    ).run()
    return len(train) * (EPOCHS - 1) / (ends[-1] - ends[0])


def by_torch(folder: str, size: int, workers: int, *, draft: bool) -> float:
    """Returns the images per second of the same net with a DataLoader."""
    import torch
    from torch.nn import functional
    from torch.utils.data import DataLoader, Dataset

    task = experiment(folder, size)
    frame = task.pipeline.frame.take(task.pipeline.splits["train"])
    paths, truth = list(frame["image"].values), task.pipeline.datasets["train"].targets[0]

    class Images(Dataset):
        def __len__(self) -> int:
            return len(paths)

        def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
            with Image.open(paths[index]) as image:
                if draft:
                    image.draft("RGB", (2 * size, 2 * size))
                small = image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
            return torch.from_numpy(np.array(small)).permute(2, 0, 1), truth[index]

    options: dict[str, Any] = {"persistent_workers": True} if workers else {}
    loader = DataLoader(Images(), batch_size=BATCH, shuffle=True, num_workers=workers, **options)
    optimizer = torch.optim.Adam(task.net.parameters(), 1e-3)
    task.net.train()
    ends = []
    for _ in range(EPOCHS):
        for x, y in loader:
            loss = functional.cross_entropy(task.net(x / 255), y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        ends.append(time.perf_counter())
    return len(paths) * (EPOCHS - 1) / (ends[-1] - ends[0])


def whole(folder: str, size: int) -> float:
    """Returns the seconds of a whole `kissipo fit` of one epoch."""
    import kissipo as ki

    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as out:
        ki.load(folder, words={**WORDS, "input.size": size, "process.epochs": 1}).fit(
            out=Path(out) / "run"
        )
    return time.perf_counter() - began


def peak() -> float:
    """Returns the largest resident memory of this process so far, in GB."""
    line = next(
        line
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmHWM")
    )
    return int(line.split()[1]) / 1e6


def peers() -> dict[str, list[str]]:
    arguments_of = {"kissipo": ["kissipo"]}
    for workers in sorted({0, 1, 2, os.cpu_count() or 1}):
        for draft in (False, True):
            name = f"DataLoader, {workers} workers" + (", draft" if draft else "")
            arguments_of[name] = ["torch", str(workers), str(int(draft))]
    return arguments_of


def run_peer(peer_arguments: list[str], folder: str, size: int) -> None:
    """Runs one peer in this process and prints its result."""
    kind, *rest = peer_arguments
    if kind == "torch":
        value = by_torch(folder, size, int(rest[0]), draft=rest[1] == "1")
    else:
        value = by_kissipo(folder, size) if kind == "kissipo" else whole(folder, size)
    print(json.dumps({"value": value, "peak": peak()}))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["whole", "speed"])
    parser.add_argument("--folder", type=Path, help="folder of the images; an empty one is filled")
    parser.add_argument("--one", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        return run_peer(arguments.one, str(arguments.folder), arguments.size)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(exist_ok=True)
        if not any(folder.iterdir()):
            make(folder, arguments.images)
        count = len(list(folder.rglob("*.jpg")))
        size = sum(path.stat().st_size for path in folder.rglob("*.jpg")) / count / 1000
        print(
            f"{count:,} JPEGs of 512x512, {size:.0f} kB each, "
            f"resized to {arguments.size}x{arguments.size}, batch size {BATCH}\n"
        )

        def run(peer_arguments: list[str]) -> dict[str, float]:
            command = [
                sys.executable,
                __file__,
                "--folder",
                str(folder),
                "--size",
                str(arguments.size),
                "--one",
                *peer_arguments,
            ]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]

        if arguments.only != "whole":
            results: dict[str, list[dict[str, float]]] = {}
            for _ in range(arguments.rounds):
                for name, peer_arguments in peers().items():
                    results.setdefault(name, []).append(run(peer_arguments))
            ours = statistics.median(result["value"] for result in results["kissipo"])
            print(
                "| | images per second | kissipo is | memory of the process, GB |\n"
                "|---|---|---|---|"
            )
            for name, rounds in results.items():
                speed = statistics.median(result["value"] for result in rounds)
                memory = max(result["peak"] for result in rounds)
                print(f"| {name} | {speed:.0f} | {ours / speed:.2f}x | {memory:.2f} |")
        if arguments.only != "speed":
            total = run(["whole"])
            print(
                f"\nThe whole of `kissipo fit`, one epoch: {total['value']:.0f} s, "
                f"at most {total['peak']:.2f} GB"
            )
    return None


if __name__ == "__main__":
    main()

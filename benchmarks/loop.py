"""How fast is the training loop? kissipo beside torch and Keras on MNIST (S02).

Question   Is a step of `kissipo fit` as fast as a hand-written torch loop over slices
           of tensors? Is it faster than the usual ways to train?
Peers      (a) torch, a loop over shuffled index slices of tensors in memory;
           (b) torch with DataLoader; (c) Keras 3 on JAX and on TensorFlow, model.fit.
           All train the same net (784-128 relu-dropout 0.2-10) with Adam 0.001,
           batch size 32, shuffled samples and float32.
Method     each peer runs in a process of its own, warms up for one epoch, then
           measures the time of each of N epochs. The rounds are interleaved, as
           Keras' backends cannot share a process. The median epoch counts. Validation
           is off.
Run        KISSIPO_DATA=../shared/data python benchmarks/loop.py
           [--rounds 5] [--samples 48000]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

PEERS = ("kissipo", "torch sliced", "torch DataLoader", "keras jax", "keras tensorflow")
BATCH = 32


def load(samples: int) -> tuple[np.ndarray, np.ndarray]:
    from kissipo.input.datasets.mnist import read

    frame = read().frame
    return frame["image"].values[:samples], np.array(
        [int(name) for name in frame["digit"].categories]
    )[frame["digit"].values[:samples]]


def kissipo_epochs(samples: int, epochs: int) -> list[float]:
    """Trains with the same objects as `kissipo fit mnist`, without validation."""
    from kissipo.core.devices import threads_for
    from kissipo.core.protocols import FitCallback
    from kissipo.engine.fit import Fit, FitConfig
    from kissipo.pipeline.experiment import build_experiment
    from kissipo.runs.load import load as load_task

    experiment = build_experiment(load_task("mnist", words={"process.epochs": epochs}))
    dataset = experiment.pipeline.datasets["train"].take(slice(0, samples))

    class Clock(FitCallback):
        def __init__(self) -> None:
            self.ends: list[float] = [time.perf_counter()]

        def on_epoch(self, row: object) -> None:
            self.ends.append(time.perf_counter())

    clock = Clock()
    with threads_for(101_632 * BATCH):
        Fit(
            experiment.net,
            experiment.algorithm,
            FitConfig(epochs, BATCH, 0),
            train=dataset,
            callbacks=[clock],
        ).run()
    return [end - start for start, end in zip(clock.ends, clock.ends[1:], strict=False)]


def torch_net() -> Any:
    from torch import nn

    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 10)
    )


def torch_epochs(batches: Callable[[], Iterable[tuple[Any, Any]]], epochs: int) -> list[float]:
    """Trains with the usual loop of torch over the batches of an epoch."""
    import torch
    from torch.nn import functional

    net = torch_net()
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    times = []
    net.train()
    for _ in range(epochs):
        began = time.perf_counter()
        for images, digits in batches():
            optimizer.zero_grad()
            functional.cross_entropy(net(images), digits).backward()
            optimizer.step()
        times.append(time.perf_counter() - began)
    return times


def torch_data(samples: int) -> tuple[Any, Any]:
    import torch

    x, y = (torch.from_numpy(array) for array in load(samples))
    return x.float().div(255), y.long()


def sliced_epochs(samples: int, epochs: int) -> list[float]:
    import torch

    x, y = torch_data(samples)

    def batches() -> Iterator[tuple[Any, Any]]:
        order = torch.randperm(len(x))
        for start in range(0, len(x), BATCH):
            index = order[start : start + BATCH]
            yield x[index], y[index]

    return torch_epochs(batches, epochs)


def loader_epochs(samples: int, epochs: int) -> list[float]:
    from torch.utils.data import DataLoader, TensorDataset

    loader = DataLoader(TensorDataset(*torch_data(samples)), batch_size=BATCH, shuffle=True)
    return torch_epochs(lambda: loader, epochs)


def keras_epochs(samples: int, epochs: int, backend: str) -> list[float]:
    os.environ["KERAS_BACKEND"] = backend
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras

    x, y = load(samples)
    x = (x / 255).astype("float32")
    layers = keras.layers
    net = keras.Sequential(
        [
            keras.Input((28, 28)),
            layers.Flatten(),
            layers.Dense(128, "relu"),
            layers.Dropout(0.2),
            layers.Dense(10),
        ]
    )
    net.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    times: list[float] = []

    class Clock(keras.callbacks.FitCallback):
        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
            self.began = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            times.append(time.perf_counter() - self.began)

    net.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=[Clock()])
    return times


def measure(peer: str, samples: int, epochs: int) -> list[float]:
    """Returns the epoch times of one peer, in this process."""
    if peer == "kissipo":
        return kissipo_epochs(samples, epochs)
    if peer == "torch sliced":
        return sliced_epochs(samples, epochs)
    if peer == "torch DataLoader":
        return loader_epochs(samples, epochs)
    return keras_epochs(samples, epochs, peer.split()[1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--epochs", type=int, default=2, help="epochs per round, after one to warm up"
    )
    parser.add_argument("--samples", type=int, default=48_000)
    parser.add_argument("--peer", choices=PEERS, help="(used by the benchmark itself)")
    arguments = parser.parse_args()
    if arguments.peer:
        print(json.dumps(measure(arguments.peer, arguments.samples, arguments.epochs + 1)[1:]))
        return
    steps = -(-arguments.samples // BATCH)
    epoch_times: dict[str, list[float]] = {peer: [] for peer in PEERS}
    for _ in range(arguments.rounds):
        for peer in PEERS:
            command = [
                sys.executable,
                __file__,
                "--peer",
                peer,
                "--samples",
                str(arguments.samples),
                "--epochs",
                str(arguments.epochs),
            ]
            ended = subprocess.run(
                command, capture_output=True, text=True, check=False, cwd=Path.cwd()
            )
            if ended.returncode == 0:
                epoch_times[peer] += json.loads(ended.stdout.strip().splitlines()[-1])
    ours = statistics.median(epoch_times["kissipo"])
    print(f"{'':20} ms/step (median)   lowest   highest   times kissipo")
    for peer, times in epoch_times.items():
        if not times:
            print(f"{peer:20} not measured: not installed or failed")
            continue
        median = statistics.median(times)
        low, high = min(times) / steps * 1e3, max(times) / steps * 1e3
        print(
            f"{peer:20} {median / steps * 1e3:16.3f} {low:8.3f} {high:9.3f} {median / ours:15.2f}"
        )


if __name__ == "__main__":
    main()

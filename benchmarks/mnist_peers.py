"""How fast is the convolutional net (S13)? kissipo beside torch and Keras 3 on MNIST.

Question   How long is an epoch of 54,000 digits? The net has a convolution of 25,
           max-pooling, a convolution of 50, max-pooling, and layers of 100 and 10
           units. All peers use the optimizer, learning rate, schedule and batch
           size of `kissipo fit mnist-cnn`.
Peers      the same objects as in `kissipo fit mnist-cnn`;
           torch in the usual way: a Dataset returns one digit / 255 as a tensor,
           DataLoader with 0 or 2 workers;
           torch with all images in one float tensor beforehand (TensorDataset),
           DataLoader with 0 or 2 workers;
           torch by hand, as fast as possible: images in memory, batches by index, net
           and images channels last, max-pooling before relu (the numbers are equal),
           fused Adam;
           Keras 3 on JAX and on TensorFlow, model.fit on arrays.
Method     each peer runs in a process of its own, in interleaved rounds, with another
           random seed (weights, order) per round. Validation is off. The first
           epoch compiles and warms up, so it does not count. The table shows the
           median and the fastest of the other epochs. It also shows the median
           processor time of an epoch (all threads), which other processes disturb less.
Run        KISSIPO_DATA=../shared/data python benchmarks/mnist_peers.py
           [--rounds 3] [--epochs 3] [--samples 54000] [--threads 2]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

BACKENDS = {"Keras on JAX": "jax", "Keras on TensorFlow": "tensorflow"}
LOADERS = {
    "torch, Dataset, 0 workers": ("dataset", 0),
    "torch, Dataset, 2 workers": ("dataset", 2),
    "torch, TensorDataset, 0 workers": ("tensors", 0),
    "torch, TensorDataset, 2 workers": ("tensors", 2),
}
BY_HAND = "torch by hand, channels last"
# wall time and processor time, at the start of training and at the end of each epoch
Clock = list[tuple[float, float]]


def now() -> tuple[float, float]:
    """Returns the wall time and the processor time, with ended child processes."""
    spent = os.times()
    return (
        time.perf_counter(),
        spent.user + spent.system + spent.children_user + spent.children_system,
    )


def experiment(epochs: int, seed: int, samples: int) -> tuple[Any, Any]:
    """Returns the built-in task and the first samples of its training split."""
    from kissipo.pipeline.experiment import build_experiment
    from kissipo.runs.load import load

    task = build_experiment(load("mnist-cnn", words={"process.epochs": epochs}), seed=seed)
    return task, task.pipeline.datasets["train"].take(slice(0, samples))


def by_kissipo(epochs: int, seed: int, samples: int) -> Clock:
    from kissipo.core.devices import keep_memory
    from kissipo.core.protocols import FitCallback
    from kissipo.engine.fit import Fit, FitConfig

    task, dataset = experiment(epochs, seed, samples)
    ends: Clock = []

    class Ends(FitCallback):
        def on_epoch(self, row: object) -> None:
            ends.append(now())

    with keep_memory():
        began = now()
        Fit(
            task.net,
            task.algorithm,
            FitConfig(epochs, task.resolved.general.batch_size, seed),
            train=dataset,
            callbacks=[Ends()],
        ).run()
    return [began, *ends]


def torch_net(*, pool_first: bool = False) -> Any:
    """Returns the net of the lecture, written in torch."""
    from torch import nn

    def relu_and_pool() -> list[nn.Module]:
        pair: list[nn.Module] = [nn.ReLU(), nn.MaxPool2d(2)]
        return pair[::-1] if pool_first else pair

    ends = [nn.Flatten(), nn.Linear(1250, 100), nn.ReLU(), nn.Linear(100, 10)]
    return nn.Sequential(
        nn.Conv2d(1, 25, 3), *relu_and_pool(), nn.Conv2d(25, 50, 3), *relu_and_pool(), *ends
    )


def torch_loop(
    net: Any,
    batches: Callable[[], Iterable[tuple[Any, Any]]],
    words: Any,
    epochs: int,
    steps: int,
    **adam: bool,
) -> Clock:
    """Trains with the usual loop of torch, and returns the times of its epochs."""
    import torch
    from torch.nn import functional

    from kissipo.process.schedule import factor

    optimizer = torch.optim.Adam(net.parameters(), words["learning_rate"], **adam)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: factor(words["schedule"], step / (steps * epochs))
    )
    net.train()
    ends = [now()]
    for _ in range(epochs):
        for images, digits in batches():
            optimizer.zero_grad()
            functional.cross_entropy(net(images), digits).backward()
            optimizer.step()
            schedule.step()
        ends.append(now())
    return ends


def by_loader(epochs: int, seed: int, samples: int, kind: str, workers: int) -> Clock:
    import torch
    from torch.utils.data import DataLoader, Dataset, TensorDataset

    task, dataset = experiment(epochs, seed, samples)
    batch, (images,), (digits,) = task.resolved.general.batch_size, dataset.inputs, dataset.targets
    torch.manual_seed(seed)

    class Digits(Dataset):
        def __len__(self) -> int:
            return len(images)

        def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
            return images[index].float() / 255, digits[index]

    torch_dataset: Any = (
        Digits() if kind == "dataset" else TensorDataset(images.float() / 255, digits)
    )
    options = {"persistent_workers": True} if workers else {}
    loader = DataLoader(
        torch_dataset, batch_size=batch, shuffle=True, num_workers=workers, **options
    )
    return torch_loop(torch_net(), lambda: loader, task.task.process, epochs, len(loader))


def by_hand(epochs: int, seed: int, samples: int) -> Clock:
    import torch

    task, dataset = experiment(epochs, seed, samples)
    batch, (images,), (digits,) = task.resolved.general.batch_size, dataset.inputs, dataset.targets
    torch.manual_seed(seed)

    def batches() -> Iterator[tuple[Any, Any]]:
        for index in torch.randperm(len(images)).split(batch):
            yield (
                images[index].float().div_(255).contiguous(memory_format=torch.channels_last),
                digits.index_select(0, index),
            )

    net = torch_net(pool_first=True).to(memory_format=torch.channels_last)
    return torch_loop(net, batches, task.task.process, epochs, -(-len(images) // batch), fused=True)


def by_keras(epochs: int, seed: int, samples: int) -> Clock:
    """Trains in Keras, on the backend of `$KERAS_BACKEND`."""
    import keras

    from kissipo.process.schedule import factor

    task, dataset = experiment(epochs, seed, samples)
    words, batch = task.task.process, task.resolved.general.batch_size
    x = (dataset.inputs[0].permute(0, 2, 3, 1).numpy() / 255).astype("float32")
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    net = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(25, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(50, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(100, activation="relu"),
            layers.Dense(10),
        ]
    )
    net.compile(
        keras.optimizers.Adam(words["learning_rate"]),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    ends: Clock = []
    clock = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ends.append(now()))
    an_epoch = keras.callbacks.LearningRateScheduler(
        lambda epoch: words["learning_rate"] * factor(words["schedule"], epoch / epochs)
    )
    began = now()
    net.fit(
        x,
        dataset.targets[0].numpy(),
        batch_size=batch,
        epochs=epochs,
        verbose=0,
        callbacks=[clock, an_epoch],
    )
    return [began, *ends]


def child(peer: str, epochs: int, seed: int, samples: int, threads: int) -> dict[str, Any]:
    """Returns wall and processor seconds of each epoch of a peer after the first."""
    import torch

    torch.set_num_threads(threads)
    if peer in LOADERS:
        clock = by_loader(epochs, seed, samples, *LOADERS[peer])
    else:
        clock = {"kissipo": by_kissipo, BY_HAND: by_hand}.get(peer, by_keras)(epochs, seed, samples)
    pairs = list(pairwise(clock[1:]))
    return {
        "wall": [end[0] - start[0] for start, end in pairs],
        "processor": [end[1] - start[1] for start, end in pairs],
    }


def run_child(peer: str, seed: int, arguments: argparse.Namespace) -> dict[str, list[float]]:
    """Runs `child` in a process of its own, on `--threads` cores."""
    quiet = {
        "KERAS_BACKEND": BACKENDS.get(peer, "jax"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",
    }
    numbers = (
        "--epochs",
        arguments.epochs,
        "--samples",
        arguments.samples,
        "--threads",
        arguments.threads,
    )
    command = [sys.executable, __file__, "--child", peer, str(seed), *map(str, numbers)]
    cores = set(sorted(os.sched_getaffinity(0))[: arguments.threads])
    done = subprocess.run(
        command,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **quiet},
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--samples", type=int, default=54_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(
            json.dumps(
                child(
                    arguments.child[0],
                    arguments.epochs,
                    int(arguments.child[1]),
                    arguments.samples,
                    arguments.threads,
                )
            ),
            flush=True,
        )
        return
    keras = [
        name
        for name, needs in BACKENDS.items()
        if all(map(importlib.util.find_spec, ("keras", needs)))
    ]
    times: dict[str, dict[str, list[float]]] = {
        peer: {"wall": [], "processor": []} for peer in ("kissipo", *LOADERS, BY_HAND, *keras)
    }
    for seed in range(arguments.rounds):
        for peer, rounds in times.items():
            for kind, values in run_child(peer, seed, arguments).items():
                rounds[kind] += values
            latest = ", ".join(f"{value:.1f}" for value in rounds["wall"][-arguments.epochs + 1 :])
            print(f"round {seed + 1}, {peer}: {latest} s", file=sys.stderr, flush=True)
    print(
        "| | median epoch, s (ratio) | fastest epoch, s (ratio) "
        "| median processor time, s (ratio) |"
        "\n|---|---|---|---|"
    )
    ours = figures(times["kissipo"])
    for peer, rounds in times.items():
        cells = [
            f"{value:.1f} ({value / own:.2f})"
            for value, own in zip(figures(rounds), ours, strict=True)
        ]
        print(f"| {peer} | {' | '.join(cells)} |")


def figures(rounds: dict[str, list[float]]) -> tuple[float, float, float]:
    return (
        statistics.median(rounds["wall"]),
        min(rounds["wall"]),
        statistics.median(rounds["processor"]),
    )


if __name__ == "__main__":
    main()

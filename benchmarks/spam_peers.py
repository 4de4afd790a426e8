"""How fast does the spam net (S26) train? kissipo beside Keras 3 on the same messages.

Question   How long does training take, and how good is the trained net? The net has an
           embedding of 20, an LSTM of 15, the maximum over time and one unit. All peers
           use the optimizer, learning rate and batch size of `kissipo fit spam`.
Peers      the same objects as in `kissipo fit spam`; the net of the lecture in Keras 3
           on JAX and on TensorFlow, model.fit. Validation is off. All peers read the
           same ids, in rows of 162, for the same number of epochs.
Method     each peer runs in a process of its own, in interleaved rounds, with another
           random seed (split, weights, order) per round. The table shows the median
           seconds of all epochs, which include compiling, and the median seconds of an
           epoch after the first.
Differs    kissipo leaves out padding when it reads and when it pools; the net of the
           lecture reads and pools all 162 steps.
Left out   Keras on torch, which took 154 s per epoch; TensorFlow took 6 s.
Run        KISSIPO_DATA=../shared/data python benchmarks/spam_peers.py
           [--rounds 3] [--epochs 5]
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
from typing import Any

BACKENDS = {"Keras on JAX": "jax", "Keras on TensorFlow": "tensorflow"}
MULTIPLICATIONS = 162 * 4 * 15 * (20 + 15) + 15


def experiment(epochs: int, seed: int) -> Any:
    """Returns the built-in task with its data split and encoded."""
    from kissipo.pipeline.experiment import build_experiment
    from kissipo.runs.load import load

    return build_experiment(load("spam", words={"process.epochs": epochs}), seed=seed)


def by_kissipo(epochs: int, seed: int) -> tuple[list[float], Any]:
    """Returns the seconds per epoch and the spam probabilities of test messages."""
    from kissipo.core.devices import threads_for
    from kissipo.core.protocols import FitCallback
    from kissipo.engine.evaluate import evaluate
    from kissipo.engine.fit import Fit, FitConfig

    task = experiment(epochs, seed)
    ends: list[float] = []

    class Clock(FitCallback):
        def on_epoch(self, row: object) -> None:
            ends.append(time.perf_counter())

    batch, datasets = task.resolved.general.batch_size, task.pipeline.datasets
    began = time.perf_counter()
    with threads_for(MULTIPLICATIONS * batch):
        Fit(
            task.net,
            task.algorithm,
            FitConfig(epochs, batch, seed),
            train=datasets["train"],
            callbacks=[Clock()],
        ).run()
    evaluations = evaluate(task.net, datasets["test"], task.pipeline.answers)
    return _between(began, ends), evaluations.scores[0][:, 1]


def by_keras(epochs: int, seed: int) -> tuple[list[float], Any]:
    """Returns the same for the net in Keras, on the backend of `$KERAS_BACKEND`."""
    import keras

    task = experiment(epochs, seed)
    words = task.task.process
    train, test = (task.pipeline.datasets[part].everything() for part in ("train", "test"))
    keras.utils.set_random_seed(seed)
    net = keras.Sequential(
        [
            keras.Input((task.pipeline.codecs[0].length,)),
            keras.layers.Embedding(task.pipeline.codecs[0].spec.vocab_size, words["embedding_dim"]),
            keras.layers.LSTM(words["units"], return_sequences=True),
            keras.layers.GlobalMaxPooling1D(),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    optimizer = {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop}[
        words["optimizer"]
    ]
    net.compile(optimizer(words["learning_rate"]), "binary_crossentropy")
    ends: list[float] = []
    clock = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: ends.append(time.perf_counter())
    )
    x, y = train.inputs[0].numpy(), train.targets[0].numpy().reshape(-1).astype("float32")
    began = time.perf_counter()
    net.fit(
        x,
        y,
        batch_size=task.resolved.general.batch_size,
        epochs=epochs,
        verbose=0,
        callbacks=[clock],
    )
    return _between(began, ends), net.predict(test.inputs[0].numpy(), verbose=0).reshape(-1)


def child(peer: str, epochs: int, seed: int) -> dict[str, Any]:
    """Returns the times and metrics of one round of one peer."""
    from sklearn.metrics import accuracy_score, f1_score

    seconds, spam = (by_kissipo if peer == "kissipo" else by_keras)(epochs, seed)
    truth = (
        experiment(epochs, seed)
        .pipeline.datasets["test"]
        .everything()
        .targets[0]
        .numpy()
        .reshape(-1)
    )
    return {
        "all": sum(seconds),
        "epoch": statistics.median(seconds[1:] or seconds),
        "accuracy": accuracy_score(truth, spam > 0.5),
        "F1": f1_score(truth, spam > 0.5),
    }


def run_child(peer: str, epochs: int, seed: int) -> dict[str, float]:
    """Runs `child` in a process of its own."""
    quiet = {
        "KERAS_BACKEND": BACKENDS.get(peer, "jax"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",
    }
    command = [sys.executable, __file__, "--child", peer, str(seed), "--epochs", str(epochs)]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, **quiet}
    )
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def _between(began: float, ends: list[float]) -> list[float]:
    return [end - start for start, end in zip([began, *ends], ends, strict=False)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(child(arguments.child[0], arguments.epochs, int(arguments.child[1]))))
        return
    others = [
        name
        for name, needs in BACKENDS.items()
        if all(map(importlib.util.find_spec, ("keras", needs)))
    ]
    results: dict[str, list[dict[str, float]]] = {peer: [] for peer in ("kissipo", *others)}
    for seed in range(arguments.rounds):
        for peer, rounds in results.items():
            rounds.append(run_child(peer, arguments.epochs, seed))
            print(
                f"round {seed + 1}, {peer}: {rounds[-1]['all']:.1f} s", file=sys.stderr, flush=True
            )
    took = {
        peer: [statistics.median(result[key] for result in rounds) for key in ("all", "epoch")]
        for peer, rounds in results.items()
    }
    print(
        f"| | {arguments.epochs} epochs, s (ratio) | epoch after the first, s (ratio) "
        "| accuracy | F1 |\n|---|---|---|---|---|"
    )
    for peer, rounds in results.items():
        times = [
            f"{own:.2f} ({own / base:.1f})"
            for own, base in zip(took[peer], took["kissipo"], strict=True)
        ]
        means = [
            f"{statistics.mean(result[key] for result in rounds):.4f}" for key in ("accuracy", "F1")
        ]
        print(f"| {peer} | {' | '.join(times + means)} |")


if __name__ == "__main__":
    main()

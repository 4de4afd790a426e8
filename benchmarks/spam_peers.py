"""How long does the lecture's spam net (S26) train? kissipo beside Keras 3, on the same messages, for the same number of epochs.

Question   What does a person wait for, and how good is what comes out: embedding of 20, LSTM of 15, maximum over time, one unit;
           optimizer, rate and batch of `kissipo fit spam`?
Peers      the very objects of `kissipo fit spam`; the lecture's net in Keras 3 on JAX and on TensorFlow, model.fit. Validation is off
           everywhere; all are given the same ids, in rows of 162.
Method     each runs in a process of its own, in interleaved rounds, another seed (split, weights, order) each round. Told are the median
           seconds of all epochs as they come, compiling included, and the median of the epochs after the first.
Differs    kissipo leaves fill-ups out, both when it reads and when it pools; the lecture's net reads and pools all 162 steps.
Left out   Keras on torch, which took 154 s an epoch where TensorFlow took 6.
Run        KISSIPO_DATA=../shared/data python benchmarks/spam_peers.py [--rounds 3] [--epochs 5]
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
    """The built-in task, its data split and encoded."""
    from kissipo.pipeline.experiment import build_experiment
    from kissipo.runs.load import load

    return build_experiment(load("spam", words={"process.epochs": epochs}), seed=seed)


def by_kissipo(epochs: int, seed: int) -> tuple[list[float], Any]:
    """Seconds of each epoch, and the probability of spam of every test message."""
    from kissipo.core.devices import threads_for
    from kissipo.core.protocols import Callback
    from kissipo.engine.evaluate import evaluate
    from kissipo.engine.fit import Fit, FitConfig

    task = experiment(epochs, seed)
    ends: list[float] = []

    class Clock(Callback):
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
    found = evaluate(task.net, datasets["test"], task.pipeline.answers)
    return _between(began, ends), found.scores[0][:, 1]


def by_keras(epochs: int, seed: int) -> tuple[list[float], Any]:
    """The same of the lecture's net, on the backend of `$KERAS_BACKEND`."""
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
    """One round of one peer."""
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


def asked(peer: str, epochs: int, seed: int) -> dict[str, float]:
    """The same in a process of its own."""
    quiet = {
        "KERAS_BACKEND": BACKENDS.get(peer, "jax"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",
    }
    command = [sys.executable, __file__, "--child", peer, str(seed), "--epochs", str(epochs)]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, **quiet}
    )
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def _between(began: float, ends: list[float]) -> list[float]:
    return [end - start for start, end in zip([began, *ends], ends, strict=False)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(child(given.child[0], given.epochs, int(given.child[1]))))
        return
    others = [
        name
        for name, needs in BACKENDS.items()
        if all(map(importlib.util.find_spec, ("keras", needs)))
    ]
    seen: dict[str, list[dict[str, float]]] = {peer: [] for peer in ("kissipo", *others)}
    for seed in range(given.rounds):
        for peer, rounds in seen.items():
            rounds.append(asked(peer, given.epochs, seed))
            print(
                f"round {seed + 1}, {peer}: {rounds[-1]['all']:.1f} s", file=sys.stderr, flush=True
            )
    took = {
        peer: [statistics.median(each[key] for each in rounds) for key in ("all", "epoch")]
        for peer, rounds in seen.items()
    }
    print(
        f"| | {given.epochs} epochs, s (ratio) | an epoch after the first, s (ratio) | accuracy | F1 |\n|---|---|---|---|---|"
    )
    for peer, rounds in seen.items():
        times = [
            f"{own:.2f} ({own / base:.1f})"
            for own, base in zip(took[peer], took["kissipo"], strict=True)
        ]
        means = [
            f"{statistics.mean(each[key] for each in rounds):.4f}" for key in ("accuracy", "F1")
        ]
        print(f"| {peer} | {' | '.join(times + means)} |")


if __name__ == "__main__":
    main()

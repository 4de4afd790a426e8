"""How fast are the recurrent layers? kissipo's layers beside Keras 3 and JAX.

Question   How long is one training step of a layer (forward, backward, gradients of the
           weights), on the shapes of benchmarks/recurrent.py?
Peers      kissipo, torch.nn, a JAX scan under jit, Keras 3 on JAX and Keras 3 on
           TensorFlow (each compiled), where they are installed.
Method     each peer runs in a process of its own, as their thread pools disturb each
           other. It compiles and warms up first. kissipo is measured before and after
           the others, and its smaller time counts. The table shows medians of many
           steps. All peers use as many threads as there are cores. Gradients of the
           input and the number of layers are those of the shape.
Left out   dropout and lengths, as JAX and Keras compile anew for every shape.
Run        python benchmarks/recurrent_peers.py [--shapes a,b,c256,d96] [--seconds 3]
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
from recurrent import CELLS, SHAPES, training

OTHERS: dict[str, tuple[str, ...]] = {  # with the packages that each one needs
    "torch": (),
    "JAX scan": ("jax",),
    "Keras on JAX": ("keras", "jax"),
    "Keras on TensorFlow": ("keras", "tensorflow"),
}


def by_torch(name: str, cell: str, own: bool) -> Callable[[], object]:
    """Returns a training step of kissipo's own layer, or of torch's."""
    import torch

    batch, steps, features, units, layers, wanted = SHAPES[name]
    ours, theirs, _ = CELLS[cell]
    layer = (ours if own else theirs)(features, units, layers)
    return training(
        layer, torch.randn(steps, batch, features), torch.randn(steps, batch, units), wanted
    )


def by_jax(name: str, cell: str) -> Callable[[], object]:
    """Returns a training step of layers that are written as scans, under jit."""
    import jax
    from jax import nn
    from jax import numpy as jnp

    batch, steps, features, units, layers, wanted = SHAPES[name]
    gates = CELLS[cell][2]
    generator = np.random.default_rng(0)

    def draw(*shape: int) -> Any:
        return jnp.asarray(generator.normal(0, 0.1, shape), jnp.float32)

    def step(weights: Any, state: Any, pre: Any) -> Any:
        if cell == "RNN":
            h = jnp.tanh(pre + state @ weights)
            return h, h
        if cell == "GRU":
            old = state @ weights
            r, z = jnp.split(nn.sigmoid(pre[:, : 2 * units] + old[:, : 2 * units]), 2, axis=1)
            h = (1 - z) * jnp.tanh(pre[:, 2 * units :] + r * old[:, 2 * units :]) + z * state
            return h, h
        h, c = state
        i, f, g, o = jnp.split(pre + h @ weights, 4, axis=1)
        c = nn.sigmoid(f) * c + nn.sigmoid(i) * jnp.tanh(g)
        h = nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    def loss(weights: Any, x: Any, dy: Any) -> Any:
        for w_ih, w_hh, bias in weights:
            start = jnp.zeros((batch, units))
            start = (start, start) if cell == "LSTM" else start
            x = jax.lax.scan(
                lambda state, pre, w=w_hh: step(w, state, pre), start, x @ w_ih + bias
            )[1]
        return (x * dy).sum()

    weights = [
        (
            draw(features if layer == 0 else units, gates * units),
            draw(units, gates * units),
            draw(gates * units),
        )
        for layer in range(layers)
    ]
    x, dy = draw(steps, batch, features), draw(steps, batch, units)
    run = jax.jit(jax.grad(loss, argnums=(0, 1) if wanted else 0))
    return lambda: jax.block_until_ready(run(weights, x, dy))


def by_keras(name: str, cell: str) -> Callable[[], object]:
    """Returns a compiled training step of Keras, on the backend of `$KERAS_BACKEND`."""
    import keras

    batch, steps, features, units, layers, wanted = SHAPES[name]
    kind = {"LSTM": keras.layers.LSTM, "GRU": keras.layers.GRU, "RNN": keras.layers.SimpleRNN}[cell]
    net = keras.Sequential([keras.Input((steps, features), batch_size=batch)])
    for _ in range(layers):
        net.add(kind(units, return_sequences=True))
    generator = np.random.default_rng(0)
    x = generator.normal(size=(batch, steps, features)).astype("float32")
    dy = generator.normal(size=(batch, steps, units)).astype("float32")
    if keras.backend.backend() == "jax":
        import jax

        weights = [variable.value for variable in net.trainable_variables]
        fixed = [variable.value for variable in net.non_trainable_variables]

        def loss(weights: Any, x: Any) -> Any:
            return (net.stateless_call(weights, fixed, x, training=True)[0] * dy).sum()

        run = jax.jit(jax.grad(loss, argnums=(0, 1) if wanted else 0))
        return lambda: jax.block_until_ready(run(weights, x))
    import tensorflow as tf

    x_tensor, output_gradient = tf.constant(x), tf.constant(dy)

    @tf.function
    def graph() -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x_tensor)
            total = tf.reduce_sum(net(x_tensor, training=True) * output_gradient)
        return tape.gradient(total, [*net.trainable_variables, *([x_tensor] if wanted else [])])

    return lambda: [gradient.numpy() for gradient in graph()[:1]]


def timed(peer: str, name: str, cell: str, seconds: float) -> float:
    """Returns the milliseconds of the median step."""
    if peer in ("kissipo", "torch"):
        run = by_torch(name, cell, peer == "kissipo")
    else:
        run = by_jax(name, cell) if peer == "JAX scan" else by_keras(name, cell)
    for _ in range(3):
        run()
    took: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(took) < 5:
        began = time.perf_counter()
        run()
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1e3


def run_child(peer: str, name: str, cell: str, seconds: float) -> float:
    """Runs `timed` in a process of its own."""
    backend = {"Keras on JAX": "jax", "Keras on TensorFlow": "tensorflow"}.get(peer, "jax")
    quiet = {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, __file__, "--child", peer, name, cell, "--seconds", str(seconds)]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, **quiet}
    )
    return float(done.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shapes", default="a,b,c256,d96")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(timed(*arguments.child, arguments.seconds))
        return
    others = [
        peer
        for peer, needs in OTHERS.items()
        if all(importlib.util.find_spec(part) for part in needs)
    ]
    print(
        "| shape | cell | kissipo ms | "
        + " | ".join(f"{peer} ms (ratio)" for peer in others)
        + " |"
    )
    print("|---" * (3 + len(others)) + "|")
    for name, cell in product(arguments.shapes.split(","), CELLS):
        own = run_child("kissipo", name, cell, arguments.seconds)
        took = [run_child(peer, name, cell, arguments.seconds) for peer in others]
        own = min(own, run_child("kissipo", name, cell, arguments.seconds))
        print(
            f"| {name} | {cell} | {own:.2f} | "
            + " | ".join(f"{milliseconds:.2f} ({milliseconds / own:.1f})" for milliseconds in took)
            + " |",
            flush=True,
        )


if __name__ == "__main__":
    main()

"""How fast are the recurrent layers? kissipo's beside torch.nn's, and where installed beside Keras 3 and a JAX scan.

Question   By what factor are kissipo.process.layers.LSTM, GRU and RNN faster than torch.nn's of the same version, in training (forward,
           backward, weight gradients) and in inference (no_grad), and how much of the machine's peak do they reach?
Shapes     (a) B32 T162 D20 H15; (b) B64 T12 D1 H64; (c) B64 T100 D64 H256 and H512, two layers; (d) B128 T96 and T336 D7 H128.
           The gradient of the input is wanted in (a) and (c), where the input is made by an embedding.
Method     one process, peers interleaved in every round, five times in a row each, as in training, of which the first does not
           count; medians of many rounds; the peak is that of a product of two matrices of 1024 x 1024 in the same process. Lengths: 32 messages at a time of the real SMS set, beside PackedSequence and padding.
Run        python benchmarks/recurrent.py [--shapes a,b] [--rounds 30] [--threads 2]
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from kissipo.process.kernels.native import kernels
from kissipo.process.layers import GRU, LSTM, RNN

SHAPES = {
    "a": (32, 162, 20, 15, 1, True),
    "b": (64, 12, 1, 64, 1, False),
    "c256": (64, 100, 64, 256, 2, True),
    "c512": (64, 100, 64, 512, 2, True),
    "d96": (128, 96, 7, 128, 1, False),
    "d336": (128, 336, 7, 128, 1, False),
}
IN_A_ROW = 5
CELLS = {"LSTM": (LSTM, nn.LSTM, 4), "GRU": (GRU, nn.GRU, 3), "RNN": (RNN, nn.RNN, 1)}


def medians(peers: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Milliseconds of each peer, interleaved: in every round each runs a few times in a row, as in training; the first does not count."""
    seen: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(rounds):
        for name, run in peers.items():
            seen[name] += [_seconds(run) * 1e3 for _ in range(IN_A_ROW)][1:]
    return {name: statistics.median(each) for name, each in seen.items()}


def peak() -> float:
    """GFLOP/s of a large product of matrices, the best of several."""
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    best = min(_seconds(lambda: a @ b) for _ in range(20))
    return 2 * 1024**3 / best / 1e9


def _seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def training(layer: nn.RNNBase, x: torch.Tensor, dy: torch.Tensor, wanted: bool) -> Callable[[], object]:
    x = x.clone().requires_grad_(wanted)
    inputs = [*([x] if wanted else []), *layer.parameters()]
    return lambda: torch.autograd.grad(layer(x)[0], inputs, dy)


def inference(layer: nn.RNNBase, x: torch.Tensor) -> Callable[[], object]:
    def run() -> object:
        with torch.no_grad():
            return layer(x)

    return run


def multiplications(gates: int, shape: tuple[int, ...], wanted: bool) -> tuple[float, float]:
    """Of training and of inference, in thousands of millions of floating point operations."""
    batch, steps, features, units, layers, _ = shape
    forward = data = 0
    for layer in range(layers):
        width = features if layer == 0 else units
        forward += 2 * gates * units * (width + units) * batch * steps
        data += 2 * gates * units * (units + (width if wanted or layer else 0)) * batch * steps
    return (2 * forward + data) / 1e9, forward / 1e9


def compare_shapes(names: list[str], rounds: int, most: float) -> None:
    print(
        "| shape | cell | train: torch ms | kissipo ms | ratio | of peak | infer: torch ms | kissipo ms | ratio | batch 1: ratio |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in names:
        batch, steps, features, units, layers, wanted = SHAPES[name]
        for cell, (ours, theirs, gates) in CELLS.items():
            torch.manual_seed(0)
            slow = theirs(features, units, layers)
            fast = ours(features, units, layers, kernel="fused")
            fast.load_state_dict(slow.state_dict())
            x, dy = torch.randn(steps, batch, features), torch.randn(steps, batch, units)
            few = max(2, rounds // (10 if steps * units > 10_000 else 1))
            train = medians({"torch": training(slow, x, dy, wanted), "kissipo": training(fast, x, dy, wanted)}, few)
            infer = medians({"torch": inference(slow, x), "kissipo": inference(fast, x)}, few)
            one = medians({"torch": inference(slow, x[:, :1]), "kissipo": inference(fast, x[:, :1])}, rounds)
            work, _ = multiplications(gates, SHAPES[name], wanted)
            print(
                f"| {name} | {cell} | {train['torch']:.2f} | {train['kissipo']:.2f} | **{train['torch'] / train['kissipo']:.1f}** "
                f"| {work / train['kissipo'] * 1e3 / most:.0%} | {infer['torch']:.2f} | {infer['kissipo']:.2f} "
                f"| **{infer['torch'] / infer['kissipo']:.1f}** | **{one['torch'] / one['kissipo']:.1f}** |",
                flush=True,
            )


def compare_lengths(rounds: int) -> None:
    """Messages of the SMS set in their own lengths, at most 162 words."""
    folder = Path(os.environ.get("KISSIPO_DATA", "../shared/data")) / "sms-spam" / "SMSSpamCollection.tsv"
    if not folder.exists():
        print("\nLengths: left out, the SMS set is not here (KISSIPO_DATA)")
        return
    texts = [line.split("\t", 1)[1] for line in folder.read_text(encoding="utf-8").splitlines()[:3200]]
    lengths = [min(162, max(1, len(text.split()))) for text in texts]
    batches = [torch.tensor(lengths[at : at + 32]) for at in range(0, len(lengths), 32)]
    print(
        f"\nLengths of the SMS set: mean {statistics.mean(lengths):.1f}, longest {max(lengths)}; one pass over 100 batches of 32"
    )
    print(
        "| cell | torch packed ms | torch padded to 162 ms | kissipo lengths ms | packed / kissipo | padded / kissipo |"
    )
    print("|---|---|---|---|---|---|")
    for cell, (ours, theirs, _) in CELLS.items():
        slow, fast = theirs(20, 15, batch_first=True), ours(20, 15, batch_first=True, kernel="fused")
        xs = [torch.randn(len(each), 162, 20, requires_grad=True) for each in batches]

        def packed(slow: nn.RNNBase = slow, xs: list[torch.Tensor] = xs) -> None:
            for x, each in zip(xs, batches, strict=True):
                inside = pack_padded_sequence(x, each, batch_first=True, enforce_sorted=False)
                y = pad_packed_sequence(slow(inside)[0], batch_first=True, total_length=162)[0]
                torch.autograd.grad(y.sum(), [x, *slow.parameters()])

        def padded(slow: nn.RNNBase = slow, xs: list[torch.Tensor] = xs) -> None:
            for x in xs:
                torch.autograd.grad(slow(x)[0].sum(), [x, *slow.parameters()])

        def own(fast: nn.RNNBase = fast, xs: list[torch.Tensor] = xs) -> None:
            for x, each in zip(xs, batches, strict=True):
                torch.autograd.grad(fast(x, lengths=each)[0].sum(), [x, *fast.parameters()])

        took = medians({"packed": packed, "padded": padded, "own": own}, max(2, rounds // 15))
        print(
            f"| {cell} | {took['packed']:.0f} | {took['padded']:.0f} | {took['own']:.0f} "
            f"| **{took['packed'] / took['own']:.1f}** | **{took['padded'] / took['own']:.1f}** |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", default=",".join(SHAPES))
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    found = kernels()
    most = peak()
    print(
        f"torch {torch.__version__}, kernels {found.name if found else 'none'}, {given.threads} threads, peak {most:.0f} GFLOP/s\n"
    )
    compare_shapes(given.shapes.split(","), given.rounds, most)
    compare_lengths(given.rounds)


if __name__ == "__main__":
    main()

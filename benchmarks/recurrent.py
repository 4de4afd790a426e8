"""How fast are the recurrent layers? kissipo's beside torch.nn's; beside Keras 3 and JAX in recurrent_peers.py.

Question   By what factor are kissipo.process.layers.LSTM, GRU and RNN faster than torch.nn's of the same version, in training (forward,
           backward, weight gradients) and in inference (no_grad), and how much of the machine's peak do they reach?
Shapes     (a) B32 T162 D20 H15; (b) B64 T12 D1 H64; (c) B64 T100 D64 H256 and H512, two layers; (d) B128 T96 and T336 D7 H128.
           The gradient of the input is wanted in (a) and (c), where the input is made by an embedding.
Method     one process, peers interleaved in every round, five times in a row each, as in training, of which the first does not
           count; medians of many rounds; the peak is that of a product of two matrices of 1024 x 1024 in the same process.
bfloat16   kissipo's under autocast beside its own float32 and torch's under autocast, from 128 units on.
Memory     what four steps of training add to the largest memory of a process of their own.
Lengths    32 messages at a time of the real SMS set, beside PackedSequence and padding; and a whole step of the spam net on them.
Grid       `auto` beside torch over shapes from one sequence of one step to 512 of 500, from 1 to 1024 units, in two layers, in both
           directions; those where it is slower than 0.95 of torch are listed. `--kernel fused` shows where auto has to leave it.
Run        python benchmarks/recurrent.py [--shapes a,b] [--rounds 30] [--threads 2] [--grid [--kernel fused]]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import get_args

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.kernels.native import kernels
from kissipo.process.layers import GRU, LSTM, RNN
from kissipo.process.layers.accelerate import accelerate
from kissipo.process.layers.recurrent import Kernel
from kissipo.process.nets.recurrent import Options, build
from kissipo.process.optim import optimizer

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


def training(
    layer: nn.RNNBase, x: torch.Tensor, dy: torch.Tensor, wanted: bool, *, halves: bool = False
) -> Callable[[], object]:
    """Forward, and back to the weights (and to x where wanted); with `halves` forward under autocast to bfloat16."""
    x = x.clone().requires_grad_(wanted)
    inputs = [*([x] if wanted else []), *layer.parameters()]

    def forward() -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=halves):
            y: torch.Tensor = layer(x)[0]
            return y

    gradient = dy.to(forward().dtype)
    return lambda: torch.autograd.grad(forward(), inputs, gradient)


def inference(layer: nn.RNNBase, x: torch.Tensor, *, halves: bool = False) -> Callable[[], object]:
    """Forward alone; with `halves` under autocast to bfloat16."""

    def run() -> object:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=halves):
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
            train = medians(
                {"torch": training(slow, x, dy, wanted), "kissipo": training(fast, x, dy, wanted)},
                few,
            )
            infer = medians({"torch": inference(slow, x), "kissipo": inference(fast, x)}, few)
            one = medians(
                {"torch": inference(slow, x[:, :1]), "kissipo": inference(fast, x[:, :1])}, rounds
            )
            work, _ = multiplications(gates, SHAPES[name], wanted)
            print(
                f"| {name} | {cell} | {train['torch']:.2f} | {train['kissipo']:.2f} | **{train['torch'] / train['kissipo']:.1f}** "
                f"| {work / train['kissipo'] * 1e3 / most:.0%} | {infer['torch']:.2f} | {infer['kissipo']:.2f} "
                f"| **{infer['torch'] / infer['kissipo']:.1f}** | **{one['torch'] / one['kissipo']:.1f}** |",
                flush=True,
            )


def compare_halves(names: list[str], rounds: int) -> None:
    """kissipo under autocast beside torch under autocast and its own float32."""
    if kernels(bfloat16=True) is None:
        print("\nThis processor does not multiply bfloat16")
        return
    heads = [
        f"{way}: torch ms | own float32 ms | kissipo ms | over torch | over float32"
        for way in ("train", "infer")
    ]
    print(f"\n| bfloat16 | cell | {' | '.join(heads)} |\n{'|---' * 12}|")
    for name, cell in product(names, CELLS):
        batch, steps, features, units, layers, wanted = SHAPES[name]
        ours, theirs, _ = CELLS[cell]
        slow, fast = theirs(features, units, layers), ours(features, units, layers, kernel="fused")
        x, dy = torch.randn(steps, batch, features), torch.randn(steps, batch, units)
        few = max(2, rounds // 10)
        train = medians(
            {
                "torch": training(slow, x, dy, wanted, halves=True),
                "float": training(fast, x, dy, wanted),
                "own": training(fast, x, dy, wanted, halves=True),
            },
            few,
        )
        infer = medians(
            {
                "torch": inference(slow, x, halves=True),
                "float": inference(fast, x),
                "own": inference(fast, x, halves=True),
            },
            few,
        )
        cells = [
            f"{took['torch']:.1f} | {took['float']:.1f} | {took['own']:.1f} | **{took['torch'] / took['own']:.1f}** "
            f"| **{took['float'] / took['own']:.2f}**"
            for took in (train, infer)
        ]
        print(f"| {name} | {cell} | {' | '.join(cells)} |", flush=True)


def grid() -> Iterator[tuple[int, int, int, int, int, bool]]:
    """Batch, steps, features, units, layers, both directions; nothing that takes torch seconds."""
    for batch, steps, features, units in product(
        (1, 8, 64, 512), (1, 5, 50, 500), (1, 32, 512), (1, 16, 64, 256, 1024)
    ):
        if batch * steps * units * (features + units) <= 150_000_000:
            yield batch, steps, features, units, 1, False
    for layers, both in ((2, False), (1, True), (2, True)):
        for batch, steps, units in product((1, 32, 256), (20, 200), (10, 100, 300)):
            if batch * steps * units * units <= 100_000_000:
                yield batch, steps, 20, units, layers, both


def compare_grid(rounds: int, kernel: Kernel) -> None:
    print(
        "| cell | way | shapes | slower than 0.95 | lowest | median | highest |\n|---|---|---|---|---|---|---|"
    )
    slow: list[tuple[float, str]] = []
    for cell, (ours, theirs, _) in CELLS.items():
        ratios: dict[str, list[float]] = {"training": [], "inference": []}
        for shape in grid():
            batch, steps, features, units, layers, both = shape
            torch.manual_seed(0)
            known = theirs(features, units, layers, bidirectional=both)
            own = ours(features, units, layers, bidirectional=both, kernel=kernel)
            own.load_state_dict(known.state_dict())
            x, dy = (
                torch.randn(steps, batch, features),
                torch.randn(steps, batch, units * (1 + both)),
            )
            for way, run in (
                ("training", lambda layer, x=x, dy=dy: training(layer, x, dy, True)),
                ("inference", lambda layer, x=x: inference(layer, x)),
            ):
                took = medians({"torch": run(known), "kissipo": run(own)}, 1)
                few = max(2, min(rounds, int(200 / (took["torch"] * IN_A_ROW))))
                took = medians({"torch": run(known), "kissipo": run(own)}, few)
                ratios[way].append(took["torch"] / took["kissipo"])
                if ratios[way][-1] < 0.95:
                    what = f"B{batch} T{steps} D{features} H{units} layers {layers}{' both directions' if both else ''}"
                    slow.append(
                        (
                            ratios[way][-1],
                            f"{cell} {way} {what}: {took['torch']:.3f} ms, {took['kissipo']:.3f} ms, {own.used}",
                        )
                    )
        for way, each in ratios.items():
            print(
                f"| {cell} | {way} | {len(each)} | {sum(one < 0.95 for one in each)} | {min(each):.2f} "
                f"| {statistics.median(each):.2f} | {max(each):.0f} |",
                flush=True,
            )
    for ratio, what in sorted(slow):
        print(f"{ratio:.2f}  {what}")


def compare_memory(names: list[str]) -> None:
    """What training adds to the memory of a process; each in a process of its own, as Linux counts it."""
    print("\n| shape | cell | torch MB | kissipo MB | kissipo / torch |\n|---|---|---|---|---|")
    for name, cell in product(names, CELLS):
        took = {}
        for who in ("torch", "kissipo"):
            command = [sys.executable, __file__, "--child", name, cell, who]
            took[who] = float(
                subprocess.run(command, check=True, capture_output=True, text=True).stdout
            )
        ratio = took["kissipo"] / took["torch"]
        print(
            f"| {name} | {cell} | {took['torch']:.0f} | {took['kissipo']:.0f} | **{ratio:.2f}** |",
            flush=True,
        )


def memory_of(name: str, cell: str, who: str) -> float:
    """The largest memory of training, above what stood before, in MB."""
    batch, steps, features, units, layers, wanted = SHAPES[name]
    ours, theirs, _ = CELLS[cell]
    make = ours if who == "kissipo" else theirs
    x, dy = torch.randn(steps, batch, features), torch.randn(steps, batch, units)
    small = make(4, 4)
    training(small, torch.randn(3, 3, 4), torch.randn(3, 3, 4), True)()
    layer = make(features, units, layers)
    before = _most_memory()
    run = training(layer, x, dy, wanted)
    for _ in range(4):
        run()
    return _most_memory() - before


def _most_memory() -> float:
    """In MB; of this program alone, where the system's own count starts with that of the parent."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return float(status.split("VmHWM:")[1].split()[0]) / 1024


def messages() -> list[list[str]]:
    """The words of messages of the SMS set; none where the set is not here."""
    folder = (
        Path(os.environ.get("KISSIPO_DATA", "../shared/data"))
        / "sms-spam"
        / "SMSSpamCollection.tsv"
    )
    if not folder.exists():
        print("\nThe SMS set is not here (KISSIPO_DATA): lengths and step left out")
        return []
    lines = folder.read_text(encoding="utf-8").splitlines()[:3200]
    return [line.split("\t", 1)[1].lower().split()[:162] or ["-"] for line in lines]


def compare_step(rounds: int) -> None:
    """One whole training step of the spam net (S26): 7,298 ids x 20, LSTM 15, maximum over time, 1 unit, Adam; batches of 32."""
    texts = messages()
    if not texts:
        return
    ids = {
        word: number + 1
        for number, word in enumerate(dict.fromkeys(word for text in texts for word in text))
    }
    rows = torch.zeros(len(texts), 162, dtype=torch.int64)
    for row, text in zip(rows, texts, strict=True):
        row[: len(text)] = torch.tensor([ids[word] % 7298 for word in text])
    batches = [(x, (x.sum(1) % 2).float()) for x in rows.split(32)]

    class Idiomatic(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.cell, self.head = (
                nn.Embedding(7298, 20),
                nn.LSTM(20, 15, batch_first=True),
                nn.Linear(15, 1),
            )

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.cell(self.embed(x))[0].amax(dim=1))[:, 0]

    spec = TensorSpec("message", ("time",), (162,), vocab_size=7298, padded=True)
    own = build(
        (spec,),
        (TensorSpec("kind", ("class",), (1,)),),
        Options(embedding_dim=20, units=15, pooling="max"),
    )

    def steps(net: nn.Module, optimizer: torch.optim.Optimizer) -> Callable[[], None]:
        def run() -> None:
            for x, y in batches:
                optimizer.zero_grad()
                nn.functional.binary_cross_entropy_with_logits(net(x).flatten(), y).backward()
                optimizer.step()

        return run

    plain, swapped = Idiomatic(), Idiomatic()
    accelerate(swapped)
    took = medians(
        {
            "torch, padded to 162": steps(plain, torch.optim.Adam(plain.parameters())),
            "the same after accelerate, own Adam": steps(
                swapped, optimizer("adam", swapped.parameters(), rate=1e-3)
            ),
            "kissipo's net: no work on padding, own Adam": steps(
                own, optimizer("adam", own.parameters(), rate=1e-3)
            ),
        },
        max(2, rounds // 15),
    )
    print("\n| step of the spam net | ms | ratio |\n|---|---|---|")
    for name, each in took.items():
        print(f"| {name} | {each / len(batches):.2f} | {took['torch, padded to 162'] / each:.1f} |")


def compare_lengths(rounds: int) -> None:
    """Messages of the SMS set in their own lengths, at most 162 words."""
    lengths = [len(text) for text in messages()]
    if not lengths:
        return
    batches = [torch.tensor(lengths[at : at + 32]) for at in range(0, len(lengths), 32)]
    print(
        f"\nLengths of the SMS set: mean {statistics.mean(lengths):.1f}, longest {max(lengths)}; one pass over 100 batches of 32"
    )
    print(
        "| cell | torch packed ms | torch padded to 162 ms | kissipo lengths ms | packed / kissipo | padded / kissipo |"
    )
    print("|---|---|---|---|---|---|")
    for cell, (ours, theirs, _) in CELLS.items():
        slow, fast = (
            theirs(20, 15, batch_first=True),
            ours(20, 15, batch_first=True, kernel="fused"),
        )
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
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shapes", default=",".join(SHAPES))
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--grid", action="store_true")
    parser.add_argument("--kernel", default="auto", choices=get_args(Kernel))
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    if given.child:
        print(memory_of(*given.child))
        return
    found = kernels()
    most = peak()
    print(
        f"torch {torch.__version__}, kernels {found.name if found else 'none'}, {given.threads} threads, peak {most:.0f} GFLOP/s\n"
    )
    if given.grid:
        compare_grid(given.rounds, given.kernel)
        return
    compare_shapes(given.shapes.split(","), given.rounds, most)
    compare_halves(
        [name for name in given.shapes.split(",") if SHAPES[name][3] >= 128], given.rounds
    )
    compare_lengths(given.rounds)
    compare_step(given.rounds)
    compare_memory(given.shapes.split(","))


if __name__ == "__main__":
    main()

"""How fast are the recurrent layers? kissipo's layers beside those of torch.nn.

Question   By what factor are kissipo.process.layers.LSTM, GRU and RNN faster than those
           of torch.nn, in training (forward, backward, weight gradients) and in
           inference (no_grad)? Which part of the machine's peak do they reach?
Shapes     (a) B32 T162 D20 H15; (b) B64 T12 D1 H64; (c) B64 T100 D64 H256 and H512,
           two layers; (d) B128 T96 and T336 D7 H128. In (a) and (c) the input is an
           embedding, so its gradient is computed, too.
Method     one process, the peers interleaved. Each peer runs five times per round, as
           in training, and the first run does not count. The table shows medians of
           many rounds. The peak is that of a product of two matrices of 1024 x 1024.
bfloat16   kissipo under autocast beside its own float32 and torch under autocast, for
           128 units or more.
Memory     what four training steps add to the largest memory of a process.
Lengths    batches of 32 messages of the real SMS set, beside PackedSequence and
           padding; and a whole training step of the spam net on them.
Grid       `auto` beside torch, from one sequence of one step to 512 of 500 steps, from
           1 to 1024 units, in two layers, in both directions. Shapes where the ratio is
           below 0.95 are listed. `--kernel fused` shows which shapes auto must avoid.
Rules      `--rules write` measures when torch is faster, and writes it to the rules of
           `auto`; `--rules check` compares `auto` with torch (recurrent_rules.py).
Run        python benchmarks/recurrent.py [--shapes a,b] [--rounds 30] [--threads 2]
           [--grid [--kernel fused]] [--rules write [--bfloat16]]

recurrent_peers.py compares with Keras 3 and JAX.
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

import recurrent_rules
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
    """Returns the median milliseconds of each peer, measured in interleaved rounds.

    In every round each peer runs a few times in a row; the first run does not count.
    """
    times: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(rounds):
        for name, run in peers.items():
            times[name] += [_seconds(run) * 1e3 for _ in range(IN_A_ROW)][1:]
    return {name: statistics.median(values) for name, values in times.items()}


def peak() -> float:
    """Returns the GFLOP/s of the fastest of several products of large matrices."""
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
    """Returns a function that computes forward and the gradients of the weights.

    wanted:  also the gradient of x
    halves:  forward under autocast to bfloat16
    """
    x = x.clone().requires_grad_(wanted)
    inputs = [*([x] if wanted else []), *layer.parameters()]

    def forward() -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=halves):
            y: torch.Tensor = layer(x)[0]
            return y

    gradient = dy.to(forward().dtype)
    return lambda: torch.autograd.grad(forward(), inputs, gradient)


def inference(layer: nn.RNNBase, x: torch.Tensor, *, halves: bool = False) -> Callable[[], object]:
    """Returns a function that computes forward; with `halves` in bfloat16."""

    def run() -> object:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=halves):
            return layer(x)

    return run


def multiplications(gates: int, shape: tuple[int, ...], wanted: bool) -> tuple[float, float]:
    """Returns the GFLOP of one training step and of one inference."""
    batch, steps, features, units, layers, _ = shape
    forward = data = 0
    for layer in range(layers):
        width = features if layer == 0 else units
        forward += 2 * gates * units * (width + units) * batch * steps
        data += 2 * gates * units * (units + (width if wanted or layer else 0)) * batch * steps
    return (2 * forward + data) / 1e9, forward / 1e9


def compare_shapes(names: list[str], rounds: int, max_gflops: float) -> None:
    print(
        "| shape | cell | train: torch ms | kissipo ms | ratio | of peak "
        "| infer: torch ms | kissipo ms | ratio | batch 1: ratio |"
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
            train_ratio, infer_ratio, one_ratio = (
                times["torch"] / times["kissipo"] for times in (train, infer, one)
            )
            print(
                f"| {name} | {cell} | {train['torch']:.2f} | {train['kissipo']:.2f} "
                f"| **{train_ratio:.1f}** | {work / train['kissipo'] * 1e3 / max_gflops:.0%} "
                f"| {infer['torch']:.2f} | {infer['kissipo']:.2f} "
                f"| **{infer_ratio:.1f}** | **{one_ratio:.1f}** |",
                flush=True,
            )


def compare_halves(names: list[str], rounds: int) -> None:
    """Prints kissipo under autocast beside torch under autocast and its own float32."""
    if kernels(bfloat16=True) is None:
        print("\nThis processor does not multiply bfloat16")
        return
    heads = [
        f"{phase}: torch ms | own float32 ms | kissipo ms | over torch | over float32"
        for phase in ("train", "infer")
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
            f"{took['torch']:.1f} | {took['float']:.1f} | {took['own']:.1f} "
            f"| **{took['torch'] / took['own']:.1f}** | **{took['float'] / took['own']:.2f}**"
            for took in (train, infer)
        ]
        print(f"| {name} | {cell} | {' | '.join(cells)} |", flush=True)


def grid() -> Iterator[tuple[int, int, int, int, int, bool]]:
    """Yields batch, steps, features, units, layers and whether it is bidirectional.

    Shapes that take torch several seconds are left out.
    """
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
        "| cell | phase | shapes | slower than 0.95 | lowest | median | highest |\n"
        "|---|---|---|---|---|---|---|"
    )
    slow: list[tuple[float, str]] = []
    for cell, (ours, theirs, _) in CELLS.items():
        ratios: dict[str, list[float]] = {"training": [], "inference": []}
        for shape in grid():
            batch, steps, features, units, layers, both = shape
            torch.manual_seed(0)
            reference = theirs(features, units, layers, bidirectional=both)
            own = ours(features, units, layers, bidirectional=both, kernel=kernel)
            own.load_state_dict(reference.state_dict())
            x, dy = (
                torch.randn(steps, batch, features),
                torch.randn(steps, batch, units * (1 + both)),
            )
            for phase, run in (
                ("training", lambda layer, x=x, dy=dy: training(layer, x, dy, True)),
                ("inference", lambda layer, x=x: inference(layer, x)),
            ):
                took = medians({"torch": run(reference), "kissipo": run(own)}, 1)
                few = max(2, min(rounds, int(200 / (took["torch"] * IN_A_ROW))))
                took = medians({"torch": run(reference), "kissipo": run(own)}, few)
                ratios[phase].append(took["torch"] / took["kissipo"])
                if ratios[phase][-1] < 0.95:
                    directions = " both directions" if both else ""
                    sizes = f"B{batch} T{steps} D{features} H{units} layers {layers}{directions}"
                    slow.append(
                        (
                            ratios[phase][-1],
                            f"{cell} {phase} {sizes}: {took['torch']:.3f} ms, "
                            f"{took['kissipo']:.3f} ms, {own.used}",
                        )
                    )
        for phase, values in ratios.items():
            print(
                f"| {cell} | {phase} | {len(values)} | {sum(value < 0.95 for value in values)} "
                f"| {min(values):.2f} | {statistics.median(values):.2f} | {max(values):.0f} |",
                flush=True,
            )
    for ratio, description in sorted(slow):
        print(f"{ratio:.2f}  {description}")


def compare_memory(names: list[str]) -> None:
    """Prints what training adds to the memory of a process, as Linux counts it."""
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
    """Returns the MB that training adds to the largest memory of this process."""
    batch, steps, features, units, layers, wanted = SHAPES[name]
    ours, theirs, _ = CELLS[cell]
    make = ours if who == "kissipo" else theirs
    x, dy = torch.randn(steps, batch, features), torch.randn(steps, batch, units)
    small = make(4, 4)
    training(small, torch.randn(3, 3, 4), torch.randn(3, 3, 4), True)()
    layer = make(features, units, layers)
    before = _max_memory()
    run = training(layer, x, dy, wanted)
    for _ in range(4):
        run()
    return _max_memory() - before


def _max_memory() -> float:
    """Returns the largest memory of this process in MB.

    The count of getrusage would start with that of the parent process.
    """
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return float(status.split("VmHWM:")[1].split()[0]) / 1024


def messages() -> list[list[str]]:
    """Returns each message of the SMS set as its words; none without the data set."""
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
    """Prints the time of one whole training step of the spam net (S26).

    The net has an embedding of 7,298 ids x 20, an LSTM of 15 units, the maximum over
    time and 1 unit. Adam updates it after batches of 32.
    """
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
    baseline = took["torch, padded to 162"]
    for name, milliseconds in took.items():
        print(f"| {name} | {milliseconds / len(batches):.2f} | {baseline / milliseconds:.1f} |")


def compare_lengths(rounds: int) -> None:
    """Prints the times for messages of the SMS set, which have up to 162 words."""
    lengths = [len(text) for text in messages()]
    if not lengths:
        return
    batches = [torch.tensor(lengths[start : start + 32]) for start in range(0, len(lengths), 32)]
    print(
        f"\nLengths of the SMS set: mean {statistics.mean(lengths):.1f}, longest {max(lengths)}; "
        "one pass over 100 batches of 32"
    )
    print(
        "| cell | torch packed ms | torch padded to 162 ms | kissipo lengths ms "
        "| packed / kissipo | padded / kissipo |"
    )
    print("|---|---|---|---|---|---|")
    for cell, (ours, theirs, _) in CELLS.items():
        slow, fast = (
            theirs(20, 15, batch_first=True),
            ours(20, 15, batch_first=True, kernel="fused"),
        )
        xs = [torch.randn(len(batch), 162, 20, requires_grad=True) for batch in batches]

        def packed(slow: nn.RNNBase = slow, xs: list[torch.Tensor] = xs) -> None:
            for x, batch in zip(xs, batches, strict=True):
                inside = pack_padded_sequence(x, batch, batch_first=True, enforce_sorted=False)
                y = pad_packed_sequence(slow(inside)[0], batch_first=True, total_length=162)[0]
                torch.autograd.grad(y.sum(), [x, *slow.parameters()])

        def padded(slow: nn.RNNBase = slow, xs: list[torch.Tensor] = xs) -> None:
            for x in xs:
                torch.autograd.grad(slow(x)[0].sum(), [x, *slow.parameters()])

        def own(fast: nn.RNNBase = fast, xs: list[torch.Tensor] = xs) -> None:
            for x, batch in zip(xs, batches, strict=True):
                torch.autograd.grad(fast(x, lengths=batch)[0].sum(), [x, *fast.parameters()])

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
    parser.add_argument("--rules", choices=("write", "check"))
    parser.add_argument("--bfloat16", action="store_true", help="rules for autocast to bfloat16")
    parser.add_argument("--seconds", type=float, default=0.3, help="of one comparison of --rules")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.child:
        print(memory_of(*arguments.child))
        return
    if arguments.rules:
        measure = recurrent_rules.write if arguments.rules == "write" else recurrent_rules.check
        measure(bfloat16=arguments.bfloat16, seconds=arguments.seconds)
        return
    library = kernels()
    max_gflops = peak()
    print(
        f"torch {torch.__version__}, kernels {library.name if library else 'none'}, "
        f"{arguments.threads} threads, peak {max_gflops:.0f} GFLOP/s\n"
    )
    if arguments.grid:
        compare_grid(arguments.rounds, arguments.kernel)
        return
    compare_shapes(arguments.shapes.split(","), arguments.rounds, max_gflops)
    compare_halves(
        [name for name in arguments.shapes.split(",") if SHAPES[name][3] >= 128], arguments.rounds
    )
    compare_lengths(arguments.rounds)
    compare_step(arguments.rounds)
    compare_memory(arguments.shapes.split(","))


if __name__ == "__main__":
    main()

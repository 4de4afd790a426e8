"""How long is a training step of the character model (S25)? kissipo beside torch.

Question   How long is one training step on tiny Shakespeare? A step reads 32 streams
           of 100 characters. The net has an embedding of 64, dropout 0.3, an LSTM
           and 65 probabilities. Adam updates it, and the next step gets the state.
Peers      the same objects as in `kissipo fit tiny-shakespeare`; the same net of
           torch.nn layers with torch.optim.Adam, its streams cut beforehand.
Method     as in recurrent.py: one process, the peers interleaved. Each peer runs five
           times per round (five steps each time), and the first run does not count.
           The table shows medians, on two threads.
Run        KISSIPO_DATA=../shared/data python benchmarks/characters.py
           [--units 256,384,512] [--rounds 7]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch
from recurrent import medians
from torch import nn

from kissipo.engine.streams import stream_steps
from kissipo.pipeline.experiment import build_experiment
from kissipo.runs.load import load

STEPS, BATCH = 5, 32


class Idiomatic(nn.Module):
    """The same net, written in the usual way in torch."""

    def __init__(self, vocabulary: int, units: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary, 64)
        self.cell = nn.LSTM(64, units, batch_first=True)
        self.drop, self.head = nn.Dropout(0.3), nn.Linear(units, vocabulary)

    def forward(
        self, x: torch.Tensor, state: tuple[torch.Tensor, ...] | None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        y, state = self.cell(self.embed(x), state)
        return self.head(self.drop(y)), state


def both(units: int) -> dict[str, Callable[[], None]]:
    """Returns a function per peer that trains for a few steps."""
    words = {
        "process.units": units,
        "process.embedding_dim": 64,
        "process.dropout": 0.3,
        "process.epochs": 1,
        "input.batch_size": BATCH,
    }
    experiment = build_experiment(load("tiny-shakespeare", words=words))
    dataset = experiment.pipeline.datasets["train"]
    steps = list(stream_steps(len(dataset), BATCH))[:STEPS]
    batches = [dataset.batch(step) for step in steps]
    vocabulary = experiment.pipeline.codecs[0].spec.vocab_size
    assert vocabulary is not None
    net = Idiomatic(vocabulary, units)
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    experiment.algorithm.begin(dataset)
    experiment.net.train()

    def kissipo() -> None:
        experiment.algorithm.begin_epoch()
        for step in steps:
            experiment.algorithm.step(dataset.batch(step))

    def idiomatic() -> None:
        state = None
        for batch in batches:
            optimizer.zero_grad()
            y, state = net(batch.inputs[0], state)
            state = tuple(tensor.detach() for tensor in state)
            nn.functional.cross_entropy(y.flatten(0, 1), batch.targets[0].flatten()).backward()
            optimizer.step()

    return {"torch": idiomatic, "kissipo": kissipo}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--units", default="256,384,512")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    print("| units | torch ms per step | kissipo ms | ratio |\n|---|---|---|---|")
    for units in map(int, arguments.units.split(",")):
        took = {name: time / STEPS for name, time in medians(both(units), arguments.rounds).items()}
        torch_time, own_time = took["torch"], took["kissipo"]
        ratio = torch_time / own_time
        print(f"| {units} | {torch_time:.1f} | {own_time:.1f} | **{ratio:.2f}** |", flush=True)


if __name__ == "__main__":
    main()

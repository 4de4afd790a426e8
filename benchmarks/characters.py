"""How fast does a net learn to write? One step of the character model (S25) on tiny Shakespeare, kissipo beside idiomatic torch.

Question   What does one training step cost (32 streams of 100 characters: embedding of 64, dropout 0.3, LSTM, 65 probabilities, Adam, the
           state handed on)?
Peers      the very objects of `kissipo fit tiny-shakespeare`; the same net of torch.nn layers with torch.optim.Adam, streams cut before.
Method     as in recurrent.py: one process, interleaved, in every round each five times in a row (five steps each time), of which the
           first does not count; medians, two threads.
Run        KISSIPO_DATA=../shared/data python benchmarks/characters.py [--units 256,384,512] [--rounds 7]
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
    """The same net as one writes it in torch."""

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
    """A few steps of each."""
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
            state = tuple(each.detach() for each in state)
            nn.functional.cross_entropy(y.flatten(0, 1), batch.targets[0].flatten()).backward()
            optimizer.step()

    return {"torch": idiomatic, "kissipo": kissipo}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--units", default="256,384,512")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    torch.set_num_threads(2)
    print("| units | torch ms a step | kissipo ms | ratio |\n|---|---|---|---|")
    for units in (int(each) for each in given.units.split(",")):
        took = {name: each / STEPS for name, each in medians(both(units), given.rounds).items()}
        print(
            f"| {units} | {took['torch']:.1f} | {took['kissipo']:.1f} | **{took['torch'] / took['kissipo']:.2f}** |",
            flush=True,
        )


if __name__ == "__main__":
    main()

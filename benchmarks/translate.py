"""How long does a training step of the translation net take? kissipo beside torch.

Question   Is a step of kissipo at least 1.5 times faster than that of torch as people
           write it: the same net, the same sentences, the same optimizer?
Peer       torch's modules: a Dataset of lists of ids, a DataLoader that shuffles and
           pads each batch (`pad_sequence`), packed sequences in the encoder, nn.GRU,
           additive attention, nn.Linear and cross_entropy with ignore_index over all
           steps, the norm of the gradient clipped, fused Adam.
kissipo    batches of similar length, the compiled GRU, the scores of the attention a
           few sentences at a time, the loss of the true tokens a few at a time.
Also       kissipo without batches of similar length (input.bucketing=false).
Method     interleaved rounds of so many steps, each with its own random batches; the
           processor time per sentence counts, with the loading of the batch. Both nets
           begin with the same weights, and their losses for one batch must be equal.
Run        python benchmarks/translate.py [--rounds 7] [--steps 12] [--batch 64]
           [--threads 1]                                  (KISSIPO_DATA with multi30k)
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader

from kissipo.core.batch import Batch
from kissipo.core.protocols import Dataset, epoch_order
from kissipo.pipeline.experiment import Experiment, build_algorithm, build_experiment
from kissipo.recipes.translate import RECIPE


class Peer(nn.Module):
    """The net of the recipe in torch's own modules, with the same names of weights."""

    def __init__(self, classes: tuple[int, int], features: int, units: int, rate: float) -> None:
        super().__init__()
        self.source_embedding = nn.Embedding(classes[0], features, padding_idx=0)
        self.encoder = nn.GRU(features, units, batch_first=True, bidirectional=True)
        self.bridge = nn.ModuleList([nn.Linear(2 * units, units)])
        self.target_embedding = nn.Embedding(classes[1], features, padding_idx=0)
        self.decoder = nn.GRU(features, units, batch_first=True)
        self.attention = nn.Module()
        self.attention.keys = nn.Linear(2 * units, units, bias=False)
        self.attention.query = nn.Linear(units, units)
        self.attention.combine = nn.Linear(units, 1, bias=False)
        self.readout = nn.Linear(3 * units, units)
        self.head = nn.Linear(units, classes[1])
        self.dropout = nn.Dropout(rate)

    def forward(self, source: Tensor, lengths: Tensor, previous: Tensor) -> Tensor:
        x = self.dropout(self.source_embedding(source))
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        y, last = self.encoder(packed)
        memory, _ = pad_packed_sequence(y, batch_first=True)
        first = torch.tanh(self.bridge[0](torch.cat([last[0], last[1]], dim=1)))
        x = self.dropout(self.target_embedding(previous))
        hidden, _ = self.decoder(x, first.unsqueeze(0))
        keys, query = self.attention.keys(memory), self.attention.query(hidden)
        sums = torch.tanh(query.unsqueeze(2) + keys.unsqueeze(1))
        scores = self.attention.combine(sums).squeeze(3)
        scores = scores.masked_fill((source == 0).unsqueeze(1), float("-inf"))
        context = torch.bmm(scores.softmax(dim=2), memory)
        read = self.dropout(torch.tanh(self.readout(torch.cat([hidden, context], dim=2))))
        logits: Tensor = self.head(read)
        return logits


def collate(rows: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Pads a batch: source, lengths, the tokens before each token, target."""
    sources, targets = ([row[side] for row in rows] for side in (0, 1))
    lengths = torch.tensor([len(source) for source in sources])
    source = pad_sequence(sources, batch_first=True)
    target = pad_sequence(targets, batch_first=True)
    previous = torch.cat([torch.full_like(target[:, :1], 2), target[:, :-1]], dim=1)
    return source, lengths, previous, target


def mean_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Returns the mean over the texts of the means over their tokens, as kissipo."""
    losses = functional.cross_entropy(
        logits.transpose(1, 2), target, ignore_index=0, reduction="none"
    )
    return (losses.sum(dim=1) / (target != 0).sum(dim=1)).mean()


def peer_steps(net: Peer, experiment: Experiment, batch: int) -> Iterator[float]:
    """Yields the loss of each step of torch's way."""
    train = experiment.pipeline.datasets["train"]
    everything = train.everything()
    sources, targets = everything.inputs[0], everything.targets[0]
    rows: Any = [(x[x != 0], y[y != 0]) for x, y in zip(sources, targets, strict=True)]
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)
    net.train()
    while True:
        loader: Any = DataLoader(
            rows,
            batch_size=batch,
            shuffle=True,
            collate_fn=collate,
            drop_last=True,
        )
        for source, lengths, previous, target in loader:
            optimizer.zero_grad()
            loss = mean_loss(net(source, lengths, previous), target)
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            yield loss.item()


def our_steps(experiment: Experiment, train: Dataset, batch: int) -> Iterator[float]:
    """Yields the loss of each step of kissipo's algorithm, of a copy of the net."""
    net = deepcopy(experiment.net).train()
    algorithm = build_algorithm(experiment.resolved, experiment.pipeline, net)
    algorithm.begin(train)
    generator = torch.Generator().manual_seed(0)
    while True:
        order = epoch_order(train, batch, generator)
        for start in range(0, len(order) - batch, batch):
            samples = train.batch(order[start : start + batch])
            yield algorithm.step(samples)["loss"].item()


def same_losses(net: Peer, experiment: Experiment) -> None:
    """Checks that both nets, with the same weights, have the same loss."""
    net.load_state_dict(experiment.net.state_dict())
    samples: Batch = experiment.pipeline.datasets["train"].batch(slice(0, 32))
    (source,), (target,) = samples.inputs, samples.targets
    rows = [(s[s != 0], t[t != 0]) for s, t in zip(source, target, strict=True)]
    inputs = collate(rows)
    net.eval(), experiment.net.eval()
    with torch.no_grad():
        theirs = mean_loss(net(*inputs[:3]), inputs[3]).item()
        ours = experiment.algorithm.validation_loss(None, samples).item()
    assert abs(theirs - ours) < 1e-5 * theirs, (theirs, ours)
    print(f"the loss of one batch: torch {theirs:.6f}, kissipo {ours:.6f}")


def main() -> None:
    """Prints the medians and the ratio."""
    parser = argparse.ArgumentParser()
    for name, value in (("rounds", 7), ("steps", 12), ("batch", 64), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    experiment = build_experiment(RECIPE.task)
    words = RECIPE.task.process
    net = Peer(
        (
            experiment.pipeline.codecs[0].spec.vocab_size,
            experiment.pipeline.answers[0].codec.spec.vocab_size,
        ),
        words["embedding_dim"],
        words["units"],
        words["dropout"],
    )
    same_losses(net, experiment)
    train = experiment.pipeline.datasets["train"]
    peers: dict[str, Iterator[float]] = {
        "torch, DataLoader": peer_steps(net, experiment, options.batch),
        "kissipo": our_steps(experiment, train.for_training(), options.batch),
        "kissipo, no bucketing": our_steps(experiment, train, options.batch),
    }
    times: dict[str, list[float]] = {name: [] for name in peers}
    for steps in peers.values():
        next(steps)
    for number in range(options.rounds):
        for name, steps in peers.items():
            times[name].append(_seconds(lambda steps=steps: next(steps), options.steps))
        print(
            f"round {number + 1}: "
            + ", ".join(f"{name} {_ms(t[-1:])}" for name, t in times.items())
        )
    print(
        f"\nprocessor time per step of {options.batch} sentences, median of {options.rounds} rounds"
    )
    first = statistics.median(times["torch, DataLoader"])
    for name, some in times.items():
        print(f"{name:24}{_ms(some):>10}   {first / statistics.median(some):.2f}x")


def _seconds(step: Callable[[], float], count: int) -> float:
    began = time.process_time()
    for _ in range(count):
        step()
    return (time.process_time() - began) / count


def _ms(seconds: list[float]) -> str:
    return f"{1000 * statistics.median(seconds):.0f} ms"


if __name__ == "__main__":
    main()

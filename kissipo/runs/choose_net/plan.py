"""Plan: how long each candidate is trained in each round, counted in multiplications.

Successive halving: in every round the candidates that are left train from the start,
for twice the fraction of their full training, each with its own schedule; the better
half goes on. Where the budget allows the full training of all candidates, there is one
round, and small data are compared by cross-validation.

Source:   Jamieson and Talwalkar, Non-stochastic Best Arm Identification and
          Hyperparameter Optimization, 2016.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from torch import nn

from kissipo.core.devices import device_of
from kissipo.core.protocols import counts_its_solution
from kissipo.inspect.trace import steps_of
from kissipo.inspect.tracing.record import record
from kissipo.pipeline.experiment import Experiment

_LAYER = 250_000  # multiplications that a layer of a step costs besides its own
_STEP = 1_400_000  # the same for the optimizer and the loop
_BATCH = 512  # samples that are evaluated at once
_WEIGHT = 8  # multiplications of the optimizer per weight
_NUMBER = 24  # per number that a layer writes: reading and writing it, and its gradient
_TRAINING = 3  # forward, and the gradients of inputs and of weights
_SOLVED = 300_000  # per number of the samples in a net whose solution is not counted
FOLDS = (5, 3)
FEW_SAMPLES = 1_000  # in the validation split: below, cross-validation is tried
_PATIENCE = 3  # trainings of the default net that a candidate may cost beyond the budget


@dataclass(frozen=True)
class Cost:
    """The multiplications of one full training, and of one sample that is predicted.

    is_solved:  whether there are no steps, so that it is trained once
    """

    training: int
    sample: int
    is_solved: bool


def cost_of(experiment: Experiment) -> Cost:
    """Counts what the full training of an experiment costs."""
    train, validation = (experiment.pipeline.datasets[name] for name in ("train", "validation"))
    net, batch = experiment.net, experiment.resolved.general.batch_size or 32
    inputs = tuple(x.to(device_of(net)) for x in train.batch(slice(0, 1)).inputs)
    if experiment.algorithm.epochs == 0:
        numbers = sum(x.numel() for x in inputs)
        return Cost(_solution_cost(net, len(train), numbers), numbers, is_solved=True)
    layers = steps_of(record(net, inputs))
    sample = sum(layer.multiplications for layer in layers)
    written = _NUMBER * sum(prod(layer.shape) for layer in layers)
    weights = sum(weight.numel() for weight in net.parameters() if weight.requires_grad)
    step = _STEP + _LAYER * len(layers) + _WEIGHT * weights
    step += (_TRAINING * sample + written) * batch
    steps = -(-len(train) // batch)
    forward = sample + written // _TRAINING
    evaluated = forward * len(validation) + _LAYER * len(layers) * -(-len(validation) // _BATCH)
    epoch = steps * step + evaluated
    return Cost(experiment.algorithm.epochs * epoch, sample, is_solved=False)


def _solution_cost(net: nn.Module, samples: int, numbers: int) -> int:
    """Returns what a net that is solved computes for so many samples of so many
    numbers."""
    if counts_its_solution(net):
        return net.solution_multiplications(samples)
    return _SOLVED * numbers * samples


def is_too_slow(cost: Cost, default: Cost, budget: int, *, part: float) -> bool:
    """Returns whether the full training of a candidate is far beyond the budget and
    beyond that of the default net.

    part:  the fraction of the training samples with which the costs were counted
    """
    return cost.training > _PATIENCE * max(budget * part, default.training)


def fold_count(costs: Sequence[Cost], budget: int, validation: int) -> int:
    """Returns the number of folds of a cross-validation within the budget; 1: the
    validation split alone.

    Example:  >>> costs = [Cost(10, 1, False), Cost(20, 1, False)]
              >>> [fold_count(costs, budget, 100) for budget in (200, 100, 50)]
              [5, 3, 1]
              >>> fold_count(costs, 200, validation=2_000)
              1
    """
    total = sum(cost.training for cost in costs)
    fitting = [folds for folds in FOLDS if folds * total <= budget]
    return fitting[0] if fitting and validation < FEW_SAMPLES else 1


def shares(costs: Sequence[Cost], budget: int) -> list[tuple[int, float]]:
    """Returns for each round how many candidates train, and the fraction of their full
    training.

    The most expensive candidates may be the last ones, and even then the budget is
    kept. Nets that are solved are not counted; they are trained once.

    Example:  >>> shares([Cost(10, 1, False)] * 4, budget=40)
              [(4, 1.0)]
              >>> shares([Cost(10, 1, False)] * 4, budget=20)
              [(4, 0.25), (2, 0.5)]
    """
    training = sorted((cost.training for cost in costs if not cost.is_solved), reverse=True)
    left = budget - sum(cost.training for cost in costs if cost.is_solved)
    if sum(training) <= left:
        return [(len(training), 1.0)]
    counts = [len(training)]
    while counts[-1] > 2:
        counts.append(-(-counts[-1] // 2))
    weighted = sum(2**number * sum(training[:count]) for number, count in enumerate(counts))
    first = max(left, budget // 4) / weighted
    rounds = [(count, min(1.0, first * 2**number)) for number, count in enumerate(counts)]
    full = next((number for number, (_, share) in enumerate(rounds) if share == 1.0), len(rounds))
    return rounds[: full + 1]

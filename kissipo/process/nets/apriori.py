"""Apriori: sets of items that occur together often, and the rules in them.

support(A)         the share of baskets that have all items of A
confidence(A -> B) support(A and B) / support(A)
lift(A -> B)       confidence / support(B): 1 is chance

A set can be frequent only if all its subsets are. So sets of k + 1 items are joined
from frequent sets of k items that share k - 1 of them, and a candidate with an
infrequent subset is never counted. Each frequent set is divided into two sides, in all
possible combinations. For a new basket, an item has the confidence of the best rule
whose first side is in the basket and whose second side is that item; 0 without one.

Shapes:   baskets (batch, item) of 0 and 1 -> (batch, item) confidences
Source:   Agrawal and Srikant, Fast Algorithms for Mining Association Rules, 1994.
Raises:   TaskError where too many sets are frequent.
Example:  >>> baskets = np.array([[1, 1, 0], [1, 1, 0], [0, 1, 1], [1, 0, 0]])
          >>> frequent_sets(baskets > 0, min_count=2, max_length=2)
          {(0,): 3, (1,): 3, (0, 1): 2}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kissipo.core.batch import Batch
from kissipo.core.description import Detail, Line, ScatterMap, Section, Table
from kissipo.core.errors import ShapeError, TaskError
from kissipo.core.finding import counted
from kissipo.core.protocols import Combined, Source
from kissipo.core.schema import option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.resized_buffers import ResizedBuffers

ALGORITHMS = ("closed_form",)
_MAX_SETS = 200_000
_PIECE = 4_000_000  # cells that are compared at once
_LISTED, _DRAWN = 100, 1_000
_NONE = -1


@dataclass(frozen=True)
class Options:
    """The options of Apriori."""

    min_support: float = option(
        0.1, "minimum share of the baskets that have all items of a set", above=0, maximum=1
    )
    min_confidence: float = option(
        0.5,
        "minimum share of the baskets with the first side of a rule that have the second one",
        above=0,
        maximum=1,
    )
    max_items: int = option(3, "maximum number of items in a set", minimum=2, maximum=8)


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net, which has no rules yet.

    Raises:   ShapeError when the input is not one number per item.
    """
    if len(inputs) != 1 or inputs[0].axes != ("label",) or outputs[0].shape != inputs[0].shape:
        raise ShapeError(
            "process step 'apriori' takes one number per item",
            got=" and ".join(spec.describe() for spec in inputs),
            do="Use input.baskets and output=rules",
        )
    return Apriori(inputs[0].shape[0], options)


def details(net: nn.Module, labels: Sequence[str]) -> dict[str, Detail]:
    """Returns the item sets and the rules."""
    return {"apriori": net.describe_solution(labels)} if isinstance(net, Apriori) else {}


class Apriori(ResizedBuffers):
    """Keeps the frequent sets and the rules of the training baskets.

    sets:        (set, place) the items of each frequent set, -1 at the end
    counts:      (set) the number of baskets that have them
    firsts, seconds: (rule, place) the two sides of each rule, the most confident first
    values:      (rule, 3) support, confidence and lift
    baskets:     the number of training baskets
    """

    sets: Tensor
    counts: Tensor
    firsts: Tensor
    seconds: Tensor
    values: Tensor
    baskets: Tensor

    def __init__(self, items: int, options: Options) -> None:
        super().__init__()
        self.items, self.options = items, options
        ids = torch.zeros(0, options.max_items, dtype=torch.int64)
        for name in ("sets", "firsts", "seconds"):
            self.register_buffer(name, ids.clone())
        self.register_buffer("counts", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("values", torch.zeros(0, 3, dtype=torch.float64))
        self.register_buffer("baskets", torch.zeros((), dtype=torch.int64))

    @property
    def DESCRIPTION(self) -> str:  # noqa: N802
        return f"the most confident of {len(self.firsts):,} rules per item"

    def forward(self, baskets: Tensor) -> Tensor:
        single = (self.seconds != _NONE).sum(dim=1) == 1
        firsts, items = self.firsts[single], self.seconds[single][:, 0]
        confidences = self.values[single][:, 1].float()
        rows = max(1, _PIECE // max(1, firsts.numel()))
        pieces = [
            self._confidences(piece, firsts, items, confidences) for piece in baskets.split(rows)
        ]
        return torch.cat(pieces)

    def _confidences(
        self, baskets: Tensor, firsts: Tensor, items: Tensor, confidences: Tensor
    ) -> Tensor:
        """Returns per item the confidence of the best rule that applies."""
        best = torch.zeros(len(baskets), self.items)
        applies = _has_all(baskets, firsts)
        matching = torch.where(applies, confidences, 0)
        best = best.scatter_reduce(1, items.expand(len(baskets), -1), matching, "amax")
        return torch.where(baskets > 0, 0, best)

    def explain(self, index: tuple[int, ...], baskets: Tensor) -> tuple[list[Source], Combined]:
        """Returns the confidence of the best rule; an item of the basket has 0."""
        row, item = index
        basket = baskets[row : row + 1]
        rule = int(self.best_rules(basket, torch.tensor([[item]])))
        if rule == _NONE or bool(basket[0, item] > 0):
            return [Source("no rule", (), torch.tensor(0.0))], "sum"
        return [Source("values", (rule, 1), self.values[rule, 1])], "sum"

    def best_rules(self, baskets: Tensor, items: Tensor) -> Tensor:
        """Returns the number of the rule that suggests each item, -1 without one.

        Shapes:   baskets (batch, item), items (batch, place) numbers -> (batch, place)
        """
        numbers = torch.full_like(items, _NONE)
        single = (self.seconds != _NONE).sum(dim=1) == 1
        for row in range(len(baskets)):
            applies = _has_all(baskets[row : row + 1], self.firsts)[0] & single
            for place, item in enumerate(items[row].tolist()):
                matches = torch.nonzero(applies & (self.seconds[:, 0] == item)).flatten()
                if len(matches):
                    numbers[row, place] = matches[0]
        return numbers

    def solve(self, samples: Iterable[Batch], seed: int) -> str:
        """Finds the sets and the rules of all training baskets."""
        baskets = torch.cat([batch.inputs[0] for batch in samples]).numpy() > 0
        options, count = self.options, len(baskets)
        min_count = max(1, ceil(options.min_support * count - 1e-9))
        sets = frequent_sets(baskets, min_count=min_count, max_length=options.max_items)
        rules = list(rules_of(sets, count, options.min_confidence))
        rules.sort(key=lambda rule: (-rule[2][1], -rule[2][0], rule[0], rule[1]))
        self.sets = self._padded(list(sets))
        self.counts = torch.tensor(list(sets.values()), dtype=torch.int64)
        self.firsts = self._padded([first for first, _, _ in rules])
        self.seconds = self._padded([second for _, second, _ in rules])
        values = [numbers for _, _, numbers in rules]
        self.values = torch.tensor(values, dtype=torch.float64).reshape(-1, 3)
        self.baskets = torch.tensor(count)
        return (
            f"solved: {len(sets):,} item sets with a support of at least "
            f"{options.min_support:g} ({min_count:,} of {count:,} baskets), {len(rules):,} rules "
            f"with a confidence of at least {options.min_confidence:g}"
        )

    def _padded(self, sets: Sequence[tuple[int, ...]]) -> Tensor:
        table = torch.full((len(sets), self.options.max_items), _NONE, dtype=torch.int64)
        for row, items in enumerate(sets):
            table[row, : len(items)] = torch.tensor(items)
        return table

    def describe_solution(self, labels: Sequence[str]) -> Detail:
        """Returns the frequent sets by size, and the rules."""
        sizes = (self.sets != _NONE).sum(dim=1)
        by_size = torch.bincount(sizes, minlength=1).tolist()
        listed = ", ".join(
            f"{count:,} of {counted(size, 'item')}" for size, count in enumerate(by_size) if count
        )
        sentence = f"{len(self.sets):,} frequent item sets ({listed or 'none'}) and "
        sentence += f"{len(self.firsts):,} rules."
        if not len(self.firsts):
            sentence += " Lower process.min_support or process.min_confidence to find more."
        value = {"item_sets": len(self.sets), "rules": len(self.firsts), "sets_by_size": by_size}
        return Detail(
            value,
            summary=[Line(sentence), *([self._rules(labels, 10)] if len(self.firsts) else [])],
            sections=[
                Section("Rules", [
                    Line(sentence), *self._limits(), *self._drawn(labels),
                    self._rules(labels, _LISTED),
                ]),
                Section("Frequent item sets", [self._sets(labels)]),
            ],
        )  # fmt: skip

    def _limits(self) -> list[Line]:
        """Says which of many rules are drawn and listed."""
        if len(self.firsts) <= _LISTED:
            return []
        drawn = f"{min(len(self.firsts), _DRAWN):,}"
        text = (
            f"The drawing shows {drawn} rules and the table {_LISTED}: those with the largest "
            "lift. Lift is the confidence divided by the share of all baskets that have the "
            "second side."
        )
        return [Line(text, "dim")]

    def _drawn(self, labels: Sequence[str]) -> list[ScatterMap]:
        """Returns support and confidence of the rules with the largest lift."""
        order = self._by_lift(_DRAWN)
        if not order:
            return []
        texts = [
            f"support {support:.3f}, confidence {confidence:.3f}, lift {lift:.2f}"
            for support, confidence, lift in self.values[order].tolist()
        ]
        return [
            ScatterMap(
                self.values[order][:, :2].tolist(),
                [" -> ".join(self._sides(number, labels)) for number in order],
                texts,
                groups=self.values[order][:, 2].tolist(),
                group_name="lift",
                x_label="support",
                y_label="confidence",
                noun="rule",
                is_to_scale=False,
            )
        ]

    def _rules(self, labels: Sequence[str], limit: int) -> Table:
        """Returns the rules with the largest lift."""
        rows = [
            [
                *self._sides(number, labels),
                f"{support:.4f}",
                f"{confidence:.4f}",
                f"{lift:.3f}",
            ]
            for number in self._by_lift(limit)
            for support, confidence, lift in (self.values[number].tolist(),)
        ]
        titles = ["if a basket has", "it often has", "support", "confidence", "lift"]
        return Table(titles, rows, numbers=(2, 3, 4))

    def _by_lift(self, limit: int) -> list[int]:
        """Returns the numbers of the rules with the largest lift, in order."""
        order: list[int] = self.values[:, 2].argsort(descending=True, stable=True).tolist()
        return order[:limit]

    def _sides(self, number: int, labels: Sequence[str]) -> list[str]:
        """Returns the names of the items of both sides of a rule."""
        sides = (self.firsts[number].tolist(), self.seconds[number].tolist())
        return [names_of(side, labels) for side in sides]

    def _sets(self, labels: Sequence[str]) -> Table:
        """Returns the most frequent sets of two items or more."""
        sizes = (self.sets != _NONE).sum(dim=1)
        several = torch.nonzero(sizes > 1).flatten()
        order = several[self.counts[several].argsort(descending=True, stable=True)][:_LISTED]
        rows = [
            [
                names_of(self.sets[number].tolist(), labels),
                f"{int(self.counts[number]):,}",
                f"{int(self.counts[number]) / int(self.baskets):.4f}",
            ]
            for number in order.tolist()
        ]
        return Table(["items", "baskets", "support"], rows, numbers=(1, 2))


def names_of(items: Sequence[int], labels: Sequence[str]) -> str:
    """Returns the names of items."""
    return " + ".join(labels[item] for item in items if item != _NONE)


def frequent_sets(
    baskets: NDArray[np.bool_], *, min_count: int, max_length: int
) -> dict[tuple[int, ...], int]:
    """Returns the frequent item sets with their counts, the small ones first.

    Raises:   TaskError where there are more than 200,000.
    """
    bits = np.packbits(baskets, axis=0).T  # (item, byte)
    counts = baskets.sum(axis=0)
    level: dict[tuple[int, ...], NDArray[np.uint8]] = {
        (item,): bits[item] for item in np.flatnonzero(counts >= min_count).tolist()
    }
    sets: dict[tuple[int, ...], int] = {items: int(counts[items[0]]) for items in level}
    for _ in range(1, max_length):
        level = dict(_joined(level, min_count, sets))
        if not level:
            break
    return sets


def _joined(
    level: dict[tuple[int, ...], NDArray[np.uint8]],
    min_count: int,
    sets: dict[tuple[int, ...], int],
) -> Iterator[tuple[tuple[int, ...], NDArray[np.uint8]]]:
    """Yields the frequent sets with one item more and their baskets; counts them."""
    by_prefix: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for items in level:
        by_prefix.setdefault(items[:-1], []).append(items)
    for group in by_prefix.values():
        for place, items in enumerate(group[:-1]):
            candidates = [
                other
                for other in group[place + 1 :]
                if _subsets_are_frequent((*items, other[-1]), sets)
            ]
            if not candidates:
                continue
            both = np.stack([level[other] for other in candidates]) & level[items]
            totals = np.bitwise_count(both).sum(axis=1, dtype=np.int64)
            for row in np.flatnonzero(totals >= min_count).tolist():
                joined = (*items, candidates[row][-1])
                sets[joined] = int(totals[row])
                yield joined, both[row]
            if len(sets) > _MAX_SETS:
                raise TaskError(
                    "too many item sets are frequent",
                    got=f"more than {_MAX_SETS:,}",
                    do="Raise process.min_support, or lower process.max_items",
                )


def _subsets_are_frequent(items: tuple[int, ...], sets: dict[tuple[int, ...], int]) -> bool:
    """Returns whether all sets with one item less are frequent; those without one of
    the last two items are, as the set was joined from them."""
    return all(items[:place] + items[place + 1 :] in sets for place in range(len(items) - 2))


def rules_of(
    sets: dict[tuple[int, ...], int], baskets: int, min_confidence: float
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...], tuple[float, float, float]]]:
    """Yields the two sides of each rule with its support, confidence and lift.

    Example:  >>> sets = {(0,): 3, (1,): 4, (0, 1): 2}
              >>> for rule in rules_of(sets, 8, 0.6): print(rule)
              ((0,), (1,), (0.25, 0.6666666666666666, 1.3333333333333333))
    """
    for items, count in sets.items():
        for size in range(1, len(items)):
            for first in combinations(items, size):
                confidence = count / sets[first]
                if confidence < min_confidence:
                    continue
                second = tuple(item for item in items if item not in first)
                lift = confidence / (sets[second] / baskets)
                yield first, second, (count / baskets, confidence, lift)


def _has_all(baskets: Tensor, sets: Tensor) -> Tensor:
    """Returns whether each basket has all items of each set (basket, set)."""
    padded = torch.cat([baskets > 0, torch.ones(len(baskets), 1, dtype=torch.bool)], dim=1)
    return padded[:, sets].all(dim=2)

"""Opened: one number with the terms that it was made of, their sum, and what PyTorch recorded."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

ALLOWED = 1e-5
Numbers = NDArray[np.float64]
Index = tuple[int, ...]


class CannotExplainError(Exception):
    """Why a number is not opened."""


@dataclass(frozen=True)
class Terms:
    """Values that a number was made of, each beside its weight.

    of:       where they come from: `input`, whose first axis is the row of the batch; weight; state; gates
    places:   of each in there (term, axis)
    values:   theirs
    weights:  what each is multiplied by
    names:    of places that are no numbers
    by_row:   whether the first axis of the places is the row of the batch, as it is of an input
    """

    of: str
    places: NDArray[np.int64]
    values: Numbers
    weights: Numbers
    names: tuple[str, ...] = ()
    by_row: bool = False

    @property
    def products(self) -> Numbers:
        """Each value times its weight."""
        return self.values * self.weights

    @property
    def sum(self) -> float:
        """Of all products, without the error of adding up."""
        return math.fsum(self.products)

    def of_one_sample(self) -> Terms:
        """The same without the axis of the batch."""
        return (
            replace(self, places=self.places[:, 1:]) if self.of == "input" or self.by_row else self
        )

    def source(self, number: int) -> str:
        """Where a term comes from, as people read it."""
        return (
            self.names[number]
            if self.names
            else f"{self.of}[{', '.join(map(str, self.places[number]))}]"
        )


@dataclass(frozen=True)
class Breakdown:
    """One cell of what a layer gives.

    operation:  what the layer does: linear, convolution, greatest, ...
    tell:       the formula
    cell:       its place in the output; the first axis is the row of the batch
    terms:      groups of values and weights
    bias:       what is added to the sum of their products; none where they are not summed, or there is none
    steps:      what is done with them, one after the other, with the number after each
    result:     in double precision
    recorded:   what PyTorch gave; none where it gives no such number
    gates:      of a recurrent unit, each opened; of attention each head, and in it each key and the first mixed values
    """

    operation: str
    description: str
    cell: Index
    terms: tuple[Terms, ...]
    bias: float | None
    steps: tuple[tuple[str, float], ...]
    result: float
    recorded: float | None = None
    gates: tuple[Breakdown, ...] = ()
    layer: str = ""

    @property
    def difference(self) -> float | None:
        """What was recorded, less the result."""
        return None if self.recorded is None else self.recorded - self.result

    @property
    def size(self) -> float:
        """The greatest number on the way, by which rounding is measured: a small result may be left over from large terms."""
        products = [np.abs(each.products).max(initial=0.0) for each in self.terms]
        running = [np.abs(np.cumsum(each.products)).max(initial=0.0) for each in self.terms]
        steps = [abs(value) for _, value in self.steps]
        return float(max([*products, *running, *steps, abs(self.bias or 0.0), abs(self.result)]))

    @property
    def agrees(self) -> bool | None:
        """Whether the result is the recorded value, to 1e-5 of the greatest number on the way; none where nothing was recorded."""
        return None if self.difference is None else abs(self.difference) <= ALLOWED * self.size

    def running(self) -> Iterator[tuple[str, str, Index, float, float, float, float]]:
        """Every term: of, source, place, value, weight, product, and the sum up to it; the sum is carried on from group to group."""
        total = 0.0
        for group in self.terms:
            for number, product in enumerate(group.products):
                total += product
                place = (
                    tuple(int(each) for each in group.places[number]) if len(group.places) else ()
                )
                value, weight = float(group.values[number]), float(group.weights[number])
                yield group.of, group.source(number), place, value, weight, float(product), total

    def of_one_sample(self) -> Breakdown:
        """The same without the axis of the batch, where there is one row alone."""
        terms = tuple(each.of_one_sample() for each in self.terms)
        gates = tuple(
            replace(gate, terms=tuple(each.of_one_sample() for each in gate.terms))
            for gate in self.gates
        )
        return replace(self, cell=self.cell[1:], terms=terms, gates=gates)

    def to_json(self) -> dict[str, Any]:
        """The documented form: every term."""
        keys = ("of", "source", "place", "value", "weight", "product", "running")
        terms = [dict(zip(keys, each, strict=True)) for each in self.running()]
        return {
            "layer": self.layer,
            "operation": self.operation,
            "description": self.description,
            "index": list(self.cell),
            "terms": [{**each, "place": list(each["place"])} for each in terms],  # type: ignore[call-overload]
            "bias": self.bias,
            "steps": [{"name": name, "value": value} for name, value in self.steps],
            "result": self.result,
            "recorded": self.recorded,
            "difference": self.difference,
            "agrees": self.agrees,
            "gates": [each.to_json() for each in self.gates],
        }


def term(of: str, place: Index, value: float, weight: float = 1.0, *, name: str = "") -> Terms:
    """A single value times its weight."""
    return Terms(
        of,
        np.array([place], dtype=np.int64),
        np.array([value]),
        np.array([weight]),
        (name,) if name else (),
    )


def places(lead: Index, count: int) -> NDArray[np.int64]:
    """The first so many places behind a common beginning."""
    return np.array([(*lead, each) for each in range(count)], dtype=np.int64)


def number_of(x: Tensor) -> float:
    """A tensor of one number."""
    return float(x.detach())


def summed(
    operation: str, description: str, cell: Index, terms: Terms, bias: float | None
) -> Breakdown:
    """The sum of all products, and the bias."""
    return Breakdown(
        operation, description, cell, (terms,), bias, (), math.fsum([*terms.products, bias or 0.0])
    )

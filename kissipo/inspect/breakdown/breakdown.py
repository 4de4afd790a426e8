"""Breakdown: one value with its terms, their sum, and the value of PyTorch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from kissipo.core.json_object import JsonObject

ALLOWED = 1e-5
Numbers = NDArray[np.float64]
Index = tuple[int, ...]


class CannotExplainError(Exception):
    """The reason why a value cannot be explained."""


@dataclass(frozen=True)
class Terms:
    """The terms of a value: inputs with their weights.

    of:       the source: `input`, whose first axis is the batch; weight; state; gates
    places:   the index of each term in its source (term, axis)
    values:   the value of each term
    weights:  the weight of each term
    names:    names of terms that have no index
    by_row:   whether the first axis of the places is the batch, as for an input
    """

    of: str
    places: NDArray[np.int64]
    values: Numbers
    weights: Numbers
    names: tuple[str, ...] = ()
    by_row: bool = False

    @property
    def products(self) -> Numbers:
        """Returns each value times its weight."""
        return self.values * self.weights

    @property
    def sum(self) -> float:
        """Returns the exact sum of all products, rounded once."""
        return math.fsum(self.products)

    def of_one_sample(self) -> Terms:
        """Returns the terms without the batch axis."""
        return (
            replace(self, places=self.places[:, 1:]) if self.of == "input" or self.by_row else self
        )

    def source(self, number: int) -> str:
        """Returns the source of a term as text, such as `input[0, 3]`."""
        return (
            self.names[number]
            if self.names
            else f"{self.of}[{', '.join(map(str, self.places[number]))}]"
        )


@dataclass(frozen=True)
class Breakdown:
    """The computation of one value of a layer's output.

    operation:    what the layer does: linear, convolution, maximum, ...
    description:  the formula
    cell:         the index of the value in the output; the first axis is the batch
    terms:        groups of values and weights
    bias:         the bias that is added to the sum; None if there is no sum or no bias
    steps:        the operations after the terms, with the value after each
    result:       the value in double precision
    recorded:     the value that PyTorch computed; None if it does not return this value
    gates:        the breakdown of each gate of a recurrent unit; for attention of each
                  head, with its keys and its first mixed values
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
        """Returns the recorded value minus the result."""
        return None if self.recorded is None else self.recorded - self.result

    @property
    def size(self) -> float:
        """Returns the maximum absolute value of the computation.

        The rounding error is relative to it, as large terms can cancel in a small
        result.
        """
        products = [np.abs(group.products).max(initial=0.0) for group in self.terms]
        running = [np.abs(np.cumsum(group.products)).max(initial=0.0) for group in self.terms]
        steps = [abs(value) for _, value in self.steps]
        return float(max([*products, *running, *steps, abs(self.bias or 0.0), abs(self.result)]))

    @property
    def agrees(self) -> bool | None:
        """Returns whether the result equals the recorded value up to 1e-5 of `size`.

        Returns:  None where nothing was recorded
        """
        return None if self.difference is None else abs(self.difference) <= ALLOWED * self.size

    def running(self) -> Iterator[tuple[str, str, Index, float, float, float, float]]:
        """Yields every term: of, source, place, value, weight, product, running sum.

        The running sum continues from group to group.
        """
        total = 0.0
        for group in self.terms:
            for number, product in enumerate(group.products):
                total += product
                place = (
                    tuple(int(axis) for axis in group.places[number]) if len(group.places) else ()
                )
                value, weight = float(group.values[number]), float(group.weights[number])
                yield group.of, group.source(number), place, value, weight, float(product), total

    def of_one_sample(self) -> Breakdown:
        """Returns the breakdown without the batch axis, for a batch of one."""
        terms = tuple(group.of_one_sample() for group in self.terms)
        gates = tuple(
            replace(gate, terms=tuple(group.of_one_sample() for group in gate.terms))
            for gate in self.gates
        )
        return replace(self, cell=self.cell[1:], terms=terms, gates=gates)

    def to_json(self) -> JsonObject:
        """Returns the documented JSON with every term."""
        keys = ("of", "source", "place", "value", "weight", "product", "running")
        terms: list[JsonObject] = [dict(zip(keys, row, strict=True)) for row in self.running()]
        return {
            "layer": self.layer,
            "operation": self.operation,
            "description": self.description,
            "index": list(self.cell),
            "terms": [{**row, "place": list(row["place"])} for row in terms],
            "bias": self.bias,
            "steps": [{"name": name, "value": value} for name, value in self.steps],
            "result": self.result,
            "recorded": self.recorded,
            "difference": self.difference,
            "agrees": self.agrees,
            "gates": [gate.to_json() for gate in self.gates],
        }


def term(of: str, place: Index, value: float, weight: float = 1.0, *, name: str = "") -> Terms:
    """Returns a single value with its weight as terms."""
    return Terms(
        of,
        np.array([place], dtype=np.int64),
        np.array([value]),
        np.array([weight]),
        (name,) if name else (),
    )


def places(lead: Index, count: int) -> NDArray[np.int64]:
    """Returns the indices (*lead, 0) to (*lead, count - 1)."""
    return np.array([(*lead, index) for index in range(count)], dtype=np.int64)


def number_of(x: Tensor) -> float:
    """Returns the value of a tensor with one element."""
    return float(x.detach())


def summed(
    operation: str, description: str, cell: Index, terms: Terms, bias: float | None
) -> Breakdown:
    """Returns the breakdown of a sum of products plus a bias."""
    return Breakdown(
        operation, description, cell, (terms,), bias, (), math.fsum([*terms.products, bias or 0.0])
    )

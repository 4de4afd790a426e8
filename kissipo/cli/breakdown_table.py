"""Breakdown table: the terms of a value, their sum, and the recorded value."""

from functools import partial

import numpy as np
from rich.markup import escape
from rich.table import Table

from kissipo.cli.screen import Screen, table
from kissipo.core.text import format_value
from kissipo.inspect.breakdown import Breakdown

_MAX_ROWS = 40
_MAX_KEYS = 3


def show_breakdown(screen: Screen, breakdown: Breakdown) -> None:
    """Prints a value with its terms, its gates or its heads, and the comparison."""
    where = ",".join(map(str, breakdown.cell))
    screen.result(
        f"{escape(breakdown.layer)}, index {where}: "
        f"{escape(breakdown.operation)}, {escape(breakdown.description)}"
    )
    if _has_heads(breakdown):
        screen.result(_terms(breakdown))
        screen.result(_heads(breakdown))
    elif breakdown.gates:
        screen.result(_gates(breakdown))
    elif breakdown.terms:
        screen.result(_terms(breakdown))
    screen.result(_ends(breakdown))


def _has_heads(breakdown: Breakdown) -> bool:
    return any(gate.gates for gate in breakdown.gates)


def _terms(breakdown: Breakdown) -> Table:
    """Returns the largest terms, and a row for the sum of the others."""
    rows = list(breakdown.running())
    order = np.argsort([-abs(row[5]) for row in rows], kind="stable")
    has_weights = any(row[4] != 1 for row in rows)
    indices = order[: _MAX_ROWS if len(rows) <= _MAX_ROWS else _MAX_ROWS - 1]
    titles = (
        ("source", "value", "weight", "term", "running sum") if has_weights else ("source", "value")
    )
    grid, total = table(*titles, right=tuple(range(1, len(titles)))), 0.0
    for number in indices:
        _, source, _, value, weight, product, _ = rows[number]
        total += product
        cells = [_number(value), f"x {_number(weight)}", f"= {_number(product)}", _number(total)]
        grid.add_row(escape(source), *cells[: len(titles) - 1])
    if len(indices) < len(rows):
        rest = sum(rows[number][5] for number in order[len(indices) :])
        cells = ["", "", f"= {_number(rest)}", _number(total + rest)]
        grid.add_row(f"{len(rows) - len(indices):,} smaller terms", *cells[: len(titles) - 1])
    return grid


def _gates(breakdown: Breakdown) -> Table:
    """Returns one row per gate, with its sums by source."""
    grid = table(
        "gate",
        "from the input",
        "from the state",
        "bias",
        "sum",
        "activation",
        "value",
        right=(1, 2, 3, 4, 6),
    )
    for gate in breakdown.gates:
        if len(gate.steps) == 5:
            activation = gate.steps[-1][0]
            sums = [_number(value) for _, value in gate.steps]
            grid.add_row(gate.operation.split()[-1], *sums[:4], activation, sums[4])
    return grid


def _heads(breakdown: Breakdown) -> Table:
    """Returns one row per attention head: its part of the value, and its main keys."""
    grid = table("head", "its part", "top attention", right=(1,))
    for head in breakdown.gates:
        keys = [key for key in head.gates if key.operation.startswith("key")]
        top = sorted(keys, key=lambda key: -key.result)[:_MAX_KEYS]
        text = ", ".join(f"{key.operation} ({key.result:.1%})" for key in top)
        grid.add_row(head.operation.split()[-1], _number(head.result), text)
    return grid


def _ends(breakdown: Breakdown) -> Table:
    """Returns the bias, the steps, the result and the recorded value."""
    grid = table("", "", right=(1,))
    gates = () if _has_heads(breakdown) else breakdown.gates
    for gate in gates:
        if len(gate.steps) != 5:
            grid.add_row(escape(f"{gate.description} = {_products(gate)}"), _number(gate.result))
    if gates:
        grid.add_row(
            escape(f"{breakdown.description.split('; ')[0]} = {_products(breakdown)}"),
            _number(breakdown.result),
        )
    else:
        if breakdown.bias is not None:
            grid.add_row("bias", _number(breakdown.bias))
        for name, value in breakdown.steps:
            grid.add_row(escape(name), _number(value))
    grid.add_row("result", f"{breakdown.result:.9g}")
    if breakdown.recorded is not None and breakdown.difference is not None:
        mark = "equal to 1e-5" if breakdown.agrees else "[red]differs[/]"
        grid.add_row("recorded by PyTorch", f"{breakdown.recorded:.9g}")
        grid.add_row(f"difference ({mark})", f"{breakdown.difference:.2g}")
    return grid


def _products(breakdown: Breakdown) -> str:
    pairs = [
        (value, weight)
        for term in breakdown.terms
        for value, weight in zip(term.values, term.weights, strict=True)
    ]
    return " + ".join(f"{_number(weight)} · {_number(value)}" for value, weight in pairs)


_number = partial(format_value, digits=6)

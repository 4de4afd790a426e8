"""An opened number as a table: its terms, what is done with them, and what PyTorch recorded."""

from functools import partial

import numpy as np
from rich.markup import escape
from rich.table import Table

from kissipo.cli.screen import Screen, table
from kissipo.core.text import format_value
from kissipo.inspect.breakdown import Breakdown

_MOST_ROWS = 40
_MOST_KEYS = 3


def tell_cell(screen: Screen, opened: Breakdown) -> None:
    """The cell, its terms, its gates or its heads, and the comparison."""
    where = ",".join(map(str, opened.cell))
    screen.result(
        f"{escape(opened.layer)}, cell {where}: {escape(opened.operation)}, {escape(opened.description)}"
    )
    if _has_heads(opened):
        screen.result(_terms(opened))
        screen.result(_heads(opened))
    elif opened.gates:
        screen.result(_gates(opened))
    elif opened.terms:
        screen.result(_terms(opened))
    screen.result(_ends(opened))


def _has_heads(opened: Breakdown) -> bool:
    return any(gate.gates for gate in opened.gates)


def _terms(opened: Breakdown) -> Table:
    """The largest terms, largest first, and a line for the others."""
    rows = list(opened.running())
    order = np.argsort([-abs(row[5]) for row in rows], kind="stable")
    weighed = any(row[4] != 1 for row in rows)
    shown = order[: _MOST_ROWS if len(rows) <= _MOST_ROWS else _MOST_ROWS - 1]
    titles = (
        ("source", "value", "weight", "term", "running sum") if weighed else ("source", "value")
    )
    made, total = table(*titles, right=tuple(range(1, len(titles)))), 0.0
    for number in shown:
        _, source, _, value, weight, product, _ = rows[number]
        total += product
        cells = [_number(value), f"x {_number(weight)}", f"= {_number(product)}", _number(total)]
        made.add_row(escape(source), *cells[: len(titles) - 1])
    if len(shown) < len(rows):
        rest = sum(rows[number][5] for number in order[len(shown) :])
        cells = ["", "", f"= {_number(rest)}", _number(total + rest)]
        made.add_row(f"{len(rows) - len(shown):,} smaller ones", *cells[: len(titles) - 1])
    return made


def _gates(opened: Breakdown) -> Table:
    """A row a gate: its sums by where they come from."""
    made = table(
        "gate",
        "from the input",
        "from the state",
        "bias",
        "sum",
        "bend",
        "value",
        right=(1, 2, 3, 4, 6),
    )
    for gate in opened.gates:
        if len(gate.steps) == 5:
            bend = gate.steps[-1][0]
            sums = [_number(value) for _, value in gate.steps]
            made.add_row(gate.operation.split()[-1], *sums[:4], bend, sums[4])
    return made


def _heads(opened: Breakdown) -> Table:
    """A row a head of attention: its part of the number, and the keys of most weight."""
    made = table("head", "its part", "looks most at", right=(1,))
    for head in opened.gates:
        keys = [each for each in head.gates if each.operation.startswith("key")]
        most = sorted(keys, key=lambda each: -each.result)[:_MOST_KEYS]
        told = ", ".join(f"{each.operation} ({each.result:.1%})" for each in most)
        made.add_row(head.operation.split()[-1], _number(head.result), told)
    return made


def _ends(opened: Breakdown) -> Table:
    """Bias, steps, result, recorded value and difference."""
    made = table("", "", right=(1,))
    gates = () if _has_heads(opened) else opened.gates
    for gate in gates:
        if len(gate.steps) != 5:
            made.add_row(escape(f"{gate.description} = {_products(gate)}"), _number(gate.result))
    if gates:
        made.add_row(
            escape(f"{opened.description.split('; ')[0]} = {_products(opened)}"),
            _number(opened.result),
        )
    else:
        if opened.bias is not None:
            made.add_row("bias", _number(opened.bias))
        for name, value in opened.steps:
            made.add_row(escape(name), _number(value))
    made.add_row("result", f"{opened.result:.9g}")
    if opened.recorded is not None and opened.difference is not None:
        mark = "equal to 1e-5" if opened.agrees else "[red]differs[/]"
        made.add_row("recorded by PyTorch", f"{opened.recorded:.9g}")
        made.add_row(f"difference ({mark})", f"{opened.difference:.2g}")
    return made


def _products(opened: Breakdown) -> str:
    pairs = [
        (value, weight)
        for each in opened.terms
        for value, weight in zip(each.values, each.weights, strict=True)
    ]
    return " + ".join(f"{_number(weight)} · {_number(value)}" for value, weight in pairs)


_number = partial(format_value, digits=6)

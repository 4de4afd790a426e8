"""The parts of the page of a trace that move: the gates of recurrent layers over time, a text coloured by a unit, attention by heads.

The numbers of all gates stand in the page as levels of sixteen bits, where they are many of eight, in base64.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kissipo.output.report import drawing
from kissipo.output.report.heat import heat_of, levels, packed, real
from kissipo.output.report.page import paragraphs
from kissipo.output.report.trace_parts import with_scale
from kissipo.output.report.trace_view import View

ALL_NUMBERS = 2_400_000
FINE_NUMBERS = 900_000
ALL_WEIGHTS = 1_000_000
_FINE = 32_767
_COARSE = 127
NAMES = {
    "i": "input gate",
    "f": "forget gate",
    "g": "candidate",
    "o": "output gate",
    "c": "cell state",
    "h": "state",
    "r": "reset gate",
    "z": "update gate",
    "n": "candidate",
}
CELLS = {
    "lstm": "c = f · c before + i · g,   h = o · tanh(c)",
    "gru": "h = (1 − z) · n + z · h before",
    "rnn": "h = tanh or relu of (x W + h before U + b)",
}


@dataclass(frozen=True)
class Walk:
    """One way of a recurrent layer through time.

    gates:  each (time, unit)
    """

    layer: str
    cell: str
    forward: bool
    gates: Mapping[str, NDArray[Any]]

    @property
    def name(self) -> str:
        """As people read it."""
        return self.layer + ("" if self.forward else ", backward")


def walks(view: View) -> list[Walk]:
    """Those whose numbers are there."""
    return list(_walks(view))


def _walks(view: View) -> Iterator[Walk]:
    for each in view.content.get("expanded", ()):
        for walk in each.get("walks", ()):
            gates = {}
            for name, key in walk["gates"].items():
                array = view.sample(key)
                if array is not None and array.ndim == 2 and array.size:
                    gates[name] = array
            if "h" in gates:
                several = len({one["number"] for one in each["walks"]}) > 1
                layer = each["layer"] + (f", call {each['call'] + 1}" if each["call"] else "")
                layer += f", layer {walk['number'] + 1}" if several else ""
                yield Walk(layer, each["cell"], walk["forward"], gates)


def opaque(view: View) -> str:
    """Layers whose inside cannot be told, with the reason."""
    return paragraphs(
        f"{each['layer']}: its inside cannot be told, because {each['opaque']}."
        for each in view.content.get("expanded", ())
        if "opaque" in each
    )


def walk_content(
    view: View, *, unit: int | None = None, why: str = "", telling: Sequence[tuple[int, str]] = ()
) -> list[dict[str, Any]]:
    """Of every walk what the script of the page needs.

    unit:     the one that is shown first, of the last walk that reads forward; else the one that moves most
    why:      the reason of the choice
    telling:  units worth a look, with what each goes with
    """
    found = walks(view)
    main = max((number for number, walk in enumerate(found) if walk.forward), default=-1)
    return [
        _content(view, walk, len(found), *((unit, why, telling) if number == main else (None, "", ())))
        for number, walk in enumerate(found)
    ]


def _content(
    view: View, walk: Walk, count: int, unit: int | None, why: str, telling: Sequence[tuple[int, str]]
) -> dict[str, Any]:
    budget = ALL_NUMBERS // count
    gates = dict(walk.gates)
    steps, units = gates["h"].shape
    if sum(array.size for array in gates.values()) > budget:  # then what the cell holds and shows
        gates = {name: array for name, array in gates.items() if name in ("c", "h")}
    if sum(array.size for array in gates.values()) > budget:
        gates = {"h": gates["h"]}
    kept = np.arange(units)
    moves = np.nanstd(np.where(np.isfinite(real(gates["h"])), real(gates["h"]), np.nan), axis=0)
    moves = np.nan_to_num(moves)
    if gates["h"].size > budget:
        most = max(1, budget // steps)
        asked = [] if unit is None else [unit]
        best = [int(at) for at in np.argsort(-moves, kind="stable") if int(at) not in asked]
        kept = np.sort(np.array((asked + best)[:most]))
    shown = {name: array[:, kept] if array.shape[1] == units else array for name, array in gates.items()}
    fine = sum(array.size for array in shown.values()) * count <= FINE_NUMBERS
    chosen = int(moves.argmax()) if unit is None else unit
    return {
        "name": walk.name,
        "cell": walk.cell,
        "forward": walk.forward,
        "steps": steps,
        "units": kept.tolist() if len(kept) < units else None,
        "count": len(kept),
        "all": units,
        "bits": 16 if fine else 8,
        "gates": {name: _gate(array, fine=fine) for name, array in shown.items()},
        "unit": int(np.searchsorted(kept, chosen)) if chosen in kept else 0,
        "why": why or ("the one that moves most" if unit is None else ""),
        "telling": [{"unit": number, "about": about} for number, about in telling if number in kept],
        **_units(view, steps, walk),
    }


def _gate(array: NDArray[Any], *, fine: bool) -> dict[str, Any]:
    """All numbers, one unit after the other."""
    found, greatest = levels(array.T, most=_FINE if fine else _COARSE)
    return {"data": packed(found.astype("<i2" if fine else np.int8)), "greatest": greatest}


def _units(view: View, steps: int, walk: Walk) -> dict[str, Any]:
    """What was read at each step, and after it what was expected."""
    labels = list(view.content.get("labels", {}).get("time", ()))[:steps]
    labels = labels if len(labels) == steps else []
    rows = view.content.get("likeliest", ())
    if not labels or len(rows) != steps or not rows[0]:
        return {"labels": labels, "spaced": _spaced(labels), "words": [], "guesses": "", "chances": "", "most": 0}
    words = sorted({one["unit"] for row in rows for one in row})
    place = {word: number for number, word in enumerate(words)}
    return {
        "labels": labels,
        "spaced": _spaced(labels),
        "words": words,
        "guesses": packed(np.array([[place[one["unit"]] for one in row] for row in rows], dtype="<u4")),
        "chances": packed(np.array([[round(255 * one["probability"]) for one in row] for row in rows], dtype=np.uint8)),
        "most": len(rows[0]),
    }


def _spaced(labels: Sequence[str]) -> bool:
    """Whether units are words, with blanks between them."""
    return any(len(label) > 1 for label in labels)


def walk_places(content: Sequence[Mapping[str, Any]]) -> str:
    """Where the script draws, one fold a walk; the last that reads forward is open."""
    main = max((number for number, each in enumerate(content) if each["forward"]), default=0)
    return "".join(_place(number, each, is_open=number == main) for number, each in enumerate(content))


def _place(number: int, each: Mapping[str, Any], *, is_open: bool) -> str:
    name, steps, count = escape(each["name"]), each["steps"], each["count"]
    maps = "".join(
        f'<figure><figcaption><b>{gate}</b> {NAMES.get(gate, "")} <span class="dim">up to ±{told["greatest"]:.4g}</span></figcaption>'
        f'<div class="map"><canvas data-gate="{gate}" role="img" aria-label="{NAMES.get(gate, gate)} {gate} of {name}: '
        f'{count:,} units downwards, {steps:,} steps from left to right, up to {told["greatest"]:.4g} from zero"></canvas>'
        f'<div class="column"></div><div class="line"></div></div></figure>'
        for gate, told in each["gates"].items()
    )
    few = f"; shown are the {count:,} of {each['all']:,} units that move most" if count < each["all"] else ""
    missing = "" if len(each["gates"]) > 1 or each["cell"] == "rnn" else "; of so many numbers only h is kept"
    options = "".join(f'<option value="{gate}"{" selected" if gate == "h" else ""}>{gate}</option>' for gate in each["gates"])
    text = (
        (
            f'<div class="choice"><label>colour the text by <select class="by">{options}</select> of this unit</label> '
            '<button class="earlier">earlier</button><span class="part dim"></span><button class="later">later</button></div>'
            f"{_legend(guesses=bool(each['most']))}"
            '<div class="text" tabindex="0" role="group" aria-label="the text; arrow keys go from one unit to the next"></div>'
        )
        if each["labels"]
        else ""
    )
    return (
        f'<details class="walk" data-walk="{number}"{" open" if is_open else ""}><summary><b>{name}</b> {escape(each["cell"].upper())} of '
        f'{each["all"]:,} units, {steps:,} steps{few}{missing} <span class="shape">{escape(CELLS.get(each["cell"], ""))}</span></summary>'
        '<div class="desk"><div class="choice">'
        f'<label>step <input class="step" type="range" min="0" max="{steps - 1}" value="0" aria-label="step of {name}"></label>'
        '<button class="back" aria-label="the step before">‹</button><button class="on" aria-label="the next step">›</button>'
        f'<label>unit <input class="number" type="number" min="0" max="{each["all"] - 1}"></label>'
        '<button class="before" aria-label="the unit before">−</button><button class="after" aria-label="the next unit">+</button>'
        '<span class="why dim"></span></div><div class="telling"></div><p class="here" aria-live="polite"></p></div>'
        f'<div class="both"><div class="cell">{_cell(each["cell"])}<div class="sums"></div></div>'
        f'<div class="maps" tabindex="0" role="group" aria-label="gates of {name}; left and right go through time, up and down '
        f'through the units">{maps}</div></div>{text}</details>'
    )


def _legend(*, guesses: bool) -> str:
    below = (
        '<span>below: what it expects next, sure <i class="guess strong"></i><i class="guess weak"></i> unsure; '
        'what did come stands <b class="right">underlined</b></span>'
        if guesses
        else ""
    )
    return (
        '<p class="legend"><span>active <i class="active strong"></i><i class="active weak"></i></span>'
        f'<span>not active <i class="quiet weak"></i><i class="quiet strong"></i></span>{below}</p>'
    )


def _cell(cell: str) -> str:
    """A drawing of the cell; the script writes the numbers of the step on its wires."""
    if cell == "lstm":
        return _drawing(
            'The LSTM cell at this step',
            [
                (10, 40, 76, 40), (104, 40, 186, 40), (214, 40, 360, 40), (90, 105, 90, 54), (150, 105, 192, 52),
                (226, 105, 208, 52), (290, 40, 290, 88), (290, 116, 290, 150), (320, 130, 304, 130), (290, 150, 360, 150),
            ],
            [(90, 40, "×"), (200, 40, "+"), (290, 102, "tanh"), (290, 130, "×")],
            [
                (10, 30, "c before", "before"), (232, 30, "c", "c"), (70, 122, "f", "f"), (134, 122, "i", "i"), (206, 122, "g", "g"),
                (322, 134, "o", "o"), (318, 166, "h", "h"), (100, 30, "", "kept"), (150, 80, "i·g", "added"),
            ],
        )  # fmt: skip
    if cell == "gru":
        return _drawing(
            "The GRU cell at this step",
            [(10, 40, 76, 40), (104, 40, 186, 40), (214, 40, 360, 40), (90, 105, 90, 54), (200, 105, 200, 54)],
            [(90, 40, "×"), (200, 40, "+")],
            [
                (10, 30, "h before", "before"), (232, 30, "h", "h"), (70, 122, "z", "z"), (170, 122, "(1−z)·n", "added"),
                (10, 150, "r", "r"), (110, 150, "n", "n"), (104, 30, "", "kept"),
            ],
        )  # fmt: skip
    return ""


def _drawing(
    title: str,
    wires: Sequence[tuple[int, int, int, int]],
    knots: Sequence[tuple[int, int, str]],
    names: Sequence[tuple[int, int, str, str]],
) -> str:
    lines = "".join(f'<line x1="{a}" y1="{b}" x2="{c}" y2="{d}" marker-end="url(#tip)"/>' for a, b, c, d in wires)
    rounds = "".join(
        f'<circle cx="{x}" cy="{y}" r="{14}"/><text x="{x}" y="{y + 4}" text-anchor="middle">{sign}</text>' for x, y, sign in knots
    )
    texts = "".join(
        f'<text x="{x}" y="{y}"><tspan class="dim">{escape(name)} </tspan><tspan class="number" data-put="{key}"></tspan></text>'
        for x, y, name, key in names
    )
    return (
        f'<svg class="drawn" viewBox="0 0 372 176" width="372" role="img" aria-label="{title}; its numbers stand below">'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" orient="auto">'
        f'<path d="M0 0L8 4L0 8Z"/></marker></defs>{lines}{rounds}{texts}</svg>'
    )


def through_time(view: View) -> str:
    """How strongly the loss depends on the state of each step, on a scale of tens."""
    series: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for each in view.content.get("through_time", ()):
        name = each["layer"] + ("" if each["direction"] == "forward" else ", backward")
        points = [(step + 1.0, norm) for step, norm in enumerate(each["norms"])]
        series.setdefault(each["loss"], {})[name] = points
    parts = [
        drawing.lines(curves, across="step", up=f"|dL/dh| of {loss}", tens=True, height=220)
        for loss, curves in series.items()
    ]
    if not any(parts):
        return ""
    note = "How strongly the loss of this sample depends on what each layer held at each step, on a scale of tens."
    return f'<p class="dim">{note}</p>{"".join(parts)}'


def still_walks(view: View) -> str:
    """The states of every recurrent layer as pictures, for a report without a script."""
    parts = []
    for walk in walks(view):
        for gate in ("c", "h"):
            if gate in walk.gates:
                heat = heat_of(walk.gates[gate], ("time", "unit"), points=12_000, name=f"{gate} of {walk.name}")
                parts.append(f"<p><b>{gate}</b> {NAMES[gate]} of {escape(walk.name)}</p>{with_scale(heat)}")
    return "".join(parts)


def attention(view: View, *, every: int = ALL_WEIGHTS, heads_most: int = 64) -> str:
    """Of every attention the weights of each head: what asks downwards, what is looked at from left to right."""
    found = [each for each in view.content.get("expanded", ()) if "attention" in each]
    labels = list(view.content.get("labels", {}).get("time", ()))
    parts = []
    for number, each in enumerate(found):
        weights = view.sample(each["attention"]["weights"])
        if weights is None or weights.ndim != 3 or not weights.size:
            parts.append(f"<p>{escape(each['layer'])}: its weights are too many to be shown.</p>")
            continue
        parts.append(_heads(number, each, weights, labels, every // len(found), heads_most))
    return "".join(parts)


def _heads(
    number: int, each: Mapping[str, Any], weights: NDArray[Any], labels: Sequence[str], points: int, most: int
) -> str:
    heads, queries, keys = weights.shape
    shown = max(1, min(heads, most, points // max(1, min(points, queries * keys))))
    name = escape(each["layer"] + (f", call {each['call'] + 1}" if each["call"] else ""))
    figures = []
    for head in range(shown):
        heat = heat_of(
            weights[head], ("query", "key"), points=min(points // shown, 65_536), name=f"weights of head {head} of {name}"
        )
        hidden = " hidden" if head and most > 1 else ""
        figures.append(f'<figure data-head="{head}"{hidden}><figcaption>head {head}</figcaption>{with_scale(heat)}</figure>')
    few = f" (shown are the first {shown})" if shown < heads else ""
    known = labels if len(labels) == keys and queries == keys else []
    marks = f' data-labels="{escape(_listed(known))}"' if known else ""
    slider = (
        f'<div class="choice"><label>head <input class="head" type="range" min="0" max="{shown - 1}" value="0" '
        f'aria-label="head of {name}"></label><output>0</output><button class="all">all heads</button></div>'
        if shown > 1
        else ""
    )
    return (
        f'<details class="attention" data-attention="{number}"{" open" if number == 0 else ""}{marks}><summary><b>{name}</b> {heads} heads{few}, '
        f'{queries:,} queries × {keys:,} keys</summary>{slider}<div class="heads">{"".join(figures)}</div>'
        '<p class="here" aria-live="polite">Each row is one query; its weights sum to one. Point at a place to read its weight.</p></details>'
    )


def _listed(labels: Sequence[str]) -> str:
    """Names in one attribute, with a sign between them that no text has."""
    return "\x1f".join(label.replace("\x1f", " ") for label in labels)

"""The part of the page of a trace that moves: the gates of recurrent layers over time, a text colored by a unit.

The numbers of all gates stand in the page as levels of sixteen bits, where they are many of eight, in base64.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kissipo.report import drawing
from kissipo.report.breakdown_drawing import cell_drawing
from kissipo.report.heat_image import heat_of, levels, packed, real
from kissipo.report.trace_parts import with_scale
from kissipo.report.trace_view import View

ALL_NUMBERS = 2_400_000
FINE_NUMBERS = 900_000
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
        for walk in each.get("unrolled", ()):
            gates = {}
            for name, key in walk["gates"].items():
                array = view.sample(key)
                if array is not None and array.ndim == 2 and array.size:
                    gates[name] = array
            if "h" in gates:
                several = len({one["number"] for one in each["unrolled"]}) > 1
                layer = each["layer"] + (f", call {each['call'] + 1}" if each["call"] else "")
                layer += f", layer {walk['number'] + 1}" if several else ""
                yield Walk(layer, each["cell"], walk["forward"], gates)


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
        _content(
            view, walk, len(found), *((unit, why, telling) if number == main else (None, "", ()))
        )
        for number, walk in enumerate(found)
    ]


def _content(
    view: View,
    walk: Walk,
    count: int,
    unit: int | None,
    why: str,
    telling: Sequence[tuple[int, str]],
) -> dict[str, Any]:
    budget = ALL_NUMBERS // count
    gates = dict(walk.gates)
    steps, units = gates["h"].shape
    if sum(array.size for array in gates.values()) > budget:  # then what the cell holds and shows
        gates = {name: array for name, array in gates.items() if name in ("c", "h")}
    if sum(array.size for array in gates.values()) > budget:
        gates = {"h": gates["h"]}
    kept = np.arange(units)
    moves = np.where(np.isfinite(real(gates["h"])), real(gates["h"]), 0.0).std(axis=0)
    if gates["h"].size > budget:
        most = max(1, budget // steps)
        asked = [] if unit is None else [unit]
        best = [int(at) for at in np.argsort(-moves, kind="stable") if int(at) not in asked]
        kept = np.sort(np.array((asked + best)[:most]))
    shown = {
        name: array[:, kept] if array.shape[1] == units else array for name, array in gates.items()
    }
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
        "telling": [
            {"unit": number, "about": about} for number, about in telling if number in kept
        ],
        **_units(view, steps, walk),
    }


def _gate(array: NDArray[Any], *, fine: bool) -> dict[str, Any]:
    """All numbers, one unit after the other."""
    found, maximum = levels(array.T, most=_FINE if fine else _COARSE)
    return {"data": packed(found.astype("<i2" if fine else np.int8)), "greatest": maximum}


def _units(view: View, steps: int, walk: Walk) -> dict[str, Any]:
    """What was read at each step, and after it what was expected."""
    labels = list(view.content.get("labels", {}).get("time", ()))[:steps]
    labels = labels if len(labels) == steps else []
    rows = view.content.get("likeliest", ())
    if not labels or len(rows) != steps or not rows[0]:
        return {
            "labels": labels,
            "spaced": _spaced(labels),
            "words": [],
            "guesses": "",
            "chances": "",
            "most": 0,
        }
    words = sorted({one["unit"] for row in rows for one in row})
    place = {word: number for number, word in enumerate(words)}
    return {
        "labels": labels,
        "spaced": _spaced(labels),
        "words": words,
        "guesses": packed(
            np.array([[place[one["unit"]] for one in row] for row in rows], dtype="<u4")
        ),
        "chances": packed(
            np.array(
                [[round(255 * one["probability"]) for one in row] for row in rows], dtype=np.uint8
            )
        ),
        "most": len(rows[0]),
    }


def _spaced(labels: Sequence[str]) -> bool:
    """Whether units are words, with blanks between them."""
    return any(len(label) > 1 for label in labels)


def walk_places(content: Sequence[Mapping[str, Any]]) -> str:
    """Where the script draws, one fold a walk; the last that reads forward is open."""
    main = max((number for number, each in enumerate(content) if each["forward"]), default=0)
    return "".join(
        _place(number, each, is_open=number == main) for number, each in enumerate(content)
    )


def _place(number: int, each: Mapping[str, Any], *, is_open: bool) -> str:
    name, steps, count = escape(each["name"]), each["steps"], each["count"]
    maps = "".join(
        f'<figure><figcaption><b>{gate}</b> {NAMES.get(gate, "")} <span class="dim">up to ±{told["greatest"]:.4g}</span></figcaption>'
        f'<div class="map"><canvas data-gate="{gate}" role="img" aria-label="{NAMES.get(gate, gate)} {gate} of {name}: '
        f'{count:,} units downwards, {steps:,} steps from left to right, up to {told["greatest"]:.4g} from zero"></canvas>'
        f'<div class="column"></div><div class="line"></div></div></figure>'
        for gate, told in each["gates"].items()
    )
    few = (
        f"; shown are the {count:,} of {each['all']:,} units that move most"
        if count < each["all"]
        else ""
    )
    missing = (
        ""
        if len(each["gates"]) > 1 or each["cell"] == "rnn"
        else "; of so many numbers only h is kept"
    )
    options = "".join(
        f'<option value="{gate}"{" selected" if gate == "h" else ""}>{gate}</option>'
        for gate in each["gates"]
    )
    text = (
        (
            f'<div class="choice"><label>color the text by <select class="by">{options}</select> of this unit</label> '
            '<button class="earlier">earlier</button><span class="part dim"></span><button class="later">later</button></div>'
            f"{_legend(guesses=bool(each['most']))}"
            '<div class="text" tabindex="0" role="group" aria-label="the text; arrow keys step through it"></div>'
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
        f'<div class="both"><div class="cell">{cell_drawing(each["cell"])}<div class="sums"></div></div>'
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
    """The states of every recurrent layer as images, for a report without a script."""
    parts = []
    for walk in walks(view):
        for gate in ("c", "h"):
            if gate in walk.gates:
                heat = heat_of(
                    walk.gates[gate], ("time", "unit"), points=12_000, name=f"{gate} of {walk.name}"
                )
                parts.append(
                    f"<p><b>{gate}</b> {NAMES[gate]} of {escape(walk.name)}</p>{with_scale(heat)}"
                )
    return "".join(parts)

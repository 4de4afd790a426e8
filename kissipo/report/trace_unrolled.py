"""The interactive part of the x-ray page: gates of recurrent layers over time, a text colored by a unit.

The numbers of all gates stand in the page as levels of sixteen bits, where they are many of eight, in base64.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from kissipo.core.description import Chart
from kissipo.core.json_object import JsonMapping
from kissipo.core.numpy_array import NumpyArray
from kissipo.report import drawing
from kissipo.report.breakdown_drawing import cell_drawing
from kissipo.report.heat_image import heat_of, packed, quantized, real
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
class UnrolledView:
    """One direction of an unrolled recurrent layer.

    gates:  each (time, unit)
    """

    layer: str
    cell: str
    forward: bool
    gates: Mapping[str, NumpyArray]

    @property
    def name(self) -> str:
        """The formatted text."""
        return self.layer + ("" if self.forward else ", backward")


def unrolled_layers(view: View) -> list[UnrolledView]:
    """The unrolled layers whose values are available."""
    return list(_unrolled_layers(view))


def _unrolled_layers(view: View) -> Iterator[UnrolledView]:
    for item in view.content.get("expanded", ()):
        for unrolled in item.get("unrolled", ()):
            gates = {}
            for name, key in unrolled["gates"].items():
                array = view.sample(key)
                if array is not None and array.ndim == 2 and array.size:
                    gates[name] = array
            if "h" in gates:
                several = len({one["number"] for one in item["unrolled"]}) > 1
                layer = item["layer"] + (f", call {item['call'] + 1}" if item["call"] else "")
                layer += f", layer {unrolled['number'] + 1}" if several else ""
                yield UnrolledView(layer, item["cell"], unrolled["forward"], gates)


def unrolled_content(
    view: View,
    *,
    unit: int | None = None,
    why: str = "",
    interpretable: Sequence[tuple[int, str]] = (),
) -> list[dict[str, object]]:
    """The data of every unrolled layer for the script of the page.

    unit:     the one that is shown first, of the last walk that reads forward; else the one that moves most
    why:      the reason of the choice
    interpretable:  units with what each of them correlates with
    """
    record = unrolled_layers(view)
    main = max((number for number, unrolled in enumerate(record) if unrolled.forward), default=-1)
    return [
        _content(
            view,
            unrolled,
            len(record),
            *((unit, why, interpretable) if number == main else (None, "", ())),
        )
        for number, unrolled in enumerate(record)
    ]


def _content(
    view: View,
    unrolled: UnrolledView,
    count: int,
    unit: int | None,
    why: str,
    interpretable: Sequence[tuple[int, str]],
) -> dict[str, object]:
    budget = ALL_NUMBERS // count
    gates = dict(unrolled.gates)
    steps, units = gates["h"].shape
    if sum(array.size for array in gates.values()) > budget:  # then what the cell holds and shows
        gates = {name: array for name, array in gates.items() if name in ("c", "h")}
    if sum(array.size for array in gates.values()) > budget:
        gates = {"h": gates["h"]}
    selected = np.arange(units)
    moves = np.where(np.isfinite(real(gates["h"])), real(gates["h"]), 0.0).std(axis=0)
    if gates["h"].size > budget:
        limit = max(1, budget // steps)
        requested = [] if unit is None else [unit]
        best = [
            int(index) for index in np.argsort(-moves, kind="stable") if int(index) not in requested
        ]
        selected = np.sort(np.array((requested + best)[:limit]))
    page_gates = {
        name: array[:, selected] if array.shape[1] == units else array
        for name, array in gates.items()
    }
    fine = sum(array.size for array in page_gates.values()) * count <= FINE_NUMBERS
    first_unit = int(moves.argmax()) if unit is None else unit
    return {
        "name": unrolled.name,
        "cell": unrolled.cell,
        "forward": unrolled.forward,
        "steps": steps,
        "units": selected.tolist() if len(selected) < units else None,
        "count": len(selected),
        "all": units,
        "bits": 16 if fine else 8,
        "gates": {name: _gate(array, fine=fine) for name, array in page_gates.items()},
        "unit": int(np.searchsorted(selected, first_unit)) if first_unit in selected else 0,
        "why": why or ("the one that moves most" if unit is None else ""),
        "interpretable": [
            {"unit": number, "about": about}
            for number, about in interpretable
            if number in selected
        ],
        **_units(view, steps, unrolled),
    }


def _gate(array: NumpyArray, *, fine: bool) -> dict[str, object]:
    """All values of a gate, unit by unit."""
    record, maximum = quantized(array.T, limit=_FINE if fine else _COARSE)
    return {"data": packed(record.astype("<i2" if fine else np.int8)), "maximum": maximum}


def _units(view: View, steps: int, unrolled: UnrolledView) -> dict[str, object]:
    """The token read at each step and the predicted next tokens."""
    read = list(view.content.get("labels", {}).get("time", ()))
    # a call of one step among several tokens is a decoder that reads its own tokens
    labels = read[:steps] if len(read) >= steps and (steps > 1 or len(read) == 1) else []
    rows = view.content.get("top", ())
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
    """Whether the tokens are words separated by spaces."""
    return any(len(label) > 1 for label in labels)


def step_labels(content: Sequence[Mapping[str, object]]) -> str:
    """The placeholders for the script, one per unrolled layer; the last forward layer is open."""
    main = max((number for number, item in enumerate(content) if item["forward"]), default=0)
    return "".join(
        _place(number, item, is_open=number == main) for number, item in enumerate(content)
    )


def _place(number: int, item: JsonMapping, *, is_open: bool) -> str:
    name, steps, count = escape(item["name"]), item["steps"], item["count"]
    maps = "".join(
        f'<figure><figcaption><b>{gate}</b> {NAMES.get(gate, "")} <span class="dim">up to ±{scale["maximum"]:.4g}</span></figcaption>'
        f'<div class="map"><canvas data-gate="{gate}" role="img" aria-label="{NAMES.get(gate, gate)} {gate} of {name}: '
        f'{count:,} units downwards, {steps:,} steps from left to right, up to {scale["maximum"]:.4g} from zero"></canvas>'
        f'<div class="column"></div><div class="line"></div></div></figure>'
        for gate, scale in item["gates"].items()
    )
    few = (
        f"; the page shows the {count:,} of {item['all']:,} units with the largest variation"
        if count < item["all"]
        else ""
    )
    missing = (
        ""
        if len(item["gates"]) > 1 or item["cell"] == "rnn"
        else "; of so many values the page keeps h only"
    )
    options = "".join(
        f'<option value="{gate}"{" selected" if gate == "h" else ""}>{gate}</option>'
        for gate in item["gates"]
    )
    text = (
        (
            f'<div class="choice"><label>color the text by <select class="by">{options}</select> of this unit</label> '
            '<button class="earlier">earlier</button><span class="part dim"></span><button class="later">later</button></div>'
            f"{_legend(guesses=bool(item['most']))}"
            '<div class="text" tabindex="0" role="group" aria-label="the text; arrow keys step through it"></div>'
        )
        if item["labels"]
        else ""
    )
    return (
        f'<details class="walk" data-walk="{number}"{" open" if is_open else ""}><summary><b>{name}</b> {escape(item["cell"].upper())} of '
        f'{item["all"]:,} units, {steps:,} steps{few}{missing} <span class="shape">{escape(CELLS.get(item["cell"], ""))}</span></summary>'
        '<div class="desk"><div class="choice">'
        f'<label>step <input class="step" type="range" min="0" max="{steps - 1}" value="0" '
        f'aria-label="step of {name}"></label>'
        '<button class="back" aria-label="the step before">‹</button>'
        '<button class="on" aria-label="the next step">›</button>'
        f'<label>unit <input class="number" type="number" min="0" max="{item["all"] - 1}"></label>'
        '<button class="before" aria-label="the unit before">−</button>'
        '<button class="after" aria-label="the next unit">+</button>'
        '<span class="why dim"></span></div><div class="interpretable"></div>'
        '<p class="here" aria-live="polite"></p></div>'
        f'<div class="both"><div class="cell">'
        f'{cell_drawing(item["cell"])}<div class="sums"></div></div>'
        f'<div class="maps" tabindex="0" role="group" '
        f'aria-label="gates of {name}; left and right go through time, up and down '
        f'through the units">{maps}</div></div>{text}</details>'
    )


def _legend(*, guesses: bool) -> str:
    below = (
        '<span>below: what it expects next, sure <i class="guess strong"></i>'
        '<i class="guess weak"></i> unsure; '
        'what did come stands <b class="right">underlined</b></span>'
        if guesses
        else ""
    )
    return (
        '<p class="legend"><span>active <i class="active strong"></i>'
        '<i class="active weak"></i></span>'
        f'<span>not active <i class="quiet weak"></i><i class="quiet strong"></i></span>{below}</p>'
    )


def through_time(view: View) -> str:
    """|dL/dh_t| of each step on a logarithmic scale."""
    series: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for item in view.content.get("through_time", ()):
        name = item["layer"] + ("" if item["direction"] == "forward" else ", backward")
        points = [(step + 1.0, norm) for step, norm in enumerate(item["norms"])]
        series.setdefault(item["loss"], {})[name] = points
    parts = [
        drawing.lines(Chart(curves, "step", f"|dL/dh| of {loss}", height=220, log_scale=True))
        for loss, curves in series.items()
    ]
    if not any(parts):
        return ""
    note = "The norm of the gradient of the loss at the state of each step, on a logarithmic scale."
    return f'<p class="dim">{note}</p>{"".join(parts)}'


def unrolled_image(view: View) -> str:
    """The states of every recurrent layer as images, for the static report."""
    parts = []
    for unrolled in unrolled_layers(view):
        for gate in ("c", "h"):
            if gate in unrolled.gates:
                heat = heat_of(
                    unrolled.gates[gate],
                    ("time", "unit"),
                    points=12_000,
                    name=f"{gate} of {unrolled.name}",
                )
                parts.append(
                    f"<p><b>{gate}</b> {NAMES[gate]} of {escape(unrolled.name)}</p>"
                    f"{with_scale(heat)}"
                )
    return "".join(parts)

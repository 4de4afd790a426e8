"""The static parts of the x-ray page: data flow, layers, gradients, breakdowns, chain rule, operations."""

from collections.abc import Sequence
from html import escape
from math import log10

import numpy as np
from numpy.typing import ArrayLike

from kissipo.core.description import Cell
from kissipo.core.json_object import JsonMapping
from kissipo.core.text import format_bytes, format_value
from kissipo.report.heat_image import Heat, heat_of
from kissipo.report.page import grid, paragraphs, preformatted, table
from kissipo.report.trace_view import (
    Layer,
    View,
    as_number,
    format_seconds,
    is_right,
    visible_text,
)

ALL_POINTS = 1_600_000
_MAX_POINTS = 65_536
_MAX_CARDS = 40
_MAX_BARS = 12
_MAX_OPERATIONS = 2_000
_MAX_CHAINS = 64
_MAX_WINDOWS = 200
_STAGES = {"input": "Input", "process": "Process", "output": "Output"}


def points_of(view: View, every: int = ALL_POINTS) -> int:
    """The number of points per layer image that keeps the page small."""
    return min(_MAX_POINTS, every // max(1, len(view.layers)))


def heat_image(heat: Heat, *, large: bool = False) -> str:
    """An HTML heat image; its data attributes let the script read the values back."""
    across = {"maps": 60 * heat.columns, "photo": 224}.get(heat.kind, 720) if large else 180
    width = (
        heat.width * max(1, min(40, across // heat.width))
        if heat.width <= across or large
        else across
    )
    height = {
        "strip": max(14, min(160, 14 * heat.height)),
        "plane": max(40, min(6 * heat.height, 260)),
    }.get(heat.kind)
    shape = f"width:{width}px" + (
        f";height:{height if large else min(height, 64)}px" if height else ""
    )
    data = (
        f'data-maximum="{heat.maximum!r}" data-kind="{heat.kind}" data-columns="{heat.columns}" data-across="{heat.map_width}" '
        f'data-down="{heat.map_height}" data-stride="{heat.per_item}"'
    )
    return f'<img class="heat" src="{heat.address}" alt="{escape(heat.alt)}" style="{shape}" loading="lazy" {data}>'


def with_scale(heat: Heat) -> str:
    """The heat image with its color scale and its note."""
    note = f'<span class="dim">{escape(heat.note)}</span>' if heat.note else ""
    if heat.kind == "photo":
        return f"{heat_image(heat, large=True)}{note}"
    scale = f'<span class="scale"><b>−{format_value(heat.maximum)}</b><i></i><b>{format_value(heat.maximum)}</b></span>'
    return f'{heat_image(heat, large=True)}<p class="caption">{scale} {note}</p>'


def trace(view: View, *, links: bool = True) -> str:
    """One card per step, from the raw value to the prediction beside the target.

    links:  from each layer to where it is shown at length
    """
    parts = []
    for stage, title in _STAGES.items():
        steps = view.of(stage)
        cards = (
            _blocks(view, links)
            if stage == "process" and view.layers
            else [_card(view, step) for step in steps]
        )
        if (
            not steps and stage != "process"
        ):  # of a module by itself: what it was given, and what it gave
            keys = view.input_keys if stage == "input" else view.content.get("answers", ())
            cards = ["".join(_tensor_card(view, key, stage) for key in keys)] if keys else []
        if stage == "output":
            cards += _verdict(view)
        if cards:
            arrow = '<span class="arrow" aria-hidden="true">→</span>'
            parts.append(
                f'<div class="stage {stage}"><h3>{title}</h3><div class="cards">{arrow.join(cards)}</div></div>'
            )
    notes = paragraphs(f"Note: {note}." for note in view.content.get("notes", ()))
    return f'<div class="way">{"".join(parts)}</div>{notes}{_sum(view)}'


def _sum(view: View) -> str:
    summary = (
        f"{view.content['parameters']:,} parameters, {view.content['multiplications']:,} MACs and "
        f"{format_bytes(view.content['memory'])} of intermediate values for this sample."
    )
    return f'<p class="dim">{summary}</p>'


def _card(view: View, step: JsonMapping) -> str:
    value, shape = step["value"], list(step["shape"])
    image = named = ""
    if isinstance(value, list):
        key = _key_of(view, step)
        array = view.sample(key) if key else None
        if array is not None and array.size > _MAX_BARS:
            image = heat_image(
                heat_of(array, view.sample_axes(key), points=8192, name=step["name"])
            )
        elif array is None and value[-1:] == ["..."] and (top := view.content.get("top")):
            units = [visible_text(item["unit"]) for item in top[-1]]
            image = _bars([item["probability"] for item in top[-1]], units)
        else:
            image = _bars(
                value,
                view.content.get("labels", {}).get("class", ())
                if step["stage"] == "output"
                else (),
            )
        named = view.shape(key) if key else ""
    elif value is not None:
        image = f'<p class="value">{escape(visible_text(str(value)))}</p>'
    html = named or " × ".join(f"{side:,}" for side in shape)
    return _box(step["name"], step["description"], html, image)


def _tensor_card(view: View, key: str, name: str) -> str:
    array = view.sample(key)
    image = (
        ""
        if array is None
        else heat_image(heat_of(array, view.sample_axes(key), points=8192, name=name))
    )
    return _box(name, f"tensor {key}", view.shape(key), image)


def _box(name: str, description: str, shape: str, image: str, link: str = "") -> str:
    title = f'<a href="#{link}">{escape(name)}</a>' if link else escape(name)
    shaped = f'<p class="shape">{escape(shape)}</p>' if shape else ""
    return f'<div class="card"><b>{title}</b><p>{escape(description)}</p>{shaped}{image}</div>'


def _key_of(view: View, step: JsonMapping) -> str:
    """The tensor of a step outside the net, found by its shape."""
    keys = view.input_keys if step["stage"] == "input" else list(view.content.get("answers", ()))
    if step["stage"] == "output" and step is not view.of("output")[0]:
        return ""  # the recording does not contain the tensors made from the output
    return next(
        (key for key in keys if [side for _, side in view.axes(key)] == list(step["shape"])), ""
    )


def _blocks(view: View, links: bool) -> list[str]:
    """The layers of the net as small cards; a deep net shows the first and the last layers."""
    layers = view.layers
    html = (
        layers
        if len(layers) <= _MAX_CARDS
        else [*layers[: _MAX_CARDS // 2], *layers[-_MAX_CARDS // 2 :]]
    )
    cards = []
    for layer in html:
        array = view.sample(layer.gives)
        image = (
            ""
            if array is None
            else heat_image(
                heat_of(array, view.sample_axes(layer.gives), points=1500, name=layer.name)
            )
        )
        link = f"layer-{layer.number}" if links else ""
        cards.append(_box(layer.name, layer.description, view.shape(layer.gives), image, link))
    if len(html) < len(layers):
        cards.insert(
            _MAX_CARDS // 2,
            f'<div class="card"><p>and {len(layers) - len(html):,} layers more</p></div>',
        )
    return cards


def _verdict(view: View) -> list[str]:
    """The prediction beside the target."""
    answer, truth = view.content.get("answer", ""), view.content.get("truth", "")
    if not answer and not truth:
        return []
    right = is_right(answer, truth)
    sign = "" if right is None else "✓ right" if right else "✗ wrong"
    numbers = as_number(answer), as_number(truth)
    beside = "the truth is not known" if not truth else f"the truth: {visible_text(truth)}"
    if right is None and None not in numbers:
        beside += f", off by {format_value(numbers[0] - numbers[1])}"  # type: ignore[operator]
    kind = {True: " better", False: " worse", None: ""}[right]
    html = (
        f"{format_value(numbers[0])}"
        if numbers[0] is not None and not answer.isdigit()
        else visible_text(answer)
    )
    mark = f'<p class="mark">{sign}</p>' if sign else ""
    return [
        f'<div class="card answer{kind}"><b>answer</b><p class="value">{escape(html)}</p>'
        f"<p>{escape(beside)}</p>{mark}</div>"
    ]


def _bars(values: Sequence[object], names: Sequence[str]) -> str:
    """A few values as horizontal bars."""
    plain = [(index, item) for index, item in enumerate(values) if isinstance(item, int | float)]
    more = '<p class="dim">and more</p>' if len(plain) < len(values) else ""
    names = names if len(names) == len(plain) or (more and len(names) > len(plain)) else ()
    finite = [abs(item) for _, item in plain if np.isfinite(item)]
    longest = max(finite, default=0.0) or 1.0
    left, half = (64, 34) if any(item < 0 for _, item in plain) else (30, 68)
    zero = left + (half if any(item < 0 for _, item in plain) else 0)
    parts = []
    for row, (index, item) in enumerate(plain):
        y, length = 13 * row, abs(item) / longest * half if np.isfinite(item) else 0.0
        x = zero if item >= 0 else zero - length
        color = "#b2182b" if item >= 0 else "#2166ac"
        name = names[index] if index < len(names) else str(index)
        parts.append(f'<text x="0" y="{y + 10}">{escape(name[:9])}</text>')
        parts.append(
            f'<rect x="{x:.1f}" y="{y + 2}" width="{max(0.5, length):.1f}" height="9" fill="{color}"/>'
            f'<text class="number" x="186" y="{y + 10}" text-anchor="end">{format_value(float(item))}</text>'
        )
    alt = ", ".join(
        f"{names[index] if index < len(names) else index} {format_value(float(item))}"
        for index, item in plain
    )
    height = 13 * len(plain) + 2
    return (
        f'<svg class="bars" viewBox="0 0 190 {height}" width="190" role="img" aria-label="{escape(alt)}">'
        f"{''.join(parts)}</svg>{more}"
    )


def layers(view: View) -> str:
    """Every layer with its shapes, costs, statistics and an image of its output."""
    points = points_of(view)
    breakdown = " open" if len(view.layers) <= 14 else ""
    parts = []
    for layer in view.layers:
        heat = _heat(view, layer, points)
        about = view.content["tensors"].get(layer.gives)
        parts.append(
            f'<details class="layer" id="layer-{layer.number}"{breakdown}><summary><b>{escape(layer.name)}</b> {escape(layer.description)}'
            f'<span class="shape">{escape(view.shape(layer.reads))} → {escape(view.shape(layer.gives))}</span></summary>'
            f'<div class="inside"><div>{_facts(layer, about)}</div><div class="image">{heat}</div></div></details>'
        )
    return "".join(parts)


def _heat(view: View, layer: Layer, points: int) -> str:
    array = view.sample(layer.gives)
    if array is None:
        return '<p class="dim">The layer has too many values to show; the statistics include all of them.</p>'
    if array.size == 0:
        return '<p class="dim">It gives no numbers.</p>'
    if array.ndim == 1 and array.size <= _MAX_BARS:
        return _bars(array.tolist(), ())
    return with_scale(
        heat_of(
            array, view.sample_axes(layer.gives), points=points, name=f"what {layer.name} gives"
        )
    )


def _facts(layer: Layer, about: JsonMapping | None) -> str:
    rows = [("kind", layer.kind), ("weights", f"{layer.parameters:,}")]
    lookup = layer.multiplications is not None
    rows.append(("multiplications", f"{layer.multiplications:,}" if lookup else "not known"))
    rows += [("output size", format_bytes(layer.memory)), ("time", format_seconds(layer.seconds))]
    if about is not None:
        record = about["statistics"]
        rows.append(
            ("mean ± std", f"{format_value(record['mean'])} ± {format_value(record['std'])}")
        )
        rows.append(("min, max", f"{format_value(record['min'])}, {format_value(record['max'])}"))
        rows.append(("zeros", "-" if record["zeros"] is None else f"{record['zeros']:.1%}"))
        if record["not_finite"]:
            rows.append(("not finite", f"{record['not_finite']:,} numbers"))
    if layer.gradient is not None:
        rows.append(("|gradient|", format_value(layer.gradient)))
    cells = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in rows
    )
    return f'<dl class="facts">{cells}</dl>{_histogram(about["histogram"] if about else None)}'


def _histogram(record: JsonMapping | None) -> str:
    """A small histogram."""
    if not record:
        return ""
    counts, width, high = record["counts"], 160, 34
    limit = max(counts) or 1
    step = width / len(counts)
    heights = [0 if not count else max(1.0, high * count / limit) for count in counts]
    path = "".join(
        f"H{index * step:.1f}V{high - tall:.1f}h{step:.1f}" for index, tall in enumerate(heights)
    )
    low, top = format_value(record["from"]), format_value(record["to"])
    return (
        f'<svg class="histogram" viewBox="0 0 {width} {high + 13}" width="{width}" role="img" '
        f'aria-label="histogram from {low} to {top}, at most {limit:,} numbers in one of {len(counts)} parts">'
        f'<path d="M0 {high}{path}V{high}Z"/><text class="tick" x="0" y="{high + 11}">{low}</text>'
        f'<text class="tick" x="{width}" y="{high + 11}" text-anchor="end">{top}</text></svg>'
    )


def gradients(view: View) -> str:
    """The norm of the gradient at each layer, on a logarithmic scale."""
    record = [(layer, layer.gradient) for layer in view.layers if layer.gradient is not None]
    if not record:
        return ""
    logs = [log10(length) for _, length in record if length > 0]
    low, high = (min(logs), max(logs)) if logs else (0.0, 1.0)
    low, span = low - max(0.3, 0.1 * (high - low)), (high - low) * 1.1 + 0.3
    rows = []
    for layer, length in record:
        share = 100 * (log10(length) - low) / span if length > 0 else 0
        bar = f'<i style="width:{share:.1f}%"></i>' if length > 0 else ""
        rows.append(
            f'<tr><td>{escape(layer.name)}</td><td class="dim">{escape(layer.description)}</td><td class="n">{format_value(length)}</td>'
            f'<td class="gradient">{bar}</td></tr>'
        )
    note = "Norm of the gradient of this example's loss with respect to the output of each layer. The scale is logarithmic."
    return f'<p class="dim">{note}</p><div class="wide"><table class="gradients">{"".join(rows)}</table></div>'


def explanation(view: View) -> str:
    """The content of a lesson: arrays as grids, every window of a filter, tables."""
    parts = []
    for thought in view.content.get("explained", ()):
        parts.append(f"<h3>{escape(thought['title'])}</h3><p>{escape(thought['description'])}</p>")
        for figure in thought["figures"]:
            parts.append(
                f"<p><b>{escape(figure['name'])}</b></p>{preformatted(grid(figure['values']))}"
            )
        windows = thought["windows"][:_MAX_WINDOWS]
        if windows:
            rows = [
                [
                    item["filter"],
                    f"{item['row'] + 1}, {item['column'] + 1}",
                    _flat(item["products"]),
                    format_value(item["sum"]),
                ]
                for item in windows
            ]
            parts.append(table(["filter", "window", "products", "sum"], rows, numbers=(3,)))
        if thought["table"]:
            rows = [[str(cell) for cell in row.values()] for row in thought["table"]]
            parts.append(table(list(thought["table"][0]), rows))
    return "".join(parts)


def _flat(values: ArrayLike) -> str:
    return " ".join(f"{value:g}" for value in np.ravel(values))


def breakdowns(view: View) -> str:
    """The largest output of each layer, broken down into its terms."""
    parts = []
    limit = max(6, min(24, 2_000 // max(1, len(view.layers))))
    for layer in view.layers:
        if layer.breakdown is not None:
            place = ", ".join(map(str, layer.breakdown["index"]))
            tick = "✓" if layer.breakdown["agrees"] else "✗"
            parts.append(
                f"<details><summary><b>{escape(layer.name)}</b> {escape(layer.breakdown['description'])} "
                f'<span class="shape">[{place}] = {format_value(layer.breakdown["result"])} {tick}</span></summary>'
                f"{breakdown(layer.breakdown, limit)}</details>"
            )
    if not parts:
        return ""
    note = "Of each layer the number that is farthest from zero, worked out again in double precision from what it was made of."
    return f'<p class="dim">{note}</p>{"".join(parts)}'


def breakdown(record: JsonMapping, limit: int = 24) -> str:
    """One number: its largest terms, the rest, bias, steps, result, and the value of PyTorch."""
    terms, others = record["terms"][:limit], record["others"]
    left = record["terms"][limit:]
    count, rest = others["count"] + len(left), others["sum"] + sum(item["product"] for item in left)
    rows = [
        [
            item["source"],
            format_value(item["value"]),
            "×",
            format_value(item["weight"]),
            "=",
            format_value(item["product"]),
        ]
        for item in terms
    ]
    if count:
        rows.append([f"and {count:,} more, their sum", "", "", "", "", format_value(rest)])
    if record.get("bias") is not None:
        rows.append(["bias", "", "", "", "", format_value(record["bias"])])
    rows += [
        [item["name"], "", "", "", "", format_value(item["value"])] for item in record["steps"]
    ]
    result = Cell(f"{record['result']:.9g}", "strong")
    rows.append([Cell("result", "strong"), "", "", "", "", result])
    if record.get("recorded") is not None:
        rows.append(["PyTorch recorded", "", "", "", "", f"{record['recorded']:.9g}"])
        tick = "✓" if record["agrees"] else "✗ does not agree"
        rows.append(["difference", "", "", "", "", f"{record['difference']:.2g} {tick}"])
    titles = ["source", "value", "", "weight", "", "product"]
    html = table(titles, rows, numbers=(1, 3, 5))
    for gate in record.get("gates", ()):
        html += (
            f'<details class="gate"><summary>{escape(gate["operation"])} '
            f'<span class="shape">{escape(gate["description"])} = {format_value(gate["result"])}</span></summary>{breakdown(gate, limit)}</details>'  # noqa: E501
        )
    return html


def chains(view: View) -> str:
    """The chain rule with numbers."""
    record = view.content.get("chains", ())
    rows = []
    for item in record[:_MAX_CHAINS]:
        factors = " · ".join(
            f"{factor['name']} {factor['value']:.6g}" for factor in item["factors"]
        )
        rows.append([item["weight"], factors, f"{item['product']:.9f}", f"{item['autograd']:.9f}"])
        terms = [term for factor in item["factors"] for term in factor["terms"]]
        rows += [["", f"backward pass: {term}", "", ""] for term in terms]
    if not rows:
        return ""
    note = "For half the squared error of this sample: the factors of every weight's derivative, and what autograd says."
    return f'<p class="dim">{note}</p>' + table(
        ["weight", "factors", "dL/dw", "autograd"], rows, numbers=(2, 3)
    )


def operations(view: View) -> str:
    """Every recorded torch operation, and what was not recorded."""
    rows = []
    record = view.content.get("operations", ())
    for item in record[:_MAX_OPERATIONS]:
        shape_in, shape_out = (
            view.shape(keys[0]) if keys else "" for keys in (item["inputs"], item["outputs"])
        )
        count = "?" if item["multiplications"] is None else f"{item['multiplications']:,}"
        size = sum(view.content["tensors"].get(key, {}).get("bytes", 0) for key in item["outputs"])
        text = item["text"] + (" (random)" if item["random"] else "")
        gives = ", ".join(item["outputs"])
        rows.append(
            [
                str(item["number"]),
                item["layer"],
                f"{gives} = {text}" if gives else text,
                f"{shape_in} → {shape_out}",
                f"{item['parameters']:,}",
                count,
                format_bytes(size),
                f"{item['seconds'] * 1e3:.3f}",
            ]
        )
    content = ""
    if rows:
        titles = [
            "",
            "layer",
            "operation",
            "shape",
            "weights",
            "multiplications",
            "output size",
            "ms",
        ]
        more = f"<p>and {len(record) - len(rows):,} more</p>" if len(rows) < len(record) else ""
        inner = table(titles, rows, numbers=(0, 4, 5, 6, 7))
        content += (
            f'<details class="operations"><summary>All {len(record):,} operations of PyTorch in their order</summary>'
            f"{inner}{more}</details>"
        )
    lost = list(view.content.get("not_followed", ()))
    lost += [
        f"{item['layer']}: its inside is not available, because {item['opaque']}"
        for item in view.content.get("expanded", ())
        if "opaque" in item
    ]
    if lost:
        content += (
            "<p>What could not be followed:</p><ul>"
            + "".join(f"<li>{escape(item)}</li>" for item in lost)
            + "</ul>"
        )
    return content

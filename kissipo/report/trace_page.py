"""The x-ray of one example as an HTML page that opens offline, and as sections of the report.

All that is shown is in the trace (docs/trace.md). Numbers stand in the page as levels in base64 or as small images, never as text;
the page's own script shows them and fetches nothing.
"""

import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files

from kissipo.core.numpy_array import NumpyArray
from kissipo.core.text import format_value
from kissipo.report import trace_parts as parts
from kissipo.report import trace_unrolled as moving
from kissipo.report.heat_image import heat_of, packed, palette
from kissipo.report.page import Section, table
from kissipo.report.trace_attention import attention
from kissipo.report.trace_view import View

_REPORT_POINTS, _REPORT_LAYERS = 50_000, 40


def trace_page(
    content: Mapping[str, object],
    tensors: Mapping[str, NumpyArray],
    *,
    title: str,
    subtitle: str,
    more: Sequence[Section] = (),
    unit: int | None = None,
    why: str = "",
    interpretable: Sequence[tuple[int, str]] = (),
) -> str:
    """Returns the complete HTML file.

    content, tensors:    what trace.json says, and numbers by their keys
    more:                sections after the data flow, such as Grad-CAM
    unit, why, interpretable:  the unit of the last recurrent layer that is selected
                         first, the reason, and other interpretable units
    """
    view = View(content, tensors)
    unrolled_layers = moving.unrolled_content(view, unit=unit, why=why, interpretable=interpretable)
    sections = {
        "Data flow": parts.trace(view),
        **{item.title: item.content for item in more},
        "Explained": parts.explanation(view),
        "Layer by layer": parts.layers(view),
        "Gradients": parts.gradients(view),
        "Breakdown": parts.breakdowns(view),
        "Time": moving.step_labels(unrolled_layers),
        "Gradients through time": moving.through_time(view),
        "Attention": attention(view),
        "The chain rule": parts.chains(view),
        "Operations": parts.operations(view),
    }
    filled = {name: html for name, html in sections.items() if html}
    links = "".join(f'<a href="#{_place(name)}">{escape(name)}</a>' for name in filled)
    body = "".join(
        f'<section id="{_place(name)}"><h2>{escape(name)}</h2>{html}</section>\n'
        for name, html in filled.items()
    )
    payload = json.dumps(
        {"layers": unrolled_layers, "palette": packed(palette())},
        ensure_ascii=False,
        separators=(",", ":"),
    ).replace("<", "\\u003c")
    values = {
        "title": escape(title),
        "subtitle": escape(subtitle),
        "style": _file("page.css") + _file("trace_page.css"),
        "links": links,
        "body": body,
        "content": payload,
        "script": _file("trace_page.js"),
    }
    return re.sub(r"\[\[(\w+)\]\]", lambda match: values[match[1]], _file("trace_page.html"))


def trace_sections(
    content: Mapping[str, object], tensors: Mapping[str, NumpyArray]
) -> list[Section]:
    """The x-ray as static sections: data flow, layer outputs, states over time, a breakdown of the output."""
    view = View(content, tensors)
    return [
        Section(name, html)
        for name, html in {
            "Data flow": parts.trace(view, links=False),
            "Layer outputs": _layer_outputs(view),
            "States over time": moving.unrolled_image(view),
            "Attention": attention(view, every=16_000, max_heads=1),
            "Breakdown of the largest output": _last_breakdown(view),
        }.items()
        if html
    ]


def _layer_outputs(view: View) -> str:
    """One line per layer; images of the first layers."""
    points = parts.points_of(view, _REPORT_POINTS)
    rows = []
    for layer in view.layers:
        record = view.content["tensors"].get(layer.gives, {}).get("statistics", {})
        zeros = record.get("zeros")
        rows.append(
            [
                layer.name,
                layer.description,
                view.shape(layer.gives),
                format_value(record.get("mean")),
                format_value(record.get("max")),
                "-" if zeros is None else f"{zeros:.0%}",
                "-" if layer.gradient is None else format_value(layer.gradient),
            ]
        )
    if not rows:
        return ""
    titles = ["layer", "", "output", "mean", "max", "zeros", "|gradient|"]
    html = table(titles, rows[: 2 * _REPORT_LAYERS], numbers=(3, 4, 5, 6))
    if len(rows) > 2 * _REPORT_LAYERS:
        html += f'<p class="dim">and {len(rows) - 2 * _REPORT_LAYERS} layers more</p>'
    for layer in view.layers[:_REPORT_LAYERS]:
        array = view.sample(layer.gives)
        if array is not None and array.ndim >= 2 and array.size > 1:
            heat = heat_of(
                array, view.sample_axes(layer.gives), points=points, name=f"what {layer.name} gives"
            )
            html += f"<p><b>{escape(layer.name)}</b> {escape(layer.description)}</p>{parts.with_scale(heat)}"
    return html


def _last_breakdown(view: View) -> str:
    """The breakdown of the last layer that has one."""
    last = next(
        (layer.breakdown for layer in reversed(view.layers) if layer.breakdown is not None), None
    )
    return (
        ""
        if last is None
        else f"<p>{escape(last['layer'])}: {escape(last['description'])}</p>{parts.breakdown(last, 10)}"
    )


def _place(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _file(name: str) -> str:
    return (files("kissipo.report") / name).read_text(encoding="utf-8")

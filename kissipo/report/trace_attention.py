"""Attention on the x-ray page: the weights of every head."""

from collections.abc import Sequence
from html import escape

from kissipo.core.finding import counted
from kissipo.core.json_object import JsonMapping
from kissipo.core.numpy_array import NumpyArray
from kissipo.report.heat_image import heat_of
from kissipo.report.trace_parts import with_scale
from kissipo.report.trace_view import View

ALL_WEIGHTS = 1_000_000


def attention(view: View, *, every: int = ALL_WEIGHTS, max_heads: int = 64) -> str:
    """The attention weights of every head: queries downwards, keys from left to right."""
    record = [item for item in view.content.get("expanded", ()) if "attention" in item]
    labels = list(view.content.get("labels", {}).get("time", ()))
    parts = []
    for number, item in enumerate(record):
        weights = view.sample(item["attention"]["weights"])
        if weights is None or weights.ndim != 3 or not weights.size:
            parts.append(f"<p>{escape(item['layer'])}: its weights are too many to be shown.</p>")
            continue
        parts.append(_heads(number, item, weights, labels, every // len(record), max_heads))
    return "".join(parts)


def _heads(
    number: int,
    item: JsonMapping,
    weights: NumpyArray,
    labels: Sequence[str],
    points: int,
    limit: int,
) -> str:
    heads, queries, keys = weights.shape
    html = max(1, min(heads, limit, points // max(1, min(points, queries * keys))))
    name = escape(item["layer"] + (f", call {item['call'] + 1}" if item["call"] else ""))
    figures = []
    for head in range(html):
        heat = heat_of(
            weights[head],
            ("query", "key"),
            points=min(points // html, 65_536),
            name=f"weights of head {head} of {name}",
        )
        hidden = " hidden" if head and limit > 1 else ""
        figures.append(
            f'<figure data-head="{head}"{hidden}><figcaption>head {head}</figcaption>{with_scale(heat)}</figure>'
        )
    few = f" (shown are the first {html})" if html < heads else ""
    lookup = labels if len(labels) == keys and queries == keys else []
    extra_ticks = f' data-labels="{escape(_listed(lookup))}"' if lookup else ""
    slider = (
        f'<div class="choice"><label>head <input class="head" type="range" min="0" max="{html - 1}" value="0" '
        f'aria-label="head of {name}"></label><output>0</output><button class="all">all heads</button></div>'
        if html > 1
        else ""
    )
    return (
        f'<details class="attention"{" open" if number == 0 else ""}{extra_ticks}><summary><b>{name}</b> {counted(heads, "head")}{few}, '
        f'{queries:,} queries × {keys:,} keys</summary>{slider}<div class="heads">{"".join(figures)}</div>'
        '<p class="here" aria-live="polite">Each row is one query; its weights sum to one. Point at a place to read it.</p></details>'
    )


def _listed(labels: Sequence[str]) -> str:
    """Joins names in one attribute with a separator that no text contains."""
    return "\x1f".join(label.replace("\x1f", " ") for label in labels)

"""Attention on the page of a trace: of every head how strongly each query looks at each key."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from numpy.typing import NDArray

from kissipo.core.finding import counted
from kissipo.report.heat_image import heat_of
from kissipo.report.trace_parts import with_scale
from kissipo.report.trace_view import View

ALL_WEIGHTS = 1_000_000


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
    number: int,
    each: Mapping[str, Any],
    weights: NDArray[Any],
    labels: Sequence[str],
    points: int,
    most: int,
) -> str:
    heads, queries, keys = weights.shape
    shown = max(1, min(heads, most, points // max(1, min(points, queries * keys))))
    name = escape(each["layer"] + (f", call {each['call'] + 1}" if each["call"] else ""))
    figures = []
    for head in range(shown):
        heat = heat_of(
            weights[head],
            ("query", "key"),
            points=min(points // shown, 65_536),
            name=f"weights of head {head} of {name}",
        )
        hidden = " hidden" if head and most > 1 else ""
        figures.append(
            f'<figure data-head="{head}"{hidden}><figcaption>head {head}</figcaption>{with_scale(heat)}</figure>'
        )
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
        f'<details class="attention"{" open" if number == 0 else ""}{marks}><summary><b>{name}</b> {counted(heads, "head")}{few}, '
        f'{queries:,} queries × {keys:,} keys</summary>{slider}<div class="heads">{"".join(figures)}</div>'
        '<p class="here" aria-live="polite">Each row is one query; its weights sum to one. Point at a place to read it.</p></details>'
    )


def _listed(labels: Sequence[str]) -> str:
    """Names in one attribute, with a sign between them that no text has."""
    return "\x1f".join(label.replace("\x1f", " ") for label in labels)

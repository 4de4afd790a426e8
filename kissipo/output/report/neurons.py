"""A text coloured by a neuron, as one HTML page that opens offline (S25): green where it is active, blue where it is not.

Below each unit stand those that the net held likeliest to come next, the redder the surer. All neurons are in the page, each
activity as one of 255 levels (error at most 1/254 of the greatest), so that another one can be chosen; the page's own script
shows the data and fetches nothing.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LEVELS = 127


def neurons_page(
    title: str,
    subtitle: str,
    units: Sequence[str],
    activity: NDArray[Any],
    likeliest: Sequence[Sequence[tuple[str, float]]],
    *,
    neuron: int,
    why: str,
    telling: Sequence[tuple[int, str]],
    spaced: bool,
) -> str:
    """The whole file.

    activity:   (time, neuron)
    likeliest:  of each unit, with their probabilities
    telling:    neurons worth a look, with what each goes with
    spaced:     whether units are words, with blanks between them
    """
    greatest = max(float(np.abs(activity).max()), 1.0)
    words = sorted({word for row in likeliest for word, _ in row})
    place = {word: number for number, word in enumerate(words)}
    guesses = np.array([[place[word] for word, _ in row] for row in likeliest], dtype="<u2")
    chances = np.array([[round(255 * chance) for _, chance in row] for row in likeliest], dtype=np.uint8)
    content = {
        "units": list(units),
        "neurons": activity.shape[1],
        "greatest": greatest,
        "activity": _packed(np.rint(activity.T / greatest * _LEVELS).astype(np.int8)),
        "words": words,
        "guesses": _packed(guesses),
        "chances": _packed(chances),
        "most": len(likeliest[0]),
        "neuron": neuron,
        "why": why,
        "telling": [{"neuron": number, "about": about} for number, about in telling],
        "spaced": spaced,
    }
    parts = {
        "title": escape(title),
        "subtitle": escape(subtitle),
        "style": _file("page.css") + _file("neurons.css"),
        "content": json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
        "script": _file("neurons.js"),
        "last": str(activity.shape[1] - 1),
    }
    return re.sub(r"\[\[(\w+)\]\]", lambda found: parts[found[1]], _file("neurons.html"))


def _packed(values: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def _file(name: str) -> str:
    return (files("kissipo.output.report") / name).read_text(encoding="utf-8")

"""A trace (docs/trace.md) prepared for a page: every layer with its shapes, costs and output."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import isfinite, sqrt

import numpy as np

from kissipo.core.json_object import JsonMapping
from kissipo.core.numpy_array import NumpyArray

_SIGNS = {" ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍"}
Tensors = Mapping[str, NumpyArray]


@dataclass(frozen=True)
class Layer:
    """One call of a layer.

    number:           its place among all, from 0
    reads, gives:     keys of the first tensor that it read and gave; empty where there is none
    memory:           bytes of what it gives
    multiplications:  None: not known
    gradient:         length of the loss's gradient at what it gave; None: not asked for
    breakdown:        its largest output with its terms; None: no breakdown exists
    """

    number: int
    name: str
    kind: str
    description: str
    reads: str
    gives: str
    parameters: int
    multiplications: int | None
    memory: int
    seconds: float
    gradient: float | None
    breakdown: JsonMapping | None


@dataclass(frozen=True)
class View:
    """A view of a trace for the pages.

    content:  what trace.json says
    tensors:  numbers by key; of large ones and weights there are none
    """

    content: JsonMapping
    tensors: Tensors

    @cached_property
    def layers(self) -> list[Layer]:
        """The called layers in order."""
        return list(self._layers())

    def _layers(self) -> Iterator[Layer]:
        steps: dict[str, list[JsonMapping]] = {}
        for step_text in self.of("process"):
            steps.setdefault(step_text["name"], []).append(step_text)
        breakdown = {item["layer"]: item for item in self.content.get("breakdown", ())}
        gradients = {
            (item["layer"], item["call"]): item["tensor"]
            for item in self.content.get("gradients", ())
        }
        operations = self.content.get("operations", ())
        requested = [item for item in self.content.get("layers", ()) if item["step"]]
        for number, item in enumerate(requested):
            inner = operations[item["operations"][0] : item["operations"][1]]
            lookup = steps.get(item["name"], [])
            step: JsonMapping | None = lookup.pop(0) if lookup else None
            counts = [one["multiplications"] for one in inner]
            gives = item["outputs"][0] if item["outputs"] else ""
            gradient = gradients.get((item["name"], item["call"]))
            yield Layer(
                number,
                item["name"] + (f", call {item['call'] + 1}" if item["call"] else ""),
                item["kind"],
                item["description"],
                item["inputs"][0] if item["inputs"] else "",
                gives,
                step["parameters"] if step else sum(one["parameters"] for one in inner),
                step["multiplications"] if step else None if None in counts else sum(counts),
                self.content["tensors"].get(gives, {}).get("bytes", 0),
                sum(one["seconds"] for one in inner),
                None if gradient is None else self._length(gradient),
                None if item["call"] else breakdown.get(item["name"]),
            )

    def of(self, stage: str) -> list[JsonMapping]:
        """The steps of one stage."""
        return [step for step in self.content["steps"] if step["stage"] == stage]

    def axes(self, key: str) -> list[tuple[str, int]]:
        """The axes with their lengths, without the batch."""
        about = self.content["tensors"].get(key)
        if about is None:
            return []
        pairs = list(zip(about["axes"], about["shape"], strict=False))
        if len(pairs) != len(about["shape"]):
            pairs = [(f"axis {index}", side) for index, side in enumerate(about["shape"])]
        return [pair for pair in pairs if pair != ("batch", 1)]

    def shape(self, key: str) -> str:
        """The formatted text.

        Example:  >>> View({"tensors": {"t0": {"axes": ["batch", "time"], "shape": [1, 3]}}}, {}).shape("t0")
                  'time 3'
        """
        if key not in self.content["tensors"]:
            return ""
        sides = [
            f"{side:,}" if name.startswith("axis ") else f"{name} {side:,}"
            for name, side in self.axes(key)
        ]
        return " × ".join(sides) or "one number"

    def sample(self, key: str) -> NumpyArray | None:
        """The values of one sample, without the batch; None if they were not saved."""
        array = self.tensors.get(key)
        if array is None:
            return None
        names = self.content["tensors"][key]["axes"]
        for index in reversed(range(array.ndim)):
            if index < len(names) and names[index] == "batch" and array.shape[index] >= 1:
                array = array.take(0, axis=index)
        return array

    def sample_axes(self, key: str) -> list[str]:
        """The axis names of `sample`."""
        about = self.content["tensors"][key]
        return [name for name in about["axes"] if name != "batch"]

    @cached_property
    def input_keys(self) -> list[str]:
        """The input tensors of the net."""
        return [key for key, about in self.content["tensors"].items() if about["origin"] == "input"]

    def _length(self, key: str) -> float | None:
        """The norm of a tensor; computed from its statistics if the values were not saved."""
        array = self.tensors.get(key)
        if array is not None:
            record = float(np.linalg.norm(np.abs(array).astype(np.float64).reshape(-1)))
            return record if isfinite(record) else None
        about = self.content["tensors"].get(key)
        if about is None or about["statistics"]["mean"] is None:
            return None
        figures, count = (
            about["statistics"],
            int(np.prod(about["shape"])) - about["statistics"]["not_finite"],
        )
        return sqrt(count * (figures["mean"] ** 2 + figures["std"] ** 2))


def is_right(answer: str, truth: str) -> bool | None:
    """Whether the prediction equals the target, as text; None without a target, or of numbers.

    Example:  >>> is_right("spam (98.9%)", "spam"), is_right("7", "1"), is_right("0.31", "1.5"), is_right("7", "")
              (True, None, None, None)
    """
    sure = re.search(r" \(\d+(\.\d+)?%\)$", answer)
    if not answer or not truth:
        return None
    if sure is None:
        return (
            None
            if as_number(answer) is not None and as_number(truth) is not None
            else answer == truth
        )
    return answer[: sure.start()] == truth


def as_number(text: str) -> float | None:
    """Parses a number."""
    try:
        return float(text)
    except ValueError:
        return None


def visible_text(text: str) -> str:
    """Text with visible spaces and line breaks.

    Example:  >>> visible_text("\\n (17.9%)"), visible_text(" "), visible_text("a b")
              ('↵ (17.9%)', '␣', 'a b')
    """
    if text[:1] in _SIGNS and text[:2] != "  ":
        return _SIGNS[text[0]] + text[1:]
    return text


def format_seconds(seconds: float) -> str:
    """Formats seconds as milliseconds or microseconds."""
    return f"{seconds * 1e3:.2f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f} µs"

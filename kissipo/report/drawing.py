"""Drawings: charts, bars, matrices and lattices as SVG, for light and dark mode."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from math import floor, isfinite, log10

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kissipo.core.description import Bars, Chart, Lattice, Matrix, Points
from kissipo.core.numpy_array import NumpyArray

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999", "#b8a000")
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 24, 40
_STEP = 11  # between the lines of a lattice
_SYMBOLS = {
    "black": '<circle class="own" cx="{x}" cy="{y}" r="5"/>',
    "white": '<circle class="other" cx="{x}" cy="{y}" r="5"/>',
    "square": '<rect x="{left}" y="{top}" width="8" height="8" fill="#009e73"/>',
    "ring": '<circle cx="{x}" cy="{y}" r="3.5" fill="none" stroke="#d55e00" stroke-width="2"/>',
}


def lines(chart: Chart) -> str:
    """Draws the series of a chart; points that are not finite are left out.

    Example:  >>> lines(Chart({"loss": [(0, 2.0), (1, 1.0)]}, "epoch", "loss"))[:4]
              '<svg'
    """
    plain = {
        name: [
            (x, log10(y) if chart.log_scale else y)
            for x, y in points
            if isfinite(x) and isfinite(y) and (y > 0 or not chart.log_scale)
        ]
        for name, points in chart.series.items()
    }
    every = [point for points in plain.values() for point in points]
    if not every:
        return ""
    frame, bottom = _Frame(chart, every), chart.height - _BOTTOM
    parts = []
    if chart.surface is not None:
        box = f'x="{_LEFT}" y="{_TOP}" width="{frame.inner_width}" height="{frame.inner_height}"'
        image = _shades(chart.surface[::-1])
        parts.append(f'<image {box} preserveAspectRatio="none" href="{image}"/>')
    parts += frame.axes(chart.x_label, chart.y_label, log_scale=chart.log_scale)
    for left, right in chart.spans:
        width = max(2.0, frame.x(right) - frame.x(left))
        parts.append(
            f'<rect x="{frame.x(left):.1f}" y="{_TOP}" width="{width:.1f}" '
            f'height="{bottom - _TOP}" fill="{COLORS[4]}" fill-opacity="0.25"/>'
        )
    if chart.marker is not None:
        x = frame.x(chart.marker)
        parts.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{bottom}"/>')
    if chart.band is not None and all(name in plain for name in chart.band):
        low, high = (plain.pop(name) for name in chart.band)
        area = frame.path([*low, *reversed(high)])
        parts.append(f'<polygon fill="{COLORS[1]}" fill-opacity="0.18" points="{area}"/>')
    if chart.level is not None:
        y, right = frame.y(chart.level), chart.width - _RIGHT
        parts.append(f'<line class="mark" x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
    for number, (name, points) in enumerate(plain.items()):
        color = COLORS[number % len(COLORS)]
        is_path = name not in chart.dots and len(points) > 1
        if is_path:
            path = frame.path(points)
            if chart.area:
                corners = (
                    f"{frame.x(points[-1][0]):.1f},{bottom} {frame.x(points[0][0]):.1f},{bottom}"
                )
                parts.append(
                    f'<polygon fill="{color}" fill-opacity="0.14" points="{path} {corners}"/>'
                )
            parts.append(
                f'<polyline fill="none" stroke="{color}" stroke-width="1.8" points="{path}"/>'
            )
        # on a map of a surface every path ends with a point
        parts += [
            f'<circle cx="{frame.x(x):.1f}" cy="{frame.y(y):.1f}" r="{4 if is_path else 2.4}" '
            f'fill="{color}" fill-opacity="{1 if is_path else 0.6}"/>'
            for x, y in (
                points if not is_path else points[-1:] if chart.surface is not None else ()
            )
        ]
    parts += _legend(list(plain), chart.width)
    return _svg(parts, chart.width, chart.height)


def matrix(record: Matrix) -> str:
    """Draws a confusion matrix; a darker cell is a larger share of its row."""
    labels = record.labels
    side = max(22, min(40, 640 // len(labels)))
    left = min(8 + 7 * max(map(len, labels)), 150)
    width, height = left + side * len(labels) + 10, side * (len(labels) + 1) + 30
    parts = [_text(left, height - 8, "rows: target; columns: prediction")]
    for index, row in enumerate(record.counts):
        y, total = side + index * side, sum(row) or 1
        name = _short(labels[index], 20)
        parts.append(_text(left - 6, y + side / 2 + 4, name, anchor="end"))
        for other, count in enumerate(row):
            x, color = left + other * side, "#009e73" if index == other else "#d55e00"
            parts.append(
                f'<rect x="{x}" y="{y}" width="{side - 1}" height="{side - 1}" fill="{color}" '
                f'fill-opacity="{count / total:.3f}" class="cell"/>'
            )
            if count:
                middle = x + side / 2, y + side / 2 + 4
                parts.append(_text(*middle, f"{count:g}", "number", anchor="middle"))
    for other, label in enumerate(labels):
        name = _short(label, max(3, side // 7))
        parts.append(_text(left + other * side + side / 2, side - 8, name, anchor="middle"))
    return _svg(parts, width, height)


def bars(record: Bars, *, width: int = 640) -> str:
    """Draws one bar per name; the bar called `first` has another color."""
    finite = {name: value for name, value in record.values.items() if isfinite(value)}
    if not finite:
        return ""
    left, row, parts = 220, 24, []
    longest = max(map(abs, finite.values())) or 1
    for index, (name, value) in enumerate(finite.items()):
        y, length = 6 + index * row, max(1.0, abs(value) / longest * (width - left - 80))
        color = COLORS[0] if name == record.first else COLORS[6]
        parts += [
            _text(left - 8, y + 15, _short(name, 32), anchor="end"),
            f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{row - 6}" fill="{color}"/>',
            _text(left + length + 6, y + 15, f"{value:.4g}", "number"),
        ]
    return _svg(parts, width, 12 + row * len(finite))


def lattice(record: Lattice) -> str:
    """Draws a grid of lines with its marked crossings.

    Example:  >>> places = {"black": [(0, 0)], "square": [(1, 0)]}
              >>> drawn = lattice(Lattice(2, 2, places))
              >>> drawn.count("<circle"), drawn.count("<rect")
              (1, 1)
    """
    low = _STEP // 2 + 1
    right, bottom = (low + (count - 1) * _STEP for count in (record.columns, record.rows))
    parts = [
        f'<line class="grid" x1="{x}" x2="{x}" y1="{low}" y2="{bottom}"/>'
        for x in range(low, right + 1, _STEP)
    ]
    parts += [
        f'<line class="grid" x1="{low}" x2="{right}" y1="{y}" y2="{y}"/>'
        for y in range(low, bottom + 1, _STEP)
    ]
    for symbol, crossings in record.crossings.items():
        for column, row in crossings:
            x, y = low + column * _STEP, low + row * _STEP
            parts.append(_SYMBOLS[symbol].format(x=x, y=y, left=x - 4, top=y - 4))
    return _svg(parts, right + low, bottom + low, kind="lattice")


def _shades(heights: NumpyArray) -> str:
    """Draws heights as an image of twelve shades with equal area; darker is lower."""
    rank = np.searchsorted(np.sort(heights, axis=None), heights) / heights.size
    return image_address((120 + 130 * np.floor(rank * 12) / 12).astype(np.uint8))


def image_address(pixels: NDArray[np.uint8]) -> str:
    """A gray or color image as a data URL."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


class _Frame:
    """Maps values to positions in the chart and draws the axes."""

    def __init__(self, chart: Chart, points: Points) -> None:
        xs, ys = chart.limits or zip(*points, strict=True)
        self.left, self.across = _span(xs, 0.0)
        self.low, self.upward = _span(ys, 0.0 if chart.limits else 0.04)
        self.width, self.height = chart.width, chart.height
        self.inner_width = self.width - _LEFT - _RIGHT
        self.inner_height = self.height - _TOP - _BOTTOM

    def x(self, value: float) -> float:
        return _LEFT + (value - self.left) / self.across * self.inner_width

    def y(self, value: float) -> float:
        return self.height - _BOTTOM - (value - self.low) / self.upward * self.inner_height

    def path(self, points: Points) -> str:
        return " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)

    def axes(self, across: str, up: str, *, log_scale: bool) -> list[str]:
        base, right = self.height - _BOTTOM, self.width - _RIGHT
        parts = [
            f'<line class="axis" x1="{_LEFT}" x2="{right}" y1="{base}" y2="{base}"/>',
            f'<line class="axis" x1="{_LEFT}" x2="{_LEFT}" y1="{_TOP}" y2="{base}"/>',
            _text(right, self.height - 8, across, anchor="end"),
            _text(2, _TOP - 4, up),
        ]
        parts += [
            _text(self.x(value), base + 14, f"{value:g}", "tick", anchor="middle")
            for value in _ticks(self.left, self.across)
        ]
        for value in _ticks(self.low, self.upward):
            y, text = self.y(value), f"{10**value:.3g}" if log_scale else f"{value:g}"
            parts += [
                f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>',
                _text(_LEFT - 5, y + 4, text, "tick", anchor="end"),
            ]
        return parts


def _span(values: Sequence[float], margin: float) -> tuple[float, float]:
    low, high = min(values), max(values)
    width = high - low
    if not width:
        width = abs(high) or 1.0
        low -= width / 2
    return low - margin * width, width * (1 + 2 * margin)


def _ticks(low: float, span: float) -> list[float]:
    """Returns about five round tick values."""
    step: float = 10 ** floor(log10(span / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= 6)
    first = -(-low // step)
    return [
        round((first + index) * step, 12)
        for index in range(int(span / step) + 2)
        if (first + index) * step <= low + span * 1.0001
    ]


def _legend(names: Sequence[str], width: int) -> list[str]:
    """Returns the colors of several series."""
    parts: list[str] = []
    x = width - _RIGHT - sum(26 + 6.5 * len(name) for name in names)
    for number, name in enumerate(names if len(names) > 1 else ()):
        color = COLORS[number % len(COLORS)]
        parts.append(f'<rect x="{x:.0f}" y="6" width="10" height="10" fill="{color}"/>')
        parts.append(_text(x + 14, 15, name))
        x += 26 + 6.5 * len(name)
    return parts


def _text(x: float, y: float, text: str, kind: str = "label", *, anchor: str = "start") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _svg(parts: Sequence[str], width: int, height: int, *, kind: str = "chart") -> str:
    return (
        f'<svg class="{kind}" viewBox="0 0 {width} {height}" width="{width}" role="img">'
        + "".join(parts)
        + "</svg>"
    )


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"

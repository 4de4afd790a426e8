"""Charts as SVG: lines, points, bars, matrices, optimizer paths; readable in light and dark mode."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from html import escape
from math import floor, isfinite, log10

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Points = Sequence[tuple[float, float]]

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999", "#b8a000")
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 24, 40


def lines(
    series: Mapping[str, Points],
    *,
    across: str,
    up: str,
    width: int = 640,
    height: int = 260,
    mark: float | None = None,
    dots: Sequence[str] = (),
    square: bool = False,
    shades: Sequence[tuple[float, float]] = (),
    tens: bool = False,
    band: tuple[str, str] | None = None,
) -> str:
    """A line chart; `mark` draws a vertical line, series named in `dots` are drawn as points.

    shades:  spans across that are shaded
    tens:    the upward axis is logarithmic
    band:    two series of which the ground between is filled, in place of lines

    Example:  >>> lines({"loss": [(0, 2.0), (1, 1.0)]}, across="epoch", up="loss")[:4]
              '<svg'
    """
    if tens:
        series = {
            name: [(x, log10(y)) for x, y in points if y > 0] for name, points in series.items()
        }
    plain = {
        name: [(x, y) for x, y in points if isfinite(x) and isfinite(y)]
        for name, points in series.items()
    }
    every = [point for points in plain.values() for point in points]
    if not every:
        return ""
    frame = _Frame([x for x, _ in every], [y for _, y in every], width, height, same_scale=square)
    parts = [*frame.axes(across, up, tens=tens)]
    for left, right in shades:
        across_it = max(2.0, frame.x(right) - frame.x(left))
        parts.append(
            f'<rect x="{frame.x(left):.1f}" y="{_TOP}" width="{across_it:.1f}" height="{height - _TOP - _BOTTOM}" '
            f'fill="{COLORS[4]}" fill-opacity="0.25"/>'
        )
    if mark is not None:
        x = frame.x(mark)
        parts.append(
            f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{height - _BOTTOM}"/>'
        )
    if band is not None and all(name in plain for name in band):
        low, high = (plain.pop(name) for name in band)
        ground = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in [*low, *reversed(high)])
        parts.append(f'<polygon fill="{COLORS[1]}" fill-opacity="0.18" points="{ground}"/>')
    for number, (name, points) in enumerate(plain.items()):
        color = COLORS[number % len(COLORS)]
        if name in dots or len(points) == 1:
            parts += [
                f'<circle cx="{frame.x(x):.1f}" cy="{frame.y(y):.1f}" r="2.4" fill="{color}" fill-opacity="0.6"/>'
                for x, y in points
            ]
        else:
            path = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in points)
            parts.append(
                f'<polyline fill="none" stroke="{color}" stroke-width="1.8" points="{path}"/>'
            )
    parts += _legend(list(plain), width)
    return _svg(parts, width, height)


def unit_square(points: Points, level: float, *, number: int = 0, side: int = 156) -> str:
    """A filled curve in the unit square with a dotted line at the level of chance."""
    low, wide, high = 26, side - 34, side - 54
    places = [(low + x * wide, 8 + (1 - y) * high) for x, y in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    color, base, chance = COLORS[number % len(COLORS)], 8 + high, 8 + (1 - level) * high
    parts = [f'<rect x="{low}" y="8" width="{wide}" height="{high}" fill="none" class="cell"/>']
    if places:
        ground = f"{path} {places[-1][0]:.1f},{base} {places[0][0]:.1f},{base}"
        parts.append(f'<polygon fill="{color}" fill-opacity="0.14" points="{ground}"/>')
        parts.append(f'<polyline fill="none" stroke="{color}" stroke-width="1.8" points="{path}"/>')
    parts.append(
        f'<line class="mark" x1="{low}" x2="{low + wide}" y1="{chance:.1f}" y2="{chance:.1f}"/>'
    )
    for share in (0, 0.5, 1):
        x, y = low + share * wide, 8 + (1 - share) * high
        parts.append(
            f'<text class="tick" x="{x:.1f}" y="{base + 13}" text-anchor="middle">{share:g}</text>'
        )
        parts.append(
            f'<text class="tick" x="{low - 4}" y="{y + 4:.1f}" text-anchor="end">{share:g}</text>'
        )
    return _svg(parts, side, base + 18)


def matrix(rows: Sequence[Sequence[float]], labels: Sequence[str], *, side: int = 34) -> str:
    """A confusion matrix: rows are targets, columns are predictions; darker is a larger share of the row."""
    left = 8 + 7 * max(len(label) for label in labels)
    left = min(left, 150)
    width, height = left + side * len(labels) + 10, side * (len(labels) + 1) + 30
    parts = []
    for index, row in enumerate(rows):
        total = sum(row) or 1
        y = side + index * side
        parts.append(
            f'<text class="label" x="{left - 6}" y="{y + side / 2 + 4}" text-anchor="end">{escape(_short(labels[index], 20))}</text>'
        )
        for other, count in enumerate(row):
            x, share = left + other * side, count / total
            color = "#009e73" if index == other else "#d55e00"
            parts.append(
                f'<rect x="{x}" y="{y}" width="{side - 1}" height="{side - 1}" fill="{color}" fill-opacity="{share:.3f}" class="cell"/>'
            )
            if count:
                parts.append(
                    f'<text class="number" x="{x + side / 2}" y="{y + side / 2 + 4}" text-anchor="middle">{count:g}</text>'
                )
    for other, label in enumerate(labels):
        middle = left + other * side + side / 2
        parts.append(
            f'<text class="label" x="{middle}" y="{side - 8}" text-anchor="middle">{escape(_short(label, max(3, side // 7)))}</text>'
        )
    parts.append(
        f'<text class="label" x="{left}" y="{height - 8}">rows: target; columns: prediction</text>'
    )
    return _svg(parts, width, height)


def bars(values: Mapping[str, float], *, first: str, width: int = 640) -> str:
    """One bar per name; the bar called `first` has another color."""
    finite = {name: value for name, value in values.items() if isfinite(value)}
    if not finite:
        return ""
    left, row = 220, 24
    longest = max(abs(value) for value in finite.values()) or 1
    parts = []
    for index, (name, value) in enumerate(finite.items()):
        y, length = 6 + index * row, abs(value) / longest * (width - left - 80)
        color = COLORS[0] if name == first else COLORS[6]
        parts.append(
            f'<text class="label" x="{left - 8}" y="{y + 15}" text-anchor="end">{escape(_short(name, 32))}</text>'
        )
        parts.append(
            f'<rect x="{left}" y="{y}" width="{max(1.0, length):.1f}" height="{row - 6}" fill="{color}"/>'
        )
        parts.append(
            f'<text class="number" x="{left + length + 6:.1f}" y="{y + 15}">{value:.4g}</text>'
        )
    return _svg(parts, width, 12 + row * len(finite))


def optimizer_paths(
    paths: Mapping[str, Points],
    surface: Callable[[float, float], float],
    *,
    width: int = 420,
    height: int = 320,
) -> str:
    """Optimizer paths on a map of the surface; darker is lower."""
    every = [point for points in paths.values() for point in points]
    frame = _Frame([x for x, _ in every], [y for _, y in every], width, height, room=0.35)
    box = f'x="{_LEFT}" y="{_TOP}" width="{frame.inner_width}" height="{frame.inner_height}" preserveAspectRatio="none"'
    parts = [f'<image {box} href="{_ground(surface, frame)}"/>', *frame.axes("x", "y")]
    for number, points in enumerate(paths.values()):
        color = COLORS[number % len(COLORS)]
        path = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in points)
        end = points[-1]
        parts.append(f'<polyline fill="none" stroke="{color}" stroke-width="1.8" points="{path}"/>')
        parts.append(
            f'<circle cx="{frame.x(end[0]):.1f}" cy="{frame.y(end[1]):.1f}" r="4" fill="{color}"/>'
        )
    parts += _legend(list(paths), width)
    return _svg(parts, width, height)


def _ground(surface: Callable[[float, float], float], frame: _Frame, cells: int = 64) -> str:
    """The heights as a small image of twelve shades with equal area."""
    xs = frame.left + (np.arange(cells) + 0.5) / cells * frame.across
    ys = frame.low + (np.arange(cells)[::-1] + 0.5) / cells * frame.upward
    heights = np.array([[surface(float(x), float(y)) for x in xs] for y in ys])
    rank = np.searchsorted(np.sort(heights, axis=None), heights) / heights.size
    return image_address((120 + 130 * np.floor(rank * 12) / 12).astype(np.uint8))


def image_address(pixels: NDArray[np.uint8]) -> str:
    """A gray or color image as a data URL."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


class _Frame:
    """Maps values to positions in the chart and draws the axes."""

    def __init__(
        self,
        xs: Sequence[float],
        ys: Sequence[float],
        width: int,
        height: int,
        *,
        room: float = 0.04,
        same_scale: bool = False,
    ) -> None:
        if same_scale:
            xs = ys = [*xs, *ys]
        self.left, self.across = _span(xs, room if room > 0.1 else 0.0)
        self.low, self.upward = _span(ys, room)
        self.width, self.height = width, height
        self.inner_width, self.inner_height = width - _LEFT - _RIGHT, height - _TOP - _BOTTOM

    def x(self, value: float) -> float:
        return _LEFT + (value - self.left) / self.across * self.inner_width

    def y(self, value: float) -> float:
        return self.height - _BOTTOM - (value - self.low) / self.upward * self.inner_height

    def axes(self, across: str, up: str, *, tens: bool = False) -> list[str]:
        base = self.height - _BOTTOM
        parts = [
            f'<line class="axis" x1="{_LEFT}" x2="{self.width - _RIGHT}" y1="{base}" y2="{base}"/>'
        ]
        parts.append(f'<line class="axis" x1="{_LEFT}" x2="{_LEFT}" y1="{_TOP}" y2="{base}"/>')
        for value in _ticks(self.left, self.across):
            parts.append(
                f'<text class="tick" x="{self.x(value):.1f}" y="{base + 14}" text-anchor="middle">{value:g}</text>'
            )
        for value in _ticks(self.low, self.upward):
            y, text = self.y(value), f"{10**value:.3g}" if tens else f"{value:g}"
            parts.append(
                f'<line class="grid" x1="{_LEFT}" x2="{self.width - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            )
            parts.append(
                f'<text class="tick" x="{_LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'
            )
        parts.append(
            f'<text class="label" x="{self.width - _RIGHT}" y="{self.height - 8}" text-anchor="end">{escape(across)}</text>'
        )
        parts.append(f'<text class="label" x="2" y="{_TOP - 4}">{escape(up)}</text>')
        return parts


def _span(values: Sequence[float], room: float) -> tuple[float, float]:
    low, high = min(values), max(values)
    width = high - low
    if not width:
        width = abs(high) or 1.0
        low -= width / 2
    return low - room * width, width * (1 + 2 * room)


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
    parts: list[str] = []
    x = width - _RIGHT - sum(26 + 6.5 * len(name) for name in names)
    for number, name in enumerate(names):
        if len(names) == 1:
            return []
        parts.append(
            f'<rect x="{x:.0f}" y="6" width="10" height="10" fill="{COLORS[number % len(COLORS)]}"/>'
        )
        parts.append(f'<text class="label" x="{x + 14:.0f}" y="15">{escape(name)}</text>')
        x += 26 + 6.5 * len(name)
    return parts


def _svg(parts: Sequence[str], width: int, height: int) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img">'
        + "".join(parts)
        + "</svg>"
    )


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"

"""Drawings: charts as SVG for the page of a trace, for light and dark mode."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import floor, isfinite, log10

from kissipo.core.description import Chart, Points

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999", "#b8a000")
_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM = 640, 56, 12, 24, 40


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
    parts += frame.axes(chart.x_label, chart.y_label, log_scale=chart.log_scale)
    if chart.marker is not None:
        x = frame.x(chart.marker)
        parts.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{bottom}"/>')
    if chart.band is not None and all(name in plain for name in chart.band):
        low, high = (plain.pop(name) for name in chart.band)
        area = frame.path([*low, *reversed(high)])
        parts.append(f'<polygon fill="{COLORS[1]}" fill-opacity="0.18" points="{area}"/>')
    if chart.level is not None:
        y, right = frame.y(chart.level), _WIDTH - _RIGHT
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
        parts += [
            f'<circle cx="{frame.x(x):.1f}" cy="{frame.y(y):.1f}" r="2.4" '
            f'fill="{color}" fill-opacity="0.6"/>'
            for x, y in (() if is_path else points)
        ]
    parts += _legend(list(plain), _WIDTH)
    return _svg(parts, _WIDTH, chart.height)


class _Frame:
    """Maps values to positions in the chart and draws the axes."""

    def __init__(self, chart: Chart, points: Points) -> None:
        xs, ys = chart.limits or zip(*points, strict=True)
        self.left, self.across = _span(xs, 0.0)
        self.low, self.upward = _span(ys, 0.0 if chart.limits else 0.04)
        self.width, self.height = _WIDTH, chart.height
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


def _svg(parts: Sequence[str], width: int, height: int) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {width} {height}" width="{width}" role="img">'
        + "".join(parts)
        + "</svg>"
    )

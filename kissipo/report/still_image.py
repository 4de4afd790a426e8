"""The still image of a run and of a comparison: curves and bars.

It stands where no script runs: in a notebook that is not trusted, in a page without
JavaScript, in print.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, floor, isfinite, log10

from kissipo.core.finding import counted
from kissipo.core.json_object import JsonMapping
from kissipo.core.text import format_score, format_value
from kissipo.report.canvas import DIM, LINE, SERIES, WIDTH, Box, Canvas, Point, StillImage

_HEIGHT, _TOP = 248, 30
_CURVE_WIDTH, _BARS_LEFT = 376, 408
_MAX_BARS = 6
Points = Sequence[Point]


def run_image(
    history: Sequence[JsonMapping], answer: JsonMapping | None, *, best_epoch: int | None = None
) -> StillImage | None:
    """Returns the learning curve of a run beside its score and those of the baselines.

    history:  one row per epoch, as in history.csv
    answer:   of metrics.json; None while the run is being trained
    """
    curves, x_label, y_label = curves_of(history)
    bars = {} if answer is None else _bars_of(answer)
    if not curves and not bars:
        return None
    canvas, sentences = Canvas(_HEIGHT), []
    if curves:
        right = _CURVE_WIDTH if bars else WIDTH - 8
        draw_curves(canvas, (0, 0, right, _HEIGHT), curves, x_label, y_label, best_epoch)
        sentences.append(_curves_sentence(curves, x_label, y_label, best_epoch))
    if answer is not None and bars:
        left = _BARS_LEFT if curves else 0
        order = "higher is better" if answer["higher_is_better"] else "lower is better"
        name = str(answer["main"]).replace("_", " ")
        draw_bars(canvas, (left, 0, WIDTH, _HEIGHT), bars, f"{name} ({order})", first="model")
        sentences.append(_bars_sentence(bars, f"{name}, {order}"))
    return canvas.still(" ".join(sentences))


def comparison_image(rows: Sequence[JsonMapping]) -> StillImage | None:
    """Returns the main metric of compared tasks as bars."""
    main = rows[0]["main"] if rows else ""
    bars = {row["task"]: row["metrics"][main]["mean"] for row in rows if main in row["metrics"]}
    bars = {name: value for name, value in bars.items() if isfinite(value)}
    if not bars:
        return None
    order = "higher is better" if rows[0]["higher_is_better"] else "lower is better"
    name = str(main).replace("_", " ")
    best = (max if rows[0]["higher_is_better"] else min)(bars, key=lambda task: bars[task])
    canvas = Canvas(_TOP + 10 + 36 * min(len(bars), _MAX_BARS))
    draw_bars(canvas, (0, 0, WIDTH, canvas.height), bars, f"{name} ({order})", first=best)
    return canvas.still(_bars_sentence(bars, f"{name}, {order}"))


def curves_of(history: Sequence[JsonMapping]) -> tuple[dict[str, Points], str, str]:
    """Returns the curves that a history has, and the labels of the axes.

    Example:  >>> curves_of([{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.0}])
              ({'training loss': [(1, 2.0), (2, 1.0)]}, 'epoch', 'loss')
    """
    if history and "return" in history[-1]:
        return _finite({"mean return": _points(history, "return", "episode")}), "episode", "return"
    rest = ("epoch", "loss", "seconds", "best")
    own = [key for key in (history[-1] if history else ()) if key not in rest]
    keys = {"training loss": "loss", "validation loss": "validation_loss"} | {
        key.replace("_", " "): key for key in own if not key.startswith("validation_")
    }
    curves = {name: _points(history, key, "epoch") for name, key in keys.items()}
    return _finite(curves), "epoch", "loss"


def draw_curves(
    canvas: Canvas,
    box: Box,
    curves: Mapping[str, Points],
    x_label: str,
    y_label: str,
    marker: float | None = None,
) -> None:
    """Draws curves between two axes, with a legend above and a dashed vertical line."""
    left, top, right, bottom = box[0] + 48, box[1] + _TOP, box[2] - 8, box[3] - 36
    xs, ys = ([point[axis] for points in curves.values() for point in points] for axis in (0, 1))
    from_zero = 0 <= min(ys) < max(ys) / 4
    x_ticks = ticks(min(xs), max(xs), 6, whole=True)
    y_ticks = ticks(0 if from_zero else min(ys), max(ys), 4)
    low, high = min([*ys, y_ticks[0]]), max([*ys, y_ticks[-1]])
    across, upward = max(xs) - min(xs) or 1, high - low or 1

    def place(point: Point) -> Point:
        x, y = point
        return (
            left + (x - min(xs)) / across * (right - left),
            bottom - (y - low) / upward * (bottom - top),
        )

    for y in y_ticks:
        height = place((min(xs), y))[1]
        canvas.lines([(left, height), (right, height)], LINE, width=0.5)
        canvas.text((left - 6, height), format_value(y), size=11, color=DIM, anchor="rm")
    for x in x_ticks:
        canvas.text((place((x, low))[0], bottom + 5), f"{x:,g}", size=11, color=DIM, anchor="ma")
    canvas.text(((left + right) / 2, bottom + 19), x_label, size=11, color=DIM, anchor="ma")
    if marker is not None and x_label == "epoch" and min(xs) < marker <= max(xs):
        x = place((marker, low))[0]
        canvas.lines([(x, top), (x, bottom)], DIM, width=1, dashed=True)
        side = "r" if x > (left + right) / 2 else "l"
        step = -5 if side == "r" else 5
        canvas.text(
            (x + step, top), f"best {x_label} {marker:g}", size=11, color=DIM, anchor=f"{side}a"
        )
    for (_, points), color in zip(curves.items(), SERIES, strict=False):
        places = [place(point) for point in points]
        if len(places) > 1:
            canvas.lines(places, color)
        canvas.dot(places[-1], color)
    _legend(canvas, (left, box[1] + 6), list(curves)[: len(SERIES)], y_label)


def draw_bars(
    canvas: Canvas, box: Box, bars: Mapping[str, float], title: str, *, first: str
) -> None:
    """Draws one bar per name with its value; the bar called `first` has a color."""
    canvas.text((box[0], box[1] + 6), title, size=12, strong=True, room=box[2] - box[0])
    items = list(bars.items())[:_MAX_BARS]
    longest = max(abs(value) for _, value in items) or 1
    room = box[2] - box[0] - 64
    for number, (name, value) in enumerate(items):
        y = box[1] + _TOP + 36 * number
        length = max(2.0, abs(value) / longest * room)
        color = SERIES[0] if name == first else "#9aa3ad"
        canvas.text((box[0], y), name, size=11, strong=name == first, room=box[2] - box[0])
        canvas.box((box[0], y + 15, box[0] + length, y + 27), fill=color)
        canvas.text((box[0] + length + 6, y + 21), format_score(value), size=11, anchor="lm")


def ticks(low: float, high: float, count: int, *, whole: bool = False) -> list[float]:
    """Returns round numbers between two ends.

    Example:  >>> ticks(0.1, 1.9, 4), ticks(1, 53, 6, whole=True)
              ([0.5, 1.0, 1.5], [10, 20, 30, 40, 50])
    """
    if not high > low:
        return [low]
    rough = (high - low) / count
    size = 10 ** floor(log10(rough))
    step = next(factor * size for factor in (1, 2, 5, 10) if factor * size >= rough)
    step = max(1, round(step)) if whole else step
    digits = max(0, -floor(log10(step)))
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    values = [round(number * step, digits) for number in range(first, last + 1)]
    return values or [low]


def _legend(canvas: Canvas, place: Point, names: Sequence[str], y_label: str) -> None:
    x, y = place
    plain = [name for name in names if name != f"mean {y_label}"] or names
    for name, color in zip(plain, SERIES, strict=False):
        canvas.box((x, y + 5, x + 14, y + 9), fill=color)
        canvas.text((x + 19, y), name, size=12)
        x += 19 + 6.4 * len(name) + 14


def _bars_of(answer: JsonMapping) -> dict[str, float]:
    """Returns the main metric of the model and of the baselines, the best first."""
    main, higher = answer["main"], answer["higher_is_better"]
    baselines = {name: metrics.get(main) for name, metrics in answer["baselines"].items()}
    numbers = {name: value for name, value in baselines.items() if _is_number(value)}
    ordered = sorted(numbers, key=lambda name: numbers[name], reverse=higher)
    own = answer.get("compared", answer)["metrics"].get(main)
    return ({"model": own} if _is_number(own) else {}) | {name: numbers[name] for name in ordered}


def _is_number(value: float | None) -> bool:
    return value is not None and isfinite(value)


def _points(history: Sequence[JsonMapping], key: str, x: str) -> list[Point]:
    return [(row[x], row[key]) for row in history if _is_number(row.get(key))]


def _finite(curves: Mapping[str, Points]) -> dict[str, Points]:
    """Returns the curves with points, if there is more than one point to see."""
    plain = {name: points for name, points in curves.items() if points}
    return plain if any(len(points) > 1 for points in plain.values()) else {}


def _curves_sentence(
    curves: Mapping[str, Points], x_label: str, y_label: str, best_epoch: int | None
) -> str:
    parts = []
    for name, points in curves.items():
        if len(points) > 1:
            parts.append(
                f"{name} from {format_value(points[0][1])} to {format_value(points[-1][1])}"
            )
    last = max(points[-1][0] for points in curves.values())
    best = f"; the best {x_label} is {best_epoch}" if best_epoch and x_label == "epoch" else ""
    return f"Learning curve over {counted(int(last), x_label)}: {', '.join(parts)}{best}."


def _bars_sentence(bars: Mapping[str, float], title: str) -> str:
    values = ", ".join(f"{name} {format_score(value)}" for name, value in bars.items())
    return f"Bars of {title}: {values}."

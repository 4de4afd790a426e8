"""The still image of a trace: the input, the strip of layers, the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import dropwhile

import numpy as np

from kissipo.core.finding import counted
from kissipo.core.numpy_array import NumpyArray
from kissipo.core.text import format_value, list_some, shorten
from kissipo.inspect.trace import Step, Trace
from kissipo.inspect.tracing.recording import as_array
from kissipo.report.canvas import (
    DIM,
    PANEL,
    SERIES,
    WIDTH,
    Box,
    Canvas,
    StillImage,
    colors_of,
    wrapped,
)

_STAGES = {"input": "#0b6e6e", "process": "#6d3fc0", "output": "#a34700"}
_COLUMNS = {"input": (0, 168), "process": (188, 452), "output": (472, WIDTH)}
_TOP, _FOOT, _MIN_HEIGHT = 34, 22, 164
_MAX_LAYERS, _MAX_MAPS, _MAX_NAMES = 7, 6, 7
_MAX_LINES, _MAX_VARIABLES, _MAX_TOP, _MIN_STEPS = 9, 4, 5, 16
_PAD = "(padding)"
_SCALE_NOTE = (
    "blue to white to red: below to above zero; white to blue: from zero. "
    "Every layer has its own scale."
)


def trace_image(trace: Trace) -> StillImage:
    """Returns the image of one example on its path through the net."""
    every = layers_of(trace)
    layers = _some(every)
    rows = [_row_height(step) for step in layers]
    body = max(_MIN_HEIGHT, sum(rows) + 8)
    canvas = Canvas(_TOP + body + _FOOT)
    titles = {
        "input": "Input",
        "process": f"Process: {_counted_layers(layers, every)}",
        "output": "Output",
    }
    for stage, (start, end) in _COLUMNS.items():
        canvas.box((start, _TOP - 6, end, _TOP + body), fill=PANEL)
        canvas.box((start, _TOP - 6, end, _TOP - 4), fill=_STAGES[stage])
        canvas.text((start, 8), titles[stage], size=13, color=_STAGES[stage], strong=True)
    for x in (_COLUMNS["input"][1], _COLUMNS["process"][1]):
        _arrow(canvas, x + 4, _TOP + body / 2)
    is_net = trace.recording is not None
    text = _draw_input(canvas, trace, _inner("input", body))
    left, _, right, _ = _inner("process", body)
    y = _TOP + 6
    for step, height in zip(layers, rows, strict=True):
        _draw_layer(canvas, step, (left, y, right, y + height - 8), is_net=is_net)
        y += height
    answer = _draw_output(canvas, trace, _inner("output", body))
    canvas.text((0, canvas.height - 16), _SCALE_NOTE, size=11, color=DIM)
    names = list_some([_described(step) for step in every], 8, separator="; ")
    return canvas.still(f"Input: {text}. {counted(len(every), 'layer')}: {names}. {answer}")


def layers_of(trace: Trace) -> list[Step]:
    """Returns the layers once each, without those that change no number."""
    layers: list[Step] = []
    before = encoded_input(trace)
    names: set[str] = set()
    for step in trace.of("process"):
        value = np.asarray(step.value)
        if before is not None and np.array_equal(before.reshape(-1), value.reshape(-1)):
            continue
        if step.name not in names:
            layers.append(step)
        names.add(step.name)
        before = value
    return layers


def answer_sentence(trace: Trace) -> str:
    """Returns the prediction and the target in a sentence.

    Example:  >>> answer_sentence(Trace((), answer="spam (98.9%)", truth="spam"))
              'Answer: spam (98.9%), target: spam.'
    """
    if not trace.answer:
        return ""
    target = f", target: {trace.truth}" if trace.truth else ""
    return f"Answer: {_number_text(trace.answer)}{target}."


def _some(layers: Sequence[Step]) -> list[Step]:
    """Returns the first and the last layer, and as many between as there is room."""
    if len(layers) <= _MAX_LAYERS:
        return list(layers)
    indices = np.linspace(0, len(layers) - 1, _MAX_LAYERS).round().astype(int)
    return [layers[index] for index in indices]


def _counted_layers(some: Sequence[Step], every: Sequence[Step]) -> str:
    if len(some) == len(every):
        return counted(len(every), "layer")
    return f"{len(some)} of {counted(len(every), 'layer')}"


def _inner(stage: str, body: float) -> Box:
    left, right = _COLUMNS[stage]
    return left + 8, _TOP + 4, right - 8, _TOP + body - 6


def _arrow(canvas: Canvas, x: float, y: float) -> None:
    canvas.lines([(x, y), (x + 12, y)], DIM, width=1.5)
    canvas.lines([(x + 8, y - 4), (x + 12, y), (x + 8, y + 4)], DIM, width=1.5)


def _described(step: Step) -> str:
    return step.description or step.name


# the layers


def _row_height(step: Step) -> int:
    shape = np.shape(step.value)
    if np.size(step.value) <= 3:
        return 26
    return 68 if _maps(shape) else 64 if len(shape) == 2 and shape[0] > 1 else 40


def _maps(shape: Sequence[int]) -> bool:
    return len(shape) >= 3 and shape[-1] > 1 and shape[-2] > 1


def _draw_layer(canvas: Canvas, step: Step, box: Box, *, is_net: bool) -> None:
    """Draws the name, the shape and the numbers that a layer returns.

    is_net:  a matrix is (time, unit), and time runs from left to right
    """
    left, top, right, bottom = box
    value = np.asarray(step.value)
    if value.size <= 3:
        numbers = ", ".join(format_value(float(number)) for number in value.reshape(-1))
        canvas.text((right, top), numbers, size=12, anchor="ra", strong=True)
        canvas.text((left, top), _described(step), size=11, room=right - left - 8 * len(numbers))
        return
    shape = " x ".join(str(side) for side in step.shape)
    canvas.text((right, top), shape, size=11, color=DIM, anchor="ra")
    canvas.text((left, top), _described(step), size=11, room=right - left - 7 * len(shape) - 8)
    place = (left, top + 16, right, bottom)
    if _maps(value.shape):
        _draw_maps(canvas, value.reshape(-1, *value.shape[-2:]), place)
    else:
        plane = value.reshape(-1, value.shape[-1]) if value.ndim > 1 else value[None]
        canvas.pixels(place, colors_of(plane.T if is_net and len(plane) > 1 else plane))


def _draw_maps(canvas: Canvas, maps: NumpyArray, box: Box) -> None:
    left, top, right, bottom = box
    height = bottom - top
    width = min(height * maps.shape[-1] / maps.shape[-2], right - left)
    count = int(min(len(maps), _MAX_MAPS, (right - left + 4) // (width + 4)))
    colors = colors_of(maps[:count])
    for number in range(count):
        x = left + number * (width + 4)
        canvas.pixels((x, top, x + width, bottom), colors[number])
    if count < len(maps):
        text = f"+{len(maps) - count:,}"
        canvas.text(
            (left + count * (width + 4) + 2, (top + bottom) / 2),
            text,
            size=11,
            color=DIM,
            anchor="lm",
        )


# the input


def _draw_input(canvas: Canvas, trace: Trace, box: Box) -> str:
    """Draws the input of the net, and returns it in words."""
    raw = trace.of("input")[0] if trace.of("input") else None
    value, text = encoded_input(trace), _raw_text(raw)
    if value is None:
        _draw_text(canvas, text.split(" "), box)
        return text
    text = text or f"numbers, {_sides(value)}"
    tokens, features = trace.labels.get("time", ()), trace.labels.get("feature", ())
    if is_image(value):
        _draw_image(canvas, as_colors(value), box)
    elif tokens and value.dtype.kind in "iu":
        _draw_tokens(canvas, tokens, box)
    elif _is_series(value):
        _draw_series(canvas, value.reshape(len(value), -1), box)
    elif value.ndim == 2 and value.size:
        _draw_image(canvas, colors_of(value), box)
    elif value.ndim == 1 and len(features) == len(value) > 1:
        _draw_bars(canvas, dict(zip(features, value.tolist(), strict=True)), box, "scaled")
    else:
        lines = _draw_text(canvas, text.split(" "), box)
        top = box[1] + 17 * lines + 8
        if value.size > 1:
            canvas.pixels((box[0], top, box[2], top + 24), colors_of(value.reshape(1, -1)))
    return text


def _raw_text(raw: Step | None) -> str:
    """Returns the raw input in words."""
    if raw is None:
        return ""
    is_array = isinstance(raw.value, np.ndarray)
    value = f"numbers, {_sides(raw.value)}" if is_array else raw.value
    return shorten(" ".join(f"{raw.name}: {value}".split()), 160)


def _sides(array: NumpyArray) -> str:
    return " x ".join(str(side) for side in array.shape)


def _is_series(value: NumpyArray) -> bool:
    """Returns whether an array is a few variables over time."""
    if value.dtype.kind != "f" or not 1 <= value.ndim <= 2 or len(value) == 1 or not value.size:
        return False
    return len(value) > _MIN_STEPS if value.ndim == 1 else value.shape[1] <= _MAX_VARIABLES


def _draw_tokens(canvas: Canvas, tokens: Sequence[str], box: Box) -> None:
    """Writes the tokens of a text without the padding at its end."""
    words = list(dropwhile(lambda token: token == _PAD, tokens[::-1]))[::-1]
    is_words = any(len(word) > 1 for word in words if not word.startswith("("))
    _draw_text(canvas, words, box, gap=" " if is_words else "")


def encoded_input(trace: Trace) -> NumpyArray | None:
    """Returns the first input of the net, for one example."""
    arrays = [step.value for step in trace.of("input") if isinstance(step.value, np.ndarray)]
    if arrays:
        return np.asarray(arrays[0])
    values = [value for value in trace.values if value.origin == "input"]
    if not values:
        return None
    array = as_array(values[0].tensor)
    return array[0] if array.ndim > 1 else array


def is_image(value: NumpyArray) -> bool:
    """Returns whether an array is one image: one or three channels."""
    return value.ndim == 3 and value.shape[0] in (1, 3) and min(value.shape[1:]) > 1


def as_colors(image: NumpyArray) -> NumpyArray:
    """Returns an image (channel, height, width) as colors (height, width, 3)."""
    plain = np.nan_to_num(image.astype(np.float64))
    low, high = min(0.0, plain.min()), max(1.0, plain.max())
    gray = np.rint((plain - low) / (high - low) * 255).astype(np.uint8)
    return np.repeat(gray, 3 // len(gray), axis=0).transpose(1, 2, 0)


def _draw_image(canvas: Canvas, colors: NumpyArray, box: Box) -> None:
    left, top, right, bottom = box
    height, width = colors.shape[:2]
    size = min((right - left) / width, (bottom - top) / height)
    canvas.pixels((left, top, left + width * size, top + height * size), colors)


def _draw_text(canvas: Canvas, words: Sequence[str], box: Box, *, gap: str = " ") -> int:
    """Writes words in lines, and returns the number of lines."""
    lines = wrapped(words, 12, box[2] - box[0], gap=gap)
    rows = max(1, min(_MAX_LINES, int((box[3] - box[1]) // 17)))
    if len(lines) > rows:
        lines = [*lines[: rows - 1], lines[rows - 1] + " ..."]
    for number, line in enumerate(lines):
        canvas.text((box[0], box[1] + 17 * number), line, size=12, room=box[2] - box[0])
    return len(lines)


def _draw_series(canvas: Canvas, value: NumpyArray, box: Box) -> None:
    """Draws variables over time between the minimum and the maximum."""
    left, top, right, bottom = box[0], box[1] + 18, box[2], box[1] + 118
    curves = np.nan_to_num(value.astype(np.float64)).T[:_MAX_VARIABLES]
    low, high = curves.min(), curves.max()
    xs = np.linspace(left, right - 4, curves.shape[1])
    for curve, color in zip(curves, SERIES, strict=False):
        ys = bottom - (curve - low) / ((high - low) or 1) * (bottom - top)
        canvas.lines(list(zip(xs.tolist(), ys.tolist(), strict=True)), color)
        canvas.dot((float(xs[-1]), float(ys[-1])), color)
    ends = f"from {format_value(low, digits=3)} to {format_value(high, digits=3)}"
    canvas.text((left, box[1]), ends, size=11, color=DIM)
    more = f", {len(curves)} of {value.shape[1]} variables" if value.shape[1] > 1 else ""
    canvas.text((left, bottom + 8), f"{len(value)} steps{more}", size=11, color=DIM)


def _draw_bars(canvas: Canvas, values: Mapping[str, float], box: Box, note: str) -> None:
    """Draws signed numbers as bars from the middle."""
    left, top, right, _ = box
    items = list(values.items())[:_MAX_NAMES]
    room = 0.2 * (right - left)
    middle = right - room - 4
    longest = max(abs(value) for _, value in items) or 1
    for number, (name, value) in enumerate(items):
        y = top + 20 * number
        end = middle + value / longest * room
        color = "#b02a37" if value >= 0 else "#2166ac"
        canvas.box((min(middle, end), y + 2, max(middle, end) + 1, y + 14), fill=color)
        canvas.text((left, y), name, size=11, room=0.54 * (right - left))
    rest = len(values) - len(items)
    more = f"and {rest} more, {note}" if rest else note
    canvas.text((left, top + 20 * len(items)), more, size=11, color=DIM, room=right - left)


# the output


def _draw_output(canvas: Canvas, trace: Trace, box: Box) -> str:
    """Draws the answer, and returns it in words."""
    left, top, right, bottom = box
    y = top
    shares = _shares(trace)
    arrays = [step.value for step in trace.of("output") if isinstance(step.value, np.ndarray)]
    last = np.asarray(arrays[-1]) if arrays else _last_layer(trace)
    image = None if last is None else _answer_image(last, encoded_input(trace))
    if trace.answer or not (shares or image is not None):
        text = _number_text(trace.answer) if trace.answer else _number_list(last)
        for line in wrapped(text.split(" "), 16, right - left)[:3]:
            canvas.text((left, y), line, size=16, strong=True, room=right - left)
            y += 22
    if trace.truth:
        canvas.text((left, y), f"target: {trace.truth}", size=12, color=DIM, room=right - left)
        y += 20
    if shares:
        _draw_shares(canvas, shares, (left, y + 4, right, bottom))
    elif image is not None:
        _draw_image(canvas, image, (left, y + 4, right, bottom))
    else:
        note = _note(trace)
        for line in wrapped(note.split(" "), 12, right - left)[:6]:
            canvas.text((left, y), line, size=12, color=DIM, room=right - left)
            y += 17
    sentence = answer_sentence(trace) or f"Output: {_number_list(last)}."
    top_shares = ", ".join(f"{name} {share:.1%}" for name, share in shares.items())
    return f"{sentence} Most probable: {top_shares}." if shares else sentence


def _shares(trace: Trace) -> dict[str, float]:
    """Returns the most probable classes or tokens with their probabilities."""
    if trace.top:
        return {_token(unit): share for unit, share in trace.top[-1][:_MAX_TOP]}
    names = trace.labels.get("class", ())
    steps = [step for step in trace.of("output") if step.name == "probability"]
    if not names or not steps:
        return {}
    values = np.asarray(steps[-1].value, dtype=np.float64).reshape(-1)
    if len(names) == 1 and len(values) == 2:
        names = (f"not {names[0]}", names[0])
    if len(names) != len(values):
        return {}
    order = np.argsort(-values)[:_MAX_TOP]
    return {names[index]: float(values[index]) for index in order}


def _token(unit: str) -> str:
    return repr(unit) if unit.strip() else {" ": "(space)", "\n": "(newline)"}.get(unit, repr(unit))


def _draw_shares(canvas: Canvas, shares: Mapping[str, float], box: Box) -> None:
    left, top, right, bottom = box
    rows = max(1, int((bottom - top) // 30))
    for number, (name, share) in enumerate(list(shares.items())[:rows]):
        y = top + 30 * number
        canvas.text((left, y), name, size=11, room=right - left - 48, strong=number == 0)
        canvas.text((right, y), f"{share:.1%}", size=11, anchor="ra", strong=number == 0)
        canvas.box((left, y + 15, right, y + 21), fill="#e3e6ea")
        end = left + max(1.0, share * (right - left))
        canvas.box((left, y + 15, end, y + 21), fill=_STAGES["output"])


def _answer_image(value: NumpyArray, read: NumpyArray | None) -> NumpyArray | None:
    """Returns a mask, over the image that was read if it has its size, or an image."""
    if value.ndim == 2 and value.dtype.kind in "iub" and min(value.shape) > 8:
        if read is None or not is_image(read) or read.shape[1:] != value.shape:
            return colors_of(value)
        image = as_colors(read)
        covered = np.asarray([220, 50, 47]) * 0.6 + image * 0.4
        return np.where(value[..., None] > 0, covered, image).astype(np.uint8)
    return as_colors(value) if is_image(value) and min(value.shape[1:]) > 8 else None


def _note(trace: Trace) -> str:
    """Returns what is said about the last numbers of the output."""
    steps = [step for step in trace.of("output") if isinstance(step.value, np.ndarray)]
    return f"{steps[-1].name}: {steps[-1].description}" if steps else ""


def _last_layer(trace: Trace) -> NumpyArray | None:
    layers = trace.of("process")
    return np.asarray(layers[-1].value) if layers else None


def _number_list(value: NumpyArray | None) -> str:
    if value is None or not value.size:
        return ""
    numbers = [format_value(float(number), digits=3) for number in value.reshape(-1)[:4]]
    return ", ".join(numbers) + (f" and {value.size - 4:,} more" if value.size > 4 else "")


def _number_text(answer: str) -> str:
    """Returns an answer, a long number with six digits.

    Example:  >>> _number_text("358.2144319927677"), _number_text("7 (100.0%)")
              ('358.214', '7 (100.0%)')
    """
    try:
        return format_value(float(answer), digits=6)
    except ValueError:
        return answer

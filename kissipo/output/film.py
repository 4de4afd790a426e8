"""Film: one episode as images, with the Q-values of the actions below each of them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from kissipo.core.description import Chart, Detail, Film, Line, Record, Section
from kissipo.core.environment import Drawing
from kissipo.core.numpy_array import NumpyArray

_MAX_FRAMES, _MILLISECONDS = 120, 80
_ROW, _NAME, _VALUE, _MARGIN = 16, 92, 52, 8
_INK, _BLUE, _GRAY = "#333333", "#2563eb", "#a1a1aa"
_NOTE = (
    "The film shows the first of the reported episodes. Below each state stand the Q-values "
    "of all actions; the action with the largest one is taken."
)


def film_detail(
    draw: Drawing,
    states: Sequence[NumpyArray],
    q_values: NDArray[np.float64],
    actions: Sequence[int],
    rewards: Sequence[float],
    names: Sequence[str],
) -> Detail:
    """Returns the film of an episode, and its Q-values over the steps.

    Shapes:   q_values (step, action)
    """
    step = -(-len(actions) // _MAX_FRAMES)
    totals = np.cumsum(rewards)
    numbers = range(0, len(actions), step)
    frames = [
        _frame(
            draw(states[number]), q_values, number, actions[number], float(totals[number]), names
        )
        for number in numbers
    ]
    caption = f"{len(actions)} steps, return {totals[-1]:.4g}" + (
        f"; the film shows one step of every {step}" if step > 1 else ""
    )
    curves = {
        name: [(number + 1, float(q_values[number, action])) for number in range(len(actions))]
        for action, name in enumerate(names)
    }
    chart = Chart(curves, "step", "Q-value", height=220)
    value = {"steps": len(actions), "return": float(totals[-1])}
    records: list[Record] = [
        Film(frames, _MILLISECONDS * min(step, 3), caption),
        Line(_NOTE, "dim"),
        chart,
    ]
    return Detail(value, sections=(Section("Film of an episode", records),))


def _frame(
    image: NumpyArray,
    q_values: NDArray[np.float64],
    number: int,
    action: int,
    total: float,
    names: Sequence[str],
) -> NDArray[np.uint8]:
    """Returns an image with a bar per action below it; the taken one is blue."""
    height, width, _ = image.shape
    paper = Image.new("RGB", (width, height + _ROW * (len(names) + 1) + _MARGIN), "white")
    paper.paste(Image.fromarray(image), (0, 0))
    canvas, font = ImageDraw.Draw(paper), ImageFont.load_default()
    canvas.text((_MARGIN, height), f"step {number + 1}, return {total:.4g}", fill=_INK, font=font)
    low, high = float(q_values.min()), float(q_values.max())
    scale = (width - _NAME - _VALUE - _MARGIN) / ((high - low) or 1.0)
    for row, name in enumerate(names):
        y, value = height + _ROW * (row + 1), float(q_values[number, row])
        color = _BLUE if row == action else _GRAY
        canvas.text((_MARGIN, y), name[:14], fill=_INK, font=font)
        canvas.rectangle(
            [_NAME, y + 2, _NAME + 1 + scale * (value - low), y + _ROW - 3], fill=color
        )
        canvas.text((width - _VALUE, y), f"{value:.4g}", fill=_INK, font=font)
    return np.asarray(paper)

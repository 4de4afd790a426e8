"""Drawings of the states of environments, for the film of an episode.

gymnasium draws with pygame, which kissipo does not need; here Pillow alone draws.
An environment without a drawing of its own is drawn as a row of its states, or as one
bar per number.
"""

from collections.abc import Callable, Sequence
from math import cos, pi, sin

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kissipo.core.environment import Drawing
from kissipo.core.numpy_array import NumpyArray

WIDTH, HEIGHT = 320, 200
_PAPER, _INK, _BLUE, _GRAY = "white", "#333333", "#2563eb", "#d4d4d8"
_FIELDS = {"S": "#e0f2fe", "F": "#e0f2fe", "H": "#1e3a5f", "G": "#86efac", "C": "#1e3a5f"}
_MAX_BOXES = 64
Point = tuple[float, float]
Canvas = ImageDraw.ImageDraw


def drawing_of(
    kind: str, labels: Sequence[str], fields: Sequence[Sequence[str]], *, images: bool
) -> Drawing:
    """Returns the function that draws a state of an environment.

    kind:    the name of the environment without its version
    labels:  of its states, or of the numbers of a state
    fields:  rows of one letter per field, where the states are the fields of a grid:
             S start, F floor or ice, H hole, G goal, C cliff
    """
    if images:
        return _image
    if fields:
        return lambda state: _painted(lambda canvas: _grid(canvas, int(state), fields))
    special: dict[str, Callable[[Canvas, NumpyArray], None]] = {
        "CartPole": _cart_pole,
        "Acrobot": _acrobot,
        "LunarLander": _lander,
        "MountainCar": _mountain_car,
        "Taxi": _taxi,
    }
    if kind in special:
        return lambda state: _painted(lambda canvas: special[kind](canvas, state))
    return lambda state: _painted(lambda canvas: _labeled(canvas, state, labels))


def _painted(paint: Callable[[Canvas], None]) -> NumpyArray:
    paper = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
    paint(ImageDraw.Draw(paper))
    return np.asarray(paper)


def _image(state: NumpyArray) -> NumpyArray:
    """Draws the newest image of a stack, enlarged."""
    newest = Image.fromarray(state[-1]).convert("RGB")
    paper = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
    paper.paste(
        newest.resize((HEIGHT, HEIGHT), Image.Resampling.NEAREST), ((WIDTH - HEIGHT) // 2, 0)
    )
    return np.asarray(paper)


def _cart_pole(canvas: Canvas, state: NumpyArray) -> None:
    """The cart on its rail, 2.4 to each side, and the pole."""
    x, angle = WIDTH / 2 + float(state[0]) / 2.4 * (WIDTH / 2 - 30), float(state[2])
    canvas.line([(0, 150), (WIDTH, 150)], fill=_GRAY, width=2)
    canvas.rectangle([x - 22, 138, x + 22, 160], fill=_INK)
    canvas.line([(x, 140), (x + 100 * sin(angle), 140 - 100 * cos(angle))], fill=_BLUE, width=6)


def _acrobot(canvas: Canvas, state: NumpyArray) -> None:
    """Two rods of length 1 and the line that the tip has to reach."""
    first = float(np.arctan2(state[1], state[0]))
    second = first + float(np.arctan2(state[3], state[2]))
    points: list[Point] = [(WIDTH / 2, 96)]
    for angle in (first, second):
        x, y = points[-1]
        points.append((x + 46 * sin(angle), y + 46 * cos(angle)))
    canvas.line([(60, 50), (WIDTH - 60, 50)], fill=_GRAY, width=2)
    canvas.line(points[:2], fill=_INK, width=6)
    canvas.line(points[1:], fill=_BLUE, width=6)


def _lander(canvas: Canvas, state: NumpyArray) -> None:
    """The rocket above the ground between two flags; the ground is drawn flat."""
    x, y, angle = WIDTH / 2 + 140 * float(state[0]), 170 - 110 * float(state[1]), float(state[4])
    canvas.line([(0, 176), (WIDTH, 176)], fill=_INK, width=2)
    for side in (-28, 28):
        canvas.line([(WIDTH / 2 + side, 176), (WIDTH / 2 + side, 158)], fill="#ca8a04", width=2)
    corners = ((-9, -8), (9, -8), (6, 6), (14, 10), (-14, 10), (-6, 6))
    turned = [
        (x + a * cos(angle) + b * sin(angle), y - a * sin(angle) + b * cos(angle))
        for a, b in corners
    ]
    canvas.polygon(turned, fill=_BLUE)


def _mountain_car(canvas: Canvas, state: NumpyArray) -> None:
    """The valley, the car in it and the flag."""

    def place(position: float) -> Point:
        return (position + 1.25) / 1.9 * WIDTH, 120 - 50 * sin(3 * position)

    canvas.line([place(-1.2 + number / 50) for number in range(91)], fill=_GRAY, width=3)
    (x, y), (flag, ground) = place(float(state[0])), place(0.5)
    canvas.line([(flag, ground), (flag, ground - 30)], fill="#ca8a04", width=3)
    canvas.ellipse([x - 8, y - 16, x + 8, y], fill=_BLUE)


def _taxi(canvas: Canvas, state: NumpyArray) -> None:
    """Five by five fields, the taxi, the passenger P and the destination D.

    state = ((row · 5 + column) · 5 + passenger) · 4 + destination; 4: in the taxi
    """
    rest, destination = divmod(int(state), 4)
    field, passenger = divmod(rest, 5)
    stands, side, left = (0, 4, 20, 23), 36, (WIDTH - 180) / 2  # red, green, yellow, blue
    for number in range(25):
        x, y = left + number % 5 * side, 10 + number // 5 * side
        color = "#86efac" if number == stands[destination] else _PAPER
        canvas.rectangle([x, y, x + side, y + side], fill=color, outline=_GRAY)
    x, y = left + field % 5 * side, 10 + field // 5 * side
    full = passenger == len(stands)
    canvas.ellipse([x + 6, y + 6, x + side - 6, y + side - 6], fill=_BLUE if full else _INK)
    for letter, place in (("D", destination), *(() if full else (("P", passenger),))):
        x, y = left + stands[place] % 5 * side, 10 + stands[place] // 5 * side
        canvas.text((x + (3 if letter == "D" else 26), y + 2), letter, fill="#b91c1c")


def _grid(canvas: Canvas, state: int, fields: Sequence[Sequence[str]]) -> None:
    """The fields by their letters, and a disc for the agent."""
    rows, columns = len(fields), len(fields[0])
    side = min((WIDTH - 8) / columns, (HEIGHT - 8) / rows)
    left, top = (WIDTH - side * columns) / 2, (HEIGHT - side * rows) / 2
    for row, letters in enumerate(fields):
        for column, letter in enumerate(letters):
            x, y = left + column * side, top + row * side
            color = _FIELDS.get(letter, _PAPER)
            canvas.rectangle([x, y, x + side, y + side], fill=color, outline=_GRAY)
    x, y = left + state % columns * side, top + state // columns * side
    canvas.ellipse([x + side / 4, y + side / 4, x + side * 0.75, y + side * 0.75], fill=_BLUE)


def _labeled(canvas: Canvas, state: NumpyArray, labels: Sequence[str]) -> None:
    """A bar per number, or a circle of states in which the state is marked."""
    font = ImageFont.load_default()
    if state.ndim:
        step = (HEIGHT - 16) / max(1, len(state))
        for number, value in enumerate(state.tolist()):
            y, length = 8 + number * step, 70 * value / (1 + abs(value))
            canvas.text((6, y), labels[number][:16], fill=_INK, font=font)
            ends = [min(210, 210 + length), y, max(210, 210 + length), y + step * 0.7]
            canvas.rectangle(ends, fill=_BLUE)
        return
    count = len(labels)
    if count > _MAX_BOXES:
        canvas.text((20, 90), f"state {labels[int(state)]}"[:48], fill=_INK, font=font)
        return
    for number in range(count):
        angle = 2 * pi * number / count
        x, y = WIDTH / 2 - 100 * cos(angle), HEIGHT / 2 - 75 * sin(angle)
        color = _BLUE if number == int(state) else _GRAY
        canvas.ellipse([x - 9, y - 9, x + 9, y + 9], fill=color)
        canvas.text((x - 20, y + 10), labels[number][:10], fill=_INK, font=font)

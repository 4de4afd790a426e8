"""Board drawings of the report: points, the true and the predicted move."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from kissipo.core.description import Section
from kissipo.core.frame import Frame, numbers, strings
from kissipo.plugins.go.codecs.board import Board
from kissipo.report import render


def drawn(boards: list[str], captions: list[str], moves: list[int], answers: list[int]) -> str:
    """The boards as the report shows them."""
    frame = Frame((
        strings("board", boards),
        strings("game", ["game <1>"] * len(boards)),
        numbers("number", range(7, 7 + len(boards))),
    ))  # fmt: skip
    return render.html(Section("", Board("board").drawings(frame, captions, moves, answers)))


def places(page: str, kind: str) -> list[tuple[float, float]]:
    """Columns and rows of all circles of a kind, from the first crossing."""
    circles = re.findall(rf'<circle class="{kind}" cx="(\d+)" cy="(\d+)"', page)
    return [((int(x) - 6) / 11, (int(y) - 6) / 11) for x, y in circles]


def test_board_draws_points_and_moves_in_place() -> None:
    page = drawn(["X..O....X"], ["A2"], [1], [5])
    assert (places(page, "own"), places(page, "other")) == ([(0, 0), (2, 2)], [(0, 1)])
    root = ElementTree.fromstring(page[page.index("<svg") : page.index("</svg>") + 6])
    square, ring = root.find("rect"), root.findall("circle")[-1]
    assert square is not None
    assert [float(square.attrib[axis]) + 4 for axis in "xy"] == [6 + 11, 6]
    assert [float(ring.attrib[axis]) for axis in ("cx", "cy")] == [6 + 22, 6 + 11]


def test_boards_escape_their_captions() -> None:
    page = drawn(["....", "...."], ["A2", "b"], [0, 0], [1, 1])
    assert page.count("<figure>") == 2
    assert "game &lt;1&gt;, move 7: A2" in page

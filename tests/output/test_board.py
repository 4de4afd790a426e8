"""Board drawings of the report: points, the true and the predicted move."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from kissipo.report.board_drawing import board, boards


def places(drawn: str, kind: str) -> list[tuple[float, float]]:
    """Columns and rows of all circles of a kind, from the first crossing."""
    circles = re.findall(rf'<circle class="{kind}" cx="(\d+)" cy="(\d+)"', drawn)
    return [((int(x) - 6) / 11, (int(y) - 6) / 11) for x, y in circles]


def test_board_draws_points_and_moves_in_place() -> None:
    drawn = board("X..O....X", move=1, answered=5)
    assert (places(drawn, "own"), places(drawn, "other")) == ([(0, 0), (2, 2)], [(0, 1)])
    root = ElementTree.fromstring(drawn)
    square, ring = root.find("rect"), root.findall("circle")[-1]
    assert square is not None
    assert [float(square.attrib[axis]) + 4 for axis in "xy"] == [6 + 11, 6]
    assert [float(ring.attrib[axis]) for axis in ("cx", "cy")] == [6 + 22, 6 + 11]


def test_boards_escape_their_captions() -> None:
    page = boards([board("....", move=0, answered=1)] * 2, ["game <1>, move 7: A2", "b"])
    assert page.count("<figure>") == 2
    assert "game &lt;1&gt;, move 7: A2" in page

"""A board in the report: every stone where it stands, the move that was made and the one that was answered."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from kissipo.report.board_drawing import board, boards


def places(drawn: str, kind: str) -> list[tuple[float, float]]:
    """Columns and rows of all marks of a kind, counted from the first crossing."""
    found = re.findall(rf'<circle class="{kind}" cx="(\d+)" cy="(\d+)"', drawn)
    return [((int(x) - 6) / 11, (int(y) - 6) / 11) for x, y in found]


def test_stones_and_marks_stand_where_they_are() -> None:
    drawn = board("X..O....X", made=1, answered=5)
    assert (places(drawn, "own"), places(drawn, "other")) == ([(0, 0), (2, 2)], [(0, 1)])
    root = ElementTree.fromstring(drawn)
    made, ring = root.find("rect"), root.findall("circle")[-1]
    assert made is not None
    assert [float(made.attrib[each]) + 4 for each in "xy"] == [6 + 11, 6]
    assert [float(ring.attrib[each]) for each in ("cx", "cy")] == [6 + 22, 6 + 11]


def test_boards_beside_each_other_say_what_is_what_and_is_safe_to_open() -> None:
    page = boards([board("....", made=0, answered=1)] * 2, ["game <1>, move 7: A2", "b"])
    assert page.count("<figure>") == 2
    assert "game &lt;1&gt;, move 7: A2" in page

"""Entity precision, recall and F1: worked by hand, and equal to seqeval's figures."""

from __future__ import annotations

import numpy as np
import pytest

from kissipo.output.metrics.entities import count_names, names_in, rates

# x and y are kinds: B and I of x, b and i of y; random tags, and those of a net
TRUTH = (
    "bbBIIBbBO OBbbBbBbB bOBBBbiBI bOOBbObbi BbiBObBbO BObBbObBO bBBbBOBOB BbiiiBIII BBIObiBIO "
    "OBObBbOBI BObObiiBb bibBBIBOB ObBIIOBbO BIbbObObB BbBbBIObi bBbbBibOb BBbBBIbOb bibOBbBbB "
    "bBIBBbIBb bObObOBbi"
)
PREDICTED = (
    "bbBIIBIOO OBIObbBOB bOBBBbbBI iiIBbObbI ObiBBbbbO OObIiObIb bBBbiiBOB BbiiBBIII BBBObiBIO "
    "OBIIBbBBI BObObiiBb BIbBOIBOB ibBIIOBbO bBbbbObBB ibBbbIbbi bbBbBibOb BBOBIOOIb bibOBOBiB "
    "biIBiIbBb bOiOiOBii"
)
IDS = {"O": 1, "B": 2, "I": 3, "b": 4, "i": 5}


def ids_of(text: str) -> list[list[int]]:
    return [[IDS[letter] for letter in sentence] for sentence in text.split()]


@pytest.mark.parametrize(
    ("strict", "figures"),
    [
        # seqeval 1.2.2: precision, recall and F1 with mode="strict" and scheme=IOB2
        (True, (0.71, 0.612069, 0.657407)),
        # the same without mode and scheme, as conlleval counts
        (False, (0.663866, 0.669492, 0.666667)),
    ],
)
def test_both_readings_equal_seqeval(strict: bool, figures: tuple[float, ...]) -> None:
    counts = count_names(ids_of(TRUTH), ids_of(PREDICTED), 2, strict=strict)
    assert [float(rate) for rate in rates(counts.sum(axis=(0, 1)))] == pytest.approx(
        figures, abs=1e-6
    )


@pytest.mark.parametrize(
    ("tags", "strict", "lenient"),
    [
        ("BIOb", {(0, 2, 0), (3, 4, 1)}, {(0, 2, 0), (3, 4, 1)}),
        ("OIIO", set(), {(1, 3, 0)}),
        ("Bi", {(0, 1, 0)}, {(0, 1, 0), (1, 2, 1)}),
        ("BBI", {(0, 1, 0), (1, 3, 0)}, {(0, 1, 0), (1, 3, 0)}),
        ("iIi", set(), {(0, 1, 1), (1, 2, 0), (2, 3, 1)}),
        ("", set(), set()),
    ],
)
def test_names_of_tags(tags: str, strict: set[object], lenient: set[object]) -> None:
    ids = [IDS[letter] for letter in tags]
    assert (names_in(ids, strict=True), names_in(ids, strict=False)) == (strict, lenient)


def test_a_name_with_a_word_too_few_is_false_and_not_found() -> None:
    counts = count_names(ids_of("BIIO"), ids_of("BIOO"), 1, strict=True)
    assert counts[0].tolist() == [[0, 1, 1]]
    precision, recall, f1 = (float(rate) for rate in rates(np.array([2, 3, 6])))
    assert (precision, recall, f1) == (2 / 3, 2 / 6, 4 / 9)

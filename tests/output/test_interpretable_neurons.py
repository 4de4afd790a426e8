"""Telling neurons: activities made to go with something are found, beside numpy's own correlation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from kissipo.output.interpretable_neurons import Telling, choose, telling

TEXT = (
    'He said "No (or yes)."\nThe 12 mice ran.\n"Why 3?" she asked (twice).\nNobody knew it in the house at all.\n'
    * 3
)
UNITS = list(TEXT)


def in_line(at: int) -> float:
    return float(at - TEXT.rfind("\n", 0, at + 1))


MADE: dict[str, Callable[[int], float]] = {
    "the place in the line": in_line,
    "being inside quotes": lambda at: TEXT[: at + 1].count('"') % 2,
    "being inside brackets": lambda at: TEXT[: at + 1].count("(") > TEXT[: at + 1].count(")"),
    "the place in the word": lambda at: len(TEXT[: at + 1].replace("\n", " ").rsplit(" ", 1)[-1]),
    "a blank just read": lambda at: TEXT[at] in " \n",
    "a capital just read": lambda at: "A" <= TEXT[at] <= "Z",
    "a digit just read": lambda at: TEXT[at] in "0123456789",
}


def activity(*things: str) -> np.ndarray:
    """Noise, then one neuron for each thing with a little noise on it."""
    generator = np.random.default_rng(0)
    columns = [generator.uniform(-1, 1, len(TEXT)) for _ in range(3)]
    for number, thing in enumerate(things):
        truth = np.array([float(MADE[thing](at)) for at in range(len(TEXT))])
        sign = -1 if number % 2 else 1
        columns.append(sign * truth / truth.max() + 0.02 * generator.standard_normal(len(TEXT)))
    return np.stack(columns, axis=1).astype(np.float32)


@pytest.mark.parametrize("thing", MADE)
def test_a_neuron_that_goes_with_a_thing_is_found(thing: str) -> None:
    made = activity(thing)
    found = next(each for each in telling(made, UNITS) if each.about == thing)
    truth = [float(MADE[thing](at)) for at in range(len(TEXT))]
    assert found.neuron == 3
    assert found.correlation == pytest.approx(np.corrcoef(made[:, 3], truth)[0, 1], rel=1e-4)
    assert found.correlation > 0.9


def test_what_must_be_remembered_comes_before_what_was_just_read() -> None:
    made = activity("a blank just read", "being inside quotes")
    neuron, why = choose(made, telling(made, UNITS))
    assert neuron == 4 and why == "its activity goes with being inside quotes (correlation -1.00)"
    made = activity("a blank just read")
    assert (
        choose(made, telling(made, UNITS))[1]
        == "its activity goes with a blank just read (correlation +1.00)"
    )


def test_without_anything_clear_the_liveliest_is_looked_at() -> None:
    generator = np.random.default_rng(1)
    noise = generator.uniform(-0.1, 0.1, (len(TEXT), 4))
    noise[:, 2] *= 9
    neuron, why = choose(noise, telling(noise, UNITS))
    assert (
        neuron == 2
        and why.startswith("it moves most (standard deviation 0.5")
        and "none goes clearly" in why
    )
    assert telling(noise, UNITS) == []
    made = activity("being inside quotes")[:40]
    assert "too short to say more" in choose(made, telling(made, UNITS[:40]))[1]


def test_what_never_changes_tells_nothing() -> None:
    assert telling(np.ones((5, 2)), list("ab cD")) == []
    assert telling(np.random.default_rng(0).uniform(size=(6, 2)), ["a"] * 6) == []
    assert telling(np.zeros((1, 3)), ["("]) == []


def test_words_and_other_quotes_are_units_too() -> None:
    words = ["the", "“old", "man”", "(and", "he)", "said", "«oui", "bien»", "「好」", "end"] * 12
    inside = np.array([0, 1, 0, 0, 0, 0, 1, 0, 0, 0] * 12, dtype=float)
    brackets = np.array([0, 0, 0, 1, 0, 0, 0, 0, 0, 0] * 12, dtype=float)
    found = {each.about: each for each in telling(np.stack([inside, brackets], axis=1), words)}
    assert found["being inside quotes"] == Telling(0, "being inside quotes", pytest.approx(1.0))  # type: ignore[arg-type]
    assert found["being inside brackets"].neuron == 1
    assert "the place in the line" not in found and "the place in the word" not in found

"""Interpretable neurons: correlations equal numpy's, the best neuron is chosen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from kissipo.output.interpretable_neurons import choose, interpretable_neurons

TEXT = 3 * (
    'He said "No (or yes)."\nThe 12 mice ran.\n"Why 3?" she asked (twice).\n'
    "Nobody knew it in the house at all.\n"
)
UNITS = list(TEXT)


def position_in_line(index: int) -> float:
    return float(index - TEXT.rfind("\n", 0, index + 1))


PROPERTIES: dict[str, Callable[[int], float]] = {
    "position in the line": position_in_line,
    "inside quotes": lambda index: TEXT[: index + 1].count('"') % 2,
    "inside brackets": lambda index: TEXT[: index + 1].count("(") > TEXT[: index + 1].count(")"),
    "position in the word": lambda index: len(
        TEXT[: index + 1].replace("\n", " ").rsplit(" ", 1)[-1]
    ),
    "after a space": lambda index: TEXT[index] in " \n",
    "after a capital letter": lambda index: "A" <= TEXT[index] <= "Z",
    "after a digit": lambda index: TEXT[index] in "0123456789",
}


def activations_of(*names: str) -> np.ndarray:
    """Three neurons of noise, then one noisy neuron per property."""
    generator = np.random.default_rng(0)
    columns = [generator.uniform(-1, 1, len(TEXT)) for _ in range(3)]
    for number, about in enumerate(names):
        truth = np.array([float(PROPERTIES[about](index)) for index in range(len(TEXT))])
        sign = -1 if number % 2 else 1
        columns.append(sign * truth / truth.max() + 0.02 * generator.standard_normal(len(TEXT)))
    return np.stack(columns, axis=1).astype(np.float32)


@pytest.mark.parametrize("about", PROPERTIES)
def test_correlated_neuron_is_detected(about: str) -> None:
    activations = activations_of(about)
    neuron = next(item for item in interpretable_neurons(activations, UNITS) if item.about == about)
    truth = [float(PROPERTIES[about](index)) for index in range(len(TEXT))]
    expected = np.corrcoef(activations[:, 3], truth)[0, 1]
    assert neuron.neuron == 3
    assert neuron.correlation == pytest.approx(expected, rel=1e-4)
    assert neuron.correlation > 0.9


def test_choose_prefers_a_property_that_needs_memory() -> None:
    activations = activations_of("after a space", "inside quotes")
    neuron, why = choose(activations, interpretable_neurons(activations, UNITS))
    assert neuron == 4 and why == "it correlates with 'inside quotes' (r = -1.00)"
    activations = activations_of("after a space")
    assert (
        choose(activations, interpretable_neurons(activations, UNITS))[1]
        == "it correlates with 'after a space' (r = +1.00)"
    )


def test_choose_falls_back_to_the_largest_std() -> None:
    generator = np.random.default_rng(1)
    noise = generator.uniform(-0.1, 0.1, (len(TEXT), 4))
    noise[:, 2] *= 9
    neuron, why = choose(noise, interpretable_neurons(noise, UNITS))
    assert (
        neuron == 2
        and why.startswith("it has the largest standard deviation (0.5")
        and "no neuron correlates strongly" in why
    )
    assert interpretable_neurons(noise, UNITS) == []
    activations = activations_of("inside quotes")[:40]
    assert (
        "too short for correlations"
        in choose(activations, interpretable_neurons(activations, UNITS[:40]))[1]
    )


def test_constant_activations_have_no_correlation() -> None:
    assert interpretable_neurons(np.ones((5, 2)), list("ab cD")) == []
    assert interpretable_neurons(np.random.default_rng(0).uniform(size=(6, 2)), ["a"] * 6) == []
    assert interpretable_neurons(np.zeros((1, 3)), ["("]) == []


def test_properties_of_words_and_other_quotes() -> None:
    words = ["the", "“old", "man”", "(and", "he)", "said", "«oui", "bien»", "「好」", "end"] * 12
    inside = np.array([0, 1, 0, 0, 0, 0, 1, 0, 0, 0] * 12, dtype=float)
    brackets = np.array([0, 0, 0, 1, 0, 0, 0, 0, 0, 0] * 12, dtype=float)
    neurons = {
        neuron.about: neuron
        for neuron in interpretable_neurons(np.stack([inside, brackets], axis=1), words)
    }
    quotes = neurons["inside quotes"]
    assert (quotes.neuron, quotes.correlation) == (0, pytest.approx(1.0))
    assert neurons["inside brackets"].neuron == 1
    assert "position in the line" not in neurons and "position in the word" not in neurons

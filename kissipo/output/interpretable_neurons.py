"""Interpretable neurons: their activation correlates with a property of the text.

For each property (position in the line, inside quotes ...) it finds the neuron with the
maximum correlation r over all tokens of the text:
r = mean of (h - mean h)(z - mean z) / (std of h · std of z).

Shapes:   activations (time, neuron), units (time)
Source:   the quote, line and bracket cells of Karpathy, Johnson and Fei-Fei,
          Visualizing and Understanding Recurrent Networks, 2015.
Example:  >>> activations = np.array([[0, 0.9], [0.3, -0.9], [-0.1, -0.8], [0.1, 0.7]])
          >>> (neuron,) = interpretable_neurons(activations, ["A", "b", "c", "D"])
          >>> neuron.neuron, neuron.about, round(neuron.correlation, 2)
          (1, 'after a capital letter', 1.0)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_STRONG, _WEAK = 0.5, 0.3
_SHORT = 100


@dataclass(frozen=True)
class InterpretableNeuron:
    """A neuron, the property it correlates with, and the correlation."""

    neuron: int
    about: str
    correlation: float


def interpretable_neurons(
    activations: NDArray[np.floating], units: Sequence[str]
) -> list[InterpretableNeuron]:
    """Returns the best neuron per property, if it correlates at all.

    Properties that need memory come first, properties of the last token after them.
    """
    neurons = []
    for about, property_of in (_MEMORY | _LAST_TOKEN).items():
        target = np.array(property_of(units), dtype=np.float64)
        correlations = _correlations(activations.astype(np.float64), target)
        best = int(np.abs(correlations).argmax())
        if abs(correlations[best]) >= _WEAK:
            neurons.append(InterpretableNeuron(best, about, float(correlations[best])))
    return neurons


def choose(
    activations: NDArray[np.floating], neurons: Sequence[InterpretableNeuron]
) -> tuple[int, str]:
    """Returns the neuron to show first, and the reason.

    It prefers a property that needs memory, then one of the last token, then the neuron
    with the largest standard deviation.
    """
    strong = (
        [neuron for neuron in neurons if abs(neuron.correlation) >= _STRONG]
        if len(activations) >= _SHORT
        else []
    )
    memory = [neuron for neuron in strong if neuron.about in _MEMORY]
    if strong:
        best = max(memory or strong, key=lambda neuron: abs(neuron.correlation))
        return best.neuron, f"it correlates with '{best.about}' (r = {best.correlation:+.2f})"
    stds = activations.std(axis=0)
    largest = int(stds.argmax())
    reason = (
        "the text is too short for correlations"
        if len(activations) < _SHORT
        else "no neuron correlates strongly with a simple property"
    )
    return largest, f"it has the largest standard deviation ({stds[largest]:.2f}); {reason}"


def _correlations(
    activations: NDArray[np.floating], target: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Returns each neuron's correlation with the target; 0 where either is constant."""
    centered, z = activations - activations.mean(axis=0), target - target.mean()
    scale = np.sqrt((centered**2).sum(axis=0) * (z**2).sum())
    return np.divide(z @ centered, scale, out=np.zeros(activations.shape[1]), where=scale > 1e-12)


def _since(units: Sequence[str], ends: Callable[[str], bool]) -> list[float]:
    """Returns for each token the number of tokens since the last end."""
    counts, count = [], 0
    for unit in units:
        count = 0 if ends(unit) else count + 1
        counts.append(float(count))
    return counts


def _in_line(units: Sequence[str]) -> list[float]:
    return (
        _since(units, lambda unit: "\n" in unit)
        if any("\n" in unit for unit in units)
        else [0.0] * len(units)
    )


def _in_quotes(units: Sequence[str]) -> list[float]:
    values, inside = [], False
    for unit in units:
        for sign in unit:
            inside = (
                not inside if sign == '"' else sign in "“«「" or (inside and sign not in "”»」")
            )
        values.append(float(inside))
    return values


def _in_brackets(units: Sequence[str]) -> list[float]:
    values, depth = [], 0
    for unit in units:
        for sign in unit:
            depth = max(0, depth + (sign in "([{") - (sign in ")]}"))
        values.append(float(depth > 0))
    return values


_MEMORY: dict[str, Callable[[Sequence[str]], list[float]]] = {
    "position in the line": _in_line,
    "inside quotes": _in_quotes,
    "inside brackets": _in_brackets,
}
_LAST_TOKEN: dict[str, Callable[[Sequence[str]], list[float]]] = {
    "position in the word": lambda units: (
        _since(units, str.isspace) if any(map(str.isspace, units)) else [0.0] * len(units)
    ),
    "after a space": lambda units: [float(unit.isspace()) for unit in units],
    "after a capital letter": lambda units: [float(unit[:1].isupper()) for unit in units],
    "after a digit": lambda units: [float(unit[:1].isdigit()) for unit in units],
}

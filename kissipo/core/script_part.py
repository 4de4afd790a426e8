"""What the parts of a task contribute to the script of `kissipo eject`.

The loop of the script is a template of `export/script/`. An answer adds its metrics, a
loss or a layer its definition, and an algorithm says whether the loop is its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from kissipo.core.algorithm import Monitor


@dataclass(frozen=True)
class ScriptPart:
    """The metrics of one answer as Python text.

    The text reads the outputs and the targets of the answer, `outputs[number]` and
    `targets[number]`.

    metrics:  lines that add metrics to the dictionary `values`
    quality:  an expression, the quality of each sample (sample); higher is better
    imports:  the import lines that both need
    min_gain: an expression of `gain`, the gains in quality since a solved start; an
              epoch is better if their mean is above it
    definitions: functions of kissipo that both call; they are copied into the script
    """

    metrics: tuple[str, ...]
    quality: str
    imports: tuple[str, ...] = ()
    definitions: tuple[Callable[..., object], ...] = ()
    min_gain: str = "float(gain.std()) / len(gain) ** 0.5"


@dataclass(frozen=True)
class ScriptDefinition:
    """A function or a class as Python text.

    Names that the text uses are copied from the file that writes it, so `imports` lists
    only those that this file does not import.
    """

    name: str
    text: str
    imports: tuple[str, ...] = ()


@runtime_checkable
class Scripted(Protocol):
    """A loss or a layer that writes its definition itself.

    Of all others the source is copied.
    """

    def script(self) -> ScriptDefinition:
        """Returns the definition of this object."""
        ...


@runtime_checkable
class ScriptedAlgorithm(Protocol):
    """An algorithm that trains with the loop of the script: one step per batch.

    losses:           the losses that evaluate the net, one per answer
    training_losses:  the losses that train it
    takes_targets:    whether the net gets the targets for its losses (teacher forcing)
    monitor:          what chooses the best epoch
    """

    losses: tuple[Callable[..., Tensor], ...]
    training_losses: tuple[Callable[..., Tensor], ...]
    takes_targets: bool
    monitor: Monitor | None
    options: Any

    def unwritten_options(self) -> list[str]:
        """Returns the names of the options in use that the loop does not support."""
        ...

"""X-ray of a text: the states of a language model, and a neuron as color."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import counted
from kissipo.core.json_object import JsonObject
from kissipo.core.output_file import write_text
from kissipo.input.formats.files import open_text
from kissipo.inspect.next_token import read_along
from kissipo.inspect.trace import Trace
from kissipo.output.interpretable_neurons import InterpretableNeuron, choose, interpretable_neurons
from kissipo.output.vocabulary import MAX_UNITS, Vocabulary
from kissipo.runs.example import stored_example
from kissipo.runs.trace_example import trace_of
from kissipo.runs.trained import TrainedModel
from kissipo.runs.xray.page import page_of


@dataclass(frozen=True)
class Xray:
    """The states and the predictions of a recurrent net at each token of a text.

    kind:       the kind of tokens: characters or words
    units:      the tokens of the text
    cell:       rnn, lstm or gru
    states:     h of the last recurrent layer after each token (time, neuron)
    top:        the most probable next tokens after each token, with their probabilities
    neuron:     the selected neuron, counted from 0
    why:        the reason for the selection
    interpretable_neurons:  neurons that correlate with a feature of the text
    notes:      remarks on unknown tokens
    follow:     returns the trace of this text, for the page
    """

    run: str
    kind: str
    units: tuple[str, ...]
    cell: str
    states: NDArray[np.float32]
    top: tuple[tuple[tuple[str, float], ...], ...]
    neuron: int
    why: str
    interpretable_neurons: tuple[InterpretableNeuron, ...]
    notes: tuple[str, ...] = ()
    follow: Callable[[], Trace] = field(kw_only=True, repr=False, compare=False)

    @property
    def activity(self) -> NDArray[np.float32]:
        """The activation of the selected neuron (time)."""
        return self.states[:, self.neuron]

    def to_json(self) -> JsonObject:
        """Returns the form of docs/json.md, with the selected neuron only."""
        top = [[{"unit": unit, "probability": chance} for unit, chance in row] for row in self.top]
        return {
            "run": self.run,
            "kind": self.kind,
            "cell": self.cell,
            "neurons": self.states.shape[1],
            "neuron": self.neuron,
            "why": self.why,
            "interpretable_neurons": [vars(neuron) for neuron in self.interpretable_neurons],
            "units": list(self.units),
            "activity": self.activity.tolist(),
            "top": top,
            "notes": list(self.notes),
        }

    def to_html(self) -> str:
        """Returns a page that opens offline, with all neurons and their gates."""
        read = counted(len(self.units), self.kind.removesuffix("s"))
        return page_of(
            self.follow(),
            title=f"{Path(self.run).resolve().name}: a text colored by a neuron",
            subtitle=f"{self.cell.upper()} of {self.states.shape[1]} neurons, {read} read",
            run=self.run,
            neurons={
                "unit": self.neuron,
                "why": self.why,
                "others": [
                    {
                        "unit": neuron.neuron,
                        "about": f"{neuron.about} (correlation {neuron.correlation:+.2f})",
                    }
                    for neuron in self.interpretable_neurons
                ],
            },
        )

    def save(self, path: Path | str) -> Path:
        """Writes the page.

        Raises:   MachineError when the file cannot be written.
        """
        return write_text(path, self.to_html())


def recurrent_vocabulary(run: TrainedModel) -> Vocabulary | None:
    """Returns the tokens of a recurrent language model; None for other runs."""
    is_recurrent = any(isinstance(layer, nn.RNNBase) for layer in run.net.modules())
    return run.answers[0].vocabulary if is_recurrent else None


def xray(
    run: TrainedModel,
    vocabulary: Vocabulary,
    text: str | Path | None = None,
    neuron: int | None = None,
    *,
    position: int = 0,
) -> Xray:
    """Reads a text, a text file, or a window of the test split.

    neuron:   the neuron that colors the text; default: an interpretable neuron
    Raises:   DataError when the text is empty or too long; TaskError when there is no
              such neuron.
    """
    words = vocabulary.labels
    notes: list[str] = []
    if text is None:
        ids = stored_example(run, position).dataset.batch(slice(0, 1)).inputs[0][0]
        units = [words[index] for index in ids.tolist()]
        which = "the first window" if position == 0 else f"window {position + 1}"
        notes.append(f"this is {which} of the {run.pipeline().shown_split} split")
    else:
        text = _read(text)
        units, frame = vocabulary.split(text)
        if not 1 <= len(units) <= MAX_UNITS:
            raise DataError(
                "the text is empty" if not units else "the text is too long",
                got="" if not units else f"{len(units):,} {vocabulary.unit}",
                allowed=f"1 to {MAX_UNITS:,} {vocabulary.unit}",
            )
        ids = vocabulary.codec.encode(frame)
        notes += vocabulary.codec.remarks(frame)
    reading = read_along(run.net, ids)
    assert reading is not None
    states = reading.states.numpy()
    if neuron is not None and not 0 <= neuron < states.shape[1]:
        raise TaskError(
            "there is no such neuron", got=str(neuron), allowed=f"0 to {states.shape[1] - 1}"
        )
    rows = zip(reading.top.tolist(), reading.probabilities.tolist(), strict=True)
    top = tuple(
        tuple((words[index], p) for index, p in zip(ids, chances, strict=True))
        for ids, chances in rows
    )
    interpretable = tuple(interpretable_neurons(states, units))
    selected, why = (
        choose(states, interpretable) if neuron is None else (neuron, "selected by --neuron")
    )
    return Xray(
        str(run.folder),
        vocabulary.unit,
        tuple(units),
        reading.cell,
        states,
        top,
        selected,
        why,
        interpretable,
        tuple(notes),
        follow=cache(lambda: trace_of(run, () if text is None else (text,), position=position)),
    )


def _read(text: str | Path) -> str:
    """Returns a text, or the text of a file."""
    if isinstance(text, str):
        return text
    with open_text(text, "utf-8") as file:
        content: str = file.read()
    return content

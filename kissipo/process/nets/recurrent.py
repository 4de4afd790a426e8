"""Recurrent net: reads a sequence step by step and keeps a state; vanilla, LSTM or GRU, stacked, in both directions (S20).

ids: embedding -> cell ... -> pool over time -> the answer          numbers: cell ... -> pool over time -> the answer
What is not a sequence is joined to the pooled state. When the answer itself has a time axis, it is given at every step; a net that is
`stateful` then learns each piece of a text from the state in which the one before it ended (truncated backpropagation through time, S21).

Shapes:   (batch, time) ids or (batch, time, feature) -> (batch, time, unit) -> (batch, unit) -> the answer
Choices:  gates and parameters as in torch.nn.LSTM/GRU/RNN; the forget gate's bias starts at 1 (Jozefowicz et al. 2015); id 0
          fills up and is neither pooled nor, with `bidirectional`, read. Both directions are merged behind the last layer; between
          layers they stand side by side, as in torch.
Source:   Elman 1990; Hochreiter and Schmidhuber 1997; Cho et al. 2014; both directions Schuster and Paliwal 1997.
Raises:   ShapeError when no input is a sequence, or its steps cannot be taken `patch` at a time; TaskError when what comes next is
          asked of a net that reads backwards, or two directions are to be merged where there is one.
Example:  >>> from kissipo.core.tensor_spec import TensorSpec
          >>> message = TensorSpec("message", ("time",), (162,), vocabulary=7298)
          >>> build((message,), (TensorSpec("kind", ("class",), (1,)),), Options(embedding_dim=20, units=15, pooling="max")).pool
          'max'
"""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from kissipo.core.errors import ShapeError, TaskError
from kissipo.core.schema import word
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers import GRU, LSTM, RNN
from kissipo.process.layers.concat_features import ConcatFeatures
from kissipo.process.layers.embedding import embedding, width
from kissipo.process.layers.heads import head
from kissipo.process.layers.merge import How, Merge
from kissipo.process.layers.pool import Pool, TemporalPooling
from kissipo.process.layers.recurrent import Recurrent as Cell
from kissipo.process.layers.recurrent import each_state
from kissipo.process.layers.series_wrapper import SeriesWords, on_series

_CELLS: dict[str, Any] = {"rnn": RNN, "lstm": LSTM, "gru": GRU, "bilstm": LSTM}

ALGORITHM = "supervised"


@dataclass(frozen=True)
class Options(SeriesWords):
    """The options of the recurrent net."""

    cell: Literal["rnn", "lstm", "gru", "bilstm"] = word(
        "lstm", "recurrent cell: plain RNN, LSTM, GRU; bilstm: an LSTM in both directions"
    )
    units: int = word(64, "size of the hidden state", at_least=1)
    num_layers: int = word(1, "number of stacked recurrent layers", at_least=1)
    bidirectional: bool = word(False, "whether the sequence is also processed backward")
    merge: How | None = word(
        None, "how the outputs of both directions are merged: concat (default), sum, mul, ave"
    )
    stateful: bool = word(
        False, "whether the final state of each batch is the initial state of the next one"
    )
    patch_length: int = word(
        1,
        "time series: number of time steps per patch; the values of a patch are the features of one step",
        at_least=1,
    )
    pooling: Pool | None = word(None, "pooling of the outputs over time: last, max, mean")
    embedding_dim: int | None = word(
        None, "size of each embedding of tokens or categories", at_least=1
    )
    dropout: float = word(
        0.0, "dropout rate between the layers and before the head", at_least=0, below=1
    )


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """The net for these ports."""
    return on_series(
        lambda inputs, outputs: _plain(inputs, outputs, options), inputs, outputs, options
    )


def _plain(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    sequences = [
        position for position, spec in enumerate(inputs) if spec.axes and spec.axes[0] == "time"
    ]
    if not sequences:
        gives = " and ".join(f"'{spec.name}' {spec.describe()}" for spec in inputs)
        raise ShapeError(
            "process step 'recurrent' takes a sequence (batch, time) or (batch, time, feature)",
            given=f"input step {gives}",
            do="Use process.net=ffn, or give a text, a series or windows",
        )
    net = Recurrent(inputs, sequences[0], outputs, options)
    if net.every_step and net.cell.bidirectional:
        raise TaskError(
            "a net that is bidirectional reads a text from its end and would see what it is asked to find",
            do="Leave it out where output.text=next",
        )
    if options.stateful and not net.every_step:
        raise TaskError(
            "process.stateful=true needs pieces that follow each other",
            allowed="a text whose next unit is asked for",
        )
    return net


class Recurrent(nn.Module):
    """One sequence through the cell; everything else joins at the end."""

    def __init__(
        self,
        inputs: tuple[TensorSpec, ...],
        sequence: int,
        outputs: tuple[TensorSpec, ...],
        options: Options,
    ) -> None:
        super().__init__()
        spec = inputs[sequence]
        self.stateful = options.stateful
        self.sequence, self.pool = (
            sequence,
            options.pooling or ("max" if spec.vocabulary else "last"),
        )
        self.fills = spec.fills
        self.patch = options.patch_length
        if self.patch > 1 and (spec.vocabulary or spec.shape[0] % self.patch):
            raise ShapeError(
                f"process.patch_length={self.patch} takes the numbers of so many steps together",
                given="ids of a text" if spec.vocabulary else f"windows of {spec.shape[0]} steps",
                do=f"Use a window of a multiple of {self.patch} steps",
            )
        features = (
            width(spec.vocabulary, options.embedding_dim)
            if spec.vocabulary
            else spec.size // spec.shape[0] * self.patch
        )
        self.embedding = (
            embedding(spec.vocabulary, features, fills=spec.fills) if spec.vocabulary else None
        )
        both = options.bidirectional or options.cell == "bilstm"
        if options.merge and not both:
            raise TaskError(
                f"process.merge={options.merge} needs two directions",
                do="Say process.bidirectional=true, or leave merge out",
            )
        how = options.merge or "concat"
        self.cell: Cell = _CELLS[options.cell](
            features,
            options.units,
            options.num_layers,
            batch_first=True,
            bidirectional=both,
            dropout=options.dropout if options.num_layers > 1 else 0.0,
        )
        _open_forget_gates(self.cell)
        others = inputs[:sequence] + inputs[sequence + 1 :]
        self.join = ConcatFeatures(others, embed=options.embedding_dim) if others else None
        self.merge = nn.Identity() if how == "concat" else Merge(how)
        row = options.units * (2 if both and how == "concat" else 1) + (
            self.join.width if self.join else 0
        )
        self.temporal_pooling = TemporalPooling(self.pool)
        self.dropout = nn.Dropout(options.dropout) if options.dropout else nn.Identity()
        self.every_step = outputs[0].axes[:1] == ("time",)
        steps = tuple(
            TensorSpec(each.name, each.axes[1:], each.shape[1:], words=each.words)
            for each in outputs
        )
        self.head = head(row, steps if self.every_step else outputs)

    def forward(self, *inputs: Tensor) -> Any:
        return self.go_on(None, *inputs)[0]

    def go_on(self, state: Any, *inputs: Tensor) -> tuple[Any, Any]:
        """The answer and the state after the last step, from the given one on; of a state of more rows the first are taken."""
        x = inputs[self.sequence]
        there = (x != 0) if self.fills else None
        if there is not None:
            longest = (
                max(1, int(there.sum(dim=1).max())) if not torch.jit.is_tracing() else x.shape[1]
            )
            x, there = x[:, :longest], there[:, :longest]
        states, state = self._read(x, there, each_state(state, lambda part: part[:, : len(x)]))
        states = self.merge(states)
        if self.every_step:
            return self.head(self.dropout(states)), state
        row = self.temporal_pooling(states, there)
        if self.join is not None:
            others = inputs[: self.sequence] + inputs[self.sequence + 1 :]
            row = torch.cat([row, self.join(*others)], dim=1)
        return self.head(self.dropout(row)), state

    def _read(self, x: Tensor, there: Tensor | None, state: Any) -> tuple[Tensor, Any]:
        lengths = None if there is None else there.sum(dim=1).clamp(min=1)
        if self.embedding is None:
            return self.cell(x.reshape(len(x), x.shape[1] // self.patch, -1), state, lengths)
        if self.training and self.cell.takes_ids(self.embedding.num_embeddings, x.numel()):
            table = self.embedding(torch.arange(self.embedding.num_embeddings, device=x.device))
            return self.cell(x, state, lengths, table)
        return self.cell(self.embedding(x), state, lengths)


def _open_forget_gates(cell: nn.RNNBase) -> None:
    """Sets the sum of the two forget biases of an LSTM to 1, so that it starts by remembering."""
    if isinstance(cell, nn.LSTM):
        for name, parameter in cell.named_parameters():
            if name.startswith("bias"):
                with torch.no_grad():
                    parameter[cell.hidden_size : 2 * cell.hidden_size].fill_(
                        1.0 if name.startswith("bias_ih") else 0.0
                    )

"""Recurrent net: RNN, LSTM or GRU, with several layers or both directions (S20).

ids:      embedding -> cell ... -> pooling over time -> output
numbers:  cell ... -> pooling over time -> output

Inputs that are not sequences are concatenated to the pooled state. If the output has a
time axis, there is one output per step: the tag of each word, from both directions, or
the next token, from the steps before it alone. A `stateful` net then starts each piece
of a text from the final state of the piece before (truncated backpropagation through
time, S21). Where a step has several ids, their embeddings are added.

Shapes:   (batch, time) or (batch, time, feature) ids, or (batch, time, feature)
          -> (batch, time, unit) -> (batch, unit) -> output
Choices:  Gates and parameters are those of torch.nn.LSTM/GRU/RNN. The bias of the
          forget gate starts at 1 (Jozefowicz et al. 2015). Id 0 is padding, which is
          not pooled and which the backward direction does not read. Both directions are
          merged after the last layer; between layers they are concatenated, as in
          torch.
Source:   Elman 1990; Hochreiter and Schmidhuber 1997; Cho et al. 2014; both directions
          Schuster and Paliwal 1997.
Raises:   ShapeError when no input is a sequence, or the number of its steps is not a
          multiple of `patch_length`; TaskError for the prediction of the next token by
          a bidirectional net, and for `merge` with one direction.
Example:  >>> from kissipo.core.tensor_spec import TensorSpec
          >>> message = TensorSpec("message", ("time",), (162,), vocab_size=7298)
          >>> kind = TensorSpec("kind", ("class",), (1,))
          >>> options = Options(embedding_dim=20, units=15, pooling="max")
          >>> build((message,), (kind,), options).pool
          'max'
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from kissipo.core.batch import trim, untrim
from kissipo.core.errors import ShapeError, TaskError
from kissipo.core.inferred_option import Candidate, DataFacts, InferredOption
from kissipo.core.protocols import Outputs
from kissipo.core.schema import Range, Values, option
from kissipo.core.script_part import ScriptDefinition
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.kernels.recurrent_net import RecurrentLayers
from kissipo.process.layers import GRU, LSTM, RNN
from kissipo.process.layers.concat_features import ConcatFeatures
from kissipo.process.layers.embedding import embedding, width
from kissipo.process.layers.heads import head, linear_head
from kissipo.process.layers.merge import How, Merge
from kissipo.process.layers.pool import Pool, TemporalPooling
from kissipo.process.layers.recurrent import Recurrent as Cell
from kissipo.process.layers.recurrent import each_state
from kissipo.process.layers.series_wrapper import SeriesWords, on_series
from kissipo.process.layers.series_wrapper import required_options as required_for_series
from kissipo.process.manual_backprop import ManualBackprop, recurrent_backprop
from kissipo.process.nets._series_candidates import recurrent_candidates
from kissipo.process.nets._text_candidates import reading_candidate, reads_text

__all__ = ["Options", "Recurrent", "build", "candidates", "required_options", "suggested_options"]
_LONG_TEXT = 300  # steps
_CELLS: dict[str, Callable[..., Cell]] = {"rnn": RNN, "lstm": LSTM, "gru": GRU, "bilstm": LSTM}

_SCRIPT = '''class Recurrent(Layer):
    """Reads a sequence step by step; other inputs are joined after the last step."""

    def forward(self, *inputs: Tensor) -> Any:
        return self.forward_with_state(None, *inputs)[0]

    def forward_with_state(self, state: Any, *inputs: Tensor) -> tuple[Any, Any]:
        """Returns the outputs and the new state; a larger state is cut to the batch."""
        x = inputs[self.sequence]
        state = each_state(state, lambda part: part[:, : len(x)].detach())
        mask = None  # the steps that are not padding
        if self.padded:
            mask = (x[..., 0] if x.dim() > 2 else x) != 0
        if self.embedding is None:
            x = x.reshape(len(x), x.shape[1] // self.patch, -1)
        else:  # the embeddings of several ids per step are added
            x = self.embedding(x) if x.dim() == 2 else self.embedding(x).sum(dim=2)
        if mask is None:
            x, state = self.cell(x, state)
        else:
            lengths = mask.sum(dim=1).clamp(min=1)
            packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            packed, state = self.cell(packed, state)
            x, _ = pad_packed_sequence(packed, batch_first=True, total_length=mask.shape[1])
        x = self.merge(x)
        if not self.every_step:
            x = self.temporal_pooling(x, mask)
        if self.join is not None:
            others = inputs[: self.sequence] + inputs[self.sequence + 1 :]
            x = torch.cat([x, self.join(*others)], dim=1)
        y = self.head(self.dropout(x))
        if self.every_step and mask is not None:  # padding in all texts has 0
            y = y * mask.any(dim=0).unsqueeze(1)
        return y, state'''


@dataclass(frozen=True)
class Options(SeriesWords):
    """The options of the recurrent net."""

    cell: Literal["rnn", "lstm", "gru", "bilstm"] = option(
        "lstm", "recurrent cell: plain RNN, LSTM, GRU; bilstm: an LSTM in both directions"
    )
    units: int = option(64, "size of the hidden state", minimum=1, search=Values((16, 32, 64, 128)))
    num_layers: int = option(
        1, "number of stacked recurrent layers", minimum=1, search=Values((1, 2))
    )
    bidirectional: bool = option(False, "whether the sequence is also processed backward")
    merge: How | None = option(
        None, "how the outputs of both directions are merged: concat (default), sum, mul, ave"
    )
    stateful: bool = option(
        False, "whether the final state of each batch is the initial state of the next one"
    )
    patch_length: int = option(
        1,
        "time series: number of time steps per patch; the values of a patch are the features of "
        "one step",
        minimum=1,
    )
    pooling: Pool | None = option(None, "pooling of the outputs over time: last, max, mean")
    embedding_dim: int | None = option(
        None,
        "size of each embedding of tokens or categories",
        minimum=1,
        search=Values((16, 32, 64)),
    )
    wide: bool | None = option(
        None, "time series: a linear autoregression beside the net, which learns the rest"
    )
    dropout: float = option(
        0.0,
        "dropout rate between the layers and before the head",
        minimum=0,
        below=1,
        search=Range(0.0, 0.5),
    )


def required_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns what a forecast requires, or tags, which may see the whole text."""
    if facts.outputs[0].axes != ("time", "class") or facts.outputs[0].causal:
        return required_for_series(facts)
    is_set = "bidirectional" in facts.process or facts.process.get("cell") == "bilstm"
    reason = "the words after a word say what it is, as those before it do"
    both = InferredOption("process.bidirectional", True, reason)
    reason = "most words have the tag O; without dropout a net memorizes the others"
    dropout = InferredOption("process.dropout", 0.5, reason)
    return (dropout,) if is_set else (both, dropout)


def suggested_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns the sizes for the next token of a text, for tags, or for whole texts."""
    if facts.outputs[0].axes == ("time", "class") and not facts.outputs[0].causal:
        return (
            InferredOption("process.units", 64),
            InferredOption("process.epochs", 12),
            InferredOption("process.learning_rate", 3e-3),
        )
    if facts.outputs[0].axes == ("time", "class"):
        reason = "trains in minutes; 256 units and 30 epochs write better but take hours"
        stateful = "a window continues the one before it, so the state is kept"
        return (
            InferredOption("process.units", 128, reason),
            InferredOption("process.embedding_dim", 64),
            InferredOption("process.epochs", 10),
            InferredOption("process.learning_rate", 3e-3),
            InferredOption("process.stateful", True, stateful),
        )
    reason = "small and regularized: larger models overfit short texts"
    sizes = [InferredOption("process.units", 32, reason)]
    if any(spec.unit == "characters" for spec in facts.inputs):
        reason = "characters are frequent, so more units can be trained than for words"
        sizes = [
            InferredOption("process.units", 64, reason),
            InferredOption("process.learning_rate", 3e-3),
        ]
    return (
        *sizes,
        InferredOption("process.embedding_dim", 32),
        InferredOption("process.dropout", 0.3),
        _pooling(facts.inputs),
        InferredOption("process.epochs", 15),
    )


def candidates(facts: DataFacts) -> tuple[Candidate, ...]:
    """Returns the options for texts, forecasts and signals."""
    if not reads_text(facts):
        return recurrent_candidates(facts)
    return reading_candidate(facts, "recurrent", "recurrent net", suggested_options(facts))


def _pooling(inputs: tuple[TensorSpec, ...]) -> InferredOption:
    """Chooses the maximum for short texts, where one word may decide, else the mean."""
    longest = max((spec.shape[0] for spec in inputs if spec.axes[:1] == ("time",)), default=0)
    if longest <= _LONG_TEXT:
        return InferredOption("process.pooling", "max")
    reason = f"texts have up to {longest:,} steps: the mean represents them better than the maximum"
    return InferredOption("process.pooling", "mean", reason)


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net for these inputs and outputs."""
    return on_series(
        lambda inputs, outputs: _plain(inputs, outputs, options),
        inputs,
        outputs,
        options,
        wide=bool(options.wide),
    )


def _plain(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    sequences = [
        position for position, spec in enumerate(inputs) if spec.axes and spec.axes[0] == "time"
    ]
    if not sequences:
        description = " and ".join(f"'{spec.name}' {spec.describe()}" for spec in inputs)
        raise ShapeError(
            "process step 'recurrent' takes a sequence (batch, time) or (batch, time, feature)",
            got=f"input step {description}",
            do="Use process.net=ffn, or an input that is a text, a series or windows",
        )
    net = Recurrent(inputs, sequences[0], outputs, options)
    if outputs[0].causal and net.cell.bidirectional:
        raise TaskError(
            "a bidirectional net would see the next token that it must predict",
            do="Leave process.bidirectional out with output.text=next",
        )
    if options.stateful and not outputs[0].causal:
        raise TaskError(
            "process.stateful=true needs consecutive pieces of a text",
            allowed="output.text=next",
        )
    return net


class Recurrent(nn.Module):
    """A cell over one sequence; other inputs are concatenated after it."""

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
        self.sequence = sequence
        self.pool = options.pooling or ("max" if spec.vocab_size else "last")
        self.padded = spec.padded
        self.patch = options.patch_length
        if self.patch > 1 and (spec.vocab_size or spec.shape[0] % self.patch):
            raise ShapeError(
                f"process.patch_length={self.patch} needs numbers, in a multiple of so many steps",
                got="ids of a text" if spec.vocab_size else f"windows of {spec.shape[0]} steps",
                do=f"Use a window of a multiple of {self.patch} steps",
            )
        features = (
            width(spec.vocab_size, options.embedding_dim)
            if spec.vocab_size
            else spec.size // spec.shape[0] * self.patch
        )
        self.embedding = (
            embedding(spec.vocab_size, features, padded=spec.padded) if spec.vocab_size else None
        )
        both = options.bidirectional or options.cell == "bilstm"
        if options.merge and not both:
            raise TaskError(
                f"process.merge={options.merge} needs two directions",
                do="Set process.bidirectional=true, or leave process.merge out",
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
        width_of_row = options.units * (2 if both and how == "concat" else 1)
        width_of_row += self.join.width if self.join else 0
        self.temporal_pooling = TemporalPooling(self.pool)
        self.dropout = nn.Dropout(options.dropout) if options.dropout else nn.Identity()
        self.every_step = outputs[0].axes[:1] == ("time",)
        steps = tuple(
            TensorSpec(output.name, output.axes[1:], output.shape[1:], labels=output.labels)
            for output in outputs
        )
        self.head = head(width_of_row, steps if self.every_step else outputs)

    def forward(self, *inputs: Tensor) -> Any:
        return self.forward_with_state(None, *inputs)[0]

    def forward_with_state(self, state: object, *inputs: Tensor) -> tuple[Any, object]:
        """Returns the output and the final state, from an initial state.

        If the initial state has more rows than the batch, the first ones are used.
        """
        x = inputs[self.sequence]
        mask = ((x[..., 0] if x.dim() > 2 else x) != 0) if self.padded else None
        steps = x.shape[1]
        if mask is not None:
            mask = trim(mask)
            x = x[:, : mask.shape[1]]
        states, state = self._read(x, mask, each_state(state, lambda part: part[:, : len(x)]))
        states = self.merge(states)
        if self.every_step:
            outputs = self.head(self.dropout(states))
            return (_lengthened(outputs, steps) if self.padded else outputs), state
        row = self.temporal_pooling(states, mask)
        if self.join is not None:
            others = inputs[: self.sequence] + inputs[self.sequence + 1 :]
            row = torch.cat([row, self.join(*others)], dim=1)
        return self.head(self.dropout(row)), state

    def manual_backprop(self) -> ManualBackprop | None:
        """Returns the gradients without autograd, of one layer and one output."""
        linear, shape = linear_head(self.head)
        is_small = not (self.stateful or self.every_step or self.join is not None)
        if not is_small or linear is None or isinstance(self.merge, Merge):
            return None
        dropout = self.dropout.p if isinstance(self.dropout, nn.Dropout) else 0.0
        layers = RecurrentLayers(
            self.embedding, self.cell, self.pool, dropout, linear, self.padded, self.patch
        )
        return recurrent_backprop(self, layers, shape)

    def script(self) -> ScriptDefinition:
        """Returns this class with the layers of torch, for `kissipo eject`."""
        packing = "from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence"
        return ScriptDefinition("Recurrent", _SCRIPT, (packing,))

    def _read(self, x: Tensor, mask: Tensor | None, state: object) -> tuple[Tensor, object]:
        lengths = None if mask is None else mask.sum(dim=1).clamp(min=1)
        if self.embedding is None:
            return self.cell(x.reshape(len(x), x.shape[1] // self.patch, -1), state, lengths)
        if x.dim() > 2:  # several ids per step
            return self.cell(self.embedding(x).sum(dim=2), state, lengths)
        if self.training and self.cell.takes_ids(self.embedding.num_embeddings, x.numel()):
            table = self.embedding(torch.arange(self.embedding.num_embeddings, device=x.device))
            return self.cell(x, state, lengths, table)
        return self.cell(self.embedding(x), state, lengths)


def _lengthened(outputs: Outputs, steps: int) -> Outputs:
    """Returns the outputs of all steps; those that were cut off have 0."""
    if isinstance(outputs, tuple):
        return tuple(untrim(output, steps) for output in outputs)
    return untrim(outputs, steps)


def _open_forget_gates(cell: nn.RNNBase) -> None:
    """Sets the sum of the two forget gate biases of an LSTM to 1."""
    if isinstance(cell, nn.LSTM):
        for name, parameter in cell.named_parameters():
            if name.startswith("bias"):
                with torch.no_grad():
                    parameter[cell.hidden_size : 2 * cell.hidden_size].fill_(
                        1.0 if name.startswith("bias_ih") else 0.0
                    )

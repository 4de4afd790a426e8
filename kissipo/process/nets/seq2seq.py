"""Sequence to sequence: an encoder reads a text, a decoder writes another (S33).

memory  = encoder(source), in both directions          h_0 = tanh(W last + b)
h_t     = decoder(token_t-1, h_t-1)                    token_0: the end of a text
context = attention(h_t, memory)
logits  = V tanh(U [h_t, context] + c) + d

`forward(source)` is greedy: the next token is the most probable one, up to the longest
target. `forward(source, target)` is teacher forcing: the next token is that of the
target. `begin` and `step` write one token, for the search of an answer.

Shapes:   source (batch, time) ids, target (batch, step) ids or none -> logits (batch,
          step, class)
Choices:  The attention follows the cell of the decoder, as in Luong et al. 2015; so
          with teacher forcing all steps are one call of the cell. Padding and unknown
          tokens are never written. The first state of an LSTM cell is set as h_0 is.
          Without attention the last states of the encoder are all that the decoder
          sees, as in Sutskever et al.
Source:   Sutskever, Vinyals and Le 2014; Cho et al. 2014; Bahdanau, Cho and Bengio
          2015; Luong, Pham and Manning 2015.
Raises:   ShapeError for an input that is not a text, and an output that is not the
          padded text of a column.
Example:  >>> source = TensorSpec("word", ("time",), (5,), vocab_size=9, padded=True)
          >>> target = TensorSpec("text", ("time", "class"), (6, 8), padded=True)
          >>> net = build((source,), (target,), Options(units=4, embedding_dim=3))
          >>> net(torch.tensor([[3, 4, 0, 0, 0]])).shape
          torch.Size([1, 6, 8])
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from kissipo.codec.target_tokens import END
from kissipo.core.errors import ShapeError
from kissipo.core.inferred_option import DataFacts, InferredOption
from kissipo.core.schema import Range, Values, option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers import GRU, LSTM, RNN
from kissipo.process.layers.attention import Attention
from kissipo.process.layers.embedding import embedding, zero_padding
from kissipo.process.layers.tied_linear import TiedLinear

ALGORITHMS = ("teacher_forcing", "supervised")
_MANY_TOKENS = 1_000
_CELLS: dict[str, Any] = {"gru": GRU, "lstm": LSTM, "rnn": RNN}


@dataclass(frozen=True)
class Options:
    """The options of the encoder and the decoder."""

    cell: Literal["gru", "lstm", "rnn"] = option(
        "gru", "recurrent cell of the encoder and the decoder: gru, lstm, rnn"
    )
    attention: Literal["additive", "dot", "general", "none"] = option(
        "additive", "how the decoder looks back at the source: additive, dot, general, none"
    )
    units: int = option(
        64,
        "size of the hidden state, and of each direction of the encoder",
        minimum=1,
        search=Values((32, 64, 128, 256)),
    )
    num_layers: int = option(
        1,
        "number of layers of the encoder and of the decoder",
        minimum=1,
        search=Values((1, 2)),
    )
    bidirectional: bool = option(True, "the encoder reads the source in both directions")
    bridge: Literal["linear", "none"] = option(
        "linear",
        "from the last state of the encoder to the first of the decoder: "
        "linear (with tanh), or none, the state as it is",
    )
    readout: Literal["linear", "none"] = option(
        "linear", "the layer before the head: linear (with tanh), none"
    )
    embedding_dim: int = option(
        32, "size of the embeddings of tokens", minimum=1, search=Values((16, 32, 64, 128))
    )
    tied_embedding: bool = option(
        False, "weight tying: the head has the weights of the target embedding"
    )
    dropout: float = option(
        0.0,
        "dropout rate of the embeddings, between layers, and before the head",
        minimum=0,
        below=1,
        search=Range(0.0, 0.5),
    )


def suggested_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns sizes for short texts, and larger ones for words."""
    if any(spec.unit == "words" for spec in facts.outputs):
        reason = "words need larger states than characters"
        return (
            InferredOption("process.units", 128, reason),
            InferredOption("process.embedding_dim", 64),
            InferredOption("process.dropout", 0.2),
            InferredOption("process.clip_norm", 1.0, "keeps recurrent gradients bounded"),
        )
    return (
        InferredOption("process.units", 64, "enough for texts of a few dozen characters"),
        InferredOption("process.embedding_dim", 32),
        InferredOption("process.learning_rate", 3e-3),
        InferredOption("process.clip_norm", 1.0, "keeps recurrent gradients bounded"),
    )


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net for this source text and this target text."""
    if len(inputs) != 1 or inputs[0].axes != ("time",) or not inputs[0].padded:
        raise ShapeError(
            "process step 'seq2seq' reads one text per sample",
            got="input step " + " and ".join(f"'{spec.name}' {spec.describe()}" for spec in inputs),
            do="Name the column of the text with input.characters or input.text, "
            "and leave other columns out with input.drop",
        )
    if len(outputs) != 1 or outputs[0].axes != ("time", "class") or not outputs[0].padded:
        raise ShapeError(
            "process step 'seq2seq' writes one text per sample",
            got="the output " + " and ".join(spec.describe() for spec in outputs),
            do="Use output.text=COLUMN",
        )
    if options.bridge == "none" and options.bidirectional:
        raise ShapeError(
            "process.bridge=none starts the decoder with the last state of the encoder, which "
            "has two directions",
            do="Set process.bidirectional=false, or leave process.bridge out",
        )
    if options.readout == "none" and options.tied_embedding:
        raise ShapeError(
            "process.tied_embedding needs the layer before the head, which makes its input "
            "as wide as the embedding",
            do="Leave process.readout out",
        )
    return Seq2Seq(inputs[0], outputs[0], options)


def _embedding(vocabulary: int, features: int, *, tied: bool = False) -> nn.Embedding:
    """Returns a new embedding of tokens, where id 0 is padding.

    The rows of many tokens start with a standard deviation of 1, as torch's: with small
    ones the net learned only the frequencies of the tokens for 1,500 steps. Those of a
    tied embedding are weights of the head, too; so they start small, and are multiplied
    where they are read, as by Vaswani et al. 2017.
    """
    layer = embedding(vocabulary, features, padded=True)
    if tied or vocabulary >= _MANY_TOKENS:
        nn.init.normal_(layer.weight, std=features**-0.5 if tied else 1.0)
        zero_padding(layer)
    return layer


class Seq2Seq(nn.Module):
    """A recurrent encoder, and a recurrent decoder with attention."""

    def __init__(self, source: TensorSpec, target: TensorSpec, options: Options) -> None:
        super().__init__()
        self.length, vocab_size = target.shape
        self.first = END  # the first id that can be written
        units, features = options.units, options.embedding_dim
        cell, self.num_layers = _CELLS[options.cell], options.num_layers
        width = 2 * units if options.bidirectional else units  # of the memory
        between = options.dropout if self.num_layers > 1 else 0.0
        stacked = partial(cell, num_layers=self.num_layers, batch_first=True, dropout=between)
        self.source_embedding = _embedding(source.vocab_size, features)
        self.encoder = stacked(features, units, bidirectional=options.bidirectional)
        states = 0 if options.bridge == "none" else cell.states * self.num_layers
        self.bridge = nn.ModuleList(nn.Linear(width, units) for _ in range(states))
        self.target_embedding = _embedding(vocab_size, features, tied=options.tied_embedding)
        self.scale = features**0.5 if options.tied_embedding else 1.0
        self.decoder = stacked(features, units)
        self.attention = (
            None if options.attention == "none" else Attention(units, width, options.attention)
        )
        self.dropout = nn.Dropout(options.dropout) if options.dropout else nn.Identity()
        read = units if self.attention is None else units + width
        written = features if options.tied_embedding else units
        self.readout = None if options.readout == "none" else nn.Linear(read, written)
        self.tanh = nn.Tanh()
        self.head = (
            TiedLinear(self.target_embedding)
            if options.tied_embedding
            else nn.Linear(read if self.readout is None else written, vocab_size)
        )

    def forward(self, source: Tensor, target: Tensor | None = None) -> Tensor:
        state = self.begin(source)
        tokens = torch.full_like(source[:, 0], self.first)
        if target is not None:
            return self._head(self._forced(tokens, target, state))
        logits = []
        for _ in range(self.length):
            step_logits, state = self.step(tokens, state)
            tokens = step_logits[:, self.first :].argmax(dim=1) + self.first
            logits.append(step_logits)
        return torch.stack(logits, dim=1)

    def features(self, source: Tensor, target: Tensor) -> Tensor:
        """Returns the inputs of the head (batch, step, feature), teacher forced."""
        return self._forced(torch.full_like(source[:, 0], self.first), target, self.begin(source))

    def head_weights(self) -> tuple[Tensor, Tensor]:
        """Returns the weight (class, feature) and the bias (class) of the head."""
        return self.head.weight, self.head.bias

    def begin(self, source: Tensor) -> tuple[Tensor, ...]:
        """Returns the state before the first token: memory, keys, mask and states."""
        lengths = (source != 0).sum(dim=1).clamp(min=1)
        x = self.dropout(self.source_embedding(source))
        packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        y, last = self.encoder(packed)
        memory, _ = pad_packed_sequence(y, batch_first=True, total_length=source.shape[1])
        steps = torch.arange(source.shape[1], device=source.device)
        mask = steps.unsqueeze(0) < lengths.unsqueeze(1)
        keys = memory if self.attention is None else self.attention.keys(memory)
        states = last if isinstance(last, tuple) else (last,)
        count = self.num_layers
        parts = states if count == 1 else [part for state in states for part in state.chunk(count)]
        hidden = [part.transpose(0, 1).flatten(1) for part in parts]
        if self.bridge:
            hidden = [
                self.tanh(bridge(part)) for bridge, part in zip(self.bridge, hidden, strict=True)
            ]
        return (memory, keys, mask, *hidden)

    def step(self, tokens: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Returns the logits (batch, class) after tokens (batch), and the state."""
        hidden, new = self._decode(tokens.unsqueeze(1), state)
        return self._head(self._read_out(hidden, state)).squeeze(1), (*state[:3], *new)

    def _forced(self, first: Tensor, target: Tensor, state: tuple[Tensor, ...]) -> Tensor:
        """Returns the inputs of the head at each step, after the true tokens."""
        previous = torch.cat([first.unsqueeze(1), target[:, :-1]], dim=1)
        hidden, _ = self._decode(previous, state)
        return self._read_out(hidden, state)

    def _decode(
        self, tokens: Tensor, state: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Returns hidden states (batch, step, unit), and the states after the last."""
        count = self.num_layers
        parts = state[3:]
        states = (
            tuple(part.unsqueeze(0) for part in parts)
            if count == 1
            else tuple(
                torch.stack(parts[start : start + count]) for start in range(0, len(parts), count)
            )
        )
        x = self.target_embedding(tokens)
        if self.scale != 1:
            x = x * self.scale
        x = self.dropout(x)
        hidden, last = self.decoder(x, states if len(states) > 1 else states[0])
        after = last if isinstance(last, tuple) else (last,)
        if count == 1:
            return hidden, tuple(part.squeeze(0) for part in after)
        return hidden, tuple(layer for part in after for layer in part.unbind())

    def _read_out(self, hidden: Tensor, state: tuple[Tensor, ...]) -> Tensor:
        """Returns the inputs of the head (batch, step, feature) from hidden states."""
        memory, keys, mask = state[:3]
        if self.attention is not None:
            hidden = torch.cat([hidden, self.attention(hidden, memory, keys, mask)], dim=2)
        if self.readout is not None:
            hidden = self.tanh(self.readout(hidden))
        features: Tensor = self.dropout(hidden)
        return features

    def _head(self, features: Tensor) -> Tensor:
        """Returns the logits (batch, step, class)."""
        logits: Tensor = self.head(features)
        return logits

"""BERT: an encoder of word pieces, pre-trained on texts, fine-tuned for a task (S35).

x = norm(E[id] + P[position] + S[segment])      then num_layers Transformer layers
one text, or one of two classes      tanh(W x_[CLS] + b) -> output
every piece (names in a text)        x_t -> output
the answer in a text                 x_t -> is it the first piece, is it the last
masked words                         norm(gelu(W x_t + b)) E' + c
one of several options               tanh(W x_[CLS] + b) -> a score, for the text with
                                     each option

The segment is 0 up to the first [SEP], and 1 after it. Inputs that are not texts are
concatenated to the state of [CLS].

Shapes:   ids (batch, time) -> (batch, time, unit) -> output
Choices:  Post-norm and gelu, and an epsilon of 1e-12 in the normalizations, as
          published. Weights start with a standard deviation of 0.02. Padding at the end
          of all texts of a batch is not computed. Where each piece has an output, long
          texts are read in windows (`layers/text_windows.py`).
Source:   Devlin, Chang, Lee and Toutanova 2019. `process.weights=FOLDER` loads a
          published BERT, DistilBERT or MiniLM; its config.json gives the sizes.
Raises:   ShapeError when no input is word pieces, or a text is longer than
          `max_positions`.
Example:  >>> text = TensorSpec("text", ("time",), (9,), 30, ("[PAD]", "[SEP]"), True)
          >>> kind = TensorSpec("kind", ("class",), (3,))
          >>> net = build((text,), (kind,), Options(num_layers=1, units=8, num_heads=2))
          >>> net(torch.tensor([[4, 5, 1, 0, 0, 0, 0, 0, 0]])).shape
          torch.Size([1, 3])
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn

from kissipo.codec.word_pieces import END, MASK, SPECIAL
from kissipo.core.attention_maps import self_attention
from kissipo.core.batch import trim, untrim
from kissipo.core.description import Section
from kissipo.core.errors import NotBuiltError, ShapeError
from kissipo.core.inferred_option import DataFacts, InferredOption
from kissipo.core.json_object import JsonMapping
from kissipo.core.protocols import Outputs
from kissipo.core.schema import Range, option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers import text_windows
from kissipo.process.layers.concat_features import ConcatFeatures
from kissipo.process.layers.embedding import zero_padding
from kissipo.process.layers.heads import head
from kissipo.process.layers.multi_head_attention import padding_mask
from kissipo.process.layers.shows_attention import ShowsSelfAttention
from kissipo.process.layers.tied_linear import TiedLinear
from kissipo.process.layers.transformer_layer import TransformerLayer
from kissipo.process.nets._published_bert import (
    has_documents,
    load_file,
    name_here,
    options_for,
)

__all__ = ["Bert", "Options", "build", "load_file", "required_options", "suggested_options"]
ALGORITHMS = ("supervised", "masked_text")
NEEDED_INPUT = (InferredOption("input.tokenizer", "wordpieces", "the net reads word pieces"),)
_STD, _EPS = 0.02, 1e-12
_WINDOW = 384  # as published for SQuAD
_SCORE = TensorSpec("score", ("score",), (1,))  # of a text with an option


@dataclass(frozen=True)
class Sizes:
    """The sizes of the encoder, which published weights set."""

    num_layers: int = option(4, "number of Transformer layers", minimum=1)
    units: int = option(256, "number of features of every piece", minimum=1)
    num_heads: int = option(4, "number of heads of each attention; a divisor of units", minimum=1)
    feed_forward_units: int | None = option(
        None, "width of the feed-forward net in each layer; 4 times units when omitted", minimum=1
    )
    max_positions: int = option(512, "number of word pieces of the longest text", minimum=1)


@dataclass(frozen=True)
class Options(Sizes):
    """The options of BERT."""

    dropout: float = option(
        0.1,
        "dropout rate of embeddings, attention and layers",
        minimum=0,
        below=1,
        search=Range(0.0, 0.3),
    )
    text_window: int | None = option(
        None,
        "number of word pieces that are read at once, where every piece has an output; longer "
        "texts are read in overlapping windows",
        minimum=8,
    )
    text_stride: int | None = option(
        None,
        "number of word pieces from one text_window to the next; half of it when omitted",
        minimum=1,
    )


def options_of_weights(
    path: Path, saved: JsonMapping | None, answers: Sequence[JsonMapping] = ()
) -> list[InferredOption]:
    """Returns the options that a published folder or a run sets; none for vectors of
    documents, which are those of `sentence_bert`."""
    return [] if has_documents(answers) else options_for("bert", path, saved)


def ours(name: str, options: object) -> str:
    """Returns the name in the net of a published tensor."""
    return name_here(name)


def suggested_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns a small net, for texts that are learned from scratch; for masked words
    the default is small enough."""
    is_masked = facts.outputs[0].labels == facts.inputs[0].labels
    windows = () if is_masked else _suggested_windows(facts)
    if facts.process.get("weights") or is_masked:
        return windows
    return (
        *windows,
        InferredOption("process.num_layers", 2, "small, because no weights are pre-trained"),
        InferredOption("process.units", 128),
    )


def _suggested_windows(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns the window for texts that are too long to be read at once."""
    lengths = [spec.shape[-1] for spec in facts.inputs if END in spec.labels]
    limit = facts.process.get("max_positions") or Sizes.max_positions
    if facts.outputs[0].axes[:1] != ("time",) or max(lengths, default=0) <= limit:
        return ()
    reason = f"texts have up to {max(lengths)} word pieces, and the net reads {limit} at once"
    return (InferredOption("process.text_window", min(_WINDOW, limit), reason),)


def required_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns small learning rates at first; pre-trained weights need smaller ones."""
    warmup = InferredOption(
        "process.warmup", 0.1, "the first steps are small: large ones harm a Transformer"
    )
    schedule = InferredOption("process.schedule", "cosine", "the last steps are small")
    if not facts.process.get("weights"):
        return (
            InferredOption("process.learning_rate", 5e-4, "usual for a small BERT from scratch"),
            warmup,
            schedule,
        )
    return (
        InferredOption("process.learning_rate", 5e-5, "usual for the fine-tuning of a BERT"),
        InferredOption("process.epochs", 3, "usual for the fine-tuning of a BERT"),
        InferredOption("process.optimizer", "adamw", "usual for the fine-tuning of a BERT"),
        warmup,
        schedule,
    )


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net for these inputs and outputs."""
    window = options.text_window if outputs[0].axes[:1] == ("time",) else None
    place = place_of_pieces("bert", inputs, options, window=window)
    is_masked = outputs[0].labels == inputs[place].labels
    _refuse_windows(options, outputs[0], suits=window is not None and not is_masked)
    if inputs[place].axes[0] == "option":
        return ChoiceBert(inputs, place, outputs, options)
    if window is not None:
        return WindowsBert(inputs, place, outputs, options)
    return (MaskedTextBert if is_masked else Bert)(inputs, place, outputs, options)


def _refuse_windows(options: Options, output: TensorSpec, *, suits: bool) -> None:
    """Refuses options of windows that would change nothing."""
    if options.text_window is None and options.text_stride is not None:
        raise ShapeError(
            "process.text_stride is the distance between two windows, and there are no windows",
            do="Set process.text_window, or leave process.text_stride out",
        )
    if options.text_window is not None and not suits:
        raise ShapeError(
            "process.text_window reads long texts where each word piece has an output, "
            "such as names or answers in a text",
            got=f"the output {output.describe()}",
            do="Leave process.text_window out, and set input.max_length",
        )


def place_of_pieces(
    name: str, inputs: Sequence[TensorSpec], sizes: Sizes, *, window: int | None = None
) -> int:
    """Returns the number of the input that is word pieces.

    name:     that of the net
    window:   the number of pieces that are read at once; all of them when omitted
    Raises:   ShapeError when there is none, or when it is too long.
    """
    places = [number for number, spec in enumerate(inputs) if END in spec.labels]
    if len(places) != 1:
        described = " and ".join(f"'{spec.name}' {spec.describe()}" for spec in inputs)
        raise ShapeError(
            f"process.net={name} reads word pieces",
            got=f"the input {described}",
            do="Set input.tokenizer=wordpieces, and name one or two texts with input.text",
        )
    length = window or inputs[places[0]].shape[-1]
    if window and length > sizes.max_positions:
        raise ShapeError(
            f"the net reads at most {sizes.max_positions} word pieces",
            got=f"process.text_window={window}",
            do=f"Set process.text_window={sizes.max_positions}, or less",
        )
    if length > sizes.max_positions:
        raise ShapeError(
            f"the net reads at most {sizes.max_positions} word pieces",
            got=f"texts of {length} word pieces",
            do=f"Set input.max_length={sizes.max_positions}, or process.max_positions={length}",
        )
    return places[0]


class Bert(ShowsSelfAttention):
    """Embeddings of word pieces, Transformer layers, and a head for the task.

    head:     another head than the one that suits the outputs
    """

    def __init__(
        self,
        inputs: tuple[TensorSpec, ...],
        place: int,
        outputs: tuple[TensorSpec, ...],
        options: Options,
        head: nn.Module | None = None,
    ) -> None:
        super().__init__()
        text, units = inputs[place], options.units
        self.place, self.end = place, text.labels.index(END)
        self.text_input = place
        self.pieces = nn.Embedding(text.vocab_size, units, padding_idx=0)
        self.positions = nn.Embedding(options.max_positions, units)
        self.segments = nn.Embedding(2, units)
        self.norm = nn.LayerNorm(units, eps=_EPS)
        self.dropout = nn.Dropout(options.dropout) if options.dropout else nn.Identity()
        self.layers = nn.ModuleList(
            TransformerLayer(
                units,
                options.num_heads,
                options.feed_forward_units,
                dropout=options.dropout,
                act="gelu",
                eps=_EPS,
            )
            for _ in range(options.num_layers)
        )
        others = inputs[:place] + inputs[place + 1 :]
        self.head = head or _head(units, others, text, outputs, options, self.pieces)
        self.apply(_start)

    def forward(self, *inputs: Tensor) -> Outputs:
        ids = inputs[self.place]
        others = inputs[: self.place] + inputs[self.place + 1 :]
        outputs: Outputs = self.head(self.states(ids), ids, *others)
        return outputs

    def states(self, ids: Tensor) -> Tensor:
        """Returns the last states (batch, time, unit), without padding at the end."""
        ids = trim(ids)
        is_end = ids == self.end
        segments = ((is_end.cumsum(dim=1) - is_end.long()) > 0).long()
        steps = torch.arange(ids.shape[1], device=ids.device)
        x = self.pieces(ids) + self.positions(steps) + self.segments(segments)
        x, mask = self.dropout(self.norm(x)), padding_mask(ids)
        for layer in self.layers:
            x = layer(x, mask)
        return x


class MaskedTextBert(Bert):
    """A BERT that guesses masked words, and whether the second text follows the first.

    special, mask:  the ids of the special pieces, and that of [MASK] among them
    """

    head: WordsHead | PretrainingHead

    def __init__(
        self,
        inputs: tuple[TensorSpec, ...],
        place: int,
        outputs: tuple[TensorSpec, ...],
        options: Options,
    ) -> None:
        super().__init__(inputs, place, outputs, options)
        labels = inputs[place].labels
        self.special = tuple(labels.index(name) for name in SPECIAL)
        self.mask = labels.index(MASK)

    def forward(self, *inputs: Tensor) -> Tensor:
        logits: Tensor = self.head.words(self.states(inputs[0]), inputs[0])
        return logits

    def with_auxiliary(self, *inputs: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Returns the logits of all pieces, and those of the next sentence."""
        states = self.states(inputs[0])
        is_pair = isinstance(self.head, PretrainingHead)
        pairs = (self.next_sentence(states),) if is_pair else ()
        return self.head.words(states, inputs[0]), pairs

    def piece_features(self, states: Tensor) -> Tensor:
        """Returns the inputs of the tied layer for some states (row, unit)."""
        return self.head.words.features(states)

    def head_weights(self) -> tuple[Tensor, Tensor]:
        """Returns the weight (piece, unit) and the bias (piece) of the tied layer."""
        decoder = self.head.words.decoder
        return decoder.weight, decoder.bias

    def next_sentence(self, states: Tensor) -> Tensor:
        """Returns the logits (batch, 2): B does not follow A, it does."""
        assert isinstance(self.head, PretrainingHead)
        logits: Tensor = self.head.pairs(states)
        return logits


class ChoiceBert(Bert):
    """A BERT that scores a text with each of its options.

    The score of an empty option, whose ids are all 0, is minus infinity.
    """

    AXES: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "flatten": ("option", "time"),
        "": ("batch", "option"),
    }

    def __init__(
        self,
        inputs: tuple[TensorSpec, ...],
        place: int,
        outputs: tuple[TensorSpec, ...],
        options: Options,
    ) -> None:
        if len(inputs) != 1 or len(outputs) != 1 or outputs[0].axes != ("option",):
            described = " and ".join(spec.describe() for spec in (*inputs, *outputs))
            raise ShapeError(
                "process.net=bert reads options for one answer, the choice of an option",
                got=f"input and output {described}",
                do="Use output.choice alone, and name other columns in input.drop",
            )
        head = PooledHead(options.units, (), (_SCORE,), options.dropout)
        super().__init__(inputs, place, outputs, options, head)

    def forward(self, *inputs: Tensor) -> Tensor:
        (ids,) = inputs
        pairs = ids.flatten(0, 1)
        scores: Tensor = self.head(self.states(pairs), pairs)
        return scores.view(ids.shape[:2]).masked_fill((ids == 0).all(dim=2), -torch.inf)

    def describe_example(
        self,
        samples: tuple[Tensor, ...],
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
        tokens: Sequence[Sequence[str]],
    ) -> Sequence[Section]:
        """Returns every attention head for the pair with the first option."""
        ids, spec = samples[0][:1, :1], inputs[0]
        return [self_attention(self, (ids,), _names(ids[0, 0], spec), part="the first option")]


class WindowsBert(Bert):
    """A BERT with outputs for every piece, which reads long texts in windows."""

    AXES: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "masked_fill": ("window", "step"),
        "": ("batch", "time", "feature"),
    }

    def __init__(
        self,
        inputs: tuple[TensorSpec, ...],
        place: int,
        outputs: tuple[TensorSpec, ...],
        options: Options,
    ) -> None:
        super().__init__(inputs, place, outputs, options)
        assert options.text_window is not None
        self.size = options.text_window
        self.stride = options.text_stride or options.text_window // 2
        if self.stride >= self.size:
            raise ShapeError(
                "process.text_stride must be smaller than process.text_window, "
                "or pieces are left out",
                got=f"stride {self.stride}, window {self.size}",
                do=f"Set process.text_stride={self.size // 2}, or leave it out",
            )

    def forward(self, *inputs: Tensor) -> Tensor:
        (ids,) = inputs
        if ids.is_meta:  # it has sizes alone
            outputs: Tensor = self.head(self.states(ids), ids)
            return outputs
        windows = self.windows(ids)
        return windows.whole(self.head(self.states(windows.ids), windows.ids))

    def windows(self, ids: Tensor) -> text_windows.TextWindows:
        """Returns the windows of texts (batch, time)."""
        if torch.jit.is_tracing():
            raise NotBuiltError(
                "a net that reads long texts in windows cannot be exported, since the number of "
                "windows depends on the text",
                do="Train with texts that fit: leave process.text_window out, and set a smaller "
                "input.max_length",
            )
        return text_windows.cut(ids, size=self.size, stride=self.stride, end=self.end)

    def describe_example(
        self,
        samples: tuple[Tensor, ...],
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
        tokens: Sequence[Sequence[str]],
    ) -> Sequence[Section]:
        """Returns every attention head for the first window."""
        windows = self.windows(samples[0][:1])
        count, ids = len(windows.ids), windows.ids[:1]
        if count == 1:
            return super().describe_example(samples, inputs, outputs, tokens)
        names = _names(ids[0], inputs[0])
        return [self_attention(self, (ids,), names, part=f"the first of {count} windows")]


class PooledHead(nn.Module):
    """The outputs of a text, computed from the state of its first piece, [CLS]."""

    def __init__(
        self,
        units: int,
        others: tuple[TensorSpec, ...],
        outputs: tuple[TensorSpec, ...],
        dropout: float,
    ) -> None:
        super().__init__()
        self.pooler, self.tanh = nn.Linear(units, units), nn.Tanh()
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.join = ConcatFeatures(others, embed=None) if others else None
        self.output = head(units + (self.join.width if self.join else 0), outputs)

    def forward(self, states: Tensor, ids: Tensor, *others: Tensor) -> Outputs:
        row = self.pooled(states)
        if self.join is not None:
            row = torch.cat([row, self.join(*others)], dim=1)
        outputs: Outputs = self.output(row)
        return outputs

    def pooled(self, states: Tensor) -> Tensor:
        """Returns the features (batch, unit) of a text, from the state of [CLS]."""
        features: Tensor = self.dropout(self.tanh(self.pooler(states[:, 0])))
        return features


class StepHead(nn.Module):
    """The outputs of every piece; those of padding are 0."""

    def __init__(self, units: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.output = nn.Linear(units, outputs)

    def forward(self, states: Tensor, ids: Tensor) -> Tensor:
        return _zero_at_padding(self.output(self.dropout(states)), ids)


class MaskedWordHead(nn.Module):
    """The logits of every piece of the vocabulary, with the weights of the embedding.

    y = norm(gelu(W x + b)) E' + c
    """

    def __init__(self, pieces: nn.Embedding) -> None:
        super().__init__()
        units = pieces.embedding_dim
        self.transform = nn.Linear(units, units)
        self.activation = nn.GELU()
        self.norm = nn.LayerNorm(units, eps=_EPS)
        self.decoder = TiedLinear(pieces)

    def forward(self, states: Tensor, ids: Tensor) -> Tensor:
        return _zero_at_padding(self.decoder(self.features(states)), ids)

    def features(self, x: Tensor) -> Tensor:
        """Returns the inputs of the tied layer, of the same shape."""
        y: Tensor = self.norm(self.activation(self.transform(x)))
        return y


class WordsHead(nn.Module):
    """The masked words alone."""

    def __init__(self, pieces: nn.Embedding) -> None:
        super().__init__()
        self.words = MaskedWordHead(pieces)

    def forward(self, states: Tensor, ids: Tensor) -> Tensor:
        logits: Tensor = self.words(states, ids)
        return logits


class PretrainingHead(PooledHead):
    """The masked words, and whether the second text follows the first."""

    def __init__(
        self, pieces: nn.Embedding, outputs: tuple[TensorSpec, ...], dropout: float
    ) -> None:
        super().__init__(pieces.embedding_dim, (), outputs, dropout)
        self.words = MaskedWordHead(pieces)

    def forward(self, states: Tensor, ids: Tensor, *others: Tensor) -> tuple[Tensor, Tensor]:
        return self.words(states, ids), self.pairs(states)

    def pairs(self, states: Tensor) -> Tensor:
        """Returns the logits (batch, 2) of the states of [CLS]."""
        y: Tensor = self.output(self.pooled(states))
        return y


def _head(
    units: int,
    others: tuple[TensorSpec, ...],
    text: TensorSpec,
    outputs: tuple[TensorSpec, ...],
    options: Options,
    pieces: nn.Embedding,
) -> nn.Module:
    """Returns the head that suits the outputs.

    Raises:   ShapeError when there are other outputs beside one for every piece.
    """
    first, dropout = outputs[0], options.dropout
    if first.axes[:1] != ("time",):
        return PooledHead(units, others, outputs, dropout)
    if others:
        names = ", ".join(spec.name for spec in others)
        raise ShapeError(
            "an output for every word piece is that of the text alone",
            got=f"other inputs: {names}",
            do=f"Set input.drop=[{names}]",
        )
    is_masked = first.labels == text.labels
    if is_masked and len(outputs) == 2:
        return PretrainingHead(pieces, outputs[1:], dropout)
    if len(outputs) > 1:
        raise ShapeError(
            "an output for every word piece stands alone", got=f"{len(outputs)} outputs"
        )
    return WordsHead(pieces) if is_masked else StepHead(units, first.shape[1], dropout)


def _names(ids: Tensor, spec: TensorSpec) -> list[str]:
    """Returns the names of ids (time) without padding."""
    return [spec.labels[number] for number in ids.tolist() if number]


def _zero_at_padding(y: Tensor, ids: Tensor) -> Tensor:
    """Returns the outputs of all steps, those of padding as 0."""
    is_piece = (ids[:, : y.shape[1]] != 0).unsqueeze(2)
    return untrim(y * is_piece, ids.shape[1])


def _start(layer: nn.Module) -> None:
    """Draws the first weights of a layer as published."""
    if isinstance(layer, nn.Linear | nn.Embedding):
        nn.init.normal_(layer.weight, std=_STD)
    if isinstance(layer, nn.Linear) and layer.bias is not None:
        nn.init.zeros_(layer.bias)
    if isinstance(layer, nn.Embedding):
        zero_padding(layer)

"""Transformer: layers of attention in place of a recurrent cell (S34).

text -> text:      an encoder reads a text, a decoder writes another
text -> next:      a decoder alone, whose mask hides the steps after each token
text -> category:  an encoder, then the mean over the tokens; other inputs are joined

x = √units E[token] + position        then layers of attention and of feed-forward nets

The decoder learns all tokens of a text at once: a causal mask hides those that are
still to come. When it writes, `step` keeps the keys and values of the tokens before,
so that each token is computed once.

Shapes:   ids (batch, time) -> logits (batch, step, class), or one row per output
Choices:  Padding is never a key. With pre-norm a last normalization comes before the
          head. Weights are drawn as in the paper's code: Xavier's for layers, and a
          standard deviation of 1 / √units for embeddings, which √units makes 1; learned
          positions are as large as sines and cosines. Padding and unknown tokens are
          never written. In evaluation a text stops at its end token: the logits after
          it are 0, and no step is computed once all texts have ended. When a text fills
          the window, the last half of the window is read again, and the text continues
          after it.
Source:   Vaswani et al., Attention Is All You Need, 2017; pre-norm Xiong et al. 2020;
          the decoder alone Radford et al. 2018.
Raises:   ShapeError for inputs without a text, for more than one text beside a text to
          write, and for heads that do not divide the units.
Example:  >>> source = TensorSpec("word", ("time",), (5,), vocab_size=9, padded=True)
          >>> target = TensorSpec("text", ("time", "class"), (6, 8), padded=True)
          >>> net = build((source,), (target,), Options(units=8, num_heads=2))
          >>> net(torch.tensor([[3, 4, 0, 0, 0]])).shape
          torch.Size([1, 6, 8])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from kissipo.codec.target_tokens import END
from kissipo.core.batch import trim, untrim
from kissipo.core.errors import ShapeError
from kissipo.core.inferred_option import DataFacts, InferredOption
from kissipo.core.protocols import Outputs
from kissipo.core.schema import Range, Values, option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.activation import Activation
from kissipo.process.layers.concat_features import ConcatFeatures
from kissipo.process.layers.embedding import zero_padding
from kissipo.process.layers.heads import head
from kissipo.process.layers.multi_head_attention import causal_mask, padding_mask
from kissipo.process.layers.pool import TemporalPooling
from kissipo.process.layers.positions import LearnedPositions, SinusoidalPositions
from kissipo.process.layers.shows_attention import ShowsSelfAttention
from kissipo.process.layers.tied_linear import TiedLinear
from kissipo.process.layers.transformer_layer import TransformerLayer

ALGORITHMS = ("supervised", "teacher_forcing")
State = tuple[Tensor, ...]
_POSITIONS = {"sinusoidal": SinusoidalPositions, "learned": LearnedPositions}


@dataclass(frozen=True)
class Options:
    """The options of the Transformer."""

    units: int = option(
        128,
        "number of features of a token, in every layer",
        minimum=1,
        search=Values((64, 128, 256)),
    )
    num_layers: int = option(
        2,
        "number of layers of the encoder, and of the decoder",
        minimum=1,
        search=Values((1, 2, 4)),
    )
    num_heads: int = option(
        4,
        "number of attention heads, which divide the units",
        minimum=1,
        search=Values((2, 4, 8)),
    )
    feed_forward_units: int | None = option(
        None, "size of the hidden layer after each attention; 4 times the units when omitted",
        minimum=1,
    )  # fmt: skip
    positions: Literal["sinusoidal", "learned"] = option(
        "sinusoidal", "how tokens know their position: sinusoidal (sines and cosines), learned"
    )
    norm_first: bool = option(
        False, "normalize before each layer (pre-norm), not after each sum (post-norm)"
    )
    activation: Activation = option("relu", "activation function of the feed-forward nets")
    tied_embedding: bool = option(
        False, "weight tying: the head has the weights of the embedding of the written tokens"
    )
    dropout: float = option(
        0.0,
        "dropout rate of the embeddings, the attention weights, and before each sum",
        minimum=0,
        below=1,
        search=Range(0.0, 0.5),
    )


def required_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns the algorithm that learns to write a text."""
    if _task(facts.inputs, facts.outputs[0]) == "write":
        reason = "each token of a text is learned after the true ones"
        return (InferredOption("process.algorithm", "teacher_forcing", reason),)
    return ()


def suggested_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns sizes for texts to write, for the next token, or for whole texts."""
    task = _task(facts.inputs, facts.outputs[0])
    if task == "write":
        return (
            InferredOption("process.units", 256, "as in the small nets of the literature"),
            InferredOption("process.num_layers", 3),
            InferredOption("process.num_heads", 8),
            InferredOption("process.feed_forward_units", 512),
            InferredOption("process.dropout", 0.1, "the rate of the paper"),
            InferredOption("process.learning_rate", 5e-4, "higher ones diverge without warmup"),
            InferredOption("process.clip_norm", 1.0, "bounds the first steps"),
            InferredOption("input.batch_size", 128),
            InferredOption("process.epochs", 10),
        )
    rate = InferredOption("process.learning_rate", 1e-3)
    if task == "continue":
        return (
            InferredOption("process.num_layers", 4, "trains in minutes on two cores"),
            InferredOption("process.norm_first", True, "trains without a warmup"),
            InferredOption("process.positions", "learned", "as GPT: a window has one length"),
            InferredOption("process.activation", "gelu", "as GPT"),
            rate,
            InferredOption("process.clip_norm", 1.0, "bounds the first steps"),
            InferredOption("process.epochs", 2),
        )
    return (
        InferredOption("process.units", 64, "small and regularized: few texts teach few weights"),
        InferredOption("process.dropout", 0.2),
        rate,
        InferredOption("process.epochs", 15),
    )


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net whose form follows from these inputs and outputs."""
    texts = [place for place, spec in enumerate(inputs) if spec.axes == ("time",)]
    texts = [place for place in texts if inputs[place].vocab_size]
    described = " and ".join(f"'{spec.name}' {spec.describe()}" for spec in inputs)
    if not texts:
        raise ShapeError(
            "process step 'transformer' reads a text, the ids of its tokens (batch, time)",
            got=f"input step {described}",
            do="Use process.net=ffn for a table of numbers, or name the column of the text with "
            "input.text",
        )
    net: nn.Module
    task = _task(inputs, outputs[0])
    if task == "tag":
        raise ShapeError(
            "process step 'transformer' gives a whole text an answer, writes a text, or goes on "
            "with it, but has no answer per token",
            got=f"the output {outputs[0].describe()}",
            do="Use process.net=bert or process.net=recurrent",
        )
    if task in ("write", "continue"):
        if len(inputs) > 1 or len(outputs) > 1:
            raise ShapeError(
                "process step 'transformer' writes one text from one text",
                got=f"input step {described}"
                + (f" and {len(outputs)} outputs" if len(outputs) > 1 else ""),
                do="Leave the other columns out with input.drop",
            )
        form = EncoderDecoder if task == "write" else LanguageModel
        net = form(inputs[0], outputs[0], options)
    else:
        net = TextEncoder(inputs, texts[0], outputs, options)
    _draw_weights(net)
    return net


def _task(
    inputs: tuple[TensorSpec, ...], output: TensorSpec
) -> Literal["write", "continue", "tag", "classify"]:
    """Returns what the net does with a text: writes another one, goes on with it, tags
    its tokens, or gives one answer for all of it."""
    if output.axes[:1] != ("time",):
        return "classify"
    if output.axes != ("time", "class"):
        return "tag"
    length, vocab_size = inputs[0].shape[:1], inputs[0].vocab_size
    if output.padded:
        return "tag" if output.shape[:1] == length and not output.unit else "write"
    return "continue" if output.shape[1] == vocab_size else "tag"


class Tokens(nn.Module):
    """The embedding of tokens, with their positions.

    Shapes:   ids (batch, time), first: the position of the first -> (batch, time, unit)
    """

    def __init__(self, vocab_size: int, length: int, options: Options, *, padded: bool) -> None:
        super().__init__()
        self.scale, self.length = options.units**0.5, length
        self.embedding = nn.Embedding(vocab_size, options.units, padding_idx=0 if padded else None)
        self.positions = _POSITIONS[options.positions](length, options.units)
        self.dropout = nn.Dropout(options.dropout) if options.dropout else nn.Identity()

    def forward(self, ids: Tensor, first: int = 0) -> Tensor:
        last = first + ids.shape[1]
        if last > self.length:
            raise ShapeError(
                "a text is longer than the texts that the Transformer was built for",
                got=f"{last:,} tokens",
                allowed=f"up to {self.length:,}",
                do="Cut the text, or train with a larger input.max_length or input.window",
            )
        x: Tensor = self.dropout(self.positions(self.embedding(ids) * self.scale, first))
        return x


class EncoderDecoder(nn.Module):
    """An encoder that reads a text, and a decoder that writes another."""

    def __init__(self, source: TensorSpec, target: TensorSpec, options: Options) -> None:
        super().__init__()
        self.length, vocab_size = target.shape
        self.padded = source.padded
        self.source_tokens = Tokens(
            source.vocab_size, source.shape[0], options, padded=source.padded
        )
        self.encoder = _layers(options)
        self.memory_norm = _last_norm(options)
        self.target_tokens = Tokens(vocab_size, self.length, options, padded=True)
        self.decoder = _layers(options, reads_memory=True)
        self.norm = _last_norm(options)
        self.head = _token_head(self.target_tokens, options)

    def forward(self, source: Tensor, target: Tensor | None = None) -> Tensor:
        if target is not None:
            return self._head(self.features(source, target))
        state = self.begin(source)
        tokens, logits = self._first(source), []
        has_ended = torch.zeros_like(tokens, dtype=torch.bool)
        for _ in range(self.length):
            step_logits, state = self.step(tokens, state)
            tokens = step_logits[:, END:].argmax(dim=1) + END
            logits.append(step_logits)
            if not self.training:  # the text is the answer, and nothing comes after it
                logits[-1] = step_logits.masked_fill(has_ended.unsqueeze(1), 0.0)
                has_ended = has_ended | (tokens == END)
                if not torch.jit.is_tracing() and bool(has_ended.all()):
                    break
        return untrim(torch.stack(logits, dim=1), self.length)

    def features(self, source: Tensor, target: Tensor) -> Tensor:
        """Returns the inputs of the head (batch, step, unit), teacher forced."""
        memory, memory_mask = self._read(source)
        previous = torch.cat([self._first(source).unsqueeze(1), target[:, :-1]], dim=1)
        x, mask = self.target_tokens(previous), causal_mask(previous.shape[1], source.device)
        for layer in self.decoder:
            x = layer(x, mask, memory, memory_mask)
        features: Tensor = self.norm(x)
        return features

    def head_weights(self) -> tuple[Tensor, Tensor]:
        """Returns the weight (class, unit) and the bias (class) of the head."""
        return self.head.weight, self.head.bias

    def begin(self, source: Tensor) -> State:
        """Returns the state before the first token.

        That is the mask of the source, then for each layer of the decoder keys and
        values of the source, then for each layer those of the tokens before: none.
        """
        memory, mask = self._read(source)
        state = [mask]
        for layer in self.decoder:
            state += layer.memory_attention.keys_values(memory)
        return (*state, *(part[:, :, :0] for part in state[1:]))

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Returns the logits (batch, class) after tokens (batch), and the state."""
        mask, *parts = state
        memory, past = _pairs(parts[: len(parts) // 2]), _pairs(parts[len(parts) // 2 :])
        x = self.target_tokens(tokens.unsqueeze(1), past[0][0].shape[2])
        after: list[Tensor] = []
        for layer, read, own in zip(self.decoder, memory, past, strict=True):
            x, keys_values = layer.step(x, own, read, mask)
            after += keys_values
        return self._head(self.norm(x)).squeeze(1), (*state[: 1 + len(after)], *after)

    def _read(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the memory (batch, time, unit), and which of its steps are no
        padding."""
        source, mask = _without_padding(source, padded=self.padded)
        x = self.source_tokens(source)
        for layer in self.encoder:
            x = layer(x, mask)
        return self.memory_norm(x), mask

    def _first(self, source: Tensor) -> Tensor:
        """Returns the tokens (batch) before the first ones: the end of a text."""
        return torch.full_like(source[:, 0], END)

    def _head(self, features: Tensor) -> Tensor:
        logits: Tensor = self.head(features)
        return logits


class LanguageModel(ShowsSelfAttention):
    """A decoder alone: the next token at every step of a running text."""

    stateful = False

    def __init__(self, text: TensorSpec, following: TensorSpec, options: Options) -> None:
        super().__init__()
        self.longest_text = text.shape[0]
        self.tokens = Tokens(text.vocab_size, self.longest_text, options, padded=False)
        self.layers = _layers(options)
        self.norm = _last_norm(options)
        self.head = _token_head(self.tokens, options, classes=following.shape[1])

    def forward(self, ids: Tensor) -> Tensor:
        x, mask = self.tokens(ids), causal_mask(ids.shape[1], ids.device)
        for layer in self.layers:
            x = layer(x, mask)
        logits: Tensor = self.head(self.norm(x))
        return logits

    def forward_with_state(
        self, state: State | None, *inputs: Tensor
    ) -> tuple[Tensor, State | None]:
        """Returns the logits of the next tokens, and the state after the last.

        The state is the ids (batch, time) that were read, and the keys and values of
        each layer. When they fill the window, its last half is read again, at the
        first positions, and the text goes on after it.
        """
        (ids,) = inputs
        length, logits = self.longest_text, []
        while ids.shape[1]:
            if state is not None and state[0].shape[1] == length:
                recent = state[0][:, length - length // 2 :]
                state = self._read(recent, None)[1] if recent.shape[1] else None
            room = length - (0 if state is None else state[0].shape[1])
            outputs, state = self._read(ids[:, :room], state)
            logits.append(outputs)
            ids = ids[:, room:]
        return torch.cat(logits, dim=1), state

    def _read(self, ids: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Reads tokens that fit into the window."""
        before = 0 if state is None else state[0].shape[1]
        past = [None] * len(self.layers) if state is None else _pairs(state[1:])
        x, mask = self.tokens(ids, before), None
        if ids.shape[1] > 1:
            mask = causal_mask(before + ids.shape[1], ids.device)[before:]
        after: list[Tensor] = []
        for layer, own in zip(self.layers, past, strict=True):
            x, keys_values = layer.step(x, own, mask=mask)
            after += keys_values
        read = ids if state is None else torch.cat([state[0], ids], dim=1)
        return self.head(self.norm(x)), (read, *after)


class TextEncoder(ShowsSelfAttention):
    """An encoder of one text, pooled; other inputs are concatenated after it."""

    def __init__(
        self,
        inputs: tuple[TensorSpec, ...],
        text: int,
        outputs: tuple[TensorSpec, ...],
        options: Options,
    ) -> None:
        super().__init__()
        spec, self.text_input = inputs[text], text
        self.padded = spec.padded
        self.tokens = Tokens(spec.vocab_size, spec.shape[0], options, padded=spec.padded)
        self.layers = _layers(options)
        self.norm = _last_norm(options)
        self.temporal_pooling = TemporalPooling("mean")
        others = inputs[:text] + inputs[text + 1 :]
        self.join = ConcatFeatures(others) if others else None
        self.dropout = nn.Dropout(options.dropout) if options.dropout else nn.Identity()
        self.head = head(options.units + (self.join.width if self.join else 0), outputs)

    def forward(self, *inputs: Tensor) -> Outputs:
        ids, mask = _without_padding(inputs[self.text_input], padded=self.padded)
        x = self.tokens(ids)
        for layer in self.layers:
            x = layer(x, mask)
        row = self.temporal_pooling(self.norm(x), ids != 0 if self.padded else None)
        if self.join is not None:
            others = inputs[: self.text_input] + inputs[self.text_input + 1 :]
            row = torch.cat([row, self.join(*others)], dim=1)
        return self.head(self.dropout(row))


def _without_padding(ids: Tensor, *, padded: bool) -> tuple[Tensor, Tensor]:
    """Returns the ids up to the longest text, and the mask (batch, 1, 1, key)."""
    if not padded:
        return ids, torch.ones_like(ids, dtype=torch.bool)[:, None, None]
    ids = trim(ids)
    return ids, padding_mask(ids)


def _layers(options: Options, *, reads_memory: bool = False) -> Any:
    return nn.ModuleList(
        TransformerLayer(
            options.units,
            options.num_heads,
            options.feed_forward_units,
            dropout=options.dropout,
            act=options.activation,
            norm_first=options.norm_first,
            reads_memory=reads_memory,
        )
        for _ in range(options.num_layers)
    )


def _last_norm(options: Options) -> nn.Module:
    return nn.LayerNorm(options.units) if options.norm_first else nn.Identity()


def _token_head(
    tokens: Tokens, options: Options, classes: int | None = None
) -> TiedLinear | nn.Linear:
    if options.tied_embedding:
        return TiedLinear(tokens.embedding)
    return nn.Linear(options.units, classes or tokens.embedding.num_embeddings)


def _pairs(parts: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """Returns the keys and values of each layer."""
    return list(zip(parts[::2], parts[1::2], strict=True))


def _draw_weights(net: nn.Module) -> None:
    """Draws the weights of layers and embeddings, and sets biases to zero."""
    for name, layer in net.named_modules():
        if isinstance(layer, nn.Linear):
            is_projection = name.endswith(("attention.query", "attention.key", "attention.value"))
            nn.init.xavier_uniform_(layer.weight, gain=0.5**0.5 if is_projection else 1.0)
            nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.Embedding):
            nn.init.normal_(layer.weight, std=layer.embedding_dim**-0.5)
            zero_padding(layer)

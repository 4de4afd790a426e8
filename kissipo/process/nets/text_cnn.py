"""Text CNN: filters over the n-grams of a text, and the best match of each (S28).

ids -> embedding -> convolutions of several widths -> maximum over time, relu
    -> dropout -> output

Every text column has an embedding and filters of its own. Inputs that are not texts are
concatenated to the maxima. With `pair_buckets`, a linear path from the pairs of
neighboring tokens is added to the output.

Shapes:   ids (batch, time) -> (batch, width · filter) -> output
Choices:  Words start as small random vectors and are learned (Kim's CNN-rand). Padding
          alone never wins. The norm of the weights has no limit, and Adam replaces
          Adadelta. Words are not dropped and pairs are not read, as in the paper,
          unless an option asks for it. relu comes after the maximum:
          relu(max(x)) = max(relu(x)), also for gradients.
Source:   Kim, Convolutional Neural Networks for Sentence Classification, EMNLP 2014.
Raises:   ShapeError when no input is a text, or there is an output for every step.
Example:  >>> from kissipo.core.tensor_spec import TensorSpec
          >>> question = TensorSpec("question", ("time",), (37,), vocab_size=4000)
          >>> kind = TensorSpec("kind", ("class",), (6,))
          >>> net = build((question,), (kind,), Options(kernel_sizes=(3, 4, 5)))
          >>> [tuple(filters.weight.shape) for filters in net.texts[0].convolutions]
          [(100, 128, 3), (100, 128, 4), (100, 128, 5)]
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from math import prod
from typing import Any, cast

import torch
from torch import Tensor, nn

from kissipo.core.description import Section
from kissipo.core.errors import ShapeError
from kissipo.core.inferred_option import Candidate, DataFacts
from kissipo.core.schema import Range, Values, option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.concat_features import ConcatFeatures
from kissipo.process.layers.heads import head
from kissipo.process.layers.ngram_filters import NgramFilters
from kissipo.process.layers.pair_weights import PairWeights
from kissipo.process.nets._ngram_sections import (
    MAX_SAMPLES,
    filters_section,
    matches_of,
    pairs_section,
    text_section,
)
from kissipo.process.nets._text_candidates import reading_candidate


@dataclass(frozen=True)
class Options:
    """The options of the text CNN."""

    kernel_sizes: tuple[int, ...] = option(
        (3, 4, 5), "number of tokens that the filters of each width look at", minimum=1
    )
    filters: int = option(
        100, "number of filters of each width", minimum=1, search=Values((50, 100, 200))
    )
    embedding_dim: int = option(
        128,
        "size of each embedding of tokens or categories",
        minimum=1,
        search=Values((32, 64, 128)),
    )
    dropout: float = option(
        0.5, "dropout rate before the output", minimum=0, below=1, search=Range(0.0, 0.7)
    )
    word_dropout: float = option(
        0.0,
        "probability with which a whole token is dropped in training",
        minimum=0,
        below=1,
        search=Range(0.0, 0.4),
    )
    pair_buckets: int = option(
        0,
        "number of buckets of the hashed pairs of neighboring tokens, which add to the output "
        "on a linear path; 0 disables it",
        minimum=0,
    )


def candidates(facts: DataFacts) -> tuple[Candidate, ...]:
    """Returns the net, where an input is a text."""
    return reading_candidate(facts, "text_cnn", "convolution over words")


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net for these inputs and outputs."""
    texts = [number for number, spec in enumerate(inputs) if _is_text(spec)]
    if not texts:
        description = " and ".join(f"'{spec.name}' {spec.describe()}" for spec in inputs)
        raise ShapeError(
            "process step 'text_cnn' takes a text (batch, time)",
            got=f"input step {description}",
            do="Name a column with input.text or input.characters, or use another process.net",
        )
    if any(spec.axes[:1] == ("time",) for spec in outputs):
        raise ShapeError(
            "process step 'text_cnn' has one output per text, not one for every step",
            do="Use process.net=recurrent",
        )
    return TextCNN(inputs, texts, outputs, options)


class TextCNN(nn.Module):
    """N-gram filters over every text; other inputs are concatenated."""

    def __init__(
        self,
        inputs: tuple[TensorSpec, ...],
        texts: list[int],
        outputs: tuple[TensorSpec, ...],
        options: Options,
    ) -> None:
        super().__init__()
        self.places = tuple(texts)
        self.texts = nn.ModuleList([_filters(inputs[number], options) for number in texts])
        others = tuple(spec for number, spec in enumerate(inputs) if number not in texts)
        self.join = ConcatFeatures(others, embed=options.embedding_dim) if others else None
        self.activation = nn.ReLU()
        self.dropout = nn.Dropout(options.dropout) if options.dropout else nn.Identity()
        matches = sum(text.width for text in self._filters())
        self.head = head(matches + (self.join.width if self.join else 0), outputs)
        self.shapes = [spec.shape for spec in outputs]
        total = sum(spec.size for spec in outputs)
        self.wide = nn.ModuleList(
            PairWeights(options.pair_buckets, total, padded=inputs[number].padded)
            for number in texts
            if options.pair_buckets
        )

    def forward(self, *inputs: Tensor) -> Any:
        matches = [text(inputs[place]) for text, place in zip(self.texts, self.places, strict=True)]
        row = self.activation(matches[0] if len(matches) == 1 else torch.cat(matches, dim=1))
        if self.join is not None:
            others = [x for place, x in enumerate(inputs) if place not in self.places]
            row = torch.cat([row, self.join(*others)], dim=1)
        deep = self.head(self.dropout(row))
        return self._plus_pairs(deep, inputs) if len(self.wide) else deep

    def _plus_pairs(
        self, deep: Tensor | tuple[Tensor, ...], inputs: tuple[Tensor, ...]
    ) -> Tensor | tuple[Tensor, ...]:
        """Returns the outputs, to which the pairs of all texts are added."""
        texts = zip(self.wide, self.places, strict=True)
        wide = torch.stack([pairs(inputs[place]) for pairs, place in texts]).sum(dim=0)
        parts = wide.split([prod(shape) for shape in self.shapes], dim=1)
        wides = [part.unflatten(1, shape) for part, shape in zip(parts, self.shapes, strict=True)]
        if isinstance(deep, Tensor):
            return deep + wides[0]
        return tuple(y + wide for y, wide in zip(deep, wides, strict=True))

    def describe_example(
        self,
        samples: tuple[Tensor, ...],
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
        tokens: Sequence[Sequence[str]],
    ) -> list[Section]:
        """Returns for each text the n-grams that won, with what they add to the output.

        The output is that of the first answer, and of its most probable class.
        """
        output = self(*samples)
        first = output if isinstance(output, Tensor) else output[0]
        row = int(first[0].flatten().argmax())
        answer = _answers(outputs[0])[row]
        sections = []
        for text, place, weights in zip(self._filters(), self.places, self._weights(), strict=True):
            matches = matches_of(text, samples[place], weights[row])
            sections.append(text_section(matches, tokens[place], inputs[place], answer))
        for pairs, place in zip(self.wide, self.places if len(self.wide) else (), strict=True):
            added = cast(PairWeights, pairs).added(samples[place])[0, :, row]
            sections.append(pairs_section(added, tokens[place], inputs[place], answer))
        return sections

    def describe_samples(
        self,
        batches: Iterable[tuple[Tensor, ...]],
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
    ) -> list[Section]:
        """Returns for each text the filters that matter most, with their n-grams."""
        some = [
            *islice(chain.from_iterable(zip(*batch, strict=True) for batch in batches), MAX_SAMPLES)
        ]
        return [
            filters_section(
                text,
                torch.stack([sample[place] for sample in some]),
                weights,
                inputs[place],
                _answers(outputs[0]),
            )
            for text, place, weights in zip(
                self._filters(), self.places, self._weights(), strict=True
            )
        ]

    def _filters(self) -> list[NgramFilters]:
        return [cast(NgramFilters, text) for text in self.texts]

    def _weights(self) -> tuple[Tensor, ...]:
        """Returns the weights (answer, filter) from each text to the first output."""
        linear = next(layer for layer in self.head.modules() if isinstance(layer, nn.Linear))
        widths = [text.width for text in self._filters()]
        return linear.weight.detach()[:, : sum(widths)].split(widths, dim=1)


def _is_text(spec: TensorSpec) -> bool:
    return spec.axes == ("time",) and bool(spec.vocab_size)


def _filters(spec: TensorSpec, options: Options) -> NgramFilters:
    return NgramFilters(
        spec.vocab_size,
        options.embedding_dim,
        widths=options.kernel_sizes,
        filters=options.filters,
        padded=spec.padded,
        word_dropout=options.word_dropout,
    )


def _answers(spec: TensorSpec) -> list[str]:
    """Returns the classes of an output, or the name of a number."""
    return [f"'{name}'" for name in spec.labels] or [f"'{spec.name}'"] * spec.size

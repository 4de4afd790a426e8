"""Sentence-BERT: the mean of the states of a text, and its cosine with each document.

h = the last states of BERT      m = mean of h over the word pieces      v = m / |m|
cos(q, d) = v_q v_d = sum over the pieces of q of h_t v_d / (T |m_q|)

Nothing is trained: the encoder is a published one, or that of a run, and the documents
are read once. So a text also finds documents that have none of its words. Each piece
has its part of a cosine, and the parts add up to it.

Shapes:   ids (batch, time) -> cosines (batch, document)
Choices:  The mean includes [CLS] and [SEP], as published. A text without a known word
          piece has the cosine 0 with every document, as with TF-IDF.
Source:   Reimers and Gurevych 2019; MiniLM from Wang et al. 2020.
Raises:   TaskError without `process.weights`; ShapeError when the input is not word
          pieces, or too long, or the output not one number per document.
Example:  >>> text = TensorSpec("text", ("time",), (9,), 30, ("[PAD]", "[SEP]"), True)
          >>> documents = TensorSpec("document", ("document",), (5,))
          >>> options = Options(num_layers=1, units=8, num_heads=2)
          >>> net = build((text,), (documents,), options).eval()
          >>> net(torch.tensor([[4, 5, 1, 0, 0, 0, 0, 0, 0]])).shape
          torch.Size([1, 5])
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from kissipo.codec.word_pieces import SPECIAL
from kissipo.core.batch import Batch
from kissipo.core.errors import ShapeError, TaskError
from kissipo.core.inferred_option import DataFacts, InferredOption
from kissipo.core.json_object import JsonMapping
from kissipo.core.module_state import eval_mode
from kissipo.core.schema import option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.document_cosine import AxisCosine
from kissipo.process.layers.pool import TemporalPooling
from kissipo.process.nets import bert
from kissipo.process.nets._published_bert import has_documents, load_file, name_here, options_for

__all__ = ["Options", "SentenceBert", "build", "load_file", "required_options"]
ALGORITHMS = ("closed_form",)
_PIECES = 8_192  # word pieces, with padding, that are computed at the same time


@dataclass(frozen=True)
class Options(bert.Sizes):
    """The options of Sentence-BERT."""

    weights: str | None = option(
        None, "weights of the encoder: the folder of a published BERT or MiniLM, or of a run"
    )


def options_of_weights(
    path: Path, saved: JsonMapping | None, answers: Sequence[JsonMapping]
) -> list[InferredOption]:
    """Returns the options that a published folder or a run sets, for documents."""
    return options_for("sentence_bert", path, saved) if has_documents(answers) else []


def ours(name: str, options: object) -> str:
    """Returns the name in the net of a published tensor."""
    return name_here(name)


def required_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Refuses an encoder that has learned nothing.

    Raises:   TaskError without weights.
    """
    if not facts.process.get("weights"):
        raise TaskError(
            "process.net=sentence_bert is not trained here, so it needs weights",
            do="Set process.weights=FOLDER to that of a published model, such as "
            "`kissipo data get weights:minilm` writes, or to that of a run of bert",
        )
    return ()


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net for so many documents."""
    if len(inputs) != 1 or len(outputs) != 1 or outputs[0].axes != ("document",):
        described = " and ".join(spec.describe() for spec in (*inputs, *outputs))
        raise ShapeError(
            "process step 'sentence_bert' compares one text with documents",
            got=f"input and output {described}",
            do="Use output.vectors=documents",
        )
    bert.place_of_pieces("sentence_bert", inputs, options)
    return SentenceBert(inputs[0], outputs[0].shape[0], options)


class SentenceBert(bert.Bert):
    """The encoder of a BERT, whose mean state is compared with all documents."""

    head: SimilarityHead

    def __init__(self, text: TensorSpec, documents: int, options: Options) -> None:
        sizes = {name: getattr(options, name) for name in bert.Sizes.__dataclass_fields__}
        head = SimilarityHead(options.units, documents, text)
        super().__init__((text,), 0, (), bert.Options(**sizes, dropout=0.0), head)

    def forward(self, *inputs: Tensor) -> Tensor:
        (ids,) = inputs
        rows = max(1, _PIECES // ids.shape[1])
        return torch.cat([self.head(self.states(part), part) for part in ids.split(rows)])

    def vectors(self, ids: Tensor) -> Tensor:
        """Returns the mean states of texts (batch, unit); their length is not 1.

        Texts of a similar length are computed together.
        """
        sizes = (ids != 0).sum(dim=1)
        order = sizes.argsort(descending=True)
        vectors, first = ids.new_empty(len(ids), self.norm.weight.shape[0], dtype=torch.float), 0
        while first < len(ids):
            rows = order[first : first + max(1, _PIECES // max(1, int(sizes[order[first]])))]
            some = ids[rows]
            vectors[rows] = self.head.mean(self.states(some), some)
            first += len(rows)
        return vectors

    def terms(self, text: Tensor) -> Tensor:
        """Returns the ids of the word pieces (batch, time)."""
        return text

    def parts(self, text: Tensor, documents: Tensor) -> Tensor:
        """Returns the part of each word piece in the cosine with some documents; the
        first of several equal pieces has the parts of all.

        Shapes:   documents (batch, document) numbers -> (batch, document, time)
        """
        rows = max(1, _PIECES // text.shape[1])
        some = zip(text.split(rows), documents.split(rows), strict=True)
        parts = [self.head.parts(self.states(ids), ids, numbers) for ids, numbers in some]
        longest = max(part.shape[2] for part in parts)
        return torch.cat([nn.functional.pad(part, (0, longest - part.shape[2])) for part in parts])

    def solve(self, samples: Iterable[Batch], seed: int) -> str:
        """Computes the vectors of all documents."""
        pieces = 0
        vectors = []
        with eval_mode(self):
            for batch in samples:
                pieces += int((batch.inputs[0] != 0).sum())
                vectors.append(self.vectors(batch.inputs[0]))
        documents = torch.cat(vectors)
        self.head.cosine.set(documents)
        return (
            f"solved in one pass: {len(documents):,} documents of {pieces:,} word pieces, "
            f"{documents.shape[1]:,} numbers each"
        )


class SimilarityHead(nn.Module):
    """The mean of the states of a text, and its cosine with each document."""

    is_known: Tensor

    def __init__(self, units: int, documents: int, text: TensorSpec) -> None:
        super().__init__()
        self.pooling = TemporalPooling("mean")
        self.cosine = AxisCosine(units, documents)
        is_known = torch.tensor([name not in SPECIAL for name in text.labels])
        missing = text.vocab_size - len(is_known)
        padded = nn.functional.pad(is_known, (0, missing), value=True)
        self.register_buffer("is_known", padded, persistent=False)

    def forward(self, states: Tensor, ids: Tensor) -> Tensor:
        cosines: Tensor = self.cosine(self.mean(states, ids))
        return cosines

    def mean(self, states: Tensor, ids: Tensor) -> Tensor:
        """Returns the mean states (batch, unit); 0 for a text without a known piece."""
        vectors: Tensor = self.pooling(states, self._mask(states, ids))
        return vectors

    def parts(self, states: Tensor, ids: Tensor, documents: Tensor) -> Tensor:
        """Returns the part of each piece in the cosine with some documents."""
        mask = self._mask(states, ids)
        lengths = torch.linalg.vector_norm(self.pooling(states, mask), dim=1)
        scale = (lengths * mask.sum(dim=1))[:, None, None]
        products = self.cosine.vectors[documents] @ states.transpose(1, 2)
        parts = products * mask[:, None] / torch.where(scale > 0, scale, 1)
        first = _first_places(ids[:, : states.shape[1]])[:, None].expand_as(parts)
        return torch.zeros_like(parts).scatter_add(2, first, parts)

    def _mask(self, states: Tensor, ids: Tensor) -> Tensor:
        """Returns which states count (batch, time)."""
        ids = ids[:, : states.shape[1]]
        return (ids != 0) & self.is_known[ids].any(dim=1, keepdim=True)


def _first_places(ids: Tensor) -> Tensor:
    """Returns the first place of each id in its row.

    Example:  >>> _first_places(torch.tensor([[7, 8, 7, 8, 9]])).tolist()
              [[0, 1, 0, 1, 4]]
    """
    places = torch.arange(ids.shape[1], device=ids.device)
    is_same = ids[:, :, None] == ids[:, None, :]
    return torch.where(is_same, places, ids.shape[1]).amin(dim=2)

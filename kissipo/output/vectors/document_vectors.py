"""Document vectors: a vector per document; a text is answered with the nearest ones.

The net gives the cosine of a text with each document. With queries whose document is
known, the metrics are those of a search:

hit_at_1, hit_at_5     the share of queries whose document is the first, in the first 5
mean_reciprocal_rank   the mean of 1 / rank of the right document

A document that is as similar as the right one counts as nearer, unless it has the same
text. Without queries there is nothing to be right about. Then documents are compared
with each other, and `nearest_cosine` is the mean cosine of a document and the most
similar other one.

Scores are (sample, 2 + document · (2 + 2 · term)): the rank of the right document and
its cosine, which are NaN where it is unknown, then per neighbor its number, its cosine,
and pairs of a term and its part of the cosine, the largest part first. Scores of a
baseline are similarities alone (sample, document, 1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kissipo.codec.labels import Labels
from kissipo.core.codec import restore, save
from kissipo.core.description import Line, Section, Table
from kissipo.core.errors import NotBuiltError
from kissipo.core.frame import Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.core.json_object import JsonObject
from kissipo.core.protocols import DocumentNet
from kissipo.core.script_part import ScriptPart
from kissipo.core.tensor_spec import TensorSpec
from kissipo.core.text import shorten
from kissipo.output.answer import (
    Answer,
    DecodingStep,
    Evaluation,
    EvaluationCase,
    EvaluationData,
    Prediction,
    Scores,
)
from kissipo.output.neighbor import Neighbor

TOP_K, MAX_TERMS, _HIT = 5, 5, 5
_EQUAL = 1e-6  # cosines that differ less are equal
_NOTHING = 1e-9  # a cosine without a common term
_MAX_ROWS, _MAX_TEXT = 30, 90
_RANKS = ((1, 1), (2, 5), (6, 10), (11, 100), (101, None))


class DocumentVectors(Answer):
    """The nearest documents of a text.

    top_k:        the number of neighbors that a prediction shows
    has_queries:  whether there are texts whose document is known, to evaluate with
    """

    WORD = "vectors"
    EVAL_METRIC = "hit_at_1"
    HIGHER_IS_BETTER = True
    BASELINES = ("tf_idf_cosine", "count_cosine", "random_document")
    CHECKS_LEAKAGE = False
    NAMES_COLUMN = False
    SOURCES = ("text", "table")
    BUILDER = "documents"

    def __init__(
        self, column: str = "document", *, top_k: int = TOP_K, has_queries: bool = True
    ) -> None:
        self.codec: Labels = Labels(column)
        self.top_k, self.has_queries = top_k, has_queries
        self.starts: tuple[str, ...] = ()
        self.copies: tuple[int, ...] = ()
        self.terms: tuple[str, ...] = ()
        if not has_queries:
            self.EVAL_METRIC = "nearest_cosine"

    @property
    def spec(self) -> TensorSpec:
        names = self.codec.classes or ()
        return TensorSpec(self.name, ("document",), (len(names),), labels=names)

    def suggested_net(self) -> InferredOption:
        reason = "it finds documents by their words; process.net=lsa also by related words"
        return InferredOption("process.net", "tf_idf", reason)

    def fit_inputs(self, specs: Sequence[TensorSpec]) -> Self:
        """Takes over the terms, to name what makes a cosine."""
        self.terms = specs[0].labels
        return self

    def fit(self, frame: Frame) -> Self:
        """Takes over the names of the documents, in their order.

        The columns `start`, the first words, and `copy_of`, the first document with the
        same text, are read where they are there.
        """
        names = tuple(filter(None, frame[self.name].texts()))
        self.codec.order = tuple(dict.fromkeys(names))
        self.codec.fit(frame)
        number = {name: place for place, name in enumerate(self.codec.order)}
        starts = frame["start"].texts() if "start" in frame else ()
        self.starts = tuple(start or "" for start in starts)
        copies = frame["copy_of"].texts() if "copy_of" in frame else self.codec.order
        self.copies = tuple(number[copy or ""] for copy in copies)
        return self

    def predict(self, net: nn.Module, inputs: Sequence[Tensor], outputs: Tensor) -> Tensor:
        """Returns the cosines, then the terms that make those of the neighbors."""
        nearest = torch.from_numpy(nearest_documents(outputs.numpy(), self._num_neighbors))
        compared = cast(DocumentNet, net)
        parts = compared.parts(inputs[0], nearest)
        terms = compared.terms(inputs[0])[:, None, : parts.shape[2]]
        count = min(MAX_TERMS, parts.shape[2])
        top = parts.abs().topk(count, dim=2).indices
        ids, values = terms.expand_as(parts).gather(2, top), parts.gather(2, top)
        pairs = torch.stack([ids.to(outputs.dtype), values.to(outputs.dtype)], dim=3)
        padded = nn.functional.pad(pairs, (0, 0, 0, MAX_TERMS - count))
        return torch.cat([outputs, padded.flatten(1)], dim=1)

    def scores(self, outputs: Tensor) -> Scores:
        array = outputs.detach().numpy().astype(np.float64)
        count = self.spec.size
        cosines, terms = array[:, :count], array[:, count:]
        nearest = nearest_documents(cosines, self._num_neighbors)
        pairs = np.stack([nearest, np.take_along_axis(cosines, nearest, axis=1)], axis=2)
        terms = terms.reshape(len(array), self._num_neighbors, -1)
        neighbors = np.concatenate([pairs, terms], axis=2).reshape(len(array), -1)
        return np.concatenate([np.full((len(array), 2), np.nan), neighbors], axis=1)

    def gather(self, outputs: Tensor, targets: Tensor) -> tuple[Scores, Scores]:
        """Returns scores with the rank of the right document, and its number.

        Without queries, a document is not its own neighbor.
        """
        scores, truth = self.scores(outputs), self.truth(targets)
        cosines = outputs.detach().numpy()[:, : self.spec.size]
        scores[:, 0] = self.ranks(cosines, truth)
        scores[:, 1] = np.take_along_axis(cosines, truth[:, None], axis=1)[:, 0]
        return (scores if self.has_queries else self._without_itself(scores, truth)), truth

    def ranks(self, cosines: Scores, truth: Scores) -> NDArray[np.int64]:
        """Returns the rank of the right document of each query, counted from 1."""
        copies = np.asarray(self.copies)
        right = np.take_along_axis(cosines, truth[:, None], axis=1)
        others = copies[None, :] != copies[truth][:, None]
        return 1 + ((cosines >= right - _EQUAL) & others).sum(axis=1)

    def evaluate(self, scores: Scores, truth: Scores) -> Evaluation:
        if not self.has_queries:
            cosines = np.nan_to_num(self._blocks(scores)[:, 0, 1])
            return Evaluation(
                {"nearest_cosine": float(cosines.mean())},
                {"documents": self.spec.size, "compared": len(scores)},
                per_sample=cosines,
            )
        ranks = self.ranks(scores[..., 0], truth) if scores.ndim == 3 else scores[:, 0]
        hits = (ranks == 1).astype(np.float64)
        metrics = {
            "hit_at_1": float(hits.mean()),
            f"hit_at_{_HIT}": float((ranks <= _HIT).mean()),
            "mean_reciprocal_rank": float((1 / ranks).mean()),
        }
        details = {"documents": self.spec.size, "queries": len(scores)}
        return Evaluation(metrics, details, per_sample=hits)

    def evaluate_model(self, case: EvaluationCase) -> tuple[Evaluation, Mapping[str, Evaluation]]:
        """Leaves out a baseline that ranks each document as the model does: it is the
        model. Without queries there is nothing to compare."""
        if not self.has_queries:
            return case.evaluation, {}
        baselines = case.baselines()
        return case.evaluation, {
            name: evaluation
            for name, evaluation in baselines.items()
            if dict(evaluation.metrics) != dict(case.evaluation.metrics)
        }

    def examples(self, scores: Scores, truth: Scores, quality: Scores) -> Sequence[tuple[int, str]]:
        """Returns none without queries, as nothing is right or wrong then."""
        return super().examples(scores, truth, quality) if self.has_queries else ()

    def worst(self, scores: Scores, truth: Scores, quality: Scores) -> NDArray[np.int64]:
        order = np.argsort(-scores[:, 0], kind="stable")
        return np.asarray(order[scores[order, 0] > 1])

    def decode(self, scores: Scores) -> list[Prediction]:
        return [self._prediction(blocks) for blocks in self._blocks(scores)]

    def decoding_steps(self, outputs: Tensor) -> list[DecodingStep]:
        (prediction,) = self.decode(self.scores(outputs))
        count = self.spec.size
        neighbors = prediction.neighbors or ()
        nearest = np.array([neighbor.cosine for neighbor in neighbors])
        names = tuple(neighbor.name for neighbor in neighbors)
        return [
            DecodingStep("cosine", (count,), outputs[0, :count].detach().numpy(), "model output"),
            DecodingStep("nearest", nearest.shape, nearest, f"the largest of {count:,}", names),
            DecodingStep("document", (), prediction.value, "the nearest document"),
        ]

    def describe_target(self, target: object) -> str:
        return self.spec.labels[int(np.asarray(target))]

    def plain_value(self, prediction: Prediction) -> object:
        """Returns the neighbors, the nearest first."""
        return list(prediction.neighbors or ())

    def to_json(self, prediction: Prediction) -> JsonObject:
        return {**prediction.to_json(), "answer": prediction.value or None}

    def prediction_columns(
        self, predictions: Sequence[Prediction], outputs: Tensor
    ) -> Mapping[str, Sequence[object]]:
        first = [(prediction.neighbors or (None,))[0] for prediction in predictions]
        return {
            "prediction": [prediction.value or None for prediction in predictions],
            "cosine": [None if neighbor is None else neighbor.cosine for neighbor in first],
        }

    def evaluated_samples(self, evaluation: Evaluation, part: str) -> str:
        """Returns how many queries or documents were compared."""
        documents = f"{evaluation.details['documents']:,} documents"
        if self.has_queries:
            return f"{evaluation.details['queries']:,} queries, each among {documents}"
        return (
            f"{evaluation.details['compared']:,} documents, each compared with {documents}; "
            "no query says which document is right: input.queries=FILE would"
        )

    def sections(self, data: EvaluationData) -> Sequence[Section]:
        if not self.has_queries:
            return [self._pairs(data)]
        return [self._queries(data), self._by_rank(data), self.worst_predictions(data)]

    def script_part(self, number: int, prefix: str = "") -> ScriptPart:
        raise NotBuiltError(
            "kissipo eject does not write nets that are solved, not trained",
            do="run.net.state_dict() has the weights, the axes and the documents",
        )

    def state(self) -> JsonObject:
        return {
            "value": "documents",
            "codec": save(self.codec),
            "top_k": self.top_k,
            "has_queries": self.has_queries,
            "starts": list(self.starts),
            "copies": list(self.copies),
            "terms": list(self.terms),
        }

    @classmethod
    def from_state(cls, state: JsonObject) -> Self:
        codec = cast(Labels, restore(state["codec"]))
        answer = cls(codec.column, top_k=state["top_k"], has_queries=state["has_queries"])
        answer.codec, answer.starts = codec, tuple(state["starts"])
        answer.copies, answer.terms = tuple(state["copies"]), tuple(state["terms"])
        return answer

    @property
    def _num_neighbors(self) -> int:
        """The number of neighbors in the scores: a document may be its own neighbor."""
        return min(self.top_k + 1, self.spec.size)

    def _blocks(self, scores: Scores) -> Scores:
        """Returns the neighbors (sample, neighbor, value)."""
        return scores[:, 2:].reshape(len(scores), self._num_neighbors, -1)

    def _without_itself(self, scores: Scores, truth: Scores) -> Scores:
        """Moves each document behind its neighbors, and makes it no neighbor."""
        blocks = self._blocks(scores).copy()
        for row, itself in zip(blocks, truth, strict=True):
            others = row[row[:, 0] != itself][: self._num_neighbors - 1]
            row[: len(others)] = others
            row[len(others) :] = np.nan
        return np.concatenate([scores[:, :2], blocks.reshape(len(scores), -1)], axis=1)

    def _prediction(self, blocks: Scores) -> Prediction:
        """Returns the neighbors of one sample that have anything in common with it.

        The value is empty where there is none.
        """
        neighbors = tuple(
            self._neighbor(int(block[0]), float(block[1]), block[2:])
            for block in blocks
            if abs(block[1]) > _NOTHING
        )[: self.top_k]
        return Prediction(neighbors[0].name if neighbors else "", neighbors=neighbors)

    def _neighbor(self, number: int, cosine: float, terms: Scores) -> Neighbor:
        names, copies = self.spec.labels, np.asarray(self.copies)
        pairs = terms.reshape(-1, 2)
        same = np.flatnonzero(copies == copies[number])
        return Neighbor(
            names[number],
            cosine,
            self.starts[number] if self.starts else "",
            tuple(
                (self.terms[int(term)], float(part))
                for term, part in pairs
                if abs(part) > _NOTHING and int(term) < len(self.terms)
            ),
            tuple(names[other] for other in same.tolist() if other != number),
        )

    def _pairs(self, data: EvaluationData) -> Section:
        """Returns the most similar pairs of documents."""
        rows, listed = [], set()
        predictions = self.decode(data.scores)
        order = np.argsort(-np.nan_to_num(self._blocks(data.scores)[:, 0, 1]), kind="stable")
        for sample in order.tolist():
            name = self.describe_target(data.truth[sample])
            nearest = (predictions[sample].neighbors or (None,))[0]
            if nearest is None or frozenset((name, nearest.name)) in listed:
                continue
            listed.add(frozenset((name, nearest.name)))
            cells = [f"{nearest.cosine:.4f}", name, nearest.name, nearest.describe_terms()]
            rows.append(cells)
        titles = ["cosine", "document", "nearest other document", "terms and their parts"]
        return Section("Nearest pairs", [Table(titles, rows[:_MAX_ROWS], numbers=(0,))])

    def _queries(self, data: EvaluationData) -> Section:
        """Returns the first queries with the document that is found."""
        count = min(_MAX_ROWS, len(data.scores))
        frame = data.rows_of(np.arange(count))
        column = data.codecs[0].columns[0]
        rows = []
        for row, prediction in enumerate(self.decode(data.scores[:count])):
            nearest = (prediction.neighbors or (Neighbor("(no term is known)", 0.0),))[0]
            rows.append(
                [
                    shorten(str(frame[column].show(row)), _MAX_TEXT),
                    f"{int(data.scores[row, 0]):,}",
                    nearest.name,
                    f"{nearest.cosine:.4f}",
                    nearest.describe_terms(),
                ]
            )
        titles = ["query", "rank of the right one", "nearest document", "cosine"]
        text = "The parts of all terms add up to the cosine; the largest are shown."
        return Section(
            "Queries and what is found",
            [Table([*titles, "terms and their parts"], rows, numbers=(1, 3)), Line(text, "dim")],
        )

    def _by_rank(self, data: EvaluationData) -> Section:
        """Returns how many queries have their document at which rank."""
        ranks = data.scores[:, 0]
        rows = []
        for first, last in _RANKS:
            inside = (ranks >= first) & (ranks <= (last or np.inf))
            name = f"{first}" if first == last else f"{first} to {last}" if last else f"{first} on"
            if inside.any():
                rows.append([name, f"{inside.sum():,}", f"{inside.mean():.1%}"])
        return Section(
            "Rank of the right document",
            [Table(["rank", "queries", "share"], rows, numbers=(1, 2))],
        )


def nearest_documents(cosines: Scores, count: int) -> NDArray[np.int64]:
    """Returns the numbers of the nearest documents of each text, in order.

    Of equally near documents, the first one comes first.

    Example:  >>> nearest_documents(np.array([[0.1, 0.7, 0.7, 0.3]]), 3).tolist()
              [[1, 2, 3]]
    """
    rows = np.empty((len(cosines), count), dtype=np.int64)
    for row, values in enumerate(cosines):
        last = np.partition(values, len(values) - count)[len(values) - count]
        near = np.flatnonzero(values >= last)
        rows[row] = near[np.argsort(-values[near], kind="stable")][:count]
    return rows

"""Word vectors: similar words, the similarity of two words, and analogies.

`king` is answered with words of the most similar direction, `king - man + woman` with
those of the sum of the three vectors of length 1 (3CosAdd), in both cases without the
words that were asked about; `king queen` with the cosine of the two.

Questions of people measure the vectors:

spearman           the rank correlation of the cosines with the similarities that people
                   gave, as the mean over all files
analogy_accuracy   the share of analogies whose first answer is the right word

Without questions there is nothing to be right about. Then `nearest_cosine` is the mean
cosine of a frequent word and its nearest neighbor.

Scores are (sample, 1 + 2 top_k): the cosine of a comparison, NaN for other questions,
then the ids of the nearest words and their cosines. The truth is (sample, 3): the
similarity of people or NaN, the id of the right word or 0, and the file of the question
or -1.

Source:   Mikolov, Yih and Zweig, Linguistic Regularities in Continuous Space Word
          Representations, 2013; Levy and Goldberg 2014 (3CosAdd).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Literal, Protocol, Self, cast

import numpy as np
import torch
from torch import Tensor, nn

from kissipo.codec.labels import Labels
from kissipo.codec.word_terms import TERMS
from kissipo.core.codec import restore, save
from kissipo.core.description import Chart, Line, Record, Section, Table
from kissipo.core.errors import NotBuiltError
from kissipo.core.frame import Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.core.json_object import JsonMapping, JsonObject
from kissipo.core.script_part import ScriptPart
from kissipo.core.tensor_spec import TensorSpec
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

Kind = Literal["similarity", "analogy"]
TOP_K = 5
_PIECE = 128  # questions that are compared with all words at once
_MAX_ROWS = 20


class WordNet(Protocol):
    """A net with one vector per word."""

    @property
    def vectors(self) -> Tensor:
        """The vectors (word, dimension)."""
        ...


@dataclass(frozen=True)
class QuestionSet:
    """The questions of one file.

    covered, total:  the questions whose words are all in the vocabulary, and all
    """

    name: str
    kind: Kind
    covered: int
    total: int


class WordVectors(Answer):
    """The nearest words, and how similar two words are.

    sets:   the files of questions, in the order of their numbers in the truth
    top_k:  the number of neighbors that a prediction shows
    """

    WORD = "vectors"
    EVAL_METRIC = "spearman"
    HIGHER_IS_BETTER = True
    BASELINES = ("ppmi_svd",)
    CHECKS_LEAKAGE = False
    NAMES_COLUMN = False
    SOURCES = ("text",)
    BUILDER = "words"

    def __init__(
        self, column: str = "word", *, top_k: int = TOP_K, sets: Sequence[QuestionSet] = ()
    ) -> None:
        self.codec: Labels = Labels(column)
        self.top_k, self.sets = top_k, tuple(sets)
        if not self.sets:
            self.EVAL_METRIC = "nearest_cosine"
        elif all(questions.kind == "analogy" for questions in self.sets):
            self.EVAL_METRIC = "analogy_accuracy"

    @property
    def spec(self) -> TensorSpec:
        return TensorSpec("vectors", ("term", "dimension"), (TERMS, 0))

    @property
    def words(self) -> tuple[str, ...]:
        """The vocabulary, the most frequent word first."""
        return self.codec.classes or ()

    def suggested_net(self) -> InferredOption:
        return InferredOption("process.net", "word_vectors", "a vector per word")

    def fit(self, frame: Frame) -> Self:
        """Takes over the words, in their order."""
        self.codec.order = tuple(filter(None, frame[self.name].texts()))
        self.codec.fit(frame)
        return self

    def predict(self, net: nn.Module, inputs: Sequence[Tensor], outputs: Tensor) -> Tensor:
        """Returns the scores of the questions."""
        return word_scores(cast(WordNet, net).vectors, inputs[0], top_k=self.top_k)

    def scores(self, outputs: Tensor) -> Scores:
        return outputs.detach().numpy().astype(np.float64)

    def evaluate(self, scores: Scores, truth: Scores) -> Evaluation:
        """Computes the metrics of each file of questions, and their means."""
        details = {"questions": [asdict(questions) for questions in self.sets]}
        if not self.sets:
            nearest = scores[:, 1 + self.top_k]
            return Evaluation({"nearest_cosine": float(nearest.mean())}, details, nearest)
        quality = np.zeros(len(scores))
        correlations, by_file = [], {}
        for number, questions in enumerate(self.sets):
            rows = np.flatnonzero(truth[:, 2] == number)
            if questions.kind == "similarity":
                value, quality[rows] = _agreement(scores[rows, 0], truth[rows, 0])
                by_file[f"spearman_{questions.name}"] = value
                correlations.append(value)
            else:
                quality[rows] = scores[rows, 1] == truth[rows, 1]
                by_file[f"accuracy_{questions.name}"] = _mean(quality[rows])
        metrics: dict[str, float] = {}
        if correlations:
            metrics["spearman"] = float(np.mean(correlations))
        analogies = truth[:, 1] > 0
        if analogies.any():
            metrics["analogy_accuracy"] = float(quality[analogies].mean())
            among = (scores[:, 1 : 1 + self.top_k] == truth[:, 1:2]).any(axis=1)
            metrics[f"analogy_in_first_{self.top_k}"] = float(among[analogies].mean())
        return Evaluation({**metrics, **by_file}, details, quality)

    def evaluate_model(self, case: EvaluationCase) -> tuple[Evaluation, Mapping[str, Evaluation]]:
        """Without questions there is nothing to compare."""
        return case.evaluation, case.baselines() if self.sets else {}

    def decode(self, scores: Scores) -> list[Prediction]:
        return [self._prediction(row) for row in scores]

    def decoding_steps(self, outputs: Tensor) -> list[DecodingStep]:
        (prediction,) = self.decode(self.scores(outputs))
        first = DecodingStep("scores", tuple(outputs.shape[1:]), outputs[0].numpy(), "model output")
        if prediction.neighbors is None:
            text = "cosine of the two vectors"
            return [first, DecodingStep("cosine", (), prediction.value, text)]
        cosines = np.array([neighbor.cosine for neighbor in prediction.neighbors])
        text = f"the largest of {len(self.words):,}, without those of the question"
        return [
            first,
            DecodingStep("nearest", cosines.shape, cosines, text),
            DecodingStep("word", (), prediction.value, "the nearest word"),
        ]

    def describe_target(self, target: object) -> str:
        human, word, _ = cast(Sequence[float], target)
        if word > 0:
            return self.words[int(word) - 1]
        return "" if np.isnan(human) else f"{human:g} of people"

    def plain_value(self, prediction: Prediction) -> object:
        """Returns the cosine of a comparison, else the neighbors."""
        return prediction.value if prediction.neighbors is None else list(prediction.neighbors)

    def to_json(self, prediction: Prediction) -> JsonObject:
        return prediction.to_json()

    def prediction_columns(
        self, predictions: Sequence[Prediction], outputs: Tensor
    ) -> Mapping[str, Sequence[object]]:
        return {"prediction": [prediction.value for prediction in predictions]}

    def evaluated_samples(self, evaluation: Evaluation, part: str) -> str:
        """Returns how many questions were in the vocabulary."""
        if not self.sets:
            return (
                "no questions of people were given, so only neighbors are shown: "
                "input.questions=FILE"
            )
        return "; ".join(
            f"{questions.name}: {questions.covered:,} of {questions.total:,} questions "
            "have all their words in the vocabulary"
            for questions in self.sets
        )

    def sections(self, data: EvaluationData) -> Sequence[Section]:
        details = data.evaluation.details
        sections = [self._questions(data)] if self.sets else []
        return [
            *sections,
            self._map(details.get("map") or {}),
            self._neighbors(details.get("neighbors")),
            *self._inside(details.get("word2vec")),
            *([self.worst_predictions(data)] if self.sets else []),
        ]

    def export_lines(self, net: nn.Module, name: str) -> Iterable[str]:
        """Returns the vectors in the text format of the program word2vec."""
        if name != "word2vec":
            return super().export_lines(net, name)
        vectors = cast(WordNet, net).vectors
        rows = zip(self.words, vectors.tolist(), strict=True)
        lines = (f"{word} {' '.join(f'{value:.9g}' for value in row)}" for word, row in rows)
        return chain([f"{len(vectors)} {vectors.shape[1]}"], lines)

    def script_part(self, number: int, prefix: str = "") -> ScriptPart:
        raise NotBuiltError(
            "kissipo eject does not write word2vec",
            do="`kissipo export RUN --format word2vec --out FILE` writes the vectors",
        )

    def state(self) -> JsonObject:
        return {
            "value": "words",
            "codec": save(self.codec),
            "top_k": self.top_k,
            "sets": [asdict(questions) for questions in self.sets],
        }

    @classmethod
    def from_state(cls, state: JsonObject) -> Self:
        codec = cast(Labels, restore(state["codec"]))
        sets = [QuestionSet(**questions) for questions in state["sets"]]
        answer = cls(codec.column, top_k=state["top_k"], sets=sets)
        answer.codec = codec
        return answer

    def _prediction(self, row: Scores) -> Prediction:
        if not np.isnan(row[0]):
            return Prediction(float(row[0]))
        ids, cosines = row[1 : 1 + self.top_k], row[1 + self.top_k :]
        neighbors = tuple(
            Neighbor(self.words[int(number) - 1], float(cosine))
            for number, cosine in zip(ids, cosines, strict=True)
            if number > 0
        )
        return Prediction(neighbors[0].name if neighbors else None, neighbors=neighbors)

    def _questions(self, data: EvaluationData) -> Section:
        """Returns the metrics per file, of the model and of the baselines."""
        titles = ["questions", "in the vocabulary", "metric", "model", *data.baselines]
        rows = []
        for questions in self.sets:
            is_similarity = questions.kind == "similarity"
            name = f"{'spearman' if is_similarity else 'accuracy'}_{questions.name}"
            values = [data.evaluation, *data.baselines.values()]
            rows.append(
                [
                    questions.name,
                    f"{questions.covered:,} of {questions.total:,}",
                    "Spearman" if is_similarity else "accuracy",
                    *(f"{evaluation.metrics.get(name, float('nan')):.3f}" for evaluation in values),
                ]
            )
        return Section(
            "Questions of people", [Table(titles, rows, numbers=range(3, 4 + len(data.baselines)))]
        )

    def _map(self, points: JsonMapping) -> Section:
        """Returns frequent words in the plane of two main axes, and by t-SNE."""
        charts = [
            Chart(
                {"words": [(x, y) for x, y in places]},
                dots=["words"],
                point_labels={"words": [self.words[number] for number in points["words"]]},
                height=520,
                x_label=f"{method}, first axis",
                y_label="second axis",
            )
            for method, places in points.get("methods", {}).items()
        ]
        note = "frequent words; near words are similar"
        return Section("Map of words", charts, note=note)

    def _neighbors(self, table: Sequence[JsonMapping] | None) -> Section:
        """Returns frequent words with their neighbors."""
        rows = [
            [
                self.words[entry["word"]],
                ", ".join(
                    f"{self.words[number]} {cosine:.2f}"
                    for number, cosine in zip(entry["nearest"], entry["cosines"], strict=True)
                ),
            ]
            for entry in (table or [])
        ]
        return Section(
            "Nearest words", [Table(["word", "nearest words, with cosines"], rows)] if rows else []
        )

    def _inside(self, inside: JsonMapping | None) -> list[Section]:
        """Returns one window of the training, the subsampling and the Huffman tree."""
        if not inside:
            return []
        sections = [self._window(inside["window"])] if inside["window"] else []
        rows = [
            [self.words[number], f"{count:,}", f"{keep:.4f}"]
            for number, count, keep in inside["kept"][:_MAX_ROWS]
        ]
        text = "A word is kept with the probability min(1, sqrt(t/f) + t/f), f its share."
        sections.append(
            Section(
                "Subsampling",
                [
                    Table(["word", "count", "probability to be kept"], rows, numbers=(1, 2)),
                    Line(text, "dim"),
                ],
            )
        )
        paths = [
            [
                self.words[number],
                f"{len(codes)}",
                " ".join(map(str, codes)),
                " ".join(map(str, nodes)),
            ]
            for number, nodes, codes in inside["paths"][:_MAX_ROWS]
        ]
        titles = ["word", "steps", "branches from the root", "inner nodes"]
        note = "" if inside["hierarchical"] else "not used here: this run draws negatives"
        sections.append(Section("Huffman tree", [Table(titles, paths, numbers=(1,))], note=note))
        return sections

    def _window(self, window: JsonMapping) -> Section:
        """Returns a training step of one window, with its draws and gradients."""
        words = self.words
        targets = [words[row] if window["negative"] else f"node {row}" for row in window["rows"]]
        rows = [
            [
                words[pair["context"]] if pair["context"] >= 0 else "mean of the context",
                targets[pair["target"]],
                f"{pair['label']:g}",
                f"{pair['score']:.4f}",
                f"{pair['p']:.4f}",
                f"{pair['p'] - pair['label']:.4f}",
                f"{pair['input_norm']:.4f}",
                f"{pair['output_norm']:.4f}",
            ]
            for pair in window["pairs"]
        ]
        titles = ["context", "target", "label", "x · o", "p", "p - label"]
        titles += ["|gradient| of x", "|gradient| of o"]
        context = " ".join(words[number] for number in window["context"])
        lines: list[Record] = [
            Line(
                f"center word: {words[window['word']]}; context: {context}; reach {window['reach']}"
            ),
            Table(titles, rows, numbers=range(2, 8)),
            Line(
                "p = sigmoid(x · o); the gradient of x is (p - label) o, and that of o is "
                "(p - label) x. The words with label 0 are the drawn negatives.",
                "dim",
            ),
        ]
        return Section("One window of the training", lines, note="with the weights at the end")


def word_scores(vectors: Tensor, ids: Tensor, *, top_k: int) -> Tensor:
    """Returns the scores of questions: a cosine, then the nearest words.

    Shapes:   vectors (word, dimension), ids (question, term) as `WordTerms` encodes
              them -> (question, 1 + 2 top_k)
    Example:  >>> vectors = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 2.0]])
              >>> questions = torch.tensor([[1, 0, 0, 0], [1, 0, 3, 0]])
              >>> scores = word_scores(vectors, questions, top_k=1)
              >>> scores[0, 1:].tolist(), scores[1, 0].item()
              ([2.0, 0.7071067690849304], 0.0)
    """
    units = nn.functional.normalize(vectors, dim=1)
    table = torch.cat([units.new_zeros(1, units.shape[1]), units])
    pieces = [_piece_scores(table, piece, top_k) for piece in ids.split(_PIECE)]
    return torch.cat(pieces) if pieces else units.new_zeros(0, 1 + 2 * top_k)


def _piece_scores(table: Tensor, ids: Tensor, top_k: int) -> Tensor:
    """Returns the scores of some questions; row 0 of the table are zeros."""
    words = len(table) - 1
    is_minus = ids > words
    ids = torch.where(is_minus, ids - words, ids)
    terms = table[ids] * torch.where(is_minus, -1, 1)[..., None]
    in_first = (ids == 0).cumsum(dim=1) == 0
    first = nn.functional.normalize((terms * in_first[..., None]).sum(dim=1), dim=1)
    second = nn.functional.normalize((terms * ~in_first[..., None]).sum(dim=1), dim=1)
    compares = ((ids != 0) & ~in_first).any(dim=1)
    cosine = torch.where(compares, (first * second).sum(dim=1), torch.nan)
    scores = torch.full((len(ids), 1 + 2 * top_k), torch.nan)
    scores[:, 0] = cosine
    scores[:, 1 : 1 + top_k] = 0
    rows = torch.nonzero(~compares).flatten()
    if len(rows):
        cosines = first[rows] @ table.T
        cosines.scatter_(1, ids[rows], -torch.inf)
        cosines[:, 0] = -torch.inf
        top = cosines.topk(min(top_k, cosines.shape[1]), dim=1)
        is_word = torch.isfinite(top.values)
        count = top.values.shape[1]
        scores[rows, 1 : 1 + count] = torch.where(is_word, top.indices, 0).to(scores.dtype)
        scores[rows, 1 + top_k : 1 + top_k + count] = torch.where(is_word, top.values, torch.nan)
    return scores


def _agreement(cosines: Scores, human: Scores) -> tuple[float, Scores]:
    """Returns Spearman's correlation, and how near the ranks of each pair are."""
    from scipy.stats import rankdata, spearmanr  # the import takes a second

    if len(cosines) < 2:
        return float("nan"), np.zeros(len(cosines))
    difference = np.abs(rankdata(cosines) - rankdata(human)) / len(cosines)
    return float(spearmanr(cosines, human).statistic), -difference


def _mean(values: Scores) -> float:
    return float(values.mean()) if len(values) else float("nan")

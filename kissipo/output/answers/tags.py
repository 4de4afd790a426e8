"""Tags: the names in a text, from a BIO tag per word.

logits -> probabilities (softmax) -> the most probable tag of each word -> names

A word in several pieces is decided at its first piece, and each word by itself. An I
without a beginning before it begins a name, as conlleval reads it (`lenient`). The
main metric is stricter: there such an I belongs to no name (`metrics/entities.py`).
A name that no tag can find, because its words were truncated, counts as missed.

Shapes:   outputs (batch, time, class); scores (sample, time, 2): the tag and its
          probability, 0 where a step is padding; truth (sample, time), 0 where no word
          begins
Choices:  The probability of a name is the product of those of its tags.
Source:   entity F1 of the CoNLL-2003 task (Tjong Kim Sang and De Meulder 2003); surface
          F1, which counts each distinct name once, of WNUT 2017.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self, cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from kissipo.codec._bio_tags import OUTSIDE, spans
from kissipo.codec.tags import Tags as TagsCodec
from kissipo.codec.tokens import PADDING
from kissipo.codec.word_features import WordFeatures
from kissipo.core.codec import Codec, restore, save
from kissipo.core.description import Line, Section, Table
from kissipo.core.errors import TaskError
from kissipo.core.finding import Finding, counted
from kissipo.core.frame import Frame, strings
from kissipo.core.inferred_option import InferredOption
from kissipo.core.json_object import JsonObject
from kissipo.core.script_part import ScriptPart
from kissipo.core.tensor_spec import TensorSpec
from kissipo.core.text import format_score
from kissipo.output.answer import (
    Answer,
    DecodingStep,
    Evaluation,
    EvaluationCase,
    EvaluationData,
    Prediction,
    Scores,
)
from kissipo.output.macro_average import f1_by_sample
from kissipo.output.metrics.entities import (
    PREDICTED,
    RIGHT,
    TRUE,
    Counts,
    count_names,
    names_in,
    rates,
)
from kissipo.output.tag_checks import check_names, in_bio, rare_kinds, truncated_texts
from kissipo.output.texts.names import kinds_table, named, sentences_section, separated

_MAX_STEPS = 60  # of the table of an example
_MAX_SENTENCES = 12  # of the worst predictions, and of the best


@dataclass(frozen=True)
class Options:
    """Tags have no options of their own."""


class Tags(Answer):
    """The names in a text."""

    WORD = "tags"
    EVAL_METRIC = "entity_f1"
    HIGHER_IS_BETTER = True
    DEFAULT_LOSS = "padded_cross_entropy"
    CHECKS_LEAKAGE = False  # the tags are determined by the text
    BASELINES = ("gazetteer", "no_names")
    SOURCES = ("table",)
    MONITORS_METRIC = True  # the loss is that of the many words without a name

    def __init__(
        self, column: str, options: Options = Options(), *, loss: str | None = None
    ) -> None:
        self.codec: TagsCodec = TagsCodec(column)
        self.options, self._loss = options, self.loss_name(loss)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of names."""
        return self.codec.kinds or ()

    @property
    def spec(self) -> TensorSpec:
        labels, target = self.codec.labels, self.codec.spec
        shape = (target.shape[0], len(labels))
        return TensorSpec(self.name, ("time", "class"), shape, labels=labels, padded=True)

    def suggested_net(self) -> InferredOption | None:
        text = self.codec.text
        own = None if text is None else text.suggested_net()
        return own or InferredOption("process.net", "recurrent", "each word gets a tag")

    def adapt_inputs(self, codecs: Sequence[Codec]) -> Sequence[Codec]:
        """Returns the codec of the text; words are read with their case and endings.

        Raises:   TaskError when the input is not a single text.
        """
        columns = [name for codec in codecs for name in codec.columns]
        text = codecs[0]
        if len(columns) != 1 or text.number_columns:
            raise TaskError(
                f"output.tags={self.name} needs one column of texts, whose words have tags",
                got=f"the columns {', '.join(columns)}",
                do="Name the others in input.drop, or the text: input.text=COLUMN",
            )
        if text.spec.unit == "words":
            options = text.state()
            text = WordFeatures(
                columns[0],
                length=options["length"],
                vocab_size=options["vocab_size"],
                min_count=options["min_count"],
            )
        elif type(text).word_steps is Codec.word_steps:  # a few texts that repeat
            text = WordFeatures(columns[0])
        self.codec.text = text
        return (text,)

    def adapt_values(self, frame: Frame) -> Frame:
        """Returns texts whose punctuation marks are words, if those of the training
        data are, and if the texts come without tags."""
        assert self.codec.text is not None
        name = self.codec.text.columns[0]
        if self.name in frame or not self.codec.is_separated:
            return frame
        texts = [None if text is None else separated(text) for text in frame[name].texts()]
        return frame.replaced(strings(name, texts))

    def in_kind(self, frame: Frame, findings: list[Finding]) -> Frame:
        return in_bio(frame, self.name, findings)

    def check_targets(self, frame: Frame) -> list[Finding]:
        """Reports the names; data without a name are refused."""
        return [check_names(frame, self.name)]

    def fitted_findings(self, frame: Frame) -> list[Finding]:
        """Reports words that are not read, and kinds that are not learned."""
        steps = [steps for _, steps in self.codec.words(frame)]
        lost = [kind for kinds in self.codec.lost(frame) for kind in kinds]
        return [
            *truncated_texts(frame, steps, self.spec.shape[0]),
            *rare_kinds(lost, self.kinds),
        ]

    def predict(self, net: nn.Module, inputs: Sequence[Tensor], outputs: Tensor) -> Tensor:
        """Returns the logits; those of padding become 0."""
        ids = inputs[0].flatten(2)[..., 0] if inputs[0].dim() > 2 else inputs[0]
        return outputs.masked_fill((ids == PADDING)[..., None], 0.0)

    def scores(self, outputs: Tensor) -> Scores:
        outputs = outputs.detach().double()
        shares, tags = outputs[..., 1:].softmax(dim=-1).max(dim=-1)
        is_padding = (outputs == 0).all(dim=-1)
        tags, shares = (tags + 1).masked_fill(is_padding, 0), shares.masked_fill(is_padding, 0.0)
        return np.stack([tags.numpy(), shares.numpy()], axis=-1)

    def scores_of(self, tags: Sequence[Sequence[str]], frame: Frame) -> Scores:
        """Returns the scores of tags that are certain, one per word of these rows."""
        texts = strings(self.name, [" ".join(some) for some in tags])
        ids = {label: number for number, label in enumerate(self.codec.labels)}
        scores = np.zeros((len(frame), self.spec.shape[0], 2))
        for row, (some, (_, steps)) in enumerate(
            zip(tags, self.codec.words(frame.replaced(texts)), strict=True)
        ):
            for tag, step in zip(some, steps, strict=True):
                if step >= 0:
                    scores[row, step] = ids[tag], 1.0
        return scores

    def predicted(self, scores: Scores) -> Scores:
        return scores[..., 0].astype(np.int64)

    def evaluate(self, scores: Scores, truth: Scores) -> Evaluation:
        is_word, predicted = truth != PADDING, self.predicted(scores)
        targets, tags = (
            [row[mask].tolist() for row, mask in zip(ids, is_word, strict=True)]
            for ids in (truth, predicted)
        )
        strict, lenient = (
            count_names(targets, tags, len(self.kinds), strict=is_strict)
            for is_strict in (True, False)
        )
        right = (predicted == truth)[is_word]
        accuracy = float(right.mean()) if len(right) else 0.0
        return self._evaluation(strict, lenient, accuracy)

    def _evaluation(
        self, strict: Counts, lenient: Counts, accuracy: float, *, more: JsonObject | None = None
    ) -> Evaluation:
        """Returns the metrics of counts of names per sample and kind."""
        precision, recall, f1 = (float(rate) for rate in rates(strict.sum(axis=(0, 1))))
        metrics = {
            "entity_f1": f1,
            "entity_precision": precision,
            "entity_recall": recall,
            "entity_f1_lenient": float(rates(lenient.sum(axis=(0, 1)))[2]),
            "token_accuracy": accuracy,
        }
        by_kind = strict.sum(axis=0)[: len(self.kinds)]
        details: JsonObject = {
            "kinds": list(self.kinds),
            "by_kind": {
                **{
                    name: rate.tolist()
                    for name, rate in zip(
                        ("precision", "recall", "f1"), rates(by_kind), strict=True
                    )
                },
                "targets": by_kind[:, TRUE].tolist(),
                "predicted": by_kind[:, PREDICTED].tolist(),
            },
            **(more or {}),
        }
        whole = strict.sum(axis=1)
        quality = f1_by_sample(whole[:, RIGHT], whole[:, PREDICTED], whole[:, TRUE])
        return Evaluation(
            metrics, details, per_sample=quality, arrays={"strict": strict, "lenient": lenient}
        )

    def evaluate_model(self, case: EvaluationCase) -> tuple[Evaluation, Mapping[str, Evaluation]]:
        """Adds the names that no tag can find as missed, and the surface F1."""
        rows = case.frame.take(case.splits[case.eval_split])
        lost, predictions = self._lost(rows), case.predictions(case.eval_split)
        evaluation = self._with_lost(case.evaluation, lost)
        if predictions is not None:
            details = {**evaluation.details, "surface_f1": self._surface_f1(predictions[0], rows)}
            evaluation = replace(evaluation, details=details)
        baselines = case.baselines()
        return evaluation, {
            name: self._with_lost(baseline, lost) for name, baseline in baselines.items()
        }

    def _lost(self, rows: Frame) -> Counts:
        """Returns the numbers of names that no tag can find; the last kind stands for
        those that are not in the training split.

        Shapes:   (sample, kind + 1, 3)
        """
        numbers = {kind: number for number, kind in enumerate(self.kinds)}
        counts = np.zeros((len(rows), len(self.kinds) + 1, 3), dtype=np.int64)
        for sample, kinds in enumerate(self.codec.lost(rows)):
            for kind in kinds:
                counts[sample, numbers.get(kind, -1), TRUE] += 1
        return counts

    def _with_lost(self, evaluation: Evaluation, lost: Counts) -> Evaluation:
        """Returns the evaluation with lost names as missed.

        A baseline that predicted some samples only stays as it is.
        """
        strict, lenient = evaluation.arrays["strict"], evaluation.arrays["lenient"]
        if not lost.any() or len(lost) != len(strict):
            return evaluation
        more, accuracy = ((0, 0), (0, 1), (0, 0)), evaluation.metrics["token_accuracy"]
        with_lost = self._evaluation(
            np.pad(strict, more) + lost,
            np.pad(lenient, more) + lost,
            accuracy,
            more={"lost": int(lost.sum())},
        )
        return replace(with_lost, metrics={**evaluation.metrics, **with_lost.metrics})

    def _surface_f1(self, scores: Scores, rows: Frame) -> float:
        """Returns the F1 of the distinct names, as words and kind."""
        ids = {label: number for number, label in enumerate(self.codec.labels)}
        targets: set[tuple[str, str]] = set()
        names: set[tuple[str, str]] = set()
        tags_of_rows = rows[self.name].texts()
        for row, (words, tags, _) in enumerate(self._tagged(scores, rows)):
            for start, end, kind in spans((tags_of_rows[row] or "").split()):
                targets.add((" ".join(words[start:end]), kind))
            for start, end, number in names_in([ids[tag] for tag in tags], strict=True):
                names.add((" ".join(words[start:end]), self.kinds[number]))
        counts = np.array([len(targets & names), len(names), len(targets)])
        return float(rates(counts)[2])

    def _tagged(
        self, scores: Scores, rows: Frame
    ) -> list[tuple[list[str], list[str], list[float]]]:
        """Returns for each row its words, their tags and the probabilities of these."""
        tagged = []
        for row, (words, steps) in zip(scores, self.codec.words(rows), strict=True):
            tags, shares = [OUTSIDE] * len(words), [1.0] * len(words)
            for word, step in enumerate(steps):
                if step >= 0 and row[step, 0] != PADDING:
                    tags[word] = self.codec.labels[int(row[step, 0])]
                    shares[word] = float(row[step, 1])
            tagged.append((words, tags, shares))
        return tagged

    def decode(self, scores: Scores) -> list[Prediction]:
        """Returns the tag of each step, of which `in_units_of` takes those of words."""
        predictions = []
        for row in scores:
            tags = tuple(
                (self.codec.labels[int(number)], float(share)) for number, share in row if number
            )
            predictions.append(Prediction(" ".join(tag for tag, _ in tags), tags=tags))
        return predictions

    def in_units_of(self, predictions: Sequence[Prediction], frame: Frame) -> list[Prediction]:
        """Returns the names in texts, as words and kinds."""
        named_texts = []
        for prediction, (words, steps) in zip(predictions, self.codec.words(frame), strict=True):
            tags = [
                prediction.tags[step] if 0 <= step < len(prediction.tags) else (OUTSIDE, 1.0)
                for step in steps
            ]
            named_texts.append(named(words, [tag for tag, _ in tags], [share for _, share in tags]))
        return named_texts

    def decoding_steps(self, outputs: Tensor) -> list[DecodingStep]:
        scores = self.scores(outputs)
        (prediction,) = self.decode(scores)
        shares = outputs[0].detach().softmax(dim=-1).numpy()
        numbers = self.predicted(scores)[0]
        return [
            DecodingStep(
                "logits", tuple(outputs.shape[1:]), outputs[0].detach().numpy(), "model output"
            ),
            DecodingStep("probability", shares.shape, shares, "softmax over the tags of a step"),
            DecodingStep("decision", numbers.shape, numbers, "argmax without padding"),
            DecodingStep("tags", (), prediction.value, prediction.value),
        ]

    def example_sections(
        self,
        net: nn.Module,
        inputs: Sequence[Tensor],
        outputs: Tensor,
        targets: Sequence[Tensor],
        read: Sequence[str],
    ) -> Sequence[Section]:
        """Returns the two most probable tags of each token."""
        labels, true = self.codec.labels, targets[0][0].tolist() if targets else ()
        rows = []
        for step, token in enumerate(read[:_MAX_STEPS]):
            shares = outputs[0, step, 1:].double().softmax(dim=-1)
            top = shares.topk(min(2, len(shares)))
            cells = [
                f"{labels[number + 1]} {share:.1%}"
                for number, share in zip(top.indices.tolist(), top.values.tolist(), strict=True)
            ]
            target = [labels[true[step]] if true[step] != PADDING else "-"] if len(true) else []
            rows.append([token, *cells, *target])
        titles = ["token", "tag", "next"] + (["target"] if len(true) else [])
        note = Line("Each word is decided by itself, at its first token.", "dim")
        return [Section("The tag of each word", [Table(titles, rows), note])]

    def worst(self, scores: Scores, truth: Scores, quality: Scores) -> NDArray[np.int64]:
        return np.asarray(np.argsort(quality, kind="stable"))

    def describe_target(self, target: object) -> str:
        labels = self.codec.labels
        return " ".join(labels[int(number)] for number in np.asarray(target) if number != PADDING)

    def in_words(
        self, data: EvaluationData, samples: NDArray[np.int64]
    ) -> Sequence[tuple[str, str]]:
        """Returns the true names and the predicted ones."""
        pairs = zip(self._true(data, samples), self._predicted(data, samples), strict=True)
        return [(target.describe(), prediction.describe()) for target, prediction in pairs]

    def _true(self, data: EvaluationData, samples: NDArray[np.int64]) -> list[Prediction]:
        """Returns the true names of some evaluated samples."""
        rows = data.rows_of(samples)
        tags = ((text or "").split() for text in rows[self.name].texts())
        return [
            named(words, some, [1.0] * len(words))
            for (words, _), some in zip(self.codec.words(rows), tags, strict=True)
        ]

    def _predicted(self, data: EvaluationData, samples: NDArray[np.int64]) -> list[Prediction]:
        """Returns the predicted names of some evaluated samples."""
        return [named(*some) for some in self._tagged(data.scores[samples], data.rows_of(samples))]

    def split_counts(self, targets: Callable[[], Tensor]) -> Mapping[str, int]:
        counts = np.bincount(targets().reshape(-1).numpy(), minlength=len(self.codec.labels))
        return {kind: int(counts[2 + 2 * place]) for place, kind in enumerate(self.kinds)}

    def summary(self, evaluation: Evaluation, *, full: bool = False) -> Sequence[Line | Table]:
        details = evaluation.details
        lines: list[Line | Table] = []
        if full:
            lines += [Line(""), kinds_table(details)]
        if "lost" in details:
            lines.append(
                Line(f"{counted(details['lost'], 'name')} could not be found, and count as missed.")
            )
        if "surface_f1" in details:
            lines.append(
                Line(
                    "Strict: an I without a B begins no name. Lenient: it begins one. Distinct "
                    f"names alone: F1 {format_score(details['surface_f1'])}."
                )
            )
        return lines

    def sections(self, data: EvaluationData) -> Sequence[Section]:
        quality = data.evaluation.per_sample
        assert quality is not None
        order = np.argsort(quality, kind="stable")
        return [
            Section("Kinds of names", [kinds_table(data.evaluation.details)]),
            *(
                sentences_section(title, self._true(data, samples), self._predicted(data, samples))
                for title, samples in (
                    ("Worst predictions", order[:_MAX_SENTENCES]),
                    ("Best predictions", order[_MAX_SENTENCES:][::-1][:_MAX_SENTENCES]),
                )
            ),
        ]

    def script_part(self, number: int, prefix: str = "") -> ScriptPart:
        choice, truth = f"outputs[{number}][..., 1:].argmax(-1) + 1", f"targets[{number}]"
        names = "[names_in(row[mask].tolist(), strict=True) for row, mask in "
        return ScriptPart(
            (
                f"choice, truth = {choice}, {truth}",
                "is_word = truth != 0",
                "names, predicted = (",
                f"    {names}zip(ids, is_word)] for ids in (truth, choice)",
                ")",
                "right = sum(len(a & b) for a, b in zip(names, predicted))",
                "total = sum(map(len, names)) + sum(map(len, predicted))",
                f'values["{prefix}entity_f1"] = 2 * right / max(1, total)',
                f'values["{prefix}token_accuracy"] = '
                "float((choice == truth)[is_word].double().mean())",
            ),
            quality=f"-functional.cross_entropy(outputs[{number}].transpose(1, 2), {truth}, "
            "ignore_index=0, reduction='none').sum(1)",
            imports=("from torch.nn import functional",),
            definitions=(names_in,),
        )

    def state(self) -> JsonObject:
        return {"codec": save(self.codec), "loss": self.loss}

    @classmethod
    def from_state(cls, state: JsonObject) -> Self:
        codec = cast(TagsCodec, restore(state["codec"]))
        answer = cls(codec.column, loss=state["loss"])
        answer.codec = codec
        return answer


ANSWER = Tags

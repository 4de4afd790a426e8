"""Span: words of a paragraph that answer a question.

The net has two outputs per piece of the input: a logit for the start of the answer and
one for its end. Decoding:
logits of the pieces where a word of the paragraph starts or ends, and of the mark
[CLS] before the texts, which stands for "no answer"
-> the most probable spans from a start to an end (`decode/spans.py`)
-> no answer, where the data have such questions and log p(no answer) - log p(best span)
   is above a threshold, which is calibrated on the validation split
-> the words, cut out of the paragraph as they stand there.

f1, exact_match             as SQuAD measures them (`metrics/squad.py`)
answerable_f1               F1 of the questions that have an answer, and
unanswerable_accuracy       the share of the others for which none is given, where there
                            are such questions

Shapes:   outputs (batch, time, 2); scores (sample, 1 + top_k, 3): start, end and log
          probability of "no answer", then of the spans; truth (sample, 5)
          (`codec/spans.py`)
Choices:  The first answer in the data is learned, and every accepted one counts in the
          metrics. An answer that was truncated is learned as "no answer", and counts
          as wrong.
Source:   Devlin et al., BERT, 2019, sections 4.2 and 4.3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kissipo.codec._tokenizers import joined
from kissipo.codec.labels import as_strings
from kissipo.codec.spans import END, KEY, START, Passage, Spans, splits_pieces
from kissipo.core.codec import Codec, restore, save
from kissipo.core.description import Line, Section, Table
from kissipo.core.errors import DataError, NotBuiltError, TaskError
from kissipo.core.finding import Finding, first_rows
from kissipo.core.frame import Column, Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.core.json_object import JsonObject
from kissipo.core.schema import option
from kissipo.core.script_part import ScriptPart
from kissipo.core.tensor_spec import TensorSpec
from kissipo.output.answer import (
    Answer,
    DecodingStep,
    Evaluation,
    EvaluationData,
    Prediction,
    Predictions,
    Scores,
)
from kissipo.output.decode.no_answer import best_threshold, gaps_of
from kissipo.output.decode.spans import best_spans
from kissipo.output.metrics.squad import exact_match, f1
from kissipo.output.span_predictions import prediction_of, written_in
from kissipo.output.span_sections import edges_section, passages_sections, question_words_section
from kissipo.output.span_targets import placed_answers
from kissipo.output.target_checks import missing_targets, refuse_all_missing
from kissipo.output.text_span import NO_ANSWER, TextSpan

_START, _ACCEPTED = "answer_start", "answers"
_TITLE = "title"
_SIDE_COLUMNS = ("id", _TITLE, "paragraph")  # of the format of SQuAD


@dataclass(frozen=True)
class Decode:
    """The options of decoding."""

    SHORT: ClassVar[str] = "max_pieces"
    max_pieces: int = option(30, "maximum number of pieces of an answer", minimum=1)
    top_k: int = option(5, "number of answers listed per prediction", minimum=1)
    no_answer_threshold: float | None = option(
        None,
        "log p(no answer) - log p(best span) above which no answer is given; calibrated on "
        "the validation split when omitted",
    )


@dataclass(frozen=True)
class Options:
    """The options of a span."""

    context: str = option("context", "column of the paragraphs in which the answers stand")
    decode: Decode = option(Decode(), "decision rule on the starts and ends")


class Span(Answer):
    """Words of a paragraph that answer a question.

    start, accepted:  the columns of the places and of all accepted answers, if there
                      are any
    """

    WORD = "span"
    EVAL_METRIC = "f1"
    HIGHER_IS_BETTER = True
    DEFAULT_LOSS = "span_cross_entropy"
    CHECKS_LEAKAGE = False  # an answer is a part of its paragraph
    BASELINES = ("best_sentence",)
    SOURCES = ("table",)

    def __init__(
        self,
        column: str,
        options: Options = Options(),
        *,
        loss: str | None = None,
        start: str | None = None,
        accepted: str | None = None,
    ) -> None:
        self.codec: Spans = Spans(column, context=options.context, start=start, accepted=accepted)
        self.options, self._loss = options, self.loss_name(loss)
        self.input_number = 0  # of the input with the pieces
        self.unanswerable = False  # whether the training data have questions without answers
        self.threshold = options.decode.no_answer_threshold or 0.0

    @classmethod
    def for_rows(cls, value: object, options: Any, *, loss: str | None, frame: Frame) -> Self:
        """Returns the answer for a column of words that stand in paragraphs.

        Raises:   TaskError when the frame has no column of paragraphs.
        """
        if options.context not in frame:
            raise TaskError(
                f"output.span={value} needs the column of the paragraphs, and {frame.origin} "
                f"has no '{options.context}'",
                got="the columns " + ", ".join(frame.names),
                do="Name it: output.context=COLUMN",
            )
        start, accepted = (name if name in frame else None for name in (_START, _ACCEPTED))
        if start is not None and frame[start].kind != "number":
            raise DataError(
                f"'{start}' says at which character an answer starts, as a number",
                got=str(frame[start].show(0)),
                do="Count characters from 0, or remove the column",
            )
        return cls(str(value), options, loss=loss, start=start, accepted=accepted)

    def side_columns(self, frame: Frame) -> tuple[str, ...]:
        return tuple(name for name in _SIDE_COLUMNS if name in frame)

    def input_options(self) -> tuple[InferredOption, ...]:
        reason = "an answer starts and ends at a piece of its paragraph"
        return (InferredOption("input.tokenizer", "wordpieces", reason),)

    def groups(self, frame: Frame) -> Column | None:
        """Returns the articles, or the paragraphs where there is a single article."""
        if _TITLE in frame and len(frame[_TITLE].used_categories()) > 1:
            return frame[_TITLE]
        return frame[self.codec.context]

    def adapt_inputs(self, codecs: Sequence[Codec]) -> Sequence[Codec]:
        for number, codec in enumerate(codecs):
            if splits_pieces(codec) and self.codec.context in codec.columns:
                self.codec.pieces, self.input_number = codec, number
                return codecs
        raise TaskError(
            f"output.span={self.name} needs the question and the paragraph as word pieces of "
            "one input",
            got="the inputs " + ", ".join(" and ".join(codec.columns) for codec in codecs),
            do=f"Set input.text=[QUESTION, {self.codec.context}] input.tokenizer=wordpieces",
        )

    def usable_rows(
        self,
        frame: Frame,
        findings: list[Finding],
        *,
        missing: Literal["empty", "left_out"] | None = None,
    ) -> Frame:
        """Returns the rows whose answers stand in their paragraphs."""
        refuse_all_missing(frame, self.name)
        absent = missing_targets(frame, self.name)
        findings += absent
        frame = frame.take(np.flatnonzero(~frame[self.name].missing)) if absent else frame
        frame = self.in_kind(frame, findings)
        is_missing = frame[self.name].missing
        if is_missing.all():
            raise DataError(
                f"no answer of {frame.origin} stands in its paragraph",
                got=findings[-1].message,
                do=f"Is '{self.codec.context}' the column of the paragraphs?",
            )
        return frame.take(np.flatnonzero(~is_missing)) if is_missing.any() else frame

    def check_targets(self, frame: Frame) -> list[Finding]:
        """Refuses data in which nothing is answered."""
        if not any(frame[self.name].texts()):
            raise DataError(
                f"no question of {frame.origin} has an answer in its paragraph",
                do="Add questions that the paragraphs answer",
            )
        return []

    def in_kind(self, frame: Frame, findings: list[Finding]) -> Frame:
        frame = frame.replaced(as_strings(frame[self.name]))
        codec = self.codec
        return placed_answers(frame, self.name, codec.context, codec.start, findings)

    def read_rows(self, frame: Frame) -> None:
        if self.name in frame and self.codec.context in frame:
            self.codec.remember(frame)

    @property
    def required_columns(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def spec(self) -> TensorSpec:
        return TensorSpec(
            self.name, ("time", "edge"), (self.codec.length, 2), labels=("start", "end")
        )

    def fit(self, frame: Frame) -> Self:
        """Notes whether there are questions without an answer."""
        self.unanswerable = bool(frame[self.name].counts().get("", 0))
        return self

    def fitted_findings(self, frame: Frame) -> list[Finding]:
        """Reports answers that no prediction can be: truncated ones, too long ones."""
        targets = self.codec.encode(frame).numpy()
        is_answer = np.array([bool(text) for text in frame[self.name].texts()])
        is_cut = is_answer & (targets[:, START] == 0)
        sizes = targets[:, END] - targets[:, START] + 1
        longest = self.options.decode.max_pieces
        faults = {
            "truncated answers": (
                is_cut,
                f"lie behind the {self.codec.length} pieces that the net reads",
                "learned as no answer, and counted as wrong; a larger input.max_length reads more, "
                "and the net reads long texts in windows",
            ),
            "long answers": (
                sizes > longest,
                f"have more than {longest} pieces",
                "they can be predicted in part only; output.decode.max_pieces allows more",
            ),
        }
        return [
            Finding(
                "WARN",
                check,
                f"{where.sum():,} of {is_answer.sum():,} answers {message}",
                action,
                first_rows(frame.rows[where]),
            )
            for check, (where, message, action) in faults.items()
            if where.any()
        ]

    def predict(self, net: nn.Module, inputs: Sequence[Tensor], outputs: Tensor) -> Tensor:
        """Returns the logits, -inf where no answer may start or end: outside of the
        paragraph and the mark before it, and inside of a word."""
        ids = inputs[self.input_number][:, : outputs.shape[1]]
        visible = self.codec.edges(ids)
        visible[:, 0] = True
        return outputs.masked_fill(~visible, -torch.inf)

    def scores(self, outputs: Tensor) -> Scores:
        decode = self.options.decode
        return best_spans(
            outputs,
            count=decode.top_k,
            max_length=decode.max_pieces,
            with_no_answer=self.unanswerable,
        ).numpy()

    def scores_of_spans(self, spans: Sequence[tuple[int, int]]) -> Scores:
        """Returns the scores of spans that are certain, such as those of a baseline."""
        scores = np.zeros((len(spans), 2, 3), dtype=np.float32)
        scores[:, 0, 2] = -np.inf
        scores[:, 1, :2] = spans
        return scores

    def predicted(self, scores: Scores) -> Scores:
        """Returns start and end of each answer; 0 and 0 where none is given."""
        is_answer = gaps_of(scores) <= self.threshold
        return np.where(is_answer[:, None], scores[:, 1, :2], 0).astype(np.int64)

    def evaluate(self, scores: Scores, truth: Scores) -> Evaluation:
        passages = self.codec.passages(truth[:, KEY])
        texts = self._texts(self.predicted(scores), passages)
        quality, right = (_measured(metric, texts, passages) for metric in (f1, exact_match))
        has_answer = np.array([bool(passage.accepted) for passage in passages])
        metrics = {"f1": float(quality.mean()), "exact_match": float(right.mean())}
        if not has_answer.all():
            if has_answer.any():
                metrics["answerable_f1"] = float(quality[has_answer].mean())
            metrics["unanswerable_accuracy"] = float(right[~has_answer].mean())
        cut = int((has_answer & (truth[:, START] == 0)).sum())
        counts: JsonObject = {"count": len(truth), "truncated": cut}
        if self.unanswerable:
            counts["no_answer_threshold"] = self.threshold
        return Evaluation(metrics, {"questions": counts}, per_sample=quality)

    def summary(self, evaluation: Evaluation, *, full: bool = False) -> Sequence[Line | Table]:
        questions = evaluation.details["questions"]
        cut, count = questions["truncated"], questions["count"]
        lines = []
        if cut:
            lines.append(
                Line(
                    f"{cut:,} of {count:,} answers lie behind the {self.codec.length} pieces that "
                    "the net reads: they count as wrong."
                )
            )
        if "no_answer_threshold" in questions:
            threshold = questions["no_answer_threshold"]
            lines.append(
                Line(
                    "No answer is given where log p(no answer) - log p(best span) is above "
                    f"{threshold:.2f}."
                )
            )
        return lines

    def calibrate(self, predictions: Predictions) -> None:
        """Sets the threshold of "no answer" by the F1 of the validation split."""
        if not self.unanswerable or self.options.decode.no_answer_threshold is not None:
            return
        pair = predictions("validation")
        if pair is None:
            return
        scores, truth = pair
        passages = self.codec.passages(truth[:, KEY])
        spans = self._texts(scores[:, 1, :2].astype(np.int64), passages)
        answered = _measured(f1, spans, passages)
        silent = _measured(f1, [""] * len(passages), passages)
        self.threshold = best_threshold(gaps_of(scores), answered - silent)

    def for_baselines(self) -> Span:
        return self

    def decode(self, scores: Scores) -> list[Prediction]:
        """Decodes scores into pieces by their steps; `in_units_of` knows the words."""
        is_answer = gaps_of(scores) <= self.threshold
        return [
            prediction_of(row, bool(answers))
            for row, answers in zip(scores, is_answer, strict=True)
        ]

    def in_units_of(self, predictions: Sequence[Prediction], frame: Frame) -> list[Prediction]:
        """Returns the answers as they stand in the paragraphs."""
        passages = self.codec.passages_of(frame)
        return [
            written_in(passage, prediction)
            for prediction, passage in zip(predictions, passages, strict=True)
        ]

    def decoding_steps(self, outputs: Tensor) -> list[DecodingStep]:
        scores = self.scores(outputs)
        (prediction,) = self.decode(scores)
        shares = outputs[0].detach().softmax(dim=0).numpy()
        spans = np.concatenate([scores[0, 1:, :2], np.exp(scores[0, 1:, 2:])], axis=1)
        steps = [
            DecodingStep(
                "logits",
                tuple(outputs.shape[1:]),
                outputs[0].detach().numpy(),
                "start and end per piece; -inf outside of the paragraph",
            ),
            DecodingStep("start", shares[:, 0].shape, shares[:, 0], "softmax over the paragraph"),
            DecodingStep("end", shares[:, 1].shape, shares[:, 1], "softmax over the paragraph"),
            DecodingStep("spans", spans.shape, spans, "start, end, probability of the best"),
        ]
        if self.unanswerable:
            gap = float(gaps_of(scores)[0])
            steps.append(
                DecodingStep(
                    "no answer",
                    (),
                    gap,
                    "log p(no answer) - log p(best span); no answer is given above "
                    f"{self.threshold:.2f}",
                )
            )
        words = prediction.value or NO_ANSWER
        return [*steps, DecodingStep("answer", (), prediction.value, words)]

    def example_sections(
        self,
        net: nn.Module,
        inputs: Sequence[Tensor],
        outputs: Tensor,
        targets: Sequence[Tensor],
        read: Sequence[str],
    ) -> Sequence[Section]:
        """Returns where the answer starts and ends in the paragraph."""
        ids = inputs[self.input_number][:1, : outputs.shape[1]]
        labels, (row,) = self.codec.pieces_spec.labels, ids.tolist()
        names = [labels[number] for number in row]
        steps = self.codec.is_context(ids)[0].nonzero().flatten().tolist()
        visible = [*([0] if self.unanswerable else []), *steps]
        shares = outputs[0].detach().double().softmax(dim=0).numpy()
        (prediction,) = self.decode(self.scores(outputs[:1]))
        spans = [
            replace(span, text=joined(names[span.start : span.end + 1]) if span.start else "")
            for span in prediction.spans or ()
        ]
        return [edges_section([names[step] for step in visible], shares[visible], spans)]

    def describe_target(self, target: object) -> str:
        row = np.asarray(target)
        (passage,) = self.codec.passages(row[None, KEY])
        return " | ".join(passage.accepted) or NO_ANSWER

    def in_words(
        self, data: EvaluationData, samples: NDArray[np.int64]
    ) -> Sequence[tuple[str, str]]:
        passages = self.codec.passages(data.truth[samples, KEY])
        texts = self._texts(self.predicted(data.scores[samples]), passages)
        return [
            (self.describe_target(target), text or NO_ANSWER)
            for target, text in zip(data.truth[samples], texts, strict=True)
        ]

    def sections(self, data: EvaluationData) -> Sequence[Section]:
        quality = data.evaluation.per_sample
        if quality is None or data.scores is None or len(quality) != len(data.truth):
            return []
        passages = self.codec.passages(data.truth[:, KEY])
        spans = self.predicted(data.scores)
        right = _measured(exact_match, self._texts(spans, passages), passages)
        questions = self.questions(data.frame.take(data.rows))
        places = [
            passage.characters(start, end) if start else (0, 0)
            for passage, (start, end) in zip(passages, spans.tolist(), strict=True)
        ]
        return [
            question_words_section(questions, data.evaluation, right),
            *passages_sections(questions, passages, places, quality),
        ]

    def questions(self, frame: Frame) -> list[str]:
        """Returns the question of each row."""
        columns = [name for name in self.codec.text_columns if name != self.codec.context]
        if not columns:
            return [""] * len(frame)
        return [text or "" for text in frame[columns[0]].texts()]

    def _texts(self, spans: Scores, passages: Sequence[Passage]) -> list[str]:
        return [
            passage.text(start, end)
            for passage, (start, end) in zip(passages, spans.tolist(), strict=True)
        ]

    def table_columns(self) -> list[str]:
        return [*super().table_columns(), "start", "end"]

    def table_row(self, prediction: Prediction) -> list[str]:
        best = (prediction.spans or (TextSpan("", 0.0),))[0]
        place = [str(best.start), str(best.end)] if best.text else ["", ""]
        return [*super().table_row(prediction), *place]

    def script_part(self, number: int, prefix: str = "") -> ScriptPart:
        raise NotBuiltError(
            "kissipo eject does not write answers that are spans of a text",
            do="`kissipo predict RUN --file questions.json` answers the questions of a file",
        )

    def state(self) -> JsonObject:
        return {
            "codec": save(self.codec),
            "loss": self.loss,
            "decode": asdict(self.options.decode),
            "input_number": self.input_number,
            "unanswerable": self.unanswerable,
            "threshold": self.threshold,
        }

    @classmethod
    def from_state(cls, state: JsonObject) -> Self:
        codec = restore(state["codec"])
        assert isinstance(codec, Spans)
        options = Options(codec.context, Decode(**state["decode"]))
        answer = cls(codec.column, options, loss=state["loss"])
        answer.codec, answer.input_number = codec, state["input_number"]
        answer.unanswerable, answer.threshold = state["unanswerable"], state["threshold"]
        return answer


def _measured(
    metric: Callable[[str, Sequence[str]], float],
    texts: Sequence[str],
    passages: Sequence[Passage],
) -> NDArray[np.float64]:
    pairs = zip(texts, passages, strict=True)
    return np.array([metric(text, passage.accepted) for text, passage in pairs], dtype=np.float64)


ANSWER = Span

"""Target text: a text per sample, such as a translation: token after token, to its end.

The net gives the logits of every token of its own greedy text. A greedy answer decodes
these. Another one runs its own loop over the net (`texts/search.py`), which asks for
one token at a time (`SequenceDecoder`). The confidence is the probability of the whole
text.

exact_match            the share of texts that are right in every token
character_error_rate   edits per token of the targets; with words word_error_rate
bleu, chrf, rouge_l    of texts of words; `texts/metrics.py` chooses the main one

The metrics of words compare the texts with the targets as the codec reads them: a word
that is not in the vocabulary is never right.

Scores are (sample, text, time, 2): the id of each token and its log probability, the
best text first, both 0 after the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import exp
from typing import Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kissipo.codec.labels import as_strings
from kissipo.codec.target_tokens import END, TargetTokens
from kissipo.codec.tokens import UNKNOWN, Unit
from kissipo.core.codec import restore, save
from kissipo.core.description import Line, Section, Table
from kissipo.core.errors import NotBuiltError
from kissipo.core.extras import need
from kissipo.core.finding import Finding
from kissipo.core.frame import Frame, strings
from kissipo.core.inferred_option import InferredOption
from kissipo.core.json_object import JsonObject
from kissipo.core.protocols import SequenceDecoder
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
from kissipo.output.metrics.bleu import Scorer, text_scores
from kissipo.output.metrics.edit_distance import edit_distances
from kissipo.output.texts.checks import check_texts
from kissipo.output.texts.inside import inside_sections, search_section
from kissipo.output.texts.metrics import (
    TextMetric,
    infer_metric,
    quality_per_text,
    scorer_for,
    word_metrics,
)
from kissipo.output.texts.search import GREEDY, TextSearch
from kissipo.output.texts.sections import (
    bands_section,
    checks_section,
    summary_lines,
    texts_sections,
)

_NEVER = -1  # in place of an unknown token of a target: no prediction is right
_UNKNOWN_MARK = "\N{REPLACEMENT CHARACTER}"
_SOME = 1000  # texts from which the main metric is inferred
_SAME_BLEU = 0.05


class TargetText(Answer):
    """The text in a column.

    search:       how the text is searched
    eval_metric:  the main metric; None: `fit` infers it from the texts
    """

    WORD = "text"
    EVAL_METRIC = "exact_match"
    HIGHER_IS_BETTER = True
    DEFAULT_LOSS = "padded_cross_entropy"
    CHECKS_LEAKAGE = False  # a text is determined by its source
    BASELINES = (
        "copy_input",
        "most_frequent_text",
        "nearest_text",
        "word_dictionary",
        "first_words",
        "central_sentence",
    )

    def __init__(
        self,
        column: str,
        *,
        unit: Unit = "characters",
        search: TextSearch = GREEDY,
        eval_metric: TextMetric | None = None,
        loss: str | None = None,
    ) -> None:
        self.codec: TargetTokens = TargetTokens(column, unit=unit)
        self.search, self._loss = search, self.loss_name(loss)
        self._eval_metric, self._reason = eval_metric, ""
        self.EVAL_METRIC = eval_metric or TargetText.EVAL_METRIC
        self.scorer = Scorer()

    @property
    def spec(self) -> TensorSpec:
        codec = self.codec.spec
        return TensorSpec(
            self.name,
            ("time", "class"),
            (codec.shape[0], codec.vocab_size),
            labels=codec.labels,
            padded=True,
            unit=codec.unit,
        )

    @property
    def error_rate(self) -> str:
        """The name of the metric of edits per token."""
        return f"{self.codec.unit.removesuffix('s')}_error_rate"

    def suggested_net(self) -> InferredOption:
        return InferredOption("process.net", "seq2seq", "the answer is a text of its own length")

    def in_kind(self, frame: Frame, findings: list[Finding]) -> Frame:
        return frame.replaced(as_strings(frame[self.name]))

    def fit(self, frame: Frame) -> Self:
        """Fits the vocabulary, and infers the main metric from the training texts.

        Raises:   MissingExtraError when BLEU is asked for, and sacrebleu is missing.
        """
        super().fit(frame)
        some = self.codec.encode(frame.take(np.arange(min(len(frame), _SOME))))
        texts = self._texts(some.numpy())
        self.scorer = scorer_for(texts)
        if self._eval_metric is None:
            median = float(np.median((some > END).sum(dim=1))) if len(some) else 0.0
            self.EVAL_METRIC, self._reason = infer_metric(self.codec.unit, median, texts)
        elif self._eval_metric in ("bleu", "chrf"):
            need("sacrebleu", extra="language", purpose=f"output.eval_metric={self._eval_metric}")
        return self

    def fitted_options(self) -> tuple[InferredOption, ...]:
        is_inferred = self._eval_metric is None and self.codec.unit != "characters"
        place = "eval_metric"
        return (InferredOption(place, self.EVAL_METRIC, self._reason),) if is_inferred else ()

    def fitted_findings(self, frame: Frame) -> list[Finding]:
        return [Finding("WARN", "target texts", remark) for remark in self.codec.remarks(frame)]

    def check_rows(self, frame: Frame) -> list[Finding]:
        return self.fitted_findings(frame)

    def predict(self, net: nn.Module, inputs: Sequence[Tensor], outputs: Tensor) -> Tensor:
        """Returns the logits of the greedy text, or the texts of the search."""
        if self.search.is_greedy:
            return outputs
        decoder = cast(SequenceDecoder, net)
        tokens, shares = self.search.run(decoder, inputs, length=self.spec.shape[0])
        return torch.stack([tokens.to(shares.dtype), shares], dim=-1)

    def scores(self, outputs: Tensor) -> Scores:
        """Returns tokens and log probabilities of logits, or of what was searched."""
        if outputs.dim() == 4:
            return outputs.detach().numpy()
        shares = outputs.detach().log_softmax(dim=-1)
        tokens = shares[..., END:].argmax(dim=-1) + END
        share = shares.gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
        is_end = tokens == END
        is_after = is_end.cumsum(dim=-1) - is_end.long() > 0
        parts = [tokens.masked_fill(is_after, 0), share.masked_fill(is_after, 0.0)]
        return torch.stack([part.to(shares.dtype) for part in parts], dim=-1).unsqueeze(1).numpy()

    def scores_of(self, ids: NDArray[np.int64]) -> Scores:
        """Returns the scores of texts that are certain, such as those of a baseline."""
        return np.stack([ids.astype(np.float32), np.zeros_like(ids, np.float32)], -1)[:, None]

    def scores_of_texts(self, texts: Sequence[str]) -> Scores:
        """Returns the scores of texts that are certain; too long ones are truncated."""
        frame = Frame((strings(self.name, texts),))
        return self.scores_of(self.codec.encode(frame).numpy())

    def predicted(self, scores: Scores) -> Scores:
        return np.asarray(scores[:, 0, :, 0].astype(np.int64))

    def evaluate(self, scores: Scores, truth: Scores) -> Evaluation:
        distances, lengths = self._distances(scores, truth)
        is_right = (distances == 0).astype(np.float64)
        metrics = {
            "exact_match": float(is_right.mean()),
            self.error_rate: float(distances.sum() / max(1, lengths.sum())),
        }
        checks = check_texts(self._plain(self.predicted(scores)), self._plain(truth), UNKNOWN)
        details: JsonObject = {
            "unit": self.codec.unit,
            "checks": [check.to_json() for check in checks],
        }
        main = self.EVAL_METRIC
        if main == "exact_match":
            return Evaluation(metrics, details, per_sample=is_right)
        texts, references = self._texts(self.predicted(scores)), self._texts(truth)
        more, signatures = word_metrics(texts, references, main, self.scorer)
        metrics = {main: more[main], **more, **metrics}
        quality = quality_per_text(texts, references, main, self.scorer)
        return Evaluation(metrics, details | signatures, per_sample=quality)

    def watch(self, scores: Scores, truth: Scores) -> Evaluation:
        if self.EVAL_METRIC == "exact_match":
            return self.evaluate(scores, truth)
        texts, references = self._texts(self.predicted(scores)), self._texts(truth)
        return Evaluation(word_metrics(texts, references, self.EVAL_METRIC, self.scorer)[0])

    def evaluate_model(self, case: EvaluationCase) -> tuple[Evaluation, Mapping[str, Evaluation]]:
        """Adds BLEU against the texts as they stand in the data, where they differ from
        the targets as the codec reads them."""
        evaluation, predictions = case.evaluation, case.predictions(case.eval_split)
        if "bleu" in evaluation.metrics and predictions is not None:
            rows = case.frame.take(case.splits[case.eval_split])
            references = [str(text or "") for text in rows[self.name].texts()]
            texts = self._texts(self.predicted(predictions[0]))
            bleu = text_scores(texts, references, self.scorer).bleu
            if abs(bleu - evaluation.metrics["bleu"]) >= _SAME_BLEU:
                details = {**evaluation.details, "bleu_of_data": bleu}
                evaluation = replace(evaluation, details=details)
        return evaluation, case.baselines()

    def summary(self, evaluation: Evaluation, *, full: bool = False) -> Sequence[Line | Table]:
        return summary_lines(evaluation, full=full)

    def decode(self, scores: Scores) -> list[Prediction]:
        samples, beams, steps, _ = scores.shape
        ids = torch.from_numpy(scores[..., 0].astype(np.int64)).view(-1, steps)
        texts = self.codec.decode(ids)[self.name].texts()
        shares = scores[..., 1].astype(np.float64).sum(axis=-1)
        predictions = []
        for sample in range(samples):
            beams_of_sample = [
                (str(texts[sample * beams + beam] or ""), exp(shares[sample, beam]))
                for beam in range(beams)
                if shares[sample, beam] > -np.inf
            ]
            (value, share), *others = beams_of_sample or [("", 0.0)]
            predictions.append(Prediction(value, share, tuple(others)))
        return predictions

    def decoding_steps(self, outputs: Tensor) -> list[DecodingStep]:
        scores = self.scores(outputs)
        (prediction,) = self.decode(scores)
        tokens, shares = scores[0, 0, :, 0].astype(np.int64), scores[0, 0, :, 1]
        names = self.codec.readable_labels
        texts = [names[token] for token in tokens.tolist() if token]
        written = " ".join(text.strip() or text for text in texts)
        first = (
            DecodingStep("logits", tuple(outputs.shape[1:]), outputs[0].detach().numpy(), "greedy")
            if outputs.dim() == 3
            else DecodingStep("beams", scores.shape[1:], scores[0], self.search.describe())
        )
        return [
            first,
            DecodingStep("tokens", tokens.shape, tokens, written),
            DecodingStep("log-probability", shares.shape, shares, "of each token"),
            DecodingStep("text", (), prediction.value, f"'{prediction.value}'"),
        ]

    def worst(self, scores: Scores, truth: Scores, quality: Scores) -> NDArray[np.int64]:
        distances, lengths = self._distances(scores, truth)
        order = np.argsort(-distances / np.maximum(1, lengths), kind="stable")
        return np.asarray(order[distances[order] > 0])

    def describe_target(self, target: object) -> str:
        return str(self.codec.decode(torch.from_numpy(np.asarray(target))[None])[self.name].show(0))

    def example_sections(
        self,
        net: nn.Module,
        inputs: Sequence[Tensor],
        outputs: Tensor,
        targets: Sequence[Tensor],
        read: Sequence[str],
    ) -> Sequence[Section]:
        names = self.codec.readable_labels
        inside = inside_sections(
            net,
            inputs,
            written=self.predicted(self.scores(outputs))[0].tolist(),
            target=targets[0][0].tolist() if targets else (),
            read=read,
            names=names,
        )
        length = self.spec.shape[0]
        searched = search_section(
            net, inputs, self.search, length=length, names=names, joiner=self.codec.joiner
        )
        return [*inside, searched]

    def axis_labels(self, outputs: Tensor) -> Mapping[str, Sequence[str]]:
        tokens = self.predicted(self.scores(outputs))[0].tolist()
        labels = self.codec.readable_labels
        return {"query": [labels[token] for token in tokens if token]}

    def sections(self, data: EvaluationData) -> Sequence[Section]:
        def written(samples: NDArray[np.int64]) -> list[str]:
            return [str(item.value) for item in self.decode(data.scores[samples])]

        distances, lengths = self._distances(data.scores, data.truth)
        errors = distances / np.maximum(1, lengths)
        return [
            bands_section(data),
            checks_section(data.evaluation.details),
            *texts_sections(data, self.name, self.EVAL_METRIC, errors=errors, written=written),
            self._by_length(data),
        ]

    def script_part(self, number: int, prefix: str = "") -> ScriptPart:
        if not self.search.is_greedy:
            raise NotBuiltError(
                "kissipo eject writes the greedy search only, and no other output.decode",
                do="Leave output.decode out, or set output.decode.beam=1",
            )
        outputs, targets = f"outputs[{number}]", f"targets[{number}]"
        return ScriptPart(
            (
                f"tokens = {outputs}[..., {END}:].argmax(-1) + {END}",
                f"ends = tokens == {END}",
                "tokens = tokens.masked_fill(ends.cumsum(1) - ends.long() > 0, 0)",
                f"right = (tokens == {targets}).all(1)",
                f'values["{prefix}exact_match"] = right.double().mean().item()',
            ),
            quality=f"-functional.cross_entropy({outputs}.transpose(1, 2), {targets}, "
            "ignore_index=0, reduction='none').sum(1)",
            imports=("from torch.nn import functional",),
        )

    def state(self) -> JsonObject:
        return {
            "value": self.name,
            "codec": save(self.codec),
            "search": vars(self.search),
            "eval_metric": self.EVAL_METRIC,
            "scorer": vars(self.scorer),
            "loss": self.loss,
        }

    @classmethod
    def from_state(cls, state: JsonObject) -> Self:
        answer = cls(
            state["value"],
            search=TextSearch(**state.get("search", {"beam": state.get("beam", 1)})),
            eval_metric=state.get("eval_metric"),
            loss=state["loss"],
        )
        answer.codec = cast(TargetTokens, restore(state["codec"]))
        answer.scorer = Scorer(**state.get("scorer", {}))
        return answer

    def _plain(self, ids: Scores) -> NDArray[np.int64]:
        """Returns the tokens of texts without their end."""
        return np.where(ids == END, 0, ids)

    def _texts(self, ids: Scores) -> list[str]:
        """Returns texts; a mark that no net writes stands for an unknown token."""
        texts = self.codec.decode(torch.from_numpy(ids))[self.name].texts()
        unknown = self.codec.SPECIAL[UNKNOWN]
        return [str(text or "").replace(unknown, _UNKNOWN_MARK) for text in texts]

    def _distances(
        self, scores: Scores, truth: Scores
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Returns the edits of each text, and the number of tokens of its target."""
        targets = np.where(truth == END, 0, np.where(truth == UNKNOWN, _NEVER, truth))
        predicted = self.predicted(scores)
        distances = edit_distances(np.where(predicted == END, 0, predicted), targets)
        return distances, (targets != 0).sum(axis=1)

    def _by_length(self, data: EvaluationData) -> Section:
        """Returns the metrics for targets of each length."""
        distances, lengths = self._distances(data.scores, data.truth)
        rows = []
        for group in np.array_split(np.unique(lengths), min(12, len(np.unique(lengths)))):
            some = np.isin(lengths, group)
            tokens = int(lengths[some].sum())
            rows.append(
                [
                    str(group[0]) if len(group) == 1 else f"{group[0]}-{group[-1]}",
                    f"{int(some.sum()):,}",
                    format_score(float((distances[some] == 0).mean())),
                    format_score(float(distances[some].sum() / max(1, tokens))),
                ]
            )
        titles = [f"{self.codec.unit} of the target", "samples", "exact match"]
        titles += [self.error_rate.replace("_", " ")]
        return Section("Short and long targets", [Table(titles, rows, numbers=(1, 2, 3))])

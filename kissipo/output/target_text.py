"""Target text: a text per sample, such as a translation: token after token, to its end.

The net gives the logits of every token of its own greedy text. With one beam these are
decoded; with more the answer runs its own loop over the net (`decode/beam_search.py`),
which asks for one token at a time (`SequenceDecoder`). The confidence is the
probability of the whole text.

exact_match            the share of texts that are right in every token
character_error_rate   edits per token of the targets; with words word_error_rate

Scores are (sample, beam, time, 2): the id of each token and its log probability, the
most probable text first, both 0 after the end.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from kissipo.core.description import Section, Table
from kissipo.core.errors import NotBuiltError
from kissipo.core.finding import Finding
from kissipo.core.frame import Frame
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
    EvaluationData,
    Prediction,
    Scores,
)
from kissipo.output.decode.beam_search import beam_search
from kissipo.output.metrics.edit_distance import edit_distances

_NEVER = -1  # in place of an unknown token of a target: no prediction is right


class TargetText(Answer):
    """The text in a column.

    beam:  the number of texts that the search keeps; 1 is the greedy search
    """

    WORD = "text"
    EVAL_METRIC = "exact_match"
    HIGHER_IS_BETTER = True
    DEFAULT_LOSS = "padded_cross_entropy"
    CHECKS_LEAKAGE = False  # a text is determined by its source
    BASELINES = ("copy_input", "most_frequent_text", "nearest_text")

    def __init__(
        self,
        column: str,
        *,
        unit: Unit = "characters",
        beam: int = 1,
        loss: str | None = None,
    ) -> None:
        self.codec: TargetTokens = TargetTokens(column, unit=unit)
        self.beam, self._loss = beam, self.loss_name(loss)

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

    def fitted_findings(self, frame: Frame) -> list[Finding]:
        return [Finding("WARN", "target texts", remark) for remark in self.codec.remarks(frame)]

    def check_rows(self, frame: Frame) -> list[Finding]:
        return self.fitted_findings(frame)

    def predict(self, net: nn.Module, inputs: Sequence[Tensor], outputs: Tensor) -> Tensor:
        """Returns the logits of the greedy text, or the texts of a beam search."""
        if self.beam == 1:
            return outputs
        decoder = cast(SequenceDecoder, net)
        tokens, shares = beam_search(
            decoder.step,
            decoder.begin(*inputs),
            beam=self.beam,
            length=self.spec.shape[0],
            end=END,
        )
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

    def predicted(self, scores: Scores) -> Scores:
        return np.asarray(scores[:, 0, :, 0].astype(np.int64))

    def evaluate(self, scores: Scores, truth: Scores) -> Evaluation:
        distances, lengths = self._distances(scores, truth)
        is_right = (distances == 0).astype(np.float64)
        metrics = {
            "exact_match": float(is_right.mean()),
            self.error_rate: float(distances.sum() / max(1, lengths.sum())),
        }
        return Evaluation(metrics, {"unit": self.codec.unit}, per_sample=is_right)

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
        names = self.codec.spec.labels
        written = " ".join(names[token] for token in tokens.tolist() if token)
        first = (
            DecodingStep("logits", tuple(outputs.shape[1:]), outputs[0].detach().numpy(), "greedy")
            if outputs.dim() == 3
            else DecodingStep(
                "beams", scores.shape[1:], scores[0], f"a search that keeps {self.beam} texts"
            )
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

    def sections(self, data: EvaluationData) -> Sequence[Section]:
        return [self._by_length(data), self.worst_predictions(data)]

    def script_part(self, number: int, prefix: str = "") -> ScriptPart:
        if self.beam > 1:
            raise NotBuiltError(
                "kissipo eject does not write output.decode.beam yet", do="Use output.decode.beam=1"
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
        state = {"value": self.name, "codec": save(self.codec)}
        return {**state, "beam": self.beam, "loss": self.loss}

    @classmethod
    def from_state(cls, state: JsonObject) -> Self:
        answer = cls(state["value"], beam=state["beam"], loss=state["loss"])
        answer.codec = cast(TargetTokens, restore(state["codec"]))
        return answer

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

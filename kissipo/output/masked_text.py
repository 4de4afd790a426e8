"""Masked text: the pieces behind [MASK], and whether B follows A.

logits of a masked piece -> probabilities (softmax) -> the five most probable pieces

masked_accuracy         the share of the masked pieces that are guessed first
masked_top_5            the share that is among the first five guesses
nll                     the mean of -log q, where q is the probability of the true piece
next_sentence_accuracy  the share of pairs of which the model knows whether B follows A

In the evaluation every chosen piece is [MASK], always the same ones, so that no piece
can be read in its own place.

Scores are (sample, time, 6, 2): log q of the true piece and how many pieces are more
probable, then the five guesses and their probabilities; 0 where nothing is masked. In
the place of [CLS] stand log q of the true label and whether the other one is more
probable. Truth is (sample, time) as in `input/pair_dataset.py`.

Source:   Devlin et al., BERT, 2019.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self, cast

import numpy as np
import torch
from torch import Tensor, nn

from kissipo.codec._masking import MaskRule
from kissipo.codec.word_pieces import MASK, WordPieces
from kissipo.core.batch import Batch
from kissipo.core.codec import restore, save
from kissipo.core.description import Section
from kissipo.core.errors import NotBuiltError
from kissipo.core.inferred_option import InferredOption
from kissipo.core.json_object import JsonObject
from kissipo.core.protocols import MaskedTextNet
from kissipo.core.script_part import ScriptPart
from kissipo.core.tensor_spec import TensorSpec
from kissipo.output.answer import (
    Answer,
    DecodingStep,
    Evaluation,
    EvaluationData,
    Prediction,
    Scores,
)
from kissipo.output.texts.masked_scores import (
    TOP_K,
    guessed_places,
    guesses_of,
    scores_of,
    target_places,
)
from kissipo.output.texts.masked_sections import masked_sections

_BASELINE_PIECES = 12_800_000  # from which trigrams are counted
_CHUNK = 512  # masked pieces whose logits are in memory at the same time


class MaskedText(Answer):
    """The masked pieces of a text.

    next_sentence:  whether the texts are pairs, of which B follows A or not
    """

    WORD = "text"
    EVAL_METRIC = "masked_accuracy"
    HIGHER_IS_BETTER = True
    DEFAULT_LOSS = "masked_cross_entropy"
    LOSSES = ("masked_cross_entropy",)
    BASELINES = ("most_frequent_piece", "neighbor_pieces")
    CHECKS_LEAKAGE = False
    NAMES_COLUMN = False
    BUILDER = "masked_text"

    def __init__(
        self, codec: WordPieces, *, next_sentence: bool = True, loss: str | None = None
    ) -> None:
        self.codec: WordPieces = codec
        self.next_sentence, self._loss = next_sentence, self.loss_name(loss)
        # trigrams need more texts than other baselines
        self.BASELINE_SAMPLES = _BASELINE_PIECES // max(1, codec.length or 1)

    @property
    def name(self) -> str:
        return "masked"

    @property
    def spec(self) -> TensorSpec:
        pieces = self.codec.spec
        return TensorSpec(
            "masked",
            ("time", "class"),
            (pieces.shape[0], pieces.vocab_size),
            labels=pieces.labels,
            padded=True,
            unit=pieces.unit,
        )

    @property
    def further_specs(self) -> tuple[TensorSpec, ...]:
        labels = ("from another document", "follows")
        pair = TensorSpec("next sentence", ("class",), (2,), labels=labels)
        return (pair,) if self.next_sentence else ()

    @property
    def labels(self) -> tuple[str, ...]:
        """The name of each piece."""
        return self.codec.spec.labels

    @property
    def mask_rule(self) -> MaskRule:
        """How the pieces of the vocabulary are hidden."""
        special = self.codec.special
        return MaskRule(tuple(special.values()), special[MASK], self.codec.spec.vocab_size)

    def suggested_net(self) -> InferredOption:
        return InferredOption("process.net", "bert", "it reads both sides of a masked piece")

    def suggested_algorithm(self) -> InferredOption:
        return InferredOption("process.algorithm", "masked_text", "it hides pieces to guess")

    def targeted(self, net: nn.Module, batch: Batch) -> Tensor:
        """Returns the scores of a batch; only masked pieces pass the head."""
        masked = cast(MaskedTextNet, net)
        (ids,), (targets,) = batch.inputs, batch.targets
        states = masked.states(ids)
        scores = states.new_zeros(*ids.shape, 1 + TOP_K, 2, dtype=torch.float32)
        read = states.shape[1]  # without padding at the end
        is_target = targets[:, :read] != 0
        is_target[:, 0] = False
        weight, bias = masked.head_weights()
        parts = []
        pieces = states[is_target].split(_CHUNK), targets[:, :read][is_target].split(_CHUNK)
        for rows, truth in zip(*pieces, strict=True):
            logits = torch.addmm(bias, masked.piece_features(rows), weight.T)
            parts.append(scores_of(logits, truth))
        scores[:, :read][is_target] = torch.cat([scores[:0, 0], *parts])
        is_pair = targets[:, 0] > 0
        if self.next_sentence and is_pair.any():
            shares = masked.next_sentence(states)[is_pair].log_softmax(dim=1)
            right = shares.gather(1, targets[is_pair, :1] - 1).squeeze(1)
            is_wrong = right < shares.amax(dim=1)
            scores[is_pair, 0, 0] = torch.stack([right, is_wrong.to(right.dtype)], dim=1)
        return scores

    def predict(self, net: nn.Module, inputs: Sequence[Tensor], outputs: Tensor) -> Tensor:
        """Returns the guesses for every [MASK], from the logits of all pieces."""
        if outputs.dim() == 4:
            return outputs
        (ids,) = inputs
        scores = outputs.new_zeros(*ids.shape, 1 + TOP_K, 2)
        is_mask = ids == self.codec.special[MASK]
        scores[is_mask] = scores_of(outputs[is_mask], None)
        return scores

    def scores(self, outputs: Tensor) -> Scores:
        """Returns the scores, which of logits alone are the guesses of every place."""
        outputs = outputs.detach()
        if outputs.dim() == 4:
            return outputs.numpy()
        return scores_of(outputs.flatten(0, 1), None).view(*outputs.shape[:2], -1, 2).numpy()

    def evaluate(self, scores: Scores, truth: Scores) -> Evaluation:
        is_target = target_places(truth)
        ranks, right = scores[:, :, 0, 1], scores[:, :, 0, 0].astype(np.float64)
        counts = np.maximum(1, is_target.sum(axis=1))
        metrics = {
            "masked_accuracy": float((ranks[is_target] == 0).mean()),
            "masked_top_5": float((ranks[is_target] < TOP_K).mean()),
            "nll": float(-right[is_target].mean()),
        }
        is_pair = truth[:, 0] > 0
        if is_pair.any():
            metrics["next_sentence_accuracy"] = float((ranks[is_pair, 0] == 0).mean())
        quality = ((ranks == 0) & is_target).sum(axis=1) / counts
        details = {"masked_pieces": int(is_target.sum()), "pairs": int(is_pair.sum())}
        return Evaluation(metrics, details, per_sample=quality)

    def decode(self, scores: Scores) -> list[Prediction]:
        return [self._prediction(row) for row in scores]

    def decoding_steps(self, outputs: Tensor) -> list[DecodingStep]:
        scores = self.scores(outputs)
        (prediction,) = self.decode(scores)
        places, values = guessed_places(scores[0]), outputs[0].detach().numpy()
        guesses = scores[0, places, 1:]
        text = f"'{prediction.value}'"
        return [
            DecodingStep("scores", values.shape, values, "of every piece"),
            DecodingStep("masked", places.shape, places, "the places of the masked pieces"),
            DecodingStep("probability", guesses[..., 1].shape, guesses[..., 1], "softmax, top 5"),
            DecodingStep("guess", (), prediction.value, text),
        ]

    def describe_target(self, target: object) -> str:
        ids = np.asarray(target)[1:]
        return ", ".join(self.labels[number] for number in ids[ids > 0].tolist())

    def evaluated_samples(self, evaluation: Evaluation, part: str) -> str:
        pieces, pairs = (evaluation.details[name] for name in ("masked_pieces", "pairs"))
        texts = f"{pairs:,} pairs" if pairs else "the texts"
        return f"{pieces:,} masked pieces in {texts} of the {part} split"

    def sections(self, data: EvaluationData) -> Sequence[Section]:
        return masked_sections(self.labels, data)

    def plain_value(self, prediction: Prediction) -> object:
        """Returns the guesses of each [MASK]; of a single one without a list around."""
        gaps = [list(gap) for gap in prediction.guesses or ()]
        return gaps[0] if len(gaps) == 1 else gaps

    def prediction_columns(
        self, predictions: Sequence[Prediction], outputs: Tensor
    ) -> Mapping[str, Sequence[object]]:
        return {"prediction": [prediction.value for prediction in predictions]}

    def script_part(self, number: int, prefix: str = "") -> ScriptPart:
        raise NotBuiltError(
            "kissipo eject does not write the pre-training of masked text",
            do="Fine-tune the run (process.weights=RUN), and eject that one",
        )

    def state(self) -> JsonObject:
        return {
            "value": "masked",
            "codec": save(self.codec),
            "next_sentence": self.next_sentence,
            "loss": self.loss,
        }

    @classmethod
    def from_state(cls, state: JsonObject) -> Self:
        codec = cast(WordPieces, restore(state["codec"]))
        return cls(codec, next_sentence=state["next_sentence"], loss=state["loss"])

    def _prediction(self, row: Scores) -> Prediction:
        guesses = tuple(
            guesses_of(row[place], self.labels) for place in guessed_places(row).tolist()
        )
        words = " ".join(gap[0][0] for gap in guesses)
        share = guesses[0][0][1] if len(guesses) == 1 else None
        return Prediction(
            words, share, guesses[0][1:] if len(guesses) == 1 else (), guesses=guesses
        )

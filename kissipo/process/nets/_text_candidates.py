"""Nets and sizes for n-grams of texts, and for texts that are compared with them.

The linear path on n-grams is as good as linear models of scikit-learn. The hidden
layers start at zero, and learn a little more where there are many texts.
"""

from __future__ import annotations

from collections.abc import Sequence

from kissipo.core.inferred_option import Candidate, DataFacts, InferredOption
from kissipo.core.tensor_spec import TensorSpec

_EPOCHS, _PATIENCE, _BATCH = 10, 3, 64


def reads_text(facts: DataFacts) -> bool:
    """Returns whether an input is a text, of whatever tokens."""
    return any(map(is_text, facts.inputs))


def is_text(spec: TensorSpec) -> bool:
    """Returns whether a spec is that of a text."""
    return bool(spec.unit) and (spec.axes == ("time",) or spec.is_weighted_bag)


def has_one_answer(facts: DataFacts) -> bool:
    """Returns whether there is a single output, of one row of numbers."""
    return len(facts.outputs) == 1 and len(facts.outputs[0].shape) == 1


def text_sizes(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns the options of a feed-forward net that reads n-grams."""
    options = [
        InferredOption("process.units", [64]),
        InferredOption("process.dropout", 0.3),
        InferredOption("process.embedding_dim", 32, "the sum of the embeddings of its n-grams"),
        InferredOption("process.epochs", _EPOCHS, "on n-grams the hidden layers overfit early"),
        InferredOption("process.early_stopping", {"patience": _PATIENCE}),
    ]
    if facts.batch is None:
        options.append(InferredOption("input.batch_size", _batch(facts.samples)))
    if has_one_answer(facts):
        reason = "a linear path beside the hidden layers, which model only what is not linear"
        options.append(InferredOption("process.wide", True, reason))
        options += [InferredOption("process.init", "linear")] * facts.suits_regression
    return tuple(options)


def text_candidates(facts: DataFacts) -> tuple[Candidate, ...]:
    """Returns the feed-forward net on n-grams, where an input is a text."""
    if not reads_text(facts) or not has_one_answer(facts):
        return ()
    reads_ngrams = InferredOption("input.tokenizer", "ngrams", "weights of words and pieces")
    options = tuple(option for option in text_sizes(facts) if option.place.startswith("process."))
    net = InferredOption("process.net", "ffn", "a linear path and hidden layers read n-grams")
    return (Candidate("n-grams, wide and deep", (reads_ngrams, net, *options)),)


def linear_candidates(facts: DataFacts) -> tuple[Candidate, ...]:
    """Returns the linear net on n-grams, where an input is a text."""
    if not reads_text(facts) or not has_one_answer(facts):
        return ()
    reason = "logistic or ridge regression on n-grams, solved at once"
    return (
        Candidate(
            "n-grams, linear",
            (
                InferredOption("input.tokenizer", "ngrams", "weights of words and pieces"),
                InferredOption("process.net", "linear", reason),
                InferredOption("process.algorithm", "closed_form", reason),
            ),
        ),
    )


def reading_candidate(
    facts: DataFacts, net: str, title: str, sizes: Sequence[InferredOption] = ()
) -> tuple[Candidate, ...]:
    """Returns a net that reads texts word by word, in their order."""
    if not reads_text(facts) or not has_one_answer(facts):
        return ()
    reading = InferredOption("process.net", net, "reads the words of a text in their order")
    return (Candidate(title, (InferredOption("input.tokenizer", "words"), reading, *sizes)),)


def _batch(samples: int) -> int:
    """Returns the batch size: few steps per epoch, as each one updates many weights."""
    return _BATCH if samples < 20_000 else 4 * _BATCH

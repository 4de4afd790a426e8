"""Candidates for forecasts and signals: the options that nets are compared with."""

from kissipo.core.inferred_option import Candidate, DataFacts, InferredOption
from kissipo.process.layers.series_wrapper import is_forecast

_MAX_RECURRENT_VALUES = 2_000_000  # of all windows, which a recurrent net reads in a minute
_LINEAR_START = (
    InferredOption("process.wide", True, "a linear autoregression beside the net"),
    InferredOption("process.init", "linear"),
)


def ffn_candidates(facts: DataFacts) -> tuple[Candidate, ...]:
    """Returns a feed-forward net for forecasts, or for signals."""
    if _is_forecast(facts):
        ffn = (
            InferredOption("process.net", "ffn"),
            InferredOption("process.units", [64, 64]),
            InferredOption("process.dropout", 0.1),
            InferredOption("process.epochs", 100),
        )
        title = "linear autoregression, and a feed-forward net for the rest"
        return (
            Candidate(title, (*ffn, *_LINEAR_START)),
            Candidate("feed-forward net on the changes since the last value", ffn),
        )
    if not is_signal(facts):
        return ()
    return (
        Candidate(
            "feed-forward net on all steps of the signal",
            (
                InferredOption("process.net", "ffn"),
                InferredOption("process.units", [64, 64], "suits signals that are aligned"),
                InferredOption("process.dropout", 0.2),
                InferredOption("process.optimizer", "adamw"),
                InferredOption("process.schedule", "cosine"),
            ),
        ),
    )


def recurrent_candidates(facts: DataFacts) -> tuple[Candidate, ...]:
    """Returns a GRU for forecasts and for signals that are read in a minute."""
    if facts.samples * facts.inputs[0].size > _MAX_RECURRENT_VALUES:
        return ()
    gru = (
        InferredOption("process.net", "recurrent"),
        InferredOption("process.cell", "gru"),
        InferredOption("process.units", 32),
    )
    if _is_forecast(facts):
        title = "linear autoregression, and a GRU for the rest"
        return (Candidate(title, (*gru, *_LINEAR_START)),)
    if is_signal(facts):
        pooling = InferredOption("process.pooling", "mean")
        return (Candidate("GRU over the signal", (*gru, pooling)),)
    return ()


def n_beats_candidates(facts: DataFacts) -> tuple[Candidate, ...]:
    """Returns N-BEATS for forecasts of one column from its own past."""
    is_alone = len(facts.inputs) == 1 and facts.inputs[0].labels == facts.outputs[0].labels
    if not _is_forecast(facts) or not is_alone or facts.outputs[0].shape[1] != 1:
        return ()
    net = InferredOption("process.net", "n_beats")
    return (Candidate("N-BEATS on the changes since the last value", (net,)),)


def is_signal(facts: DataFacts) -> bool:
    """Returns whether the input is one signal of a fixed length, with a class or a
    number."""
    spec = facts.inputs[0]
    return (
        len(facts.inputs) == 1
        and spec.axes == ("time", "feature")
        and not spec.padded
        and not spec.vocab_size
        and all(len(output.shape) == 1 for output in facts.outputs)
    )


def _is_forecast(facts: DataFacts) -> bool:
    return facts.forecasts and is_forecast(facts.inputs, facts.outputs)

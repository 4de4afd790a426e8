"""Candidates for images with a class or a number: the nets that are compared."""

from kissipo.core.inferred_option import Candidate, DataFacts, InferredOption

_MIN_SIDE = 12  # of images that have statistics
_SHIFTED = InferredOption("input.augment", ["crop"], "a shift keeps the class of an image")


def cnn_candidates(facts: DataFacts) -> tuple[Candidate, ...]:
    """Returns convolutions, also with images that are shifted."""
    if not is_image(facts):
        return ()
    height, width = facts.inputs[0].shape[1:]
    options = (
        InferredOption("process.net", "cnn"),
        InferredOption("process.filters", [32, 64] if min(height, width) <= 32 else [16, 32, 64]),
        InferredOption("process.dropout", 0.3),
    )
    return (
        Candidate("convolutions", options),
        Candidate("convolutions, with images that are shifted", (*options, _SHIFTED)),
    )


def image_ffn_candidates(facts: DataFacts) -> tuple[Candidate, ...]:
    """Returns a net of statistics of brightness and edges."""
    start = (InferredOption("process.init", "linear"),) * facts.suits_regression
    if not is_image(facts) or min(facts.inputs[0].shape[1:]) < _MIN_SIDE:
        return ()
    return (
        Candidate(
            "statistics of the image: a linear path, and hidden layers for the rest",
            (
                InferredOption("process.net", "ffn"),
                InferredOption("process.image_features", "statistics"),
                InferredOption("process.units", [64, 64]),
                InferredOption("process.dropout", 0.3),
                InferredOption("process.optimizer", "adamw"),
                InferredOption("process.schedule", "cosine"),
                InferredOption("process.wide", True),
                *start,
            ),
        ),
    )


def is_image(facts: DataFacts) -> bool:
    """Returns whether the input is one image, with a class or a number."""
    return (
        len(facts.inputs) == 1
        and facts.inputs[0].axes == ("channel", "height", "width")
        and len(facts.outputs) == 1
        and len(facts.outputs[0].shape) == 1
    )

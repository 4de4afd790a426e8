"""The registries of sources, nets, algorithms, answers and losses, and the planned
names.

A planned name is refused with the system (S row) that it belongs to, so that nobody
looks for a spelling mistake. When it is built, it becomes a file and its line here is
removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from kissipo.core.inferred_option import no_candidates, no_options
from kissipo.core.registry import Registry

if TYPE_CHECKING:
    from kissipo.core.codec import Codec
    from kissipo.core.frame import Frame
    from kissipo.input.source import Source
    from kissipo.output.answer import Answer


O = TypeVar("O")


def _same_name(name: str, options: object) -> str:
    """Returns the name of a weight unchanged: the net has the published names."""
    return name


def _read(source: Source[O], value: object, options: O) -> object:
    """Returns what the source reads for any answer."""
    return source.read(value, options)


def _parse_values(
    source: Source[O], values: Sequence[object], options: O, codecs: Sequence[Codec]
) -> Frame:
    """Returns the samples to predict as the source reads them for any answer."""
    return source.parse_values(values, options, codecs)


def _no_own_values(source: object, values: Sequence[object], codecs: Sequence[Codec]) -> None:
    """Returns that the values to predict are not a part of the run's own data."""


def _no_front(resolved: object) -> None:
    """Returns no net before that of the task."""


def _same_net(net: object) -> object:
    """Returns the net unchanged."""
    return net


SOURCES = Registry(
    "kissipo.input.sources",
    "source",
    folder="sources",
)
NETS = Registry(
    "kissipo.process.nets",
    "net",
    folder="nets",
    defaults={
        "ALGORITHMS": ("supervised",),  # that can train it; the first that suits the source
        "DEFAULT_SPECS": None,  # inputs and outputs for which `kissipo show NET` counts
        "NOTES": (),  # remarks of `kissipo show NET`
        "ours": _same_name,  # a published name of a weight -> its name in the net
        "MAPS": False,  # whether it places samples on a map
        "TAKES_SAMPLE_WEIGHTS": False,  # where it is solved, not trained by losses
        "RECONSTRUCTS": False,  # whether it reproduces its input
        "details": lambda net, labels: {},  # what a trained net adds to its scores
        "options_of_weights": lambda path, saved, answers: (),  # that a folder or a run sets
        "load_file": lambda net, path, labels: None,  # its own format of weights, if any
        "NEEDED_INPUT": (),  # options of the input without which it cannot be built
        "required_options": no_options,  # what the data require of the net
        "suggested_options": no_options,  # sizes, where the net was not named
        "candidates": no_candidates,  # for the comparison of net: auto
        "TAPS": (),  # its layers of stride 8, 16 and 32, where it can be a backbone
        "TAPS_OPTIONS": {},  # options that leave out what comes after them
        "LOSS": None,  # an InferredOption: the loss, where it is not that of the answer
        "loss_options": lambda options: {},  # a loss -> its arguments, as the net sets them
    },
    planned={
        "rbm": "S37",
        "captioner": "S38",
        "style_transfer": "S39",
        "gan": "S40",
        "cyclegan": "S40",
        "pix2pix": "S40",
    },
)
ALGORITHMS = Registry(
    "kissipo.process.algorithms",
    "algorithm",
    folder="algorithms",
    defaults={
        "INTERACTIVE": False,  # whether it acts in an environment, as an Agent does
        "NEEDS_LOSSES": False,  # one loss per output
        "suggested_options": no_options,
    },
)
ANSWERS = Registry("kissipo.output.answers", "answer", folder="answers")
LOSSES = Registry("kissipo.process.losses", "loss", folder="losses")
BASELINES = Registry(
    "kissipo.output.baselines",
    "baseline",
    folder="baselines",
    defaults={
        "SUITABLE_ANSWERS": (),  # to which it adds itself, in a plug-in
        "TRIVIAL": False,  # whether a model that is worse is of no use
    },
)
METRICS = Registry("kissipo.output.named_metrics", "metric", folder="metrics")
PUBLISHED = Registry(
    "kissipo.process.published",
    "set of published weights",
    defaults={"BESIDE": {}},  # other files that are needed, with their SHA-256
)
RECIPES = Registry("kissipo.recipes", "task", folder="recipes")
LESSONS = Registry("kissipo.lessons", "lesson", folder="lessons")
BUILDERS = Registry(
    "kissipo.pipeline.builders",
    "builder of a pipeline",
    folder="builders",
    defaults={
        "read": _read,  # how the source gives the data: samples, documents
        "parse_values": _parse_values,  # the same for the values to predict
        "own_values": _no_own_values,  # samples of the run's own data that values name
        "value_source": lambda resolved: resolved.source,  # that parses values to predict
        "UNUSED_OPTIONS": (),  # of the input, refused: names, and classes with `unused`
        "OTHER_DEFAULTS": (),  # of the input, whose default is not that of the source
        "EVALUATED_OPTION": "",  # of the input, for other data to evaluate; "": the source
        "NO_SOFT_TARGETS": "",  # why only the target of a sample may have a probability
        "front_net": _no_front,  # a net that the inputs pass first, with a `spec`, if any
        "wrap_net": _same_net,  # what the data require around any net
    },
)

PLANNED_WORDS = {
    "input.captions": "S38",
    "input.style": "S39",
}
PLANNED_VALUES = {  # of options that do not take them yet
    "output.image=same": "S37",
}
SHORT_LOSSES = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "cross_entropy": "sparse_categorical_cross_entropy",
    "bce": "binary_cross_entropy",
    "kl": "kl_divergence",
    "cosine": "cosine_similarity",
}


def suitable_baselines(answer: Answer | type[Answer]) -> tuple[str, ...]:
    """Returns the baselines of an answer: its own, then those of plug-ins that say they
    suit it."""
    added = [
        name
        for name in BASELINES.names_in_plugins()
        if answer.WORD in BASELINES.find(name, place="output.baselines").SUITABLE_ANSWERS
    ]
    return (*answer.BASELINES, *added)


def allowed_baselines(answer: Answer | type[Answer]) -> tuple[str, ...]:
    """Returns the baselines that `output.baselines` may name."""
    return (*suitable_baselines(answer), *answer.MORE_BASELINES)


def trivial_baselines(answer: Answer) -> set[str]:
    """Returns the names of the baselines that every useful model is better than."""
    names = suitable_baselines(answer)
    modules = [BASELINES.find(name, place="output.baselines") for name in names]
    return {module.NAME for module in modules if module.TRIVIAL}

"""Candidates for images with a class or a number: the nets that are compared.

A training has about 100 billion multiplications, but 5 epochs at least. So the training
of four candidates, and of the best one again, takes about a minute of one core.

Images are mirrored only where that keeps their class, which the training images show:
the image that is nearest to a mirrored image has its class as often as the one that is
nearest to the image itself. Mirrored digits are near to other digits. Few images, or
images whose nearest image has a random class, show nothing, so they are not mirrored.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from kissipo.core.inferred_option import Candidate, DataFacts, InferredOption, candidate

_MIN_SIDE = 12  # of images that have statistics
_MULTIPLICATIONS, _MIN_EPOCHS, _MAX_EPOCHS = 250_000_000_000, 5, 60
_MAX_SOLVED = 20_000_000  # products of pixels and weights in one iteration of a regression
_PASSES = 3  # forward, and the gradients of inputs and of weights
_COMPARED, _SIDE = 1_000, 8  # images of which the nearest is searched, and their size
_SHIFTED = InferredOption("input.augment", ["crop"], "a shift keeps the class of an image")
_MIRRORED = InferredOption(
    "input.augment",
    ["flip", "crop"],
    "mirrored images are as near to images of their class as the images themselves",
)


def image_epochs(net: nn.Module, facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns the number of epochs of a net on images, unless the user set it.

    net:  on the meta device, as only its multiplications are counted
    """
    if facts.process.get("epochs"):
        return ()
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        net.eval()(torch.zeros(1, *facts.inputs[0].shape, device="meta"))
    image = counter.get_total_flops() // 2 * _PASSES
    epochs = round(_MULTIPLICATIONS / (image * max(1, facts.samples)))
    epochs = min(_MAX_EPOCHS, max(_MIN_EPOCHS, epochs))
    reason = f"about {_MULTIPLICATIONS / 1e9:.0f} billion multiplications, at least 5 epochs"
    return (InferredOption("process.epochs", epochs, reason),)


def cnn_candidates(options: tuple[InferredOption, ...]) -> tuple[Candidate, ...]:
    """Returns convolutions, also with images that are shifted."""
    options = (InferredOption("process.net", "cnn"), *options)
    return (
        Candidate("convolutions", options),
        Candidate("convolutions, with images that are shifted", (*options, _SHIFTED)),
    )


def residual_candidates(
    facts: DataFacts, options: tuple[InferredOption, ...]
) -> tuple[Candidate, ...]:
    """Returns a small residual net, with images that are shifted, and mirrored if that
    keeps their class."""
    changes, kind = _SHIFTED, "shifted"
    if facts.outputs[0].axes == ("class",):
        batch = facts.draw(_COMPARED)
        if mirroring_keeps_class(batch.inputs[0], batch.targets[0]):
            changes, kind = _MIRRORED, "shifted and mirrored"
    training = candidate(
        f"small residual net, with images that are {kind}",
        {
            "net": "small_resnet",
            "optimizer": "adamw",
            "learning_rate": 3e-3,
            "schedule": "one_cycle",  # its end is the best part, so it is not stopped early
            "early_stopping": {"patience": 0},
        },
    )
    return (Candidate(training.title, (*training.options, *options, changes)),)


def mirroring_keeps_class(images: Tensor, classes: Tensor) -> bool:
    """Returns whether mirrored images are as near to images of their class.

    The share of nearest images with the right class may be lower by two standard
    errors, but it is higher than that of random images by two standard errors at least.
    Both the image itself and its mirrored image are left out.

    Shapes:   (image, channel, height, width), (image)
    Example:  >>> arrows = torch.tensor([[0.0, 1], [0.1, 1], [1, 0.0], [1, 0.1]])
              >>> images = arrows.repeat(5, 1)[:, None, None]
              >>> mirroring_keeps_class(images, torch.tensor([0, 0, 1, 1] * 5))
              False
    """
    if len(images) < 2:
        return False
    height, width = (min(_SIDE, side) for side in images.shape[2:])
    small = functional.adaptive_avg_pool2d(images.float(), (height, width))
    right, mirrored = (
        _nearest(some.flatten(1), small.flatten(1), classes).double()
        for some in (small, small.flip(3))
    )
    _, counts = classes.unique(return_counts=True)
    chance = (counts * (counts - 1)).sum() / (len(images) * (len(images) - 1))
    gain, lost = mirrored - chance, right - mirrored
    return bool(gain.mean() > 2 * _error(gain) and lost.mean() <= 2 * _error(lost))


def _error(values: Tensor) -> Tensor:
    """Returns the standard error of the mean."""
    return values.std() / len(values) ** 0.5


def _nearest(some: Tensor, images: Tensor, classes: Tensor) -> Tensor:
    """Returns whether the nearest other image has the right class."""
    distances = torch.cdist(some, images).fill_diagonal_(torch.inf)
    return classes.flatten()[distances.argmin(dim=1)] == classes.flatten()


def image_ffn_candidates(facts: DataFacts) -> tuple[Candidate, ...]:
    """Returns a net of statistics of brightness and edges."""
    start = (InferredOption("process.init", "linear"),) * facts.suits_regression
    if not _has_statistics(facts):
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


def image_forest_candidates(facts: DataFacts) -> tuple[Candidate, ...]:
    """Returns a random forest on statistics of brightness and edges."""
    if not _has_statistics(facts):
        return ()
    options = {"net": "random_forest", "image_features": "statistics"}
    return (candidate("statistics of the image: a random forest", options),)


def image_linear_candidates(facts: DataFacts) -> tuple[Candidate, ...]:
    """Returns the regression on pixels, where it is solved in seconds: photos of one
    object in the same place are often near to each other."""
    if not is_image(facts) or not facts.suits_regression:
        return ()
    products = facts.samples * facts.inputs[0].size * facts.outputs[0].size
    if products > _MAX_SOLVED:
        return ()
    return (candidate("pixels, linear", {"net": "linear", "algorithm": "closed_form"}),)


def is_image(facts: DataFacts) -> bool:
    """Returns whether the input is one image, with a class or a number."""
    return (
        len(facts.inputs) == 1
        and facts.inputs[0].is_image
        and len(facts.outputs) == 1
        and len(facts.outputs[0].shape) == 1
    )


def _has_statistics(facts: DataFacts) -> bool:
    return is_image(facts) and min(facts.inputs[0].shape[1:]) >= _MIN_SIDE

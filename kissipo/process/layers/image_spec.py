"""Image: the one port that a net on images takes, or a refusal in words of the pipeline.

Raises:   ShapeError when there is another input, or more than one.
Example:  >>> image_of((TensorSpec("photo", ("channel", "height", "width"), (3, 32, 24)),), "vgg16")
          (3, 32, 24)
"""

from kissipo.core.errors import ShapeError
from kissipo.core.tensor_spec import TensorSpec


def image_of(inputs: tuple[TensorSpec, ...], net: str) -> tuple[int, int, int]:
    """Channels, height and width of what goes in."""
    if len(inputs) != 1 or inputs[0].axes != ("channel", "height", "width"):
        gives = " and ".join(f"'{spec.name}' {spec.describe()}" for spec in inputs)
        raise ShapeError(
            f"process step '{net}' takes one image (batch, channel, height, width)",
            given=f"input step {gives}",
            do="Use process.net=ffn or process.net=recurrent for other data",
        )
    channels, height, width = inputs[0].shape
    return channels, height, width


def channels_of(published: int, width: float) -> int:
    """So many channels at a share of the published width, one at least.

    Example:  >>> channels_of(64, 1.0), channels_of(64, 0.25), channels_of(16, 0.01)
              (64, 16, 1)
    """
    return max(1, round(published * width))


IMAGENET = (
    (TensorSpec("image", ("channel", "height", "width"), (3, 224, 224)),),
    (TensorSpec("class", ("class",), (1000,)),),
)  # what the published figures of nets for photographs are for

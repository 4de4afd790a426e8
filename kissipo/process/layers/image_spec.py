"""The image input of a net: its shape, or an error for other inputs.

Raises:   ShapeError when the input is not an image, or there are several inputs.
Example:  >>> photo = TensorSpec("photo", ("channel", "height", "width"), (3, 32, 24))
          >>> image_of((photo,), "vgg16")
          (3, 32, 24)
"""

from kissipo.core.errors import ShapeError
from kissipo.core.tensor_spec import TensorSpec


def image_of(inputs: tuple[TensorSpec, ...], net: str) -> tuple[int, int, int]:
    """Returns the channels, height and width of the image."""
    if len(inputs) != 1 or inputs[0].axes != ("channel", "height", "width"):
        description = " and ".join(f"'{spec.name}' {spec.describe()}" for spec in inputs)
        raise ShapeError(
            f"process step '{net}' takes one image (batch, channel, height, width)",
            got=f"input step {description}",
            do="Use process.net=ffn or process.net=recurrent for other data",
        )
    channels, height, width = inputs[0].shape
    return channels, height, width


def channels_of(published: int, width: float) -> int:
    """Returns the number of channels for a width multiplier; at least 1.

    Example:  >>> channels_of(64, 1.0), channels_of(64, 0.25), channels_of(16, 0.01)
              (64, 16, 1)
    """
    return max(1, round(published * width))


IMAGENET = (
    (TensorSpec("image", ("channel", "height", "width"), (3, 224, 224)),),
    (TensorSpec("class", ("class",), (1000,)),),
)  # the published weight counts of image nets hold for these shapes

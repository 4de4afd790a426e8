"""Picture: the one port that a net on pictures takes, or a refusal in words of the pipeline.

Raises:   ShapeError when there is another input, or more than one.
Example:  >>> picture_of((Port("photo", ("channel", "height", "width"), (3, 32, 24)),), "vgg16")
          (3, 32, 24)
"""

from kissipo.core.errors import ShapeError
from kissipo.core.tensor_spec import Port


def picture_of(inputs: tuple[Port, ...], net: str) -> tuple[int, int, int]:
    """Channels, height and width of what goes in."""
    if len(inputs) != 1 or inputs[0].axes != ("channel", "height", "width"):
        gives = " and ".join(f"'{port.name}' {port.tell()}" for port in inputs)
        raise ShapeError(
            f"process step '{net}' takes one picture (batch, channel, height, width)",
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
    (Port("picture", ("channel", "height", "width"), (3, 224, 224)),),
    (Port("class", ("class",), (1000,)),),
)  # what the published figures of nets for photographs are for

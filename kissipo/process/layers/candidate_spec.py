"""The output of a detector: its number of features, or an error for other outputs.

Raises:   ShapeError when the output is not boxes, or there are several outputs.
Example:  >>> label = TensorSpec("label", ("candidate", "feature"), (0, 12))
          >>> features_of((label,), "yolo")
          12
"""

from kissipo.core.errors import ShapeError
from kissipo.core.tensor_spec import TensorSpec


def features_of(outputs: tuple[TensorSpec, ...], net: str) -> int:
    """Returns the number of features of a candidate."""
    if len(outputs) != 1 or outputs[0].axes != ("candidate", "feature"):
        raise ShapeError(
            f"process step '{net}' predicts boxes",
            got=f"the output {outputs[0].describe()}",
            do="Use output.boxes",
        )
    return outputs[0].shape[1]

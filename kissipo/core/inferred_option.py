"""InferredOption: an option that is inferred from the data, with its reason."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class InferredOption:
    """An option that was inferred, its value and the reason."""

    place: str
    value: Any
    reason: str = ""

"""Reading: what a source hands over: the frame, what was noticed while reading, and the parts when the data come split."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from kissipo.core.finding import Finding
from kissipo.core.frame import Frame


@dataclass(frozen=True)
class Reading:
    """A frame with its story.

    parts:   positions of the rows of 'train' and 'test' where the publisher of the data fixed them, else None
    answer:  the column that is the question by nature (the class of an image), else ''
    """

    frame: Frame
    findings: tuple[Finding, ...] = ()
    parts: Mapping[str, NDArray[Any]] | None = None
    answer: str = ""

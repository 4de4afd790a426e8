"""Reading: the result of reading a source: frame, findings and a fixed split."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kissipo.core.finding import Finding
from kissipo.core.frame import Frame
from kissipo.core.inferred_option import InferredOption


@dataclass(frozen=True)
class Windows:
    """The windows of a long sample, which are samples themselves.

    times:    (window, 2) start and end of what is decided, in seconds
    weights:  (window) from 0 to 1, how well each fits
    """

    frame: Frame
    times: NDArray[np.float64]
    weights: NDArray[np.float64]


@dataclass(frozen=True)
class Reading:
    """A frame with what is known about it.

    parts:   row positions of 'train', 'validation' and 'test' in a published split,
             as far as it has them, else None
    answer:  the natural target column (such as the class of an image), else ''
    inferred_options:  how the cells were read, as options
    usual_task:  the options of the task that this format is made for; empty for a
             format without a usual task
    """

    frame: Frame
    findings: tuple[Finding, ...] = ()
    parts: Mapping[str, NDArray[np.int64]] | None = None
    answer: str = ""
    inferred_options: tuple[InferredOption, ...] = ()
    usual_task: tuple[InferredOption, ...] = ()

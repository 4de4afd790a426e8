"""Place windows: the counts of a place in consecutive steps <-> windows of them.

It encodes as `windows` does. It also holds the places of the training data and their
usual counts, as new events are counted in the same places.

Shapes:   columns (step) -> (window, time, feature)
Example:  >>> from kissipo.codec.counts import Counts
          >>> from kissipo.core.frame import Frame, numbers
          >>> frame = Frame((numbers("trips", [0, 1, 3]),))
          >>> inner, places = Counts(("trips",)), {"names": ["A"]}
          >>> codec = PlaceWindows(inner, 2, places=places).fit(frame)
          >>> tuple(codec.encode(frame).shape), codec.places["names"]
          ((2, 2, 1), ['A'])
"""

from typing import ClassVar

import numpy as np

from kissipo.codec.windows import Windows
from kissipo.core.codec import Codec
from kissipo.core.frame import Frame
from kissipo.core.json_object import JsonObject


class PlaceWindows(Windows):
    """Windows of counts, with the places that are counted."""

    KIND: ClassVar[str] = "place_windows"
    FIELDS = (*Windows.FIELDS, "places")

    def __init__(
        self,
        inner: Codec,
        length: int,
        *,
        stride: int = 1,
        axis: str = "time",
        places: JsonObject | None = None,
    ) -> None:
        super().__init__(inner, length, stride=stride, axis=axis)
        self.places: JsonObject = places or {}

    def window_text(self, frame: Frame, row: int, steps: int) -> str:
        """Returns the place, and the time of the first step after the window."""
        place, time = frame["place"].show(row), frame["time"].show(row + self.length)
        return f"place {place} at {str(time).replace('T', ' ')[:16]}"

    def remarks(self, frame: Frame) -> list[str]:
        """Describes the steps with a count; the others are steps to come."""
        missing = [frame[name].missing for name in self.inner.columns]
        return self.inner.remarks(frame.take(np.flatnonzero(~np.any(missing, axis=0))))


CODEC = PlaceWindows

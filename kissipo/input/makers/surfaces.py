"""Surfaces: starting points for optimizers, one row per run (S05, S11).

A row has the surface, the optimizer and the starting point. `lowest` is the minimum of
the surface; the value above it is the distance that remains.

Example:  >>> frame = make().frame
          >>> len(frame), frame["surface"].categories
          (35, ('bowl', 'saddle', 'valleys', 'lagrange'))
"""

import numpy as np

from kissipo.core.frame import Frame, numbers, strings
from kissipo.input.source_data import Reading

OPTIMIZERS = ("sgd", "momentum", "adagrad", "rmsprop", "adam")
STARTS = {
    "bowl": ((4.0, 2.0, 0.0),),
    "saddle": ((3.0, 0.0, 0.0), (3.0, 0.01, 0.0)),
    "valleys": ((1.6, 1.0, 0.0), (-0.4, 1.0, 0.0)),
    "lagrange": ((5.0, 3.0, 0.0), (-5.0, -3.0, 0.0)),
}
LOWEST = {"bowl": 0.0, "saddle": -0.5, "valleys": -0.3053, "lagrange": 0.0}


def make() -> Reading:
    """Returns every starting point with every optimizer."""
    rows = [
        (surface, name, *start, LOWEST[surface])
        for surface, starts in STARTS.items()
        for start in starts
        for name in OPTIMIZERS
    ]
    surface, optimizer, x, y, multiplier, lowest = zip(*rows, strict=True)
    columns = (
        strings("surface", surface),
        strings("optimizer", optimizer),
        numbers("x", x),
        numbers("y", y),
        numbers("l", multiplier),
        numbers("lowest", lowest),
    )
    everything = np.arange(len(rows))
    return Reading(
        Frame(columns, origin="surfaces"),
        parts={"train": everything, "test": everything},
        answer="lowest",
    )

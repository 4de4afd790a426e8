"""Squares: numbers <-> their signed squares, times a gain."""

import numpy as np
import torch

from kissipo.core.codec import Codec
from kissipo.core.frame import Frame, numbers
from kissipo.core.tensor_spec import TensorSpec


class Squares(Codec):
    """Encodes the numbers of several columns."""

    KIND = "squares"
    FIELDS = ("names", "gain")

    def __init__(self, names, gain=1.0):
        self.names, self.gain = tuple(names), gain

    @property
    def columns(self):
        return self.names

    @property
    def number_columns(self):
        return self.names

    @property
    def spec(self):
        return TensorSpec("squares", ("feature",), (len(self.names),), labels=self.names)

    def fit(self, frame):
        return self

    def encode(self, frame):
        values = np.stack([frame[name].values for name in self.names], axis=1)
        return torch.from_numpy(self.gain * np.sign(values) * values**2).float()

    def decode(self, tensor):
        values = tensor.double().numpy() / self.gain
        roots = np.sign(values) * np.sqrt(np.abs(values))
        return Frame(tuple(numbers(name, roots[:, place]) for place, name in enumerate(self.names)))


CODEC = Squares

"""Random document: the documents in a random order for every query."""

from kissipo.core.seeds import numpy_generator
from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData

NAME = "random document"
TRIVIAL = True


def predict(data: BaselineData) -> Scores | None:
    """Returns a random similarity of each query with each document."""
    generator = numpy_generator(data.seed, "random document")
    return generator.random((len(data.test), data.answer.spec.size, 1))

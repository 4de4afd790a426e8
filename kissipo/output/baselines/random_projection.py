"""Random projection: the samples times a random matrix (scikit-learn).

It keeps distances roughly where the map has many dimensions, and hardly with two.

Source:   Johnson and Lindenstrauss 1984.
"""

from sklearn.random_projection import GaussianRandomProjection

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData

NAME = "random projection"
TRIVIAL = True


def predict(data: BaselineData) -> Scores | None:
    """Returns the places of the samples, whose truth are their encoded rows."""
    projection = GaussianRandomProjection(data.answer.spec.size, random_state=data.seed)
    places: Scores = projection.fit(data.train.truth).transform(data.test.truth)
    return places

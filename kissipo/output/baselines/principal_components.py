"""Principal components: samples along the largest variances (scikit-learn)."""

from sklearn.decomposition import PCA

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData

NAME = "PCA"


def predict(data: BaselineData) -> Scores | None:
    """Returns the places of the samples, whose truth are their encoded rows; None where
    they have fewer dimensions than the map."""
    rows, dimensions = data.test.truth, data.answer.spec.size
    if dimensions > min(rows.shape):
        return None
    places: Scores = PCA(dimensions, random_state=data.seed).fit_transform(rows)
    return places

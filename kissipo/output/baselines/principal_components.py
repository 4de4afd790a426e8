"""Principal components: samples along the largest variances (scikit-learn)."""

from sklearn.decomposition import PCA

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData

NAME = "PCA"


def predict(data: BaselineData) -> Scores | None:
    """Returns the places of the samples, whose truth are their encoded rows; None where
    they have fewer dimensions than the map."""
    rows, dimensions = data.train.truth, data.answer.spec.size
    if dimensions > min(rows.shape):
        return None
    components = PCA(dimensions, svd_solver="full").fit(rows)
    places: Scores = components.transform(data.test.truth)
    return places

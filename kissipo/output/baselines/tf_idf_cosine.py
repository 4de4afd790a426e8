"""TF-IDF cosine: the document whose TF-IDF weights have the largest cosine.

The weights are those of scikit-learn's TfidfTransformer with its own defaults.
"""

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData
from kissipo.output.term_matrix import cosines

NAME = "TF-IDF cosine"


def predict(data: BaselineData) -> Scores | None:
    """Returns the cosines; None where documents were left out."""
    from sklearn.feature_extraction.text import TfidfTransformer

    return cosines(data, TfidfTransformer())

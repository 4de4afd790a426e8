"""Count cosine: the document whose term counts have the largest cosine, without IDF."""

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData
from kissipo.output.term_matrix import cosines

NAME = "cosine of term counts"


def predict(data: BaselineData) -> Scores | None:
    """Returns the cosines; None where documents were left out."""
    from sklearn.feature_extraction.text import TfidfTransformer

    return cosines(data, TfidfTransformer(use_idf=False, norm=None))

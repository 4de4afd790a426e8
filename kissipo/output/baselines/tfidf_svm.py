"""TF-IDF with a linear support vector machine: a bag of words per text (scikit-learn).

Its scores become probabilities on other rows than those it was fitted on (Platt scaling
in five folds), so its class may differ from that of the largest score.
"""

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.svm import LinearSVC

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData
from kissipo.output.sklearn_models import classify

NAME = "TF-IDF + linear SVM"
_FOLDS = 5


def predict(data: BaselineData) -> Scores | None:
    """Returns class probabilities; None without a text, or for a class of one row."""
    weights = data.text_weights
    if weights is None:
        return None
    rarest = int(np.unique(data.train.truth, return_counts=True)[1].min())
    if rarest < 2:
        return None
    svm = LinearSVC(random_state=data.seed)
    model = CalibratedClassifierCV(svm, cv=min(_FOLDS, rarest), ensemble=False)
    return classify(data, model, features=weights)

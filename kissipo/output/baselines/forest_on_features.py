"""Random forest on simple features of images: brightness, histogram, edges, on a coarse grid (scikit-learn, 300 trees).

It steps aside for what is no image, for images of less than 16 pixels a side, whose pixels are few enough themselves, and for more
than a hundred classes.
"""

from sklearn.ensemble import RandomForestClassifier

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import Case
from kissipo.output.image_features import simple_features
from kissipo.output.sklearn_models import MOST_CLASSES, classify

NAME = "random forest on simple features"
_SMALLEST_SIDE = 16


def answer(case: Case) -> Scores | None:
    """Probabilities of the classes."""
    spec = case.specs[0]
    if len(case.answer.levels) > MOST_CLASSES:  # type: ignore[attr-defined]
        return None
    if spec.axes != ("channel", "height", "width") or min(spec.shape[1:]) < _SMALLEST_SIDE:
        return None
    features = simple_features(case.train.inputs[0]), simple_features(case.test.inputs[0])
    return classify(
        case, RandomForestClassifier(300, random_state=case.seed, n_jobs=-1), features=features
    )

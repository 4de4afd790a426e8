"""Random forest on simple image features (scikit-learn, 300 trees).

The features are statistics of brightness and edges. The baseline returns None for
inputs that are not images, for images below 16 pixels per side (few enough for
the other baselines), and for more than a hundred classes.
"""

from sklearn.ensemble import RandomForestClassifier

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData
from kissipo.output.image_features import simple_features
from kissipo.output.sklearn_models import MAX_CLASSES, classify

NAME = "random forest on simple features"
_MIN_SIDE = 16


def predict(data: BaselineData) -> Scores | None:
    """Returns class probabilities."""
    spec = data.specs[0]
    if len(data.answer.classes) > MAX_CLASSES:
        return None
    if spec.axes != ("channel", "height", "width") or min(spec.shape[1:]) < _MIN_SIDE:
        return None
    features = simple_features(data.train.inputs[0]), simple_features(data.test.inputs[0])
    return classify(
        data, RandomForestClassifier(300, random_state=data.seed, n_jobs=-1), features=features
    )

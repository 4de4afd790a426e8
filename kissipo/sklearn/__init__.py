"""Estimators with the interface of scikit-learn, and a forecaster with that of Darts.

    from kissipo.sklearn import Classifier, Forecaster, Regressor
    cross_val_score(Classifier(epochs=20), x, y)
    Forecaster(horizon=12).fit(series).predict(12)

Inside this package `import sklearn` means scikit-learn.
"""

from kissipo.sklearn.classifier import Classifier
from kissipo.sklearn.forecaster import Forecaster
from kissipo.sklearn.regressor import Regressor

__all__ = ["Classifier", "Forecaster", "Regressor"]

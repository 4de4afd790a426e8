"""Every check of scikit-learn for its own estimators, and one expected failure."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from kissipo.sklearn import Classifier, Regressor
from kissipo.sklearn.table_estimator import TableEstimator

EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": (
        "batches and the validation split are drawn from rows, so a row of weight 2 is not two rows"
    )
}

pytestmark = pytest.mark.usefixtures("one_thread")


@parametrize_with_checks(
    [Classifier(epochs=2), Regressor(epochs=2)],
    expected_failed_checks=lambda estimator: EXPECTED,
    xfail_strict=True,
)
def test_estimator_passes_the_checks_of_sklearn(
    estimator: TableEstimator, check: Callable[[TableEstimator], None]
) -> None:
    """One is skipped here, as the array API is chosen before scipy is imported."""
    check(estimator)
    assert estimator.get_params()["epochs"] == 2


_ARRAY_API = """
from sklearn.utils.estimator_checks import check_array_api_input
from kissipo.sklearn import Classifier, Regressor
for kind in (Classifier, Regressor):
    check_array_api_input(kind.__name__, kind(epochs=2), array_namespace="numpy")
    print(kind.__name__)
"""


@pytest.mark.slow
def test_estimators_pass_the_check_of_the_array_api() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _ARRAY_API],
        capture_output=True,
        text=True,
        env={**os.environ, "SCIPY_ARRAY_API": "1"},
    )
    assert (done.stderr, done.stdout.split()) == ("", ["Classifier", "Regressor"])

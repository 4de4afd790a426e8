"""Of a large split the baselines predict a part; the net is compared on the same part.

Witnesses: numpy on the rows that were drawn, and scikit-learn.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import kissipo as ki
from kissipo.core.seeds import drawn
from kissipo.report.sections import score_section
from kissipo.report.tables import scores_table
from kissipo.runs import scores
from kissipo.runs.run import Run

PREDICTED = 17


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    generator = np.random.default_rng(3)
    numbers = generator.normal(size=(400, 3))
    kind = np.where(numbers[:, 0] + generator.normal(size=400) > 0, "yes", "no")
    table = pd.DataFrame(numbers, columns=["a", "b", "c"]).assign(kind=kind)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scores, "MAX_PREDICTED", PREDICTED)
        task = ki.load(table, output="kind", words={"process.epochs": 2})
        return task.fit(out=tmp_path_factory.mktemp("run") / "run")


def test_net_and_baselines_are_compared_on_the_same_rows(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scores, "MAX_PREDICTED", PREDICTED)
    (score,) = run.evaluate()
    assert score.compared is not None and score.compared.samples == PREDICTED
    train, test = (run.pipeline().datasets[name].everything() for name in ("train", "test"))
    some = drawn(len(test), PREDICTED, "predicted by baselines")
    inputs, targets = test.inputs[0].numpy()[some], test.targets[0].numpy()[some]
    model = LogisticRegression(max_iter=1000)
    model.fit(train.inputs[0].numpy(), train.targets[0].numpy())
    accuracy = (model.predict(inputs) == targets).mean()
    assert score.baselines["logistic regression"].metrics["accuracy"] == pytest.approx(accuracy)
    outputs = run.net(test.inputs[0]).detach().numpy()[:, 0]
    own = (outputs > 0) == test.targets[0].numpy()
    assert score.net.metrics["accuracy"] == pytest.approx(own.mean())
    assert score.compared.net.metrics["accuracy"] == pytest.approx(own[some].mean())
    assert own.mean() != own[some].mean()  # a wrong one would show
    assert score.verdict is not None
    best = max(item.metrics["accuracy"] for item in score.baselines.values())
    gap = abs(own[some].mean() - best)
    assert score.verdict.sentence.startswith(("equal", f"{100 * gap:.1f} points"))


def test_the_part_is_named_where_scores_are_shown(run: Run) -> None:
    (answer,) = run.metrics["answers"]
    assert answer["compared"]["samples"] == PREDICTED
    assert set(answer["compared"]["metrics"]) == set(answer["metrics"])


def test_tables_and_report_show_both_rows(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "MAX_PREDICTED", PREDICTED)
    (score,) = run.evaluate()
    names = [str(row[0]) for row in scores_table(score).rows]
    assert names[:2] == ["model", "model on 17 examples, as below"]
    text = repr(score_section(score, 30_000))
    assert "The baselines predict 17 of the samples, drawn at random" in text


def test_without_a_large_split_nothing_is_drawn(run: Run) -> None:
    (score,) = run.evaluate()
    assert score.compared is None and "compared" not in score.to_json()
    assert [str(row[0]) for row in scores_table(score).rows].count("model") == 1

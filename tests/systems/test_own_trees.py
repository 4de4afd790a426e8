"""A user's table with a random forest and gradient boosting: runs like any other."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.errors import ShapeError, TaskError
from kissipo.core.inferred_option import DataFacts
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.nets import gradient_boosting, random_forest
from kissipo.process.nets._trees import leaf_budget

pytestmark = pytest.mark.usefixtures("one_thread")
NETS = {
    "random_forest": {"process.num_trees": 12},
    "gradient_boosting": {"process.max_iterations": 12},
}
TREES = [random_forest, gradient_boosting]
ROW = {"age": 61.0, "city": "Oslo", "income": 30_000.0}


def write_table(path: Path, *, rows: int = 240) -> None:
    """A category, missing numbers, a text, weights and three targets."""
    generator = np.random.default_rng(4)
    lines = ["age,city,income,note,weight,buys,spent,tags"]
    for _ in range(rows):
        age, income = generator.normal(45, 12), generator.lognormal(10, 0.5)
        city = generator.choice(["Brno", "Oslo", "Prague"])
        score = (age - 45) / 12 + (city == "Oslo") + generator.normal(0, 0.4)
        kind = "often" if score > 0.8 else "never" if score < -0.4 else "seldom"
        age_cell = "" if generator.random() < 0.1 else f"{age:.1f}"
        note = " ".join(generator.choice(["sun", "rain", "wind", "snow", "hail"], 5))
        tags = ";".join(name for name, has in (("old", age > 50), ("rich", income > 25_000)) if has)
        cells = [age_cell, city, f"{income:.0f}", note, f"{generator.random() + 0.5:.2f}"]
        lines.append(",".join([*cells, kind, f"{100 + 20 * score:.2f}", tags or "none"]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def task_of(folder: Path, net: str, output: dict[str, Any], **words: Any) -> ki.Task:
    task = ki.Task(
        input={"table": str(folder / "shops.csv"), "numeric": ["age", "income"],
               "categorical": ["city"], "drop": ["note", "weight", "buys", "spent", "tags"]},
        process={"net": net},
        output={**output, "baselines": []},
    )  # fmt: skip
    answer = next(iter(output.values()))
    dropped = [name for name in task.input["drop"] if name != answer]
    return task.with_words({"input.drop": dropped, **NETS[net], **words})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The table, and a run of each net on it."""
    folder = tmp_path_factory.mktemp("trees")
    write_table(folder / "shops.csv")
    for net in NETS:
        task_of(folder, net, {"category": "buys"}).fit(out=folder / net, seed=3)
    return folder


def everything(run: Any, split: str) -> tuple[np.ndarray, np.ndarray]:
    """The encoded inputs and targets of a split."""
    batch = run.pipeline().datasets[split].everything()
    return batch.inputs[0].numpy(), batch.targets[0].numpy()


def test_predictions_of_runs_equal_sklearn(folder: Path) -> None:
    models = {
        "random_forest": RandomForestClassifier(12, random_state=3),
        "gradient_boosting": HistGradientBoostingClassifier(
            max_iter=12, min_samples_leaf=8, early_stopping=False, random_state=3
        ),
    }
    for net, model in models.items():
        run = ki.open(folder / net)
        x, y = everything(run, "train")
        test, _ = everything(run, "test")
        expected = model.fit(x, y).predict_proba(test)
        scores = run.answers[0].scores(run.net(torch.from_numpy(test)))
        np.testing.assert_allclose(scores, expected, atol=1e-9)
        (prediction,), _ = run.predict_all([ROW])
        assert prediction[0].value == "often"


def test_predict_and_show_import_no_sklearn(folder: Path) -> None:
    code = "import sys; from kissipo.cli.main import main; main(); print('sklearn' in sys.modules)"
    for arguments in (["predict", "random_forest", "age=60", "city=Oslo", "income=9"],):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], cwd=folder, text=True, capture_output=True
        )
        assert done.stdout.splitlines()[-1] == "False", done.stderr


@pytest.mark.parametrize("net", NETS)
def test_killed_run_begins_again_with_the_same_bits(folder: Path, net: str) -> None:
    whole, cut = folder / net, folder / f"{net}-cut"
    task = task_of(folder, net, {"category": "buys"})
    task.fit(out=cut, seed=3)
    for name in ("model.safetensors", "metrics.json", "codecs.json"):  # as before its end
        (cut / name).unlink()
    task.fit(out=cut, resume=True)
    assert (cut / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    other = task.fit(out=folder / f"{net}-other", seed=4)
    assert other.net.state_dict()["trees.0.threshold"].tolist() != (
        ki.open(whole).net.state_dict()["trees.0.threshold"].tolist()
    )


def test_trace_shows_the_path_in_units_and_the_votes(folder: Path) -> None:
    run = ki.open(folder / "random_forest")
    paths, votes = run.trace(ROW).sections
    assert paths.title == "Paths through the trees: buys" and len(paths.content) == 3
    table: Any = paths.content[0].content[0]
    x, y = everything(run, "train")
    tree = RandomForestClassifier(12, random_state=3).fit(x, y).estimators_[0].tree_
    encoded = run.encode([ROW])[1].everything().inputs[0].numpy()
    numbers = run.codecs[0].codecs[0].fitted
    node, expected = 0, []
    while tree.children_left[node] >= 0:
        feature = tree.feature[node]
        name, threshold = run.codecs[0].spec.labels[feature], tree.threshold[node]
        left = encoded[0, feature] <= threshold
        if feature < 2:
            threshold = threshold * numbers.spread[feature] + numbers.center[feature]
        expected.append(
            [name, "<=" if left else ">", f"{threshold:.6g}", "left" if left else "right"]
        )
        node = (tree.children_left if left else tree.children_right)[node]
    assert [[row[0], *row[2:]] for row in table.rows] == expected
    assert {row[1] for row in table.rows if row[0] == "age"} <= {"61"}
    rows: Any = votes.content[0].rows
    probability = run.predict_all([ROW])[0][0][0].confidence
    assert rows[0][0] == "often" and rows[0][2] == f"{probability:.4f}"
    sums: Any = ki.open(folder / "gradient_boosting").trace(ROW).sections[1].content[0]
    output = ki.open(folder / "gradient_boosting").net(torch.from_numpy(encoded)).max()
    assert sums.titles[1] == "often" and float(sums.rows[-1][1]) == pytest.approx(
        float(output), abs=1e-3
    )


def test_report_shows_the_importance_of_the_columns(
    folder: Path, content_of: Callable[..., Any], records_of: Callable[..., Any]
) -> None:
    run = ki.open(folder / "random_forest")
    x, y = everything(run, "train")
    importances = RandomForestClassifier(12, random_state=3).fit(x, y).feature_importances_
    labels = run.codecs[0].spec.labels
    detail = run.metrics["answers"][0]["details"]["random_forest"]
    assert detail["trees"] == 12
    for label, share in zip(labels, importances, strict=True):
        assert detail["importance"][label] == pytest.approx(share)
    bars = records_of(
        content_of(folder / "random_forest" / "report.html"), "bars", "Importance of the columns"
    )
    assert bars


def test_numbers_of_other_answers_equal_sklearn(folder: Path) -> None:
    for net in NETS:
        run = task_of(folder, net, {"number": "spent"}).fit(out=folder / f"{net}-spent")
        assert run.metrics["answers"][0]["metrics"]["r2"] > 0.6
        title = {"random_forest": "Mean of the trees", "gradient_boosting": "Sum of the trees"}[net]
        (section,) = [some for some in run.trace(ROW).sections if some.title == title]
        value = run.predict([ROW])[0]
        cell = section.content[0].rows[0 if net == "random_forest" else -1][1]
        assert float(cell) == pytest.approx(value, rel=1e-3)  # in the unit of the target
        labels = task_of(folder, net, {"labels": "tags"}).fit(out=folder / f"{net}-tags")
        assert labels.metrics["answers"][0]["metrics"]["micro_f1"] > 0.8


def test_sample_and_class_weights_equal_sklearn(folder: Path) -> None:
    task = task_of(folder, "random_forest", {"category": "buys"})
    words = {"input.sample_weight": "weight", "process.class_weights": "balanced",
             "input.drop": ["note", "spent", "tags"]}  # fmt: skip
    run = task.with_words(words).fit(out=folder / "weighted", seed=3)
    x, y = everything(run, "train")
    weights = run.pipeline().datasets["train"].weights.double().numpy()
    model = RandomForestClassifier(12, random_state=3, class_weight="balanced")
    expected = model.fit(x, y, sample_weight=weights).predict_proba(x)
    scores = run.answers[0].scores(run.net(torch.from_numpy(x)))
    np.testing.assert_allclose(scores, expected, atol=1e-6)


def test_forecast_of_changes_equals_sklearn(tmp_path: Path) -> None:
    steps = np.arange(150)
    y = 50 + steps * 0.5 + 10 * np.sin(steps * np.pi / 6)
    lines = ["day,sales", *(f"2024-{1 + d // 28:02}-{1 + d % 28:02},{v:.3f}" for d, v in
                            zip(steps.tolist(), y.tolist(), strict=True))]  # fmt: skip
    (tmp_path / "sales.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    task = ki.Task(
        input={"series": str(tmp_path / "sales.csv"), "window": 12},
        process={"net": "random_forest", "num_trees": 5},
        output={"forecast": "sales", "horizon": 3, "baselines": []},
    )
    run = task.fit(out=tmp_path / "run")
    x, target = everything(run, "train")
    from sklearn.ensemble import RandomForestRegressor

    model = RandomForestRegressor(5, max_features=1 / 3, random_state=0)
    relative, last = (x - x[:, -1:])[:, :, 0], x[:, -1]
    model.fit(relative, target[:, :, 0] - last)
    got = run.net(torch.from_numpy(x))[:, :, 0].numpy()
    np.testing.assert_allclose(got, model.predict(relative) + last, atol=1e-6)
    sections = run.trace().sections
    assert [section.title for section in sections][:1] == ["Trees on changes"]


@pytest.mark.parametrize("net", NETS)
def test_what_trees_do_not_read_or_predict_is_refused(folder: Path, net: str) -> None:
    task = task_of(folder, net, {"category": "buys"})
    with pytest.raises(ShapeError, match=r"'note' is a text .* input\.drop=\[note\]"):
        task.with_words({"input.text": ["note"], "input.drop": ["weight", "spent", "tags"]}).fit(
            out=folder / "never"
        )
    assert main(["eject", str(folder / "shops.csv"), "--output", "buys", f"process.net={net}",
                 "input.drop=[note]", "--out", str(folder / "script")]) == 2  # fmt: skip


def facts(samples: int, *, classes: int = 2, loss: str = "mean_squared_error") -> DataFacts:
    kind = TensorSpec("kind", ("class",), (classes,))
    return DataFacts((), (kind,), samples, False, (loss,), ("category",), None, {})


def test_large_data_get_larger_leaves_and_small_data_smaller_ones() -> None:
    assert random_forest.required_options(facts(5_000)) == ()
    (large,) = random_forest.required_options(facts(1_000_000))
    assert large.place == "process.min_samples_leaf"
    leaves = 200 * 1_000_000 / int(str(large.value))
    assert leaves <= leaf_budget([TensorSpec("kind", ("class",), (2,))], 100_000_000)
    (many,) = random_forest.required_options(facts(1_000_000, classes=100))
    assert int(str(many.value)) > int(str(large.value))
    (stop,) = gradient_boosting.required_options(facts(20_000))
    assert (stop.place, stop.value) == ("process.early_stopping", {"patience": 10})
    (small,) = gradient_boosting.required_options(facts(100))
    assert (small.place, small.value) == ("process.min_samples_leaf", 5)
    for module in TREES:
        with pytest.raises(TaskError, match="does not suit the answer category, whose loss is"):
            module.required_options(facts(100, loss="poisson"))


def test_images_are_reported_without_heat_maps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Trees have no gradients, from which heat maps are computed."""
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    for number in range(40):
        kind = ("dark", "light")[number % 2]
        is_light = (kind == "light") != (number % 8 < 2)  # a quarter has the wrong label
        values = generator.integers(0, 120, (16, 16)) + 130 * is_light
        (tmp_path / "photos" / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(values.astype(np.uint8)).save(f"photos/{kind}/{number}.png")
    words = ["process.net=random_forest", "process.image_features=statistics"]
    assert main(["fit", "photos", *words, "--out", "run", "--quiet"]) == 0
    assert "this model has no gradients" in Path("run/report.html").read_text(encoding="utf-8")
    assert main(["xray", "run"]) == 0
    assert "this model has no gradients" in capsys.readouterr().out
    assert main(["predict", "run", "photos/dark"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 20

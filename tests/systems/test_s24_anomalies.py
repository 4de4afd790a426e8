"""S24: anomalies in a series by the error of a forecast or of an autoencoder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.errors import DataError, TaskError
from kissipo.output.anomaly_spans import threshold
from kissipo.pipeline.recipes import all_recipes

Out = pytest.CaptureFixture[str]


def windows_of(data: Path, name: str) -> list[tuple[str, str]]:
    """The published windows, read by themselves."""
    published = json.loads(
        (data / "nab" / "labels" / "combined_windows.json").read_text(encoding="utf-8")
    )
    return [(first[:19], last[:19]) for first, last in published[f"realKnownCause/{name}.csv"]]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("machine-temperature", "machine_temperature_system_failure"),
        pytest.param("nyc-taxi", "nyc_taxi", marks=pytest.mark.slow),
    ],
)
def test_every_labeled_window_is_listed_as_hit_or_missed(
    name: str,
    file: str,
    data: Path,
    capsys: Out,
    content_of: Callable[[str], Any],
    records_of: Callable[..., Any],
) -> None:
    assert main(["fit", name, "--out", "run"]) == 0
    out = capsys.readouterr().out
    answer = ki.open("run").metrics["answers"][0]
    details, metrics = answer["details"], answer["metrics"]
    published = windows_of(data, file)
    assert [(window["from"], window["to"]) for window in details["windows"]] == published
    assert out.count("labeled  ") == len(published)
    hit = [window["first_alarm"] is not None for window in details["windows"]]
    for (first, last), window in zip(published, details["windows"], strict=True):
        assert window["evaluated"]
        assert window["first_alarm"] is None or first <= window["first_alarm"] <= last
    assert metrics["recall"] == pytest.approx(np.mean(hit))
    false = [alarm for alarm in details["alarms"] if not alarm["labeled"]]
    for alarm in details["alarms"]:
        assert alarm["labeled"] == any(
            alarm["from"] <= last and first <= alarm["to"] for first, last in published
        )
    times = pd.to_datetime(
        pd.read_csv(data / "nab" / "realKnownCause" / f"{file}.csv.gz")["timestamp"]
    )
    months = (times.max() - pd.Timestamp(details["judged_from"])).total_seconds() / 86_400 / 30.4375
    assert metrics["false_alarms_per_month"] == pytest.approx(len(false) / months, rel=1e-3)
    low, high = dict(all_recipes())[name].band
    assert low <= metrics["nab"] <= high
    assert metrics["nab"] > max(values["nab"] for values in answer["baselines"].values())
    curves, errors = records_of(content_of("run/report.html"), "chart", "Alarms")
    assert len(curves["spans"]) == len(errors["spans"]) == len(published)
    series = {line["name"]: line["points"] for line in errors["series"]}
    assert [value for _, value in series["threshold"]] == [pytest.approx(details["threshold"])] * 2
    assert max(value for _, value in series["error"]) > details["threshold"]


def sensor(steps: int = 1200) -> pd.DataFrame:
    """A daily wave with noise; from step 1000 on three bursts."""
    generator = np.random.default_rng(0)
    values = 20 + 5 * np.sin(np.arange(steps) * 2 * np.pi / 24) + 0.3 * generator.normal(size=steps)
    anomalous = np.zeros(steps, dtype=int)
    for first in (1000, 1080, 1150):
        values[first : first + 3] += 8
        anomalous[first : first + 3] = 1
    timestamps = pd.date_range("2024-01-01", periods=steps, freq="h").astype(str)
    return pd.DataFrame({"at": timestamps, "value": values.round(3), "anomaly": anomalous})


BURSTS = ("2024-02-11 16:00:00", "2024-02-15 00:00:00", "2024-02-17 22:00:00")


def test_bursts_in_a_users_csv_are_found_without_labels(capsys: Out) -> None:
    sensor()[["at", "value"]].to_csv("sensor.csv", index=False)
    assert (
        main(
            [
                "fit",
                "sensor.csv",
                "anomaly=value",
                "input.window=24",
                "output.false_alarm_rate=0.001",
                "epochs=30",
                "--out",
                "run",
            ]
        )
        == 0
    )
    capsys.readouterr()
    answer = ki.open("run").metrics["answers"][0]
    alarms = [alarm["from"] for alarm in answer["details"]["alarms"]]
    assert set(BURSTS) <= set(alarms)
    assert "nab" not in answer["metrics"] and "windows" not in answer["details"]


@pytest.mark.parametrize(
    "words",
    [["epochs=30"], ["net=autoencoder", "epochs=60"], ["net=recurrent", "units=16", "epochs=15"]],
)
def test_bursts_in_a_users_csv_are_found_and_scored_with_labels(
    words: list[str], capsys: Out
) -> None:
    sensor().to_csv("labeled.csv", index=False)
    words = [
        *words,
        "input.window=24",
        "output.false_alarm_rate=0.001",
        "output.anomaly_labels=anomaly",
    ]
    assert main(["fit", "labeled.csv", "anomaly=value", *words, "--out", "evaluated"]) == 0
    capsys.readouterr()
    answer = ki.open("evaluated").metrics["answers"][0]
    assert answer["metrics"]["recall"] == 1.0
    assert set(BURSTS) <= {alarm["from"] for alarm in answer["details"]["alarms"]}
    assert main(["predict", "evaluated", "--file", "labeled.csv", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    rows = [row["value"] for row in content["predictions"]]
    before = 1200 - len(rows)
    assert content["notes"] == [
        f"the first prediction is for row {before + 1}: the rows before it fill a window"
    ]
    assert [rows[first - before]["answer"] for first in (1000, 1080, 1150)] == ["anomaly"] * 3
    assert np.mean([row["answer"] == "anomaly" for row in rows[: 990 - before]]) < 0.01


def test_errors_and_threshold_are_those_of_the_nets_own_forecasts() -> None:
    task = ki.load(
        sensor(),
        words={
            "output.anomaly": "value",
            "output.anomaly_labels": "anomaly",
            "input.window": 24,
            "process.epochs": 5,
        },
    )
    run = task.fit(out="run")
    pipeline, answer = run.pipeline(), run.answers[0]
    spread = sensor()["value"].to_numpy()[: 24 + len(pipeline.datasets["train"])].std()

    def errors(part: str) -> Any:
        batch = pipeline.datasets[part].everything()
        with torch.no_grad():
            return (
                np.abs(answer.truth(batch.targets[0]) - answer.scores(run.net(*batch.inputs)))[
                    :, 0, 0
                ]
                / spread
            )

    calibration = np.concatenate([errors("train"), errors("validation")])
    assert answer.threshold == pytest.approx(threshold(calibration, 0.0001), rel=1e-3)
    start = 1200 - len(pipeline.datasets["test"])
    above = np.flatnonzero(errors("test") > answer.threshold) + start
    alarms = run.evaluate()[0].net.details["alarms"]
    timestamps = sensor()["at"]
    inside = {
        index
        for alarm in alarms
        for index in np.flatnonzero((timestamps >= alarm["from"]) & (timestamps <= alarm["to"]))
    }
    assert set(above.tolist()) <= inside
    assert alarms[0]["from"] == timestamps[above[0]]
    again = ki.open("run")
    assert again.answers[0].threshold == answer.threshold
    assert again.predict(sensor()).equals(run.predict(sensor()))


def test_unusable_anomaly_labels_are_reported() -> None:
    table = sensor(300)
    with pytest.raises(
        TaskError, match=r"output.anomaly_labels names 'value', which is the column to watch"
    ):
        ki.load(table, words={"output.anomaly": "value", "output.anomaly_labels": "value"}).fit()
    with pytest.raises(DataError, match="must say which steps are anomalies; got 'maybe' in row 1"):
        ki.load(
            table.assign(anomaly="maybe"),
            words={"output.anomaly": "value", "output.anomaly_labels": "anomaly"},
        ).fit()
    run = ki.load(
        table, words={"output.anomaly": "value", "process.epochs": 1, "input.window": 24}
    ).fit(out="run")
    with pytest.raises(
        DataError, match="fewer steps than a window and the step after it; got 24 in"
    ):
        run.predict(table.iloc[:24])


def test_rows_with_one_timestamp_become_one() -> None:
    table = sensor(200)
    doubled = pd.concat([table, table.iloc[[50, 50]].assign(value=[90.0, 30.0])])
    with pytest.raises(DataError, match="occurs 3 times in 'at'"):
        ki.load(doubled, output="value", time="at").fit()
    for how, value in (
        ("sum", table["value"][50] + 120),
        ("mean", (table["value"][50] + 120) / 3),
        ("last", 30.0),
    ):
        run = ki.load(
            doubled,
            output="value",
            time="at",
            words={"input.duplicate_timestamps": how, "process.epochs": 1},
        ).fit(out=how)
        frame = run.pipeline().frame
        assert len(frame) == 200 and frame["value"].values[50] == pytest.approx(value)
        assert any(
            finding.describe().endswith(f"their {how} is used")
            for finding in run.pipeline().findings
        )


def patterns(steps: int = 4000) -> pd.DataFrame:
    """Returns a signal of sines, saws and squares with the same standard deviation."""
    generator, kinds, values = np.random.default_rng(0), [], []
    while len(kinds) < steps:
        kind, length = generator.choice(["sine", "saw", "square"]), int(generator.integers(60, 120))
        phase = (np.arange(length) / 16 + generator.random()) % 1
        wave = {
            "sine": np.sqrt(2) * np.sin(2 * np.pi * phase),
            "saw": np.sqrt(3) * (2 * phase - 1),
            "square": np.sign(phase - 0.5),
        }[kind]
        values += list(wave + 0.3 * generator.normal(size=length))
        kinds += [kind] * length
    return pd.DataFrame(
        {"t": np.arange(steps), "signal": np.round(values[:steps], 3), "kind": kinds[:steps]}
    )


@pytest.mark.parametrize("net", ["ffn", "recurrent"])
def test_pattern_of_each_window_is_classified(net: str, capsys: Out) -> None:
    patterns().to_csv("signal.csv", index=False)
    words = [
        "output.category=kind",
        "input.window=32",
        f"process.net={net}",
        "epochs=12",
        "learning_rate=0.003",
    ]
    assert main(["fit", "signal.csv", "--time", "t", *words, "--out", "run"]) == 0
    answer = ki.open("run").metrics["answers"][0]
    assert answer["metrics"]["accuracy"] > 0.75 > answer["baselines"]["majority class"]["accuracy"]
    run = ki.open("run")
    pipeline = run.pipeline()
    table = patterns()
    index = (
        int(pipeline.splits["test"][0]) + 31
    )  # the class of the last step of the first test window
    assert (
        run.answers[0].classes[int(pipeline.datasets["test"].targets[0][0])] == table["kind"][index]
    )
    assert (
        run.predict(table.iloc[: index + 1])["prediction"].iloc[-1]
        == run.answers[0].classes[int(run.net(pipeline.datasets["test"].inputs[0][:1]).argmax())]
    )
    capsys.readouterr()
    with pytest.raises(DataError, match="only one class"):
        ki.load(table.assign(kind="sine"), time="t", words={"output.category": "kind"}).fit()


def test_classes_may_be_written_as_numbers() -> None:
    table = patterns(600).assign(
        kind=lambda table: table["kind"].map({"sine": 1, "saw": 2, "square": 3})
    )
    words = {"output.category": "kind", "process.epochs": 1, "input.window": 16}
    run = ki.load(table, time="t", words=words).fit(out="run")
    assert run.answers[0].classes == ("1", "2", "3")

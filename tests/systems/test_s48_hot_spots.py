"""S48: events are counted in places and steps, and one net forecasts the next step."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.metrics import mean_poisson_deviance

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.errors import DataError, UserError
from kissipo.core.task import Task
from kissipo.export.script.script import eject
from kissipo.input.sources._usual_counts import PastCounts
from kissipo.output.metrics.counts import hit_rate, poisson_deviance
from kissipo.pipeline.experiment import build_experiment
from kissipo.pipeline.pipeline import Pipeline

Out = pytest.CaptureFixture[str]
START, HOURS = np.datetime64("2024-10-14T00:00:00"), 24 * 17  # over the change of the clock
CENTERS = {"a": (2.0, 3.0), "b": (7.0, 7.0), "c": (8.0, 2.0)}
GRID = {"place": ["x", "y"], "grid": 4}
QUICK = {"epochs": 1, "units": 4}


def made_trips() -> list[tuple[np.datetime64, float, float, str]]:
    """Trips around three centers, more of them by day, in no order."""
    generator = np.random.default_rng(0)
    rows = []
    for hour in range(HOURS):
        for name, center in CENTERS.items():
            for _ in range(generator.poisson(1.5 + np.sin(hour % 24 / 24 * 2 * np.pi))):
                time = START + np.timedelta64(int(hour * 3600 + generator.integers(3600)), "s")
                x, y = np.clip(generator.normal(center, 0.8), 0, 10).round(4)
                rows.append((time, float(x), float(y), name))
    return [rows[number] for number in generator.permutation(len(rows))]


TRIPS = made_trips()


def write(path: Path, titles: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([titles, *rows])
    return str(path)


def text(time: np.datetime64) -> str:
    return str(time).replace("T", " ")


@pytest.fixture(scope="module")
def trips(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file with one row per trip."""
    rows = [(text(time), x, y, zone) for time, x, y, zone in TRIPS]
    folder = tmp_path_factory.mktemp("trips")
    return write(folder / "trips.csv", ["at", "x", "y", "zone"], rows)


def counts_of(path: str, **options: object) -> tuple[Pipeline, Any]:
    """Returns the pipeline of events, and their counts (place, step)."""
    output = {"forecast": "count", **{k: options.pop(k) for k in ("horizon",) if k in options}}
    task = Task(input={"events": path, **options}, process=QUICK, output=output)
    pipeline = build_experiment(task).pipeline
    places = len(pipeline.starts) - 1
    return pipeline, pipeline.frame["count"].values.reshape(places, -1)


@pytest.fixture(scope="module")
def run(trips: str, tmp_path_factory: pytest.TempPathFactory) -> ki.Run:
    """A small run on the cells of a grid."""
    task = ki.Task(input={"events": trips, **GRID}, process=QUICK, output={"forecast": "count"})
    return task.fit(out=tmp_path_factory.mktemp("run") / "trips")


def test_counts_of_a_grid_equal_numpy(trips: str) -> None:
    pipeline, counts = counts_of(trips, place=["x", "y"], grid=[5, 4])
    points = np.array([(x, y) for _, x, y, _ in TRIPS])
    hours = np.array([(time - START).astype(int) // 3600 for time, *_ in TRIPS])
    table, _ = np.histogramdd(
        np.column_stack([points, hours]),
        bins=[
            np.linspace(points[:, 0].min(), points[:, 0].max(), 6),
            np.linspace(points[:, 1].min(), points[:, 1].max(), 5),
            np.arange(HOURS + 1),
        ],
    )
    flat = table.reshape(20, HOURS)
    np.testing.assert_array_equal(counts, flat[flat.sum(axis=1) > 0])
    names = [f"x{column} y{row}" for column in range(1, 6) for row in range(1, 5)]
    used = [name for name, total in zip(names, flat.sum(axis=1), strict=True) if total]
    assert list(pipeline.frame["place"].categories) == used
    assert str(pipeline.frame["time"].values[0]) == "2024-10-14T00:00:00"


def test_counts_of_named_places_equal_a_counter_in_three_layouts(
    trips: str, tmp_path: Path
) -> None:
    pipeline, counts = counts_of(trips, place="zone")
    expected = Counter((zone, int((time - START).astype(int) // 3600)) for time, *_, zone in TRIPS)
    names = pipeline.frame["place"].categories
    by_hand = [[expected[zone, hour] for hour in range(HOURS)] for zone in names]
    np.testing.assert_array_equal(counts, by_hand)
    rows = [(text(START + np.timedelta64(hour, "h")), zone, n) for (zone, hour), n in
            expected.items()]  # fmt: skip
    long = write(tmp_path / "long.csv", ["hour", "zone", "count"], rows)
    again = counts_of(long, place="zone")
    assert sorted(map(tuple, again[1].tolist())) == sorted(map(tuple, counts.tolist()))
    wide = write(
        tmp_path / "wide.csv",
        ["zone", *(f"h{hour}" for hour in range(HOURS))],
        [[zone, *row] for zone, row in zip(names, by_hand, strict=True)],
    )
    last = counts_of(wide, start="2024-10-14")
    np.testing.assert_array_equal(last[1], counts)
    assert last[0].frame["time"].values.tolist() == pipeline.frame["time"].values.tolist()


def test_zones_are_those_of_k_means_on_the_training_steps(trips: str) -> None:
    _, counts = counts_of(trips, place=["x", "y"], zones=3)
    points = np.array([(x, y) for _, x, y, _ in TRIPS])
    hours = np.array([(time - START).astype(int) // 3600 for time, *_ in TRIPS])
    training = HOURS - round(HOURS * 0.2) - round(HOURS * 0.1)
    model = KMeans(3, n_init=4, random_state=0).fit(points[hours < training])
    order = np.lexsort(model.cluster_centers_.T[::-1])
    zone = np.argsort(order)[model.predict(points)]
    expected = np.bincount(zone * HOURS + hours, minlength=3 * HOURS).reshape(3, HOURS)
    np.testing.assert_array_equal(counts, expected)


def test_usual_counts_are_means_over_the_past_alone(trips: str) -> None:
    pipeline, counts = counts_of(trips, place="zone", horizon=2)
    usual = pipeline.frame["usual count"].values.reshape(counts.shape)
    weekday = (np.arange(HOURS) // 24) % 7  # 14 October 2024 is a Monday
    kind = np.where(weekday == 5, 1, np.where(weekday == 6, 2, 0))
    for place, step in ((0, 100), (1, 350), (2, 407)):
        past = np.arange(step - 1)  # the newest step is not past two steps ahead
        hour = past % 24 == step % 24
        total = counts[:, past].mean()
        mean = (counts[place, past].sum() + total) / (len(past) + 1)
        by_day = (counts[place, past][hour].sum() + mean) / (hour.sum() + 1)
        same = hour & (kind[past] == kind[step])
        expected = (counts[place, past][same].sum() + by_day) / (same.sum() + 1)
        assert usual[place, step] == pytest.approx(expected)


def test_samples_have_the_window_of_a_place_and_its_next_counts(trips: str) -> None:
    pipeline, counts = counts_of(trips, place="zone", window=6, horizon=2)
    test = pipeline.datasets["test"]
    first = HOURS - round(HOURS * 0.2)
    assert len(test) == 3 * (HOURS - first - 1)
    numbers = pipeline.codecs[0].inner.codecs[0]  # type: ignore[attr-defined]
    for sample in (0, 4, len(test) - 1):
        step, place = first + sample // 3, sample % 3
        window = numbers.decode(test.inputs[0][sample][:, :6])["count"].values
        np.testing.assert_allclose(window, counts[place, step - 6 : step], atol=1e-4)
        target = test.truth(0, slice(sample, sample + 1))[0, :, 0]
        assert target.tolist() == counts[place, step : step + 2].tolist()
        assert int(pipeline.splits["test"][sample]) == place * HOURS + step - 6


def test_a_table_of_counts_names_its_places_and_has_their_positions(tmp_path: Path) -> None:
    rows = [
        (text(START + np.timedelta64(hour, "h")), zone, *CENTERS[zone], hour % 3 + (zone == "b"))
        for hour in range(200)
        for zone in CENTERS
    ]
    path = write(tmp_path / "long.csv", ["hour", "zone", "x", "y", "count"], rows)
    pipeline, counts = counts_of(path)
    assert pipeline.frame["place"].categories == ("a", "b", "c")
    assert counts[1].tolist() == [hour % 3 + 1 for hour in range(200)]
    x, y = pipeline.answers[0].positions  # type: ignore[attr-defined]
    assert list(zip(x, y, strict=True)) == list(CENTERS.values())
    near = pipeline.frame["count nearby"].values.reshape(counts.shape)
    np.testing.assert_allclose(near[0], counts[1:].mean(axis=0))
    inferred = {option.place: option for option in pipeline.inferred_options}
    assert inferred["input.place"].reason == "it is called so; x and y are its position"


def test_a_repeated_hour_with_offsets_is_two_steps(tmp_path: Path) -> None:
    rows = [
        (f"{text(time)}{'+02:00' if time < np.datetime64('2024-10-27T03:00') else '+01:00'}", x, y)
        for time, x, y, _ in TRIPS
    ]
    rows += [("2024-10-27T02:30:00+02:00", 5, 5)] * 7 + [("2024-10-27T02:30:00+01:00", 5, 5)] * 9
    path = write(tmp_path / "zoned.csv", ["at", "x", "y"], rows)
    pipeline, counts = counts_of(path, **GRID, time_zone="Europe/Prague")
    local = pipeline.frame["time"].values[: counts.shape[1]].astype("datetime64[h]").astype(str)
    both = np.flatnonzero(local == "2024-10-27T02")
    assert len(both) == 2
    assert both[1] - both[0] == 1
    place = int(counts[:, both[1]].argmax())
    np.testing.assert_array_equal(counts[place, both] >= [7, 9], [True, True])
    assert counts.sum() == len(rows)
    assert counts.shape[1] == HOURS + 1


def answer_to(capsys: Out, *arguments: str) -> str:
    """Returns the paragraph of a refusal."""
    assert main(["fit", *arguments, "--out", "refused"]) == 2
    return capsys.readouterr().err.strip().splitlines()[-1]


TEN = "2024-10-14 10:00"
DAY = [(f"2024-10-14 {hour:02}:{minute:02}", hour % 3, minute, "z") for hour in range(24)
       for minute in (5, 25, 45)]  # fmt: skip


@pytest.mark.parametrize(
    ("titles", "rows", "words", "expected"),
    [
        (["who", "x", "y"], [("a", 1, 2), ("b", 2, 3)], ["input.place=[x,y]"],
         "no event has a time"),
        (["at", "who"], [("2024-10-14 10:00", "a")], ["input.grid=4"], "no event has a place"),
        (
            ["at", "x", "y", "z"],
            [(f"{day}+02:00" if n % 2 else day, *rest) for n, (day, *rest) in enumerate(DAY)],
            ["input.place=[x,y]"],
            "some timestamps of 'at' have a time zone and some have none",
        ),
        (
            ["at", "lat", "lon", "z"],
            [(day, 100 + x, y, z) for day, x, y, z in DAY],
            ["input.place=[lon,lat]"],
            "'lat' is a latitude, which lies between -90 and 90",
        ),
        (["at", "x", "y", "z"], [(day, "", y, z) for day, _, y, z in DAY], ["input.place=[x,y]"],
         "no event has a value of 'x'"),
        (["at", "x", "y", "z"], [(day, 1, y, z) for day, _, y, z in DAY], ["input.place=[x,y]"],
         "all events have the same x"),
        (["at", "x", "y", "z"], DAY, ["input.place=[x,y]", "input.grid=0"],
         "input.grid must be an integer of at least 1"),
        (["at", "x", "y", "z"], DAY, ["input.place=[x,y]", "input.zones=999"],
         "input.zones=999 needs as many different places"),
        (["at", "x", "y", "z"], DAY, ["input.place=z"], "there is one place only"),
        (["at", "x", "y", "z"], DAY, ["input.place=[x,y]", "input.time_zone=Mars/Base"],
         "input.time_zone names no time zone"),
        (["at", "x", "y", "z"], DAY, ["input.place=[x,y]", "input.bounds=[5,5,1,1]"],
         "input.bounds must be a rectangle"),
        (["at", "x", "y", "z"], DAY, ["input.place=[x,y]", "input.window=16"], "has too few steps"),
        (
            ["hour", "zone", "count"],
            [(TEN, "a", 1), ("2024-10-14 11:00", "a", ""), (TEN, "b", 2)],
            ["input.place=zone"],
            "'count' must have a count of at least 0 in every row",
        ),
        (
            ["hour", "zone", "count"],
            [(TEN, "a", 1), (TEN, "b", 3), (TEN, "a", 2)],
            ["input.place=zone"],
            "one place has two counts at one time",
        ),
        (["zone", *(f"h{n}" for n in range(30))], [["a", *range(30)], ["b", *range(30)]],
         ["input.place=zone"], "are steps without a time"),
    ],
)  # fmt: skip
def test_refusals(
    titles: list[str],
    rows: list[Any],
    words: list[str],
    expected: str,
    capsys: Out,
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "bad.csv", titles, rows)
    assert expected in answer_to(capsys, path, *words)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"output.decode.top_k": 99}, "output.decode.top_k is larger than the number of places"),
        (
            {"process.loss": "mse"},
            "process.loss=mean_squared_error does not suit the answer forecast 'count'.*"
            "Allowed: negative_binomial, poisson",
        ),
        ({"input.split.method": "random"}, "events are split by time"),
        ({"input.zones": 4}, "input.zones and input.grid exclude each other"),
        ({"input.place": "zone"}, "input.grid needs coordinates"),
        ({"input.interval": "hour", "output.forecast": "trips"}, "names no count of events"),
    ],
)
def test_options_that_do_not_suit_are_refused(
    trips: str, words: dict[str, object], expected: str
) -> None:
    task = Task(input={"events": trips, **GRID}, output={"forecast": "count"}).with_words(words)
    with pytest.raises(UserError, match=expected):
        build_experiment(task)


def test_clock_that_skips_an_hour_is_refused_and_a_repeated_one_reported(tmp_path: Path) -> None:
    skipped = [*((text(time), x, y) for time, x, y, _ in TRIPS), ("2024-03-31 02:30:00", 1, 1)]
    path = write(tmp_path / "skipped.csv", ["at", "x", "y"], skipped)
    with pytest.raises(UserError, match="the clock of Europe/Prague skips 2024-03-31 02:30"):
        counts_of(path, **GRID, time_zone="Europe/Prague")
    repeated = write(tmp_path / "repeated.csv", ["at", "x", "y"], skipped[:-1])
    findings = counts_of(repeated, **GRID, time_zone="Europe/Prague")[0].findings
    assert any(item.level == "WARN" and "repeats an hour on 2024-10-27" in item.message
               for item in findings)  # fmt: skip


def test_what_is_odd_in_the_data_is_reported(tmp_path: Path) -> None:
    expected = Counter((zone, int((time - START).astype(int) // 3600)) for time, *_, zone in TRIPS)
    rows = [(text(START + np.timedelta64(hour, "h")), zone, n)
            for (zone, hour), n in expected.items() if not 48 <= hour < 96]  # fmt: skip
    rows += [(text(START), "dead", 0), (text(START + np.timedelta64(400, "h")), "late", 4)]
    path = write(tmp_path / "odd.csv", ["hour", "zone", "count"], rows)
    messages = {item.check: item.message for item in counts_of(path, place="zone")[0].findings}
    empty = HOURS - len({row[0] for row in rows})
    assert f"{empty} of 408 steps of an hour have no row at all" in messages["missing steps"]
    assert messages["only zeros"] == "1 place has only zeros: dead"
    assert messages["new places"].endswith("after the training split: late")
    holes = [(text(time), "" if n % 40 == 0 else x, y) for n, (time, x, y, _) in enumerate(TRIPS)]
    holed = write(tmp_path / "holed.csv", ["at", "x", "y"], [*holes, ("2024-10-15", 9_000, 5)])
    messages = {item.check: item.message for item in counts_of(holed, **GRID)[0].findings}
    assert "have no coordinate x: rows 1, 41, 81" in messages["events without x"]
    assert "a few events lie far away" in messages["coordinates"]


def test_predict_continues_the_data_with_the_busiest_places_first(
    run: ki.Run, trips: str, capsys: Out
) -> None:
    assert main(["predict", str(run.folder)]) == 0
    output = capsys.readouterr()
    title, *lines = [line.split("\t") for line in output.out.strip().splitlines()]
    assert title == ["place", "time", "count", "count low", "count high"]
    assert len(lines) == run.answers[0].options.top_k  # type: ignore[attr-defined]
    assert "--json and --out write all" in output.err
    assert {line[1] for line in lines} == {"2024-10-31T00:00:00"}
    assert [float(line[2]) for line in lines] == sorted(float(line[2]) for line in lines)[::-1]
    assert main(["predict", str(run.folder), "--file", trips, "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)["predictions"]
    values = {item["count"]["series"]: item["count"]["answer"] for item in whole}
    assert len(values) == len(run.pipeline().starts) - 1
    assert values[lines[0][0]] == pytest.approx(float(lines[0][2]), abs=1e-3)
    assert main(["predict", str(run.folder), lines[1][0]]) == 0
    assert capsys.readouterr().out.splitlines()[1].split("\t") == lines[1]
    assert main(["predict", str(run.folder), "nowhere"]) == 2
    assert "for its own places" in capsys.readouterr().err


def test_forecast_of_a_cut_file_equals_that_of_the_test_split(run: ki.Run, tmp_path: Path) -> None:
    hour = HOURS - 30
    cut = [(text(t), x, y) for t, x, y, _ in TRIPS if t < START + np.timedelta64(hour, "h")]
    path = write(tmp_path / "cut.csv", ["at", "x", "y"], cut)
    predictions, remarks = run.predict_all([path])
    pipeline = run.pipeline()
    places = len(pipeline.starts) - 1
    first = (hour - (HOURS - round(HOURS * 0.2))) * places
    batch = pipeline.datasets["test"].batch(slice(first, first + places))
    with torch.no_grad():
        means = run.answers[0].scores(run.net(*batch.inputs))[:, 0, 0]
    by_name = dict(zip(run.answers[0].places, means, strict=True))  # type: ignore[attr-defined]
    for (prediction,) in predictions:
        assert prediction.steps is not None
        assert prediction.value == pytest.approx(by_name[prediction.steps.series], rel=1e-5)
    assert remarks == []


def test_the_net_begins_at_the_usual_count(trips: str) -> None:
    task = Task(input={"events": trips, **GRID}, process=QUICK, output={"forecast": "count"})
    experiment = build_experiment(task)
    pipeline = experiment.pipeline
    head = experiment.net.net.head[0]  # type: ignore[union-attr,index]
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    batch = pipeline.datasets["test"].batch(slice(0, 40))
    means = pipeline.answers[0].scores(experiment.net(*batch.inputs))[:, 0, 0]
    rows = pipeline.splits["test"][:40] + pipeline.codecs[0].spec.shape[0]
    usual = pipeline.frame["usual count"].values[rows]
    np.testing.assert_allclose(means, usual + 0.05, rtol=1e-4)


def test_xray_and_script_of_one_place(run: ki.Run, trips: str, tmp_path: Path) -> None:
    trace = run.trace("x1 y1")
    assert "logarithm of the usual count" in str(trace.to_json())
    output = {"forecast": "count", "horizon": 2}
    loss = {**QUICK, "loss": "negative_binomial"}
    task = ki.Task(input={"events": trips, "place": "zone"}, process=loss, output=output)
    folder = eject(task, tmp_path / "script")
    assert "class RelativeToUsual" in (folder / "net.py").read_text()


class Stop(ki.Callback):
    """An error of the user after the first epoch."""

    def on_epoch(self, row: object) -> None:
        raise RuntimeError("enough")


def test_resumed_run_has_the_same_weights(trips: str, tmp_path: Path) -> None:
    process = {**QUICK, "epochs": 2}
    task = ki.Task(
        input={"events": trips, "place": "zone"},
        process=process,
        output={"forecast": "count", "baselines": []},
    )
    whole = task.fit(out=tmp_path / "whole")
    with pytest.raises(UserError):
        task.fit(out=tmp_path / "cut", callbacks=[Stop()])
    again = task.fit(out=tmp_path / "cut", resume=True)
    for name, weight in whole.net.state_dict().items():
        assert torch.equal(weight, again.net.state_dict()[name]), name


def test_poisson_deviance_equals_sklearn() -> None:
    generator = np.random.default_rng(3)
    truth = generator.poisson(1.5, 200).astype(float)
    mean = generator.gamma(2, 1, 200) + 1e-3
    assert poisson_deviance(truth, mean) == pytest.approx(mean_poisson_deviance(truth, mean))
    assert poisson_deviance(np.zeros(3), np.zeros(3)) == pytest.approx(0, abs=1e-5)


def test_hit_rate_equals_the_mean_over_random_orders() -> None:
    generator = np.random.default_rng(4)
    truth = generator.poisson(0.8, (12, 9)).astype(float)
    mean = generator.integers(0, 4, (12, 9)).astype(float)  # with ties
    truth[3] = 0
    rates = []
    for _ in range(4_000):
        guessed = np.argsort(-(mean + generator.random(mean.shape) * 0.5), axis=1)[:, :3]
        rates_of_steps = []
        for row, places in zip(truth, guessed, strict=True):
            limit = sorted(row)[-3]
            busy = [place for place in range(9) if row[place] >= limit and row[place] > 0]
            if busy:
                wanted = min(3, int((row > 0).sum()))
                rates_of_steps.append(min(1.0, len(set(busy) & set(places.tolist())) / wanted))
        rates.append(np.mean(rates_of_steps))
    assert hit_rate(truth, mean, 3) == pytest.approx(np.mean(rates), abs=4e-3)


@pytest.mark.slow
@pytest.mark.usefixtures("data")
def test_hot_spots_are_forecast_better_than_by_every_mean(tmp_path: Path) -> None:
    run = ki.load("hot-spots").fit(out=tmp_path / "hot-spots")
    answer = run.metrics["answers"][0]
    beside = {name: values["rmse"] for name, values in answer["baselines"].items()}
    # the figures that came with the data
    assert beside["mean of the hour of the week"] == pytest.approx(1.176, abs=5e-4)
    assert beside["last step"] == pytest.approx(1.755, abs=5e-4)
    assert beside["same time last week"] == pytest.approx(1.463, abs=5e-4)
    means = [error for name, error in beside.items() if name.startswith("mean")]
    assert answer["metrics"]["rmse"] < min(1.11, *means)
    boosted = beside["gradient boosting on the same inputs"]
    assert answer["metrics"]["rmse"] == pytest.approx(boosted, rel=0.03)  # a tie
    assert answer["metrics"]["hit_rate"] > 0.70


def test_steps_of_the_past_are_not_added_twice() -> None:
    counts, slots = np.array([[2.0, 4.0, 6.0, 8.0]]), np.arange(4) % 2
    past = PastCounts.empty(places=1, per_day=1, per_week=2)
    past.add(counts[:, :3], slots[:3])
    later = past.usual(counts[:, 1:], slots[1:], added=2)
    once = PastCounts.empty(places=1, per_day=1, per_week=2)
    once.add(counts[:, :3], slots[:3])
    expected = once.usual(counts[:, 3:], slots[3:])
    assert later.by_week[:, 2] == pytest.approx(expected.by_week[:, 0])


def test_the_answer_is_called_a_forecast_as_a_person_writes_it(trips: str) -> None:
    task = Task(input={"events": trips, **GRID}, process=QUICK, output={"forecast": "count"})
    reasons = {item.place: item.reason for item in build_experiment(task).inferred_options}
    assert reasons["process.loss"] == "default for forecast"


def test_events_need_no_output(trips: str) -> None:
    words = {"events": trips, "place": ["x", "y"], "grid": 4}
    run = ki.load({"input": words, "process": dict(QUICK)}).fit()
    assert run.task.output["forecast"] == "count"


def test_new_events_of_a_century_are_refused(trips: str, tmp_path: Path) -> None:
    words = {"events": trips, "place": ["x", "y"], "grid": 4}
    run = ki.load({"input": words, "process": dict(QUICK)}).fit()
    rows = [["1200-01-01 00:00", 2, 3], ["2024-10-20 00:00", 2, 3]]
    with pytest.raises(DataError, match="too many places and steps"):
        run.predict(write(tmp_path / "new.csv", ["at", "x", "y"], rows))

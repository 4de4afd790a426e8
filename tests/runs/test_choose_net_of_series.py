"""Forecasts share steps, so a net is better only where blocks of time say so."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import kissipo as ki
from kissipo.core.inferred_option import Candidate, InferredOption
from kissipo.pipeline.experiment import encode_task
from kissipo.pipeline.pipeline import Pipeline
from kissipo.process.nets import ffn, linear, n_beats, recurrent
from kissipo.runs.choose_net.origins import max_blocks, origins
from kissipo.runs.choose_net.results import Results, Row, Trial
from kissipo.runs.choose_net.samples import without_test
from kissipo.runs.choose_net.time_blocks import (
    block_means,
    block_numbers,
    is_better,
    standard_error,
)

pytestmark = pytest.mark.usefixtures("one_thread")
SHORT = {"epochs": 1, "output.baselines": [], "window": 6, "season_length": 0}


def write_series(rows: int, *, series: int = 1) -> str:
    generator, path = np.random.default_rng(3), f"series-{rows}-{series}.csv"
    with open(path, "w") as file:
        file.write("shop,day,sales\n")
        for number in range(series):
            steps = np.cumsum(generator.normal(size=rows)) + 50 * number
            for day, value in enumerate(steps):
                date = np.datetime64("2020-01-01") + day
                file.write(f"s{number},{date},{value:.4f}\n")
    return path


def load(rows: int, *, series: int = 1, horizon: int = 4) -> ki.Task:
    words = dict(SHORT) | ({} if series > 1 else {"series_id": []})
    path = write_series(rows, series=series)
    return ki.load(path, time="day", output="sales", horizon=horizon, words=words)


def pipeline_of(task: ki.Task) -> Pipeline:
    return encode_task(task).pipeline


def window_means(steps: NDArray[np.float64], horizon: int) -> NDArray[np.float64]:
    return np.convolve(steps, np.full(horizon, 1 / horizon), mode="valid")


@pytest.mark.parametrize(("horizon", "memory"), [(7, 0.0), (12, 0.0), (4, 0.8)])
def test_standard_error_is_that_of_many_repetitions(horizon: int, memory: float) -> None:
    """The witness is the spread of the means of 600 simulated series."""
    generator, count = np.random.default_rng(0), 600
    blocks = block_numbers(np.arange(count), (0, 2 * count), horizon)
    means, errors, naive = [], [], []
    for _ in range(600):
        noise, steps = generator.normal(size=count + 200), np.zeros(count + 200)
        for step in range(1, len(steps)):
            steps[step] = memory * steps[step - 1] + noise[step]
        errors_of_windows = window_means(steps, horizon)[-count:]
        means.append(errors_of_windows.mean())
        errors.append(standard_error(block_means(errors_of_windows, blocks)))
        naive.append(errors_of_windows.std() / count**0.5)
    assert np.mean(errors) == pytest.approx(np.std(means), rel=0.2)
    assert np.mean(naive) < 0.55 * np.std(means)


def test_blocks_do_not_mix_series_and_share_few_steps() -> None:
    positions = np.concatenate([np.arange(0, 30), np.arange(40, 47), np.arange(60, 100)])
    blocks = block_numbers(positions, (0, 36, 55, 120), 5)
    for block in np.unique(blocks):
        own = positions[blocks == block]
        assert len({int(np.searchsorted((36, 55), step, "right")) for step in own}) == 1
        assert own[-1] - own[0] + 1 >= 10 or len(own) == 7
    assert np.bincount(blocks).tolist() == [10, 10, 10, 7, 10, 10, 10, 10]
    many = block_numbers(np.arange(0, 3_000, 3), tuple(range(0, 3_003, 3)), 4)
    assert many[-1] == 199 and (np.diff(many) >= 0).all()


def test_gain_of_one_good_period_is_chance_and_an_even_gain_is_not() -> None:
    generator = np.random.default_rng(1)
    before = generator.normal(size=20).tolist()
    even = [value + 0.5 + 0.1 * generator.normal() for value in before]
    period = [value + (3.0 if 8 <= place < 12 else -0.1) for place, value in enumerate(before)]
    assert np.mean(period) > np.mean(before) + 0.4
    assert is_better(even, before) and not is_better(period, before)
    assert not is_better(even[:9], before[:9])  # too few blocks


@pytest.mark.parametrize("series", [1, 3])
def test_origins_keep_the_steps_of_the_splits_apart(series: int) -> None:
    pipeline = without_test(pipeline_of(load(300, series=series)))
    window, horizon = 6, 4
    inside_run = np.concatenate([pipeline.splits["train"], pipeline.splits["validation"]])
    values = pipeline.answers[0].codec.encode(pipeline.frame)[:, 0, 0].numpy()
    parts, evaluated = origins(pipeline, 3), []
    for part in parts:
        steps = {}
        for name in ("train", "validation", "test"):
            positions, dataset = part.splits[name], part.datasets[name]
            assert len(positions) == len(dataset) > 0 and np.isin(positions, inside_run).all()
            targets = dataset.everything().targets[0][:, 0, 0].numpy()
            np.testing.assert_array_equal(targets, values[positions + window])
            steps[name] = positions[:, None] + window + np.arange(horizon)
        for first, second in (("train", "validation"), ("validation", "test")):
            assert not np.intersect1d(steps[first], steps[second]).size
        for start, end in zip(pipeline.starts, pipeline.starts[1:], strict=False):
            inside = [s[(s >= start) & (s < end)] for s in steps.values()]
            assert inside[0].max() < inside[1].min() and inside[1].max() < inside[2].min()
        evaluated += part.splits["test"].tolist()
    assert len(set(evaluated)) == len(evaluated)
    assert len(evaluated) == pytest.approx(len(inside_run) / 2, abs=2 * series)


def test_first_candidate_stays_unless_another_is_better_beyond_chance() -> None:
    generator = np.random.default_rng(2)
    base = generator.normal(-2, 0.3, 20)

    def trial(gain: float, noise: float) -> Trial:
        blocks = base + gain + noise * generator.normal(size=20)
        return Trial(1, float(-blocks.mean()), 0.5 - gain, 0.1, tuple(blocks.tolist()))

    def ranking(*trials: Trial) -> list[int]:
        rows = tuple(Row(str(number), {}, (one,), 1) for number, one in enumerate(trials))
        return Results("small", 0, "mae", False, "", rows, first_stays=True).ranking

    first, lucky, better, best = trial(0, 0), trial(0.1, 1.0), trial(0.4, 0.1), trial(0.8, 0.1)
    assert lucky.score != first.score
    assert ranking(first, lucky)[0] == 0
    assert ranking(first, lucky, better) == [2, *ranking(first, lucky, better)[1:]]
    assert ranking(first, better, best)[0] == 2
    assert ranking(first, Trial(1, error="x"))[0] == 0


def test_series_is_compared_at_several_origins_and_the_blocks_are_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KISSIPO_BUDGET", "medium")
    tiny = (InferredOption("process.net", "ffn"), InferredOption("process.units", [2]))
    for module in (linear, n_beats, recurrent):
        monkeypatch.setattr(module, "candidates", lambda facts: ())
    monkeypatch.setattr(ffn, "candidates", lambda facts: (Candidate("tiny net", tiny),))
    load(500, horizon=2).fit(out="run")
    content = json.loads(Path("run/candidates.json").read_text())
    assert content["samples"] == "5 parts of the training and validation steps"
    assert content["first_stays"] and content["winner"] == 0
    for row in content["candidates"]:
        trial = row["trials"][0]
        assert len(trial["blocks"]) >= 40 and trial["noise"] > 0
        assert -np.mean(trial["blocks"]) == pytest.approx(trial["score"], rel=0.02)
    assert Results.from_json(content).ranking[0] == 0
    notes: list[str] = []

    class Notes(ki.Callback):
        def on_note(self, text: str) -> None:
            notes.append(text)

    load(150).fit(out="short", callbacks=[Notes()])
    assert not Path("short/candidates.json").exists()
    assert any("too short to show that another net is better" in note for note in notes)
    notes_of_show = load(150).show().notes
    assert any("too short to show that another net is better" in note for note in notes_of_show)


def test_steps_that_can_be_evaluated_are_counted_with_their_overlap() -> None:
    pipeline = pipeline_of(load(500))
    assert pipeline.overlap == 4
    assert max_blocks(pipeline) == (len(pipeline.splits["train"]) + 50 - 3) // 2 // 8
    assert max_blocks(replace(pipeline, overlap=40)) < 10

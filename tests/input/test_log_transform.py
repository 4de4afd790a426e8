"""Series that are learned as logarithms: when, and that results are in units."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats

import kissipo as ki
from kissipo.codec.numbers import Numbers
from kissipo.core.errors import DataError, TaskError
from kissipo.core.frame import Frame, numbers
from kissipo.input.log_transform import suits_logarithms
from kissipo.output.answers.forecast import Forecast, Options
from kissipo.pipeline.experiment import encode_task

pytestmark = pytest.mark.usefixtures("one_thread")
STEPS = np.arange(120)


def growing(seed: int = 0) -> NDArray[np.float64]:
    noise = np.random.default_rng(seed).lognormal(0, 0.05, len(STEPS))
    return np.exp(4 + 0.015 * STEPS + 0.4 * np.sin(STEPS * 2 * np.pi / 12)) * noise


def write(values: NDArray[np.float64], path: str = "sales.csv") -> str:
    months = np.datetime64("2010-01") + np.arange(len(values))
    rows = [f"{month},{value:.4f}" for month, value in zip(months, values, strict=True)]
    with open(path, "w") as file:
        file.write("month,sales\n" + "\n".join(rows) + "\n")
    return path


def load(path: str, **words: object) -> ki.Task:
    return ki.load(path, time="month", output="sales", horizon=6, words=words)


def test_logarithms_suit_seasons_that_grow_in_proportion_only() -> None:
    values = growing()
    even = 50 + 2.0 * STEPS + 20 * np.sin(STEPS * 2 * np.pi / 12)
    even += np.random.default_rng(1).normal(size=len(STEPS))
    assert suits_logarithms(values, 12) and not suits_logarithms(even, 12)
    assert not suits_logarithms(values, 0) and not suits_logarithms(values[:40], 12)
    assert not suits_logarithms(np.where(STEPS == 60, 0.0, values), 12)
    # scipy agrees: the power with the best likelihood is near 0, the logarithm
    assert abs(stats.boxcox(values / np.exp(0.4 * np.sin(STEPS * 2 * np.pi / 12)))[1]) < 0.5


def test_codec_takes_logarithms_and_gives_the_values_back() -> None:
    values = growing()
    codec = Numbers(("y",), scale="log", missing_indicator=False)
    codec.fit(Frame((numbers("y", values[:80].tolist()),)))
    encoded = codec.encode(Frame((numbers("y", values.tolist()),)))
    expected = (np.log(values) - np.log(values[:80]).mean()) / np.log(values[:80]).std()
    np.testing.assert_allclose(encoded[:, 0].numpy(), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(codec.decode(encoded)["y"].values, values, rtol=1e-6)
    again = Numbers.from_state(codec.state())
    assert torch.equal(
        again.encode(Frame((numbers("y", [3.0]),))), codec.encode(Frame((numbers("y", [3.0]),)))
    )
    with pytest.raises(DataError) as refused:
        codec.encode(Frame((numbers("y", [1.0, -2.0, 0.0]),)))
    assert refused.value.got == "-2 and 1 more"
    assert "input.log_transform=false" in refused.value.do


def test_interval_is_a_ratio_in_the_unit_of_the_data() -> None:
    frame = Frame((numbers("y", growing().tolist()),))
    answer = Forecast("y", Options(1, 0.8)).with_logarithms().fit(frame)
    truth = np.full((19, 1, 1), 100.0)
    scores = truth * np.exp(np.arange(19) / 100)[:, None, None]
    answer.calibrate(lambda split: (scores, truth))
    (prediction,) = answer.decode(np.full((1, 1, 1), 200.0))
    assert prediction.value == 200.0
    factor = np.exp(15 / 100)  # the 16th smallest of 19 ratios covers 80 %
    assert prediction.between == (pytest.approx(200 / factor), pytest.approx(200 * factor))
    restored = Forecast.from_state(answer.state())
    assert restored.has_logarithms and restored.decode(np.full((1, 1, 1), 200.0)) == [prediction]


def test_option_is_inferred_from_the_training_steps_and_predictions_are_in_units() -> None:
    values = growing()
    encoded = encode_task(load(write(values)))
    reasons = {option.place: option.reason for option in encoded.pipeline.inferred_options}
    assert "swing of 'sales' within a season grows" in reasons["input.log_transform"]
    same = values.copy()
    same[-24:] = same[-25]  # the test split says nothing
    other = encode_task(load(write(same, "other.csv"))).pipeline
    assert "input.log_transform" in {option.place for option in other.inferred_options}
    off = encode_task(load("sales.csv", **{"input.log_transform": False})).pipeline
    assert not off.answers[0].has_logarithms
    run = load("sales.csv", epochs=1, **{"output.baselines": ["naive"]}).fit(out="run")
    forecast = ki.open("run").predict("sales.csv")
    train = np.log(values[: len(STEPS)])[:84]
    pipeline = run.pipeline()
    inputs = pipeline.datasets["test"].batch(slice(0, 1)).inputs
    fitted = pipeline.codecs[0].inner.fitted  # type: ignore[attr-defined]
    assert fitted.center[0] == pytest.approx(train.mean(), abs=0.05)
    output = run.net.eval()(*inputs).detach().double().numpy()
    by_hand = np.exp(output * fitted.spread[0] + fitted.center[0])
    np.testing.assert_allclose(
        pipeline.answers[0].scores(torch.from_numpy(output)), by_hand, rtol=1e-9
    )
    assert 0.3 * values[-12:].min() < min(forecast) < 3 * values[-12:].max()
    assert run.task.input["log_transform"] is True


def test_other_answers_and_values_are_refused() -> None:
    path, option = write(growing()), {"input.log_transform": True}
    task = ki.load(path, time="month", words={"output.anomaly": "sales", **option})
    with pytest.raises(TaskError, match="does not suit"):
        encode_task(task)
    with pytest.raises(TaskError) as refused:
        encode_task(load(path, loss="poisson", **option))
    assert refused.value.got == "process.loss=poisson"
    with pytest.raises(DataError, match="learned as logarithms"):
        encode_task(load(write(growing() - 60), **option))

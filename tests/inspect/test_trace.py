"""Tests of the trace: each step follows from the step before, up to the prediction."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from torch import nn

import kissipo as ki
from kissipo.cli.main import main
from kissipo.inspect.trace import Step, Trace, format_array
from kissipo.inspect.tracing.statistics import statistics
from kissipo.runs.run import Run


def digits() -> Run:
    return ki.load("digits").fit(epochs=2)


def wine() -> Run:
    load_wine(as_frame=True).frame.to_csv("wine.csv", index=False)
    return ki.load("wine.csv", output="target").fit(epochs=2)


def cancer() -> Run:
    load_breast_cancer(as_frame=True).frame.to_csv("cancer.csv", index=False)
    return ki.load("cancer.csv", output="target", words={"output.decode.threshold": 0.3}).fit(
        epochs=2
    )


def diabetes() -> Run:
    load_diabetes(as_frame=True).frame.to_csv("diabetes.csv", index=False)
    return ki.load("diabetes.csv", output="target").fit(epochs=2)


def sunspots() -> Run:
    return ki.load(
        "sunspots", horizon=3, words={"process.net": "recurrent", "process.units": 6}
    ).fit(epochs=2)


def messages() -> Run:
    lines = [line.replace('"', "") for line in load_wine().DESCR.splitlines() if line.strip()] * 3
    rows = [f'"{text}",{"short" if len(text) < 50 else "long"}' for text in lines]
    Path("messages.csv").write_text("\n".join(["message,kind", *rows]), encoding="utf-8")
    words = {
        "process.net": "recurrent",
        "process.units": 7,
        "process.embedding_dim": 5,
        "input.text": ["message"],
    }
    return ki.load("messages.csv", output="kind", words=words).fit(epochs=2)


def novel() -> Run:
    Path("novel.txt").write_text(load_breast_cancer().DESCR, encoding="utf-8")
    return ki.load("novel.txt", words={"process.units": 6}).fit(epochs=1)


CATEGORIES, NUMBERS = [digits, wine, cancer, messages], [diabetes, sunspots]


def last(trace: Trace, count: int) -> tuple[list[str], list[Any]]:
    steps = trace.steps[-count:]
    return [step.name for step in steps], [step.value for step in steps]


def softmax(logits: Any) -> Any:
    grown = np.exp(logits.astype(np.float64) - logits.max())
    return grown / grown.sum()


@pytest.mark.parametrize("fit_run", CATEGORIES)
def test_logits_become_probabilities_a_decision_and_a_label(fit_run: Any) -> None:
    run = fit_run()
    trace = run.trace()
    names, (logits, probability, decision, label) = last(trace, 4)
    assert names == ["logits", "probability", "decision", "label"]
    classes = run.answers[0].classes
    if len(classes) == 2:
        yes = 1 / (1 + np.exp(-float(logits[0])))
        expected = [1 - yes, yes]
        assert decision == int(yes >= run.answers[0].options.decode.threshold)
    else:
        expected = softmax(logits)
        assert decision == int(np.argmax(logits))
    np.testing.assert_allclose(probability, expected, rtol=1e-6)
    assert label == classes[decision]
    np.testing.assert_array_equal(logits, trace.of("process")[-1].value)
    pipeline = run.pipeline()
    frame = pipeline.frame.take(pipeline.splits["test"][:1])
    value = (
        frame["image"].values[0]
        if fit_run is digits
        else {item.name: item.show(0) for item in frame.columns}
    )
    assert str(run.predict(value)) == label
    assert run.predict_proba(value)[0, decision] == pytest.approx(
        float(probability[decision]), rel=1e-6
    )


@pytest.mark.parametrize("fit_run", NUMBERS)
def test_the_output_becomes_a_number_in_the_unit_of_the_data(fit_run: Any) -> None:
    run = fit_run()
    _, (output, value) = last(run.trace(), 2)
    pipeline, name = run.pipeline(), "SUNACTIVITY" if fit_run is sunspots else "target"
    values = pipeline.frame[name].values[pipeline.splits["train"]]
    if fit_run is sunspots:
        codec = run.codecs[0]
        reach = int(pipeline.splits["train"][-1]) + codec.length + 3
        values = pipeline.frame[name].values[:reach]
    np.testing.assert_allclose(
        np.ravel(value), np.ravel(output) * values.std() + values.mean(), rtol=1e-5
    )


def test_next_token_is_the_argmax_after_the_last_step() -> None:
    run = novel()
    trace = run.trace()
    names, (logits, probability, decision, unit) = last(trace, 4)
    assert names == ["logits", "probability", "decision", "next"]
    np.testing.assert_allclose(probability, softmax(logits), rtol=1e-5)
    assert decision == int(logits.argmax())
    assert unit == run.answers[0].codec.inner.spec.labels[decision]
    np.testing.assert_array_equal(logits, trace.of("process")[-1].value[-1])


def follow(step: Step, layer: nn.Module, x: Any) -> Any:
    """What a dense layer makes of the step before, by numpy in double precision."""
    if isinstance(layer, nn.Linear):
        return layer.weight.detach().double().numpy() @ x + layer.bias.detach().double().numpy()
    return np.maximum(x, 0) if step.description == "relu" else x.reshape(-1)


def slack(layer: nn.Module, x: Any) -> float:
    """Returns the largest rounding error of a step, against double precision.

    Each term of the largest sum of absolute values may be rounded once.
    """
    if not isinstance(layer, nn.Linear):
        return 0.0
    sizes = np.abs(layer.weight.detach().numpy()) @ np.abs(x) + np.abs(layer.bias.detach().numpy())
    return float((layer.in_features + 1) * np.finfo(np.float32).eps * sizes.max())


def test_each_step_of_the_net_follows_from_the_one_before() -> None:
    run = digits()
    trace = run.trace()
    x = trace.of("input")[-1].value
    layers = [layer for layer in run.net.modules() if not list(layer.children())]
    descriptions = [step.description for step in trace.of("process")]
    assert descriptions == [
        "flatten",
        "linear 64 -> 256",
        "relu",
        "dropout 0.4 (training only)",
        "linear 256 -> 10",
    ]
    for step, layer in zip(trace.of("process"), layers, strict=True):
        np.testing.assert_allclose(step.value, follow(step, layer, x), rtol=0, atol=slack(layer, x))
        x = step.value


@pytest.mark.parametrize(
    ("fit_run", "descriptions"),
    [
        (wine, "sum of the linear and the deep path"),
        (sunspots, "plus the last value"),
        (messages, "maximum over all steps"),
    ],
)
def test_what_is_done_between_the_layers_is_a_step_too(fit_run: Any, descriptions: str) -> None:
    run = fit_run()
    steps = {step.description: step.value for step in run.trace().of("process")}
    values = {step.name: step.value for step in run.trace().of("process")}
    window = run.trace().of("input")[-1].value
    expected = {
        wine: lambda: values["1.wide"] + values["1.head"],
        sunspots: lambda: values["net.head.1"] + window[-1],
        messages: lambda: values["cell"].max(axis=0),
    }[fit_run]()
    np.testing.assert_allclose(steps[descriptions], expected, rtol=1e-6)
    if fit_run is sunspots:
        np.testing.assert_array_equal(steps["minus the last value"], window - window[-1])
        np.testing.assert_array_equal(steps["last step"], values["net.cell"][-1])


def test_the_encoded_sample_is_the_sample() -> None:
    run = digits()
    pipeline = run.pipeline()
    image = pipeline.frame["image"].values[pipeline.splits["test"][0]]
    np.testing.assert_allclose(run.trace().of("input")[-1].value, image[None] / 255, atol=1e-7)
    run = messages()
    first, tokens = run.trace().of("input")[0], run.trace().of("input")[-1]
    words = run.codecs[0].spec.labels if run.codecs[0].spec.labels else run.codecs[0].vocabulary
    assert first.description == "raw input"
    decoded = (
        run.codecs[0]
        .decode(run.pipeline().datasets["test"].inputs[0][:1])["message"]
        .texts()[0]
        .split()
    )
    shared_words = [word for word in decoded if word in words]
    assert shared_words
    assert all(word in first.value.lower() or first.value.endswith("...") for word in shared_words)
    assert tokens.value.shape == tokens.shape


@pytest.mark.parametrize("fit_run", [digits, wine, sunspots, messages])
def test_totals_are_those_of_the_net(fit_run: Any) -> None:
    run = fit_run()
    trace = run.trace()
    assert trace.parameters == sum(item.numel() for item in run.net.parameters())
    assert trace.multiplications == sum(step.multiplications for step in trace.steps)
    assert trace.memory == sum(step.value.nbytes for step in trace.of("process"))
    before = [weight.clone() for weight in run.net.parameters()]
    run.net.train()
    run.trace()
    assert run.net.training
    assert all(bool((a == b).all()) for a, b in zip(before, run.net.parameters(), strict=True))
    assert not any(layer._forward_hooks for layer in run.net.modules())


def test_show_gives_the_trace_of_a_run_and_of_a_value(capsys: pytest.CaptureFixture[str]) -> None:
    run = wine()
    capsys.readouterr()
    assert main(["show", str(run.folder), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content.pop("task") == ki.open(run.folder).task.plain()
    assert content.pop("trained") is True
    assert content == json.loads(json.dumps(run.trace().to_json()))
    assert content["version"] == 3
    frame = run.pipeline().frame
    row = {column.name: column.show(3) for column in frame.columns}
    changed = run.trace(row).to_json()
    assert changed["steps"][0]["value"].startswith(f"alcohol={row['alcohol']}")
    assert changed["steps"][0] != content["steps"][0]
    assert main(["show", "wine.csv", "--output", "target", "--json"]) == 0
    untrained = json.loads(capsys.readouterr().out)
    assert untrained["trained"] is False
    assert [step["shape"] for step in untrained["steps"]] == [
        step["shape"] for step in content["steps"]
    ]


def test_long_values_are_shown_by_their_beginning() -> None:
    step = Step("process", "a", "b", (20,), value=np.arange(20, dtype=np.float32))
    assert step.to_json()["value"] == [*map(float, range(12)), "..."]
    assert Step("process", "a", "b", (12,), value=np.arange(12)).to_json()["value"] == list(
        range(12)
    )
    assert format_array(np.arange(6)) == "[0 1 2 3 4 ...]"
    assert format_array(np.zeros((0, 3))) == "[]"


def test_numbers_that_hardly_differ_have_a_histogram() -> None:
    for values in ([1.0, 1.0 + 2**-52], [0.0, 5e-324], [-1e300, -1e300]):
        histogram = statistics(np.array(values))["histogram"]
        assert histogram["from"] < histogram["to"] and sum(histogram["counts"]) == 2

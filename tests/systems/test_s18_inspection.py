"""S18, classification: a decision threshold by costs, for tiles and for messages."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import kissipo as ki
from kissipo.cli.main import main
from kissipo.output.answers.category import Category

LINE = re.compile(
    r"at the threshold ([\d.e-]+).*?: (\d+) of (\d+) defects missed, "
    r"(\d+) of (\d+) sound ones called; cost ([\d.]+) for 100 samples"
)


@pytest.mark.slow
@pytest.mark.parametrize(("task", "sound"), [("magnetic-tile", "MT_Free"), ("spam", "ham")])
def test_false_negative_cost_sets_the_threshold(
    task: str, sound: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        f"output.negative_class={sound}",
        "output.false_negative_cost=20",
        "epochs=2",
        "output.baselines=[majority]",
    ]
    if task == "magnetic-tile":
        words.append("input.size=[48]")
    assert main(["fit", task, *words, "--out", "run"]) == 0
    line = LINE.search(" ".join(capsys.readouterr().out.split()))
    assert line
    run = ki.open("run")
    answer = run.answers[0]
    assert isinstance(answer, Category)
    assert answer.inspection is not None
    assert f"{answer.inspection.threshold:.3g}" == line[1]
    missed, defects, false, pieces = map(int, line.groups()[1:5])
    assert float(line[6]) == pytest.approx(
        100 * (20 * missed + false) / (defects + pieces), rel=0.01
    )
    pipeline = run.pipeline()
    frame = pipeline.frame.take(pipeline.parts["test"])
    codec = "image" if task == "magnetic-tile" else "message"
    values = [frame[codec].show(index) for index in range(len(frame))]
    decided = [row[0].value for row in run.predict_all(values)[0]]
    truth = frame[answer.name].texts()
    assert defects == sum(real != sound for real in truth)
    assert missed == sum(
        real != sound and predicted == sound for real, predicted in zip(truth, decided, strict=True)
    )
    assert false == sum(
        real == sound and predicted != sound for real, predicted in zip(truth, decided, strict=True)
    )
    assert main(["evaluate", "run"]) == 0
    again = LINE.search(" ".join(capsys.readouterr().out.split()))
    assert again
    assert again.groups() == line.groups()
    assert (
        json.loads(Path("run/codecs.json").read_text())["answers"][0]["inspection"]["threshold"]
        == answer.inspection.threshold
    )

"""S18, the half that classifies: a threshold by costs from the command line, for six kinds of tiles and for two kinds of messages."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import kissipo as ki
from kissipo.cli.main import main
from kissipo.output.answers.category import Category

LINE = re.compile(
    r"threshold ([\d.e-]+).*?: (\d+) of (\d+) defects missed, "
    r"(\d+) false alarms on (\d+) negatives; cost per 100 samples: ([\d.]+) "
)


@pytest.mark.slow
@pytest.mark.parametrize(("task", "sound"), [("magnetic-tile", "MT_Free"), ("spam", "ham")])
def test_missing_a_defect_has_its_price(
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
    told = LINE.search(" ".join(capsys.readouterr().out.split()))
    assert told
    run = ki.open("run")
    answer = run.answers[0]
    assert isinstance(answer, Category)
    assert answer.inspection is not None
    assert f"{answer.inspection.threshold:.3g}" == told[1]
    missed, defects, false, pieces = map(int, told.groups()[1:5])
    assert float(told[6]) == pytest.approx(
        100 * (20 * missed + false) / (defects + pieces), rel=0.01
    )
    pipeline = run.pipeline()
    frame = pipeline.frame.take(pipeline.parts["test"])
    codec = "image" if task == "magnetic-tile" else "message"
    values = [frame[codec].show(at) for at in range(len(frame))]
    decided = [row[0].value for row in run.predict_all(values)[0]]
    truth = frame[answer.name].texts()
    assert defects == sum(each != sound for each in truth)
    assert missed == sum(
        real != sound and said == sound for real, said in zip(truth, decided, strict=True)
    )
    assert false == sum(
        real == sound and said != sound for real, said in zip(truth, decided, strict=True)
    )
    assert main(["evaluate", "run"]) == 0
    again = LINE.search(" ".join(capsys.readouterr().out.split()))
    assert again
    assert again.groups() == told.groups()
    assert (
        json.loads(Path("run/codecs.json").read_text())["answers"][0]["inspection"]["threshold"]
        == answer.inspection.threshold
    )

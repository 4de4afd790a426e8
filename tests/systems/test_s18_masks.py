"""S18, segmentation: training, evaluation, prediction on new images, and the x-ray."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import jaccard_score

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.errors import DataError, StoppedError
from kissipo.core.task import split_argument
from kissipo.core.text import format_score

Out = pytest.CaptureFixture[str]
WORDS = [
    "output.mask=spot",
    "process.filters=[8,16]",
    "learning_rate=0.01",
    "batch_size=8",
    "early_stopping=0",
    "input.size=[24,28]",
]


def surfaces(folder: str, count: int, seed: int) -> None:
    """Writes noisy surfaces; two of three have a round spot. Squares are no defects."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:24, :28]
    Path(folder).mkdir(parents=True)
    for index in range(count):
        image = generator.normal(0, 9, (24, 28)) + generator.uniform(60, 190)
        row, column, reach = (
            generator.uniform(6, 18),
            generator.uniform(6, 22),
            generator.uniform(3, 5),
        )
        spot = np.hypot(rows - row, columns - column) < reach
        image[spot] += (index % 3 > 0) * generator.choice([-1, 1]) * 20
        side = int(generator.integers(0, 20))
        image[0:3, side : side + 6] += 30
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(
            f"{folder}/{index:03}.jpg", quality=95
        )
        Image.fromarray((255 * (spot & (index % 3 > 0))).astype(np.uint8)).save(
            f"{folder}/{index:03}.png"
        )


@pytest.fixture
def trained(capsys: Out) -> ki.Run:
    surfaces("tiles", 150, seed=0)
    assert main(["fit", "tiles", *WORDS, "epochs=12", "--out", "run", "--quiet", "--json"]) == 0
    capsys.readouterr()
    return ki.open("run")


def test_masks_are_predicted_evaluated_and_reported(
    trained: ki.Run, capsys: Out, content_of: Callable[[str], Any], records_of: Callable[..., Any]
) -> None:
    score = trained.evaluate()[0]
    assert score.net.metrics["iou"] > 0.75
    assert score.net.metrics["iou"] > max(
        baseline.metrics["iou"] for baseline in score.baselines.values()
    )
    assert set(score.baselines) == {"empty mask", "brightness threshold", "random forest on pixels"}
    report = content_of("run/report.html")
    (table,) = records_of(report, "table", "Masks")
    assert table["titles"] == ["class", "IoU", "Dice", "pixels", "pixels predicted"]
    (row,) = (row for row in table["rows"] if row[0] == "spot")
    assert row[1] == format_score(score.net.details["by_class"]["iou"][1])
    parts = {part["title"]: part["records"] for part in records_of(report, "section", "Masks")}
    for title in ("Worst masks", "Best masks"):
        (gallery,) = parts[title]
        assert gallery["groups"] and {len(group) for group in gallery["groups"]} == {3}
        images = [image for group in gallery["groups"] for image in group]
        assert all(image["image"].startswith("data:image/png;base64,") for image in images)
    captions = [
        text for title in ("Worst masks", "Best masks") for text in parts[title][0]["captions"]
    ]
    overlaps = [float(text.split("overlap ")[1]) for text in captions]
    assert overlaps == sorted(overlaps)
    legend = next(item["classes"] for item in records_of(report, "gallery", "Masks"))
    assert [item["name"] for item in legend] == ["spot"]

    surfaces("new", 40, seed=1)
    Path("new/cut.jpg").write_bytes(Path("new/000.jpg").read_bytes()[:300])
    assert main(["predict", "run", "new", "--out", "verdicts"]) == 0
    output = capsys.readouterr()
    assert "41 images, 1 of them could not be read" in output.out
    assert "new/cut.jpg is corrupt" in output.err
    rows = list(csv.DictReader(Path("verdicts/predictions.csv").open(encoding="utf-8")))
    assert [row["file"] for row in rows] == [f"new/{index:03}.jpg" for index in range(40)] + [
        "new/cut.jpg"
    ]
    truth = [np.asarray(Image.open(f"new/{index:03}.png")) >= 128 for index in range(40)]
    files = [f"new/{index:03}.jpg" for index in range(40)]
    decided = [row[0] for row in trained.predict_all(files)[0]]
    overlap = jaccard_score(np.ravel(truth), np.ravel(trained.predict(files)))
    assert overlap > 0.7
    for row, prediction in zip(rows, decided, strict=False):
        assert row["spot"] == prediction.value
        assert float(row["spot area spot"]) == pytest.approx(
            dict(prediction.areas).get("spot", 0.0), abs=1e-6
        )
        assert float(row["spot confidence"]) == pytest.approx(prediction.confidence, abs=1e-4)
    right = [(row["spot"] == "spot") == mask.any() for row, mask in zip(rows, truth, strict=False)]
    assert np.mean(right) > 0.8
    page = content_of("verdicts/gallery.html")
    drawn = [len(group) for item in records_of(page, "gallery") for group in item["groups"]]
    assert sum(drawn) == 80
    assert any("new/cut.jpg is corrupt" in line["text"] for line in records_of(page, "line"))
    assert main(["predict", "run", "new", "--out", "verdicts"]) == 2
    assert "verdicts exists already. Name another folder with --out" in capsys.readouterr().err
    assert main(["predict", "run", "new", "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)["predictions"]
    assert [answer["file"] for answer in answers] == [row["file"] for row in rows]
    assert answers[1]["spot"]["areas"][0]["share"] == pytest.approx(dict(decided[1].areas)["spot"])

    Path("new/cut.jpg").unlink()
    evaluation = trained.evaluate("new")[0].net
    assert evaluation.metrics["iou"] == pytest.approx(overlap)
    assert evaluation.metrics["image_specificity"] + evaluation.metrics["image_recall"] > 1.6
    save = Image.fromarray(np.zeros((9, 9), dtype=np.uint8))
    save.save("new/003.png")
    with pytest.raises(DataError, match=r"new/003.png is 9x9, its image 24x28"):
        trained.evaluate("new")

    assert main(["xray", "run", "new/001.jpg", "--out", "one.html", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    (look,) = content["looks"]
    heat = np.asarray(look["heat"])
    assert heat[truth[1]].mean() > 0.6 > 0.2 > heat[~truth[1]].mean()
    page = content_of("one.html")
    image, heated = page["images"]["images"]
    assert image["caption"] == "as the net sees it" and heated["caption"].startswith("spot ")
    assert image["address"] != heated["address"]
    assert {"Conv2d", "MaxPool2d"} <= {layer["kind"] for layer in page["trace"]["layers"]}


AUGMENTED = [*WORDS, "epochs=8", "input.augment=[flip,rotate]", "output.baselines=[]"]


def test_resume_on_masks_gives_the_same_bits(
    interrupter: Any, assert_same_run: Callable[[Path, Path], None]
) -> None:
    surfaces("tiles", 60, seed=2)
    words = dict(map(split_argument, AUGMENTED)) | {"epochs": 4}
    ki.load("tiles", words=words).fit(out="whole")
    with pytest.raises(StoppedError):
        ki.load("tiles", words=words).fit(out="cut", callbacks=[interrupter(2)])
    ki.load("tiles", words=words).fit(out="cut", resume=True)
    assert_same_run(Path("whole"), Path("cut"))


@pytest.mark.slow
def test_killed_run_on_masks_resumes_to_the_same_bits(
    assert_killed_run_resumes: Callable[..., None],
) -> None:
    surfaces("tiles", 60, seed=2)
    assert_killed_run_resumes("tiles", *AUGMENTED)


@pytest.mark.slow
def test_masks_on_disk_equal_masks_in_memory() -> None:
    surfaces("tiles", 60, seed=3)
    for name, memory in (("kept", 1.0), ("read", 0.0)):
        assert (
            main(
                [
                    "fit",
                    "tiles",
                    *WORDS,
                    "epochs=2",
                    f"input.memory_limit={memory}",
                    "--out",
                    name,
                    "--quiet",
                ]
            )
            == 0
        )
    assert (
        Path("kept/model.safetensors").read_bytes() == Path("read/model.safetensors").read_bytes()
    )


@pytest.mark.slow
def test_masks_of_several_classes_by_folder(capsys: Out) -> None:
    surfaces("all", 90, seed=4)
    for index in range(90):
        image = np.asarray(Image.open(f"all/{index:03}.jpg"))
        mask = np.asarray(Image.open(f"all/{index:03}.png")) >= 128
        kind = "fine"
        if index % 3:
            kind = "dark" if image[mask].mean() < np.median(image) else "bright"
        Path("sorted", kind).mkdir(parents=True, exist_ok=True)
        for ending in ("jpg", "png"):
            shutil.move(f"all/{index:03}.{ending}", f"sorted/{kind}/{index:03}.{ending}")
    words = [
        "output.mask=class",
        "process.filters=[8,16]",
        "learning_rate=0.01",
        "batch_size=8",
        "early_stopping=0",
        "epochs=25",
    ]
    assert main(["fit", "sorted", *words, "--out", "run", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)["answers"][0]
    assert answer["details"]["classes"] == ["nothing", "bright", "dark"]
    assert min(answer["details"]["by_class"]["iou"]) > 0.5
    assert main(["evaluate", "run"]) == 0
    assert "bright" in capsys.readouterr().out


@pytest.mark.slow
def test_masks_of_magnetic_tiles_beat_the_baselines() -> None:
    """The split is by image: the test split has other exposures of the same tiles."""
    run = ki.load("magnetic-tile-masks", words={"input.split.group": None, "epochs": 15}).fit()
    answer = run.metrics["answers"][0]
    assert (
        answer["metrics"]["iou"]
        > max(values["iou"] for values in answer["baselines"].values()) + 0.05
    )

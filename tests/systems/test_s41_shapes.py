"""S41: boxes on made images, and on a person's own images with a table of boxes."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.errors import DataError, ShapeError, StoppedError, TaskError
from kissipo.core.seeds import numpy_generator
from kissipo.core.text import format_score
from kissipo.input.datasets import find_data
from kissipo.input.datasets.shapes import MAX_SHAPES, SIDE, draw, read
from kissipo.input.formats.boxes.box_coco import write_coco
from kissipo.input.formats.boxes.box_folder import read_boxes
from kissipo.input.formats.boxes.box_list import BoxWords
from kissipo.input.formats.boxes.box_voc import write_voc
from kissipo.input.formats.boxes.box_yolo import write_yolo
from kissipo.runs.fit import show

pytestmark = pytest.mark.usefixtures("one_thread")
HEADER = "file,label,x_min,y_min,x_max,y_max"


def save(folder: str, count: int, *, start: int = 0, scale: int = 1) -> dict[str, list[Any]]:
    """Writes images of 32x48 pixels with at most one light square and one dark bar, and
    boxes.csv; returns the boxes of each file."""
    Path(folder).mkdir(exist_ok=True)
    lines, boxes = [HEADER], dict[str, list[Any]]()
    for number in range(start, start + count):
        generator = np.random.default_rng(number)
        image = generator.normal(120, 5, (32, 48))
        name, drawn = f"{number:03}.png", []
        if number % 4:
            top, left = generator.integers(0, 20), generator.integers(0, 12)
            image[top : top + 12, left : left + 12] += 90
            drawn.append(("square", left, top, left + 12, top + 12))
        if number % 3:
            top, left = generator.integers(0, 12), generator.integers(26, 38)
            image[top : top + 20, left : left + 10] -= 90
            drawn.append(("bar", left, top, left + 10, top + 20))
        drawing = Image.fromarray(image.clip(0, 255).astype(np.uint8))
        drawing.resize((48 * scale, 32 * scale), Image.Resampling.NEAREST).save(f"{folder}/{name}")
        boxes[name] = [(label, *(scale * int(corner) for corner in rest)) for label, *rest in drawn]
        rows = [",".join(map(str, (name, *box))) for box in boxes[name]]
        lines += rows or [f"{name},,,,,"]
    Path(folder, "boxes.csv").write_text("\n".join(lines) + "\n")
    return boxes


def iou_of(one: Any, other: Any) -> float:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0, across) * max(0, down)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return float(shared / (sum(areas) - shared))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector of squares and bars, trained in seconds."""
    folder = tmp_path_factory.mktemp("boxes")
    save(str(folder / "cells"), 120)
    words = {"input.augment": [],
             "process.epochs": 20, "process.filters": [8, 16, 16], "process.learning_rate": 0.02,
             "process.anchors": [0.3], "process.schedule": "cosine"}  # fmt: skip
    ki.load(str(folder / "cells"), words=words).fit(out=folder / "run")
    return folder / "run"


def test_boxes_of_made_images_are_tight_and_images_a_function_of_their_number() -> None:
    frame = read().frame
    counts = (frame["boxes"].values[..., 0] >= 0).sum(axis=1)
    assert set(counts.tolist()) == set(range(MAX_SHAPES + 1))
    assert min(np.bincount(counts)) > 300
    image, boxes = draw(numpy_generator(0, "shapes", 17))
    assert (frame["image"].values[17] == image).all()
    assert [tuple(row) for row in frame["boxes"].values[17, : len(boxes)].tolist()] == boxes
    corners = frame["boxes"].values[..., 1:] * SIDE
    np.testing.assert_allclose(corners, corners.round(), atol=1e-9)
    for number in np.flatnonzero(counts == 1)[:40].tolist():  # rows of pixels at the edges
        left, top, right, bottom = corners[number, 0].round().astype(int)
        pixels = frame["image"].values[number].astype(float)
        difference = np.abs(pixels - np.median(pixels))
        outside = difference.copy()
        outside[top:bottom, left:right] = 0
        assert outside.mean() * pixels.size / (pixels.size - (right - left) * (bottom - top)) < 15
        for edge in (pixels[bottom - 1, left:right], pixels[top:bottom, left : left + 1]):
            assert np.abs(edge - np.median(pixels)).max() > 15


def test_detector_finds_the_objects_of_own_images_in_their_pixels(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    boxes = save("new", 12, start=500, scale=2)
    Path("new/boxes.csv").unlink()
    assert main(["predict", str(run), *(f"new/{name}" for name in boxes), "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)["predictions"]
    hits = total = detected = 0
    for answer, truth in zip(answers, boxes.values(), strict=True):
        predicted = answer["label"]["boxes"]
        detected, total = detected + len(predicted), total + len(truth)
        for label, *corners in truth:
            hits += any(
                item["label"] == label
                and item["confidence"] >= 0.5
                and iou_of([item[name] for name in HEADER.split(",")[2:]], corners) > 0.5
                for item in predicted
            )
    assert total > 10 and hits >= 0.8 * total and detected <= 1.2 * total
    assert main(["predict", str(run), "new", "--out", "out"]) == 0
    rows = list(csv.DictReader(Path("out/predictions.csv").read_text().splitlines()))
    listed = [
        (f"new/{name}", box)
        for answer, name in zip(answers, boxes, strict=True)
        for box in answer["label"]["boxes"] or [None]
    ]
    assert [row["file"] for row in rows] == [file for file, _ in listed]
    for row, (_, box) in zip(rows, listed, strict=True):
        if box is None:
            assert not any(row[name] for name in ("label", "label confidence", "x_min", "y_max"))
            continue
        assert row["label"] == box["label"]
        assert float(row["label confidence"]) == pytest.approx(box["confidence"], abs=1e-4)
        assert [float(row[name]) for name in HEADER.split(",")[2:]] == [
            box[name] for name in HEADER.split(",")[2:]
        ]
    assert "data:image/png" in Path("out/gallery.html").read_text()
    capsys.readouterr()
    assert main(["predict", str(run), "new/501.png"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    value, *described = line.split("\t")
    assert value == answers[1]["label"]["answer"]
    assert len(described) == len(answers[1]["label"]["boxes"])


def test_other_images_with_their_table_are_evaluated(run: Path) -> None:
    save("other", 20, start=900, scale=2)
    (score,) = ki.open(run).evaluate("other")
    metrics = score.net.metrics
    assert list(metrics) == ["map_50", "map_50_95", "precision", "recall", "f1"]
    assert metrics["map_50"] > 0.7 and metrics["map_50"] >= metrics["map_50_95"] > 0.2
    (own,) = ki.open(run).evaluate()
    assert (
        own.net.metrics == json.loads((run / "metrics.json").read_text())["answers"][0]["metrics"]
    )
    names = {"no boxes", "mean boxes", "connected components", "blobs"}
    assert set(own.baselines) == names
    score = own.net.metrics["map_50"]
    for name, baseline in own.baselines.items():
        # objects of one size and color are what blobs find
        assert score > baseline.metrics["map_50"] or name == "blobs"


def test_predictions_are_the_same_in_every_format_and_drawn_on_the_images(run: Path) -> None:
    names = save("new", 12, start=500, scale=2)
    Path("new/boxes.csv").unlink()
    assert main(["predict", str(run), "new", "--out", "out"]) == 0
    sizes = np.array([[64, 96]] * 12)
    lists = [
        read_boxes(Path("out", place), BoxWords(unit=unit))
        for place, unit in (
            ("predictions.csv", "pixels"),
            ("coco.json", "pixels"),
            ("voc", "pixels"),
            ("yolo", "fractions"),
        )
    ]
    first, *others = [
        {
            Path(name).stem: [(boxes.label(box), boxes.pixels(sizes)[box].tolist()) for box in own]
            for name, own in zip(boxes.images, boxes.by_image(), strict=True)
        }
        for boxes in lists
    ]
    assert sum(map(len, first.values())) > 8 and len(first) == 12
    for other in others:
        assert other.keys() == first.keys()
        for name, own in first.items():
            assert [label for label, _ in own] == [label for label, _ in other[name]]
            for (_, one), (_, two) in zip(own, other[name], strict=True):
                assert one == pytest.approx(two, abs=1e-9)
    for name in names:
        drawn, image = (np.asarray(Image.open(f"{place}/{name}").convert("RGB")).astype(int)
                        for place in ("out/annotated", "new"))  # fmt: skip
        assert drawn.shape == image.shape == (64, 96, 3)
        assert (drawn != image).any() == bool(first[name[:3]])
        for _, (left, top, right, bottom) in first[name[:3]]:
            row, column = round((top + bottom) / 2), round(left)
            colored = drawn[row, max(0, column - 1) : column + 2]
            assert (np.ptp(colored, axis=1) > 50).any(), (name, left, right)


def test_pycocotools_gives_the_results_the_map_of_the_evaluation(run: Path) -> None:
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    save("new", 16, start=500)
    assert main(["predict", str(run), "new", "--out", "out"]) == 0
    write_coco(read_boxes(Path("new"), BoxWords()), Path("truth.json"), np.array([[32, 48]] * 16))
    truth = coco.COCO("truth.json")
    evaluation = cocoeval.COCOeval(truth, truth.loadRes("out/coco_results.json"), "bbox")
    for step in (evaluation.evaluate, evaluation.accumulate, evaluation.summarize):
        step()
    answer = ki.open(run)
    metrics = answer.evaluate("new")[0].net.metrics
    expected = [metrics["map_50_95"], metrics["map_50"]]
    assert evaluation.stats[:2] == pytest.approx(expected, abs=1e-6)
    results = json.loads(Path("out/coco_results.json").read_text())
    predicted = json.loads(Path("out/coco.json").read_text())["annotations"]
    threshold = answer.answers[0].threshold
    scores = [entry["score"] for entry in results]
    assert [score for score in scores if score >= threshold] == [
        entry["score"] for entry in predicted
    ]
    assert len(results) > len(predicted) > 4


def test_other_formats_are_evaluated_and_an_unknown_label_is_refused(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save("other", 12, start=900, scale=2)
    metrics = ki.open(run).evaluate("other")[0].net.metrics
    boxes = read_boxes(Path("other"), BoxWords())
    sizes = np.array([[64, 96]] * 12)
    for write in (write_coco, write_voc, write_yolo):
        Path("data").mkdir()
        Path("other").rename("data/images")
        Path("data/images/boxes.csv").unlink()
        place = Path("data/annotations")
        place.mkdir()
        write(boxes, place / "instances.json" if write is write_coco else place, sizes)
        assert ki.open(run).evaluate("data")[0].net.metrics == pytest.approx(metrics)
        Path("data/images").rename("other")
        Path("other/boxes.csv").write_text("x")
        shutil.rmtree("data")
    save("other", 12, start=900, scale=2)
    table = Path("other/boxes.csv").read_text()
    Path("other/boxes.csv").write_text(table.replace("square", "sqare"))
    capsys.readouterr()
    assert main(["evaluate", str(run), "other"]) == 2
    message = capsys.readouterr().err
    assert "has 'sqare' in row" in message and "Did you mean 'square'?" in message


def test_check_says_what_is_small_and_what_cannot_be_learned(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for part, start in (("train", 0), ("test", 100)):
        save(f"cells-{part}", 12, start=start)
    Path("cells").mkdir()
    Path("cells-train").rename("cells/train")
    Path("cells-test").rename("cells/test")
    table = Path("cells/test/boxes.csv")
    table.write_text(table.read_text().replace("square", "circle"))
    assert main(["data", "check", "cells", "input.size=2"]) == 0
    message = " ".join(capsys.readouterr().out.split())
    assert "the folders train, test are the split (train 12, test 12 images)" in message
    assert "the test split has labels without a box in the training split: circle" in message
    assert "boxes have a side below one pixel at 2x2" in message


def test_blood_cells_have_their_boxes_and_their_published_split(data: Path) -> None:
    task = ki.load("bccd", words={"process.net": "grid_detector", "process.filters": [4]})
    pipeline = show(task)[0].pipeline
    boxes = pipeline.frame["boxes"]
    assert boxes.categories == ("WBC", "RBC", "Platelets")
    counts = np.bincount(boxes.values[..., 0][boxes.values[..., 0] >= 0].astype(int))
    assert counts.tolist() == [372, 4153, 361]
    assert {part: len(rows) for part, rows in pipeline.splits.items()} == {
        "train": 263, "validation": 29, "test": 72,
    }  # fmt: skip
    test = (data / "bccd" / "splits" / "test.txt").read_text().split()
    files = pipeline.frame["image"].values[pipeline.splits["test"]]
    assert [Path(file).stem for file in files] == sorted(test)
    assert pipeline.datasets["test"].inputs[0].shape == (72, 3, 256, 320)
    assert any("2 boxes without an area" in finding.message for finding in pipeline.findings)
    photographs = find_data("coco128", "images")
    assert photographs is not None and len(photographs.frame) == 128
    values = photographs.frame["boxes"].values[..., 0]
    assert ((values >= 0).sum(), ((values >= 0).sum(axis=1) == 0).sum()) == (929, 2)


def test_evaluation_names_both_maps_and_the_cause_of_every_error(
    run: Path,
    capsys: pytest.CaptureFixture[str],
    content_of: Callable[[Path], Any],
    records_of: Callable[..., Any],
) -> None:
    save("other", 20, start=900, scale=2)
    assert main(["evaluate", str(run), "other"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert re.search(
        r"COCO mAP 0\.\d+ \(IoU 0\.50 to 0\.95\), [01]\.\d+ \(IoU 0\.5\); VOC mAP", printed
    )
    assert "COCO's rule lets a detection take any free true box" in printed
    assert "map at iou 0.75" in printed.lower()
    answer = json.loads((run / "metrics.json").read_text())["answers"][0]
    details, metrics = answer["details"], answer["metrics"]
    assert details["coco"]["map_50"] == pytest.approx(metrics["map_50"], abs=1e-12)
    assert details["coco"]["map_50_95"] == pytest.approx(metrics["map_50_95"], abs=1e-12)
    missed, false = details["errors"]["missed_boxes"], details["errors"]["false_detections"]
    assert missed["of"] == sum(details["by_class"]["targets"]) > 20
    counts = [sum(map(sum, some["causes"].values())) for some in (missed, false)]
    assert counts[0] == round((1 - metrics["recall"]) * missed["of"])
    assert counts[1] == round((1 - metrics["precision"]) * false["of"])
    report = content_of(run / "report.html")
    (record,) = records_of(report, "detection_errors", "Missed boxes and false alarms")
    groups = {"missed box": missed, "false alarm": false}
    for cause in record["causes"]:
        assert cause["counts"] == groups[cause["group"]]["causes"][cause["name"]]
        assert len(cause["places"]) == sum(cause["counts"])  # few images: all are stored
        for image, number in cause["places"]:
            box = record["images"][image]["boxes"][number]
            assert box["error"] and cause["name"] in box["text"]
    assert [curve["name"] for curve in record["curves"]]
    assert main(["xray", str(run), "other/901.png"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "Inside the detector" in printed and "grid of 4x6" in printed
    assert "Step 1 keeps candidate" in printed and "p_w = 0.3 · exp(t_w) = " in printed


def test_steps_lead_from_the_grid_over_candidates_to_the_boxes(
    run: Path, content_of: Callable[[Path], Any], records_of: Callable[..., Any]
) -> None:
    save("new", 2, start=700)
    trace = ki.open(run).trace("new/701.png")
    names = [step.name for step in trace.of("output")]
    assert names == ["candidates", "boxes", "suppression", "decision", "label"]
    grid, candidates = trace.of("process")[-2:]
    assert (tuple(grid.shape), tuple(candidates.shape)) == ((7, 4, 6), (24, 11))
    steps = {step.name: step for step in trace.of("output")}
    lines_left, decided = (np.asarray(steps[name].value) for name in ("suppression", "decision"))
    scores = lines_left[:, 5].tolist()
    assert scores == sorted(scores, reverse=True) and len(lines_left) <= 24
    assert (decided == lines_left[lines_left[:, 5] >= 0.5]).all() and len(decided)
    report = content_of(run / "report.html")
    details = ki.open(run).metrics["answers"][0]["details"]
    (table,) = records_of(report, "table", "Boxes")
    assert table["titles"][:2] == ["class", "average precision"]
    precisions = [format_score(value) for value in details["by_class"]["average_precision_50"]]
    assert [row[:2] for row in table["rows"]] == [
        list(pair) for pair in zip(details["classes"], precisions, strict=True)
    ]
    legend, *galleries = records_of(report, "gallery", "Boxes")
    assert [item["name"] for item in legend["classes"]] == ["bar", "square"]
    assert len({item["color"] for item in legend["classes"]}) == 2
    titles = [part["title"] for part in records_of(report, "section", "Boxes")]
    assert titles[-2:] == ["Worst images", "Best images"] and len(galleries) == 2
    qualities = [
        float(caption.split("quality ")[1]) for item in galleries for caption in item["captions"]
    ]
    assert qualities == sorted(qualities)
    groups = [group for item in galleries for group in item["groups"]]
    assert groups and {len(group) for group in groups} == {2}


def test_resumed_run_ends_with_the_same_bits(
    interrupter: type[Any], assert_same_run: Callable[[Path, Path], None]
) -> None:
    save("cells", 60)
    augment = ["flip", "crop", "scale", "mosaic", "color"]
    words = {"process.epochs": 2, "process.filters": [4], "input.augment": augment}
    ki.load("cells", words=words).fit(out="whole")
    with pytest.raises(StoppedError):
        ki.load("cells", words=words).fit(out="broken", callbacks=[interrupter(1)])
    ki.load("cells", words=words).fit(out="broken", resume=True)
    assert_same_run(Path("whole"), Path("broken"))
    details = json.loads(Path("whole/metrics.json").read_text())["answers"][0]["details"]
    labels = ki.open("whole").pipeline().datasets["test"].truth(0)[..., 0]
    assert details["classes"] == ["bar", "square"]
    assert details["by_class"]["targets"] == [int((labels == number).sum()) for number in (0, 1)]


def test_a_missing_box_is_a_row_of_padding_and_images_may_have_more_than_in_training() -> None:
    save("cells", 24)
    experiment, _ = show(ki.load("cells", words={"process.filters": [4]}))
    (answer,) = experiment.pipeline.answers
    data = experiment.pipeline.datasets["train"]
    targets = data.truth(0)
    assert targets.shape[1:] == (2, 5) and targets.dtype == torch.float32
    lengths = (targets[..., 0] >= 0).sum(dim=1)
    assert set(lengths.tolist()) == {0, 1, 2}
    for row, length in zip(targets, lengths.tolist(), strict=True):
        assert (row[length:, 0] == -1).all() and not row[length:, 1:].any()
    assert answer.spec.shape == (0, 11)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["000.png,square,1,2,3,x"], "'y_max' in row 1 is not a number; got 'x'"),
        (["000.png,square,1,2,,9"], "row 1 of cells/boxes.csv has no complete corners"),
        (["000.png,,1,2,5,9"], "row 1 of cells/boxes.csv has no label"),
        ([",square,1,2,5,9"], "row 1 of cells/boxes.csv has no file"),
        (["0000.png,square,1,2,5,9"], "does not contain as an image; got '0000.png' in row 1 of"),
        (
            ["000.png,square,1,2,5,9"],
            "23 images of 24 without a row in cells/boxes.csv, such as 001",
        ),
        ([f"{number:03}.png,,,,," for number in range(24)], "0 boxes in 24 images"),
    ],
)
def test_wrong_table_is_refused_with_its_row(
    lines: list[str], message: str, refusal: Callable[..., str]
) -> None:
    save("cells", 24)
    good = [f"{number:03}.png,,,,," for number in range(2, 24)]
    more = good if "number" in message else []
    Path("cells/boxes.csv").write_text("\n".join([HEADER, *lines, *more]) + "\n")
    assert message in refusal("fit", "cells")


def test_wrong_tasks_are_refused(refusal: Callable[..., str]) -> None:
    save("cells", 24)
    assert "output.boxes names the column of the labels; got kind" in refusal(
        "fit", "shapes", "output.boxes=kind"
    )
    assert "output.boxes needs boxes, and digits comes with none" in refusal(
        "fit", "digits", "output={boxes: label}", "process={net: grid_detector}"
    )
    assert "boxes cannot be rotated with their image" in refusal(
        "fit", "shapes", "augment=[flip, rotate]"
    )
    for net in ("cnn", "ffn", "resnet18"):
        assert "'label' needs a net that sets the number of its candidates" in refusal(
            "fit", "shapes", f"process={{net: {net}}}"
        )
    assert "each box belongs to one image" in refusal("fit", "shapes", "mixup=0.2")
    assert "input.boxes needs a folder of images; got digits" in refusal(
        "fit", "digits", "input.boxes=cells/boxes.csv"
    )
    assert "there is no file boxen.csv" in refusal("fit", "cells", "input.boxes=boxen.csv")
    Path("cells/boxes.csv").write_text("file,kind\n000.png,a\n001.png,b\n")
    assert "has no column 'label'; got the columns file, kind" in refusal("fit", "cells")


@pytest.mark.parametrize(("missing", "count"), [("empty", 24), ("left_out", 12)])
def test_images_that_the_table_does_not_name(missing: str, count: int) -> None:
    save("cells", 24)
    lines = Path("cells/boxes.csv").read_text().splitlines()
    lines_left = [line for line in lines if not "012" <= line[:3] < "024"]
    Path("table.csv").write_text("\n".join(lines_left) + "\n")
    task = ki.Task(
        input={"images": "cells", "boxes": "table.csv", "missing_boxes": missing},
        process={"net": "grid_detector", "filters": [4]},
        output="boxes",
    )
    experiment, _ = show(task)
    assert len(experiment.pipeline.frame) == count
    findings = [finding for finding in experiment.pipeline.findings if finding.check == "boxes"]
    assert any("12 images of 24 without a row in table.csv" in item.message for item in findings)


def test_numbers_with_a_unit_are_not_read_as_pixels(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [f"{name},bar,1O,2,30,31" for name in save("cells", 24)]  # the letter O
    Path("cells/boxes.csv").write_text("\n".join([HEADER, *lines]))
    assert main(["data", "check", "cells"]) == 2
    message = " ".join(capsys.readouterr().out.split())
    assert "the numbers of 'x_min' have the unit 'O' -> Remove 'O' from the column" in message


def test_a_folder_that_does_not_exist_is_not_predicted(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(run), "nowhere", "--out", "out"]) == 2
    assert "there is no image nowhere. Check the path." in capsys.readouterr().err
    assert not Path("out").exists()


def test_images_in_folders_and_a_table_in_memory() -> None:
    pandas = pytest.importorskip("pandas")
    boxes = save("cells", 24)
    rows = []
    for name, some in boxes.items():
        folder = Path("cells", "even" if int(name[:3]) % 2 == 0 else "odd")
        folder.mkdir(exist_ok=True)
        Path("cells", name).rename(folder / name)
        rows += [[f"{folder.name}/{name}", *box] for box in some] or [[name, *[None] * 5]]
    table = pandas.DataFrame(rows, columns=HEADER.split(","))
    task = ki.Task(
        input={"images": "cells", "boxes": table},
        process={"net": "grid_detector", "filters": [4]},
        output="boxes",
    )
    frame = show(task)[0].pipeline.frame
    assert frame.names == ["image", "class", "boxes"]
    files = [Path(path).name for path in frame["image"].values]
    for name, padded in zip(files, frame["boxes"].values, strict=True):
        detected = [
            (
                frame["boxes"].categories[int(code)],
                *(corners * [48, 32, 48, 32]).round().astype(int),
            )
            for code, *corners in padded
            if code >= 0
            for corners in [np.array(corners)]
        ]
        assert detected == boxes[name]
    Path("cells/odd/000.png").touch()
    with pytest.raises(DataError, match=r"names '000\.png', and 2 images have that name"):
        show(task)


def test_net_with_other_axes_is_refused() -> None:
    save("cells", 24)
    task = ki.load("cells", words={"process.net": torch.nn.Conv2d(1, 3, 3)})
    with pytest.raises((ShapeError, TaskError), match=r"do not fit the output of the task"):
        show(task)


@pytest.mark.slow
def test_shapes_are_detected_better_than_by_all_baselines() -> None:
    run = ki.load("shapes").fit(out="run")
    (score,) = run.evaluate()
    assert score.net.metrics["map_50"] > 0.9 and score.net.metrics["map_50_95"] > 0.5
    for baseline in score.baselines.values():
        assert score.net.metrics["map_50"] > baseline.metrics["map_50"] + 0.5
    assert score.net.metrics["precision"] > 0.9 and score.net.metrics["recall"] > 0.75

"""Boxes in every format: written and read again, and equal on real data."""

from __future__ import annotations

import json
import random
import shutil
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from kissipo.core.errors import DataError
from kissipo.input.formats.boxes.box_coco import read_coco, write_coco
from kissipo.input.formats.boxes.box_folder import (
    BoxOptions,
    has_boxes,
    read_box_folder,
    read_boxes,
)
from kissipo.input.formats.boxes.box_list import BoxList, BoxWords, box_list
from kissipo.input.formats.boxes.box_table import read_box_table, write_box_table
from kissipo.input.formats.boxes.box_voc import read_voc, write_voc
from kissipo.input.formats.boxes.box_yolo import read_yolo, write_yolo
from kissipo.input.source_data import Reading

WORDS = BoxWords()
FORMATS: dict[str, Callable[[BoxList, Path, Any], object]] = {
    "table": lambda boxes, folder, sizes: write_box_table(boxes, folder / "boxes.csv", sizes),
    "coco": lambda boxes, folder, sizes: write_coco(boxes, folder / "instances.json", sizes),
    "voc": write_voc,
    "yolo": write_yolo,
}
Rows = list[tuple[str, list[tuple[str, tuple[float, ...]]]]]


def listed(boxes: BoxList, sizes: Any) -> dict[str, list[tuple[str, tuple[float, ...]]]]:
    """Returns the labels and the corners in pixels by the name of the image."""
    corners = boxes.pixels(sizes).tolist()
    return {
        Path(name).stem: [(boxes.label(box), tuple(corners[box])) for box in own]
        for name, own in zip(boxes.images, boxes.by_image(), strict=True)
    }


def sizes_of(boxes: BoxList, by_stem: dict[str, tuple[int, int]]) -> Any:
    return np.array([by_stem[Path(name).stem] for name in boxes.images])


labels = st.sampled_from(["cat", "big dog", "a,b", "<&>", "猫", "3"])


@st.composite
def rows(draw: Any, *, whole: bool) -> tuple[Rows, dict[str, tuple[int, int]]]:
    """Returns labeled boxes of up to four images, and the sizes of these."""
    result, sizes = [], {}
    for number in range(draw(st.integers(1, 4))):
        name, size = f"photo {number}", (draw(st.integers(2, 700)), draw(st.integers(2, 700)))
        boxes = []
        for _ in range(draw(st.integers(0, 4))):
            corners = []
            for side in (size[1], size[0]):
                low = draw(st.integers(0, side - 1))
                high = draw(st.integers(low + 1, side))
                share = 0 if whole else draw(st.floats(0, 0.9, allow_subnormal=False))
                corners.append((low + share, float(high)))
            boxes.append(
                (draw(labels), (corners[0][0], corners[1][0], corners[0][1], corners[1][1]))
            )
        result.append((f"{name}.jpg", boxes))
        sizes[name] = size
    return result, sizes


@settings(max_examples=30, deadline=None)
@given(st.data())
@pytest.mark.parametrize("name", FORMATS)
def test_boxes_that_are_written_and_read_are_the_same(
    name: str, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = data.draw(st.booleans())
    written, sizes = data.draw(rows(whole=whole))
    entries = [(file, sizes[Path(file).stem], boxes) for file, boxes in written]
    boxes = box_list(entries, "a test")
    folder = tmp_path_factory.mktemp(name)
    FORMATS[name](boxes, folder, boxes.sizes)
    if name == "table" and not len(boxes.owners):
        return  # a table without any box has no type
    # boxes of a pixel in a corner look like fractions
    again = read_boxes(folder, BoxWords(unit="fractions" if name == "yolo" else "pixels"))
    result = listed(again, sizes_of(again, sizes))
    expected = listed(boxes, boxes.sizes)
    assert result.keys() == expected.keys()
    for image, own in expected.items():
        assert [label for label, _ in result[image]] == [label for label, _ in own]
        tolerance = 0 if whole and name != "yolo" else 1e-9
        for (_, one), (_, other) in zip(result[image], own, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)


def test_blood_cells_are_the_same_from_the_table_and_from_voc(data: Path) -> None:
    table = read_box_table(data / "bccd" / "boxes.csv", WORDS)
    voc = read_boxes(data / "bccd" / "annotations_voc.tar.gz", WORDS)
    assert len(table.owners) == len(voc.owners) == 4888
    assert (table.sizes == (480, 640)).all() and (voc.sizes == (480, 640)).all()
    assert listed(table, table.sizes) == listed(voc, voc.sizes)


def test_photographs_are_the_same_from_yolo_and_from_the_table(data: Path) -> None:
    """The table was made from these files, rounded to a tenth of a pixel."""
    yolo = read_yolo(data / "coco128" / "labels", WORDS)
    table = read_box_table(data / "coco128" / "boxes.csv", WORDS)
    sizes = {
        Path(name).stem: tuple(size) for name, size in zip(table.images, table.sizes, strict=True)
    }
    by_yolo, by_table = listed(yolo, sizes_of(yolo, sizes)), listed(table, table.sizes)
    assert sum(map(len, by_yolo.values())) == 929 and by_yolo.keys() == by_table.keys()
    for image, own in by_table.items():
        assert [label for label, _ in own] == [label for label, _ in by_yolo[image]]
        one, other = ([box for _, box in some] for some in (own, by_yolo[image]))
        np.testing.assert_allclose(one, other, rtol=0, atol=0.0501)


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("file,label,x_min,y_min,x_max,y_max", "a.jpg,cat,10,20,40,60"),
        ("image,width,height,class,xmin,ymin,xmax,ymax", "a.jpg,100,80,cat,10,20,40,60"),
        ("filename,x1,y1,x2,y2,name", "a.jpg,10,20,40,60,cat"),
        ("Image Name,Left,Top,Width,Height,Category", "a.jpg,10,20,30,40,cat"),
        ("img_path;label;x;y;w;h", "some/where/a.jpg;cat;10;20;30;40"),
        ("ImageID,LabelName,XMin,XMax,YMin,YMax", "a,cat,0.1,0.4,0.25,0.75"),
        ("file,label,x_center,y_center,width,height", "a.jpg,cat,25,40,30,40"),
        ("image_id,width,height,bbox,label", 'a,100,80,"[10.0, 20.0, 30.0, 40.0]",cat'),
        ("label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name,image_width,image_height",
         "cat,10,20,30,40,a.jpg,100,80"),
        ("a.jpg,10,20,40,60,cat", "a.jpg,11,20,40,60,cat"),
        ("file,label,x_min,y_min,x_max,y_max,width,height,crowd", "a.jpg,cat,10,20,40,60,100,80,0"),
    ],
)  # fmt: skip
def test_columns_are_found_by_the_names_in_use(header: str, row: str) -> None:
    Path("cells").mkdir()
    Image.new("L", (100, 80)).save("cells/a.jpg")
    other = row.replace("40.0]", "5.0]") if "bbox," in header else row
    Path("table.csv").write_text("\n".join([header, row, other]) + "\n")
    reading = read_box_folder(Path("cells"), BoxOptions("table.csv"))
    column = reading.frame["boxes"]
    assert column.categories == ("cat",)
    np.testing.assert_allclose(column.values[0, 0], [0, 0.1, 0.25, 0.4, 0.75])
    places = {option.place: option.value for option in reading.inferred_options}
    assert places["input.box_layout"] in ("xyxy", "xywh", "cxcywh")
    assert places["input.box_unit"] == ("fractions" if "0.1" in row else "pixels")


def test_layout_and_unit_can_be_set(refusal: Callable[..., str]) -> None:
    Path("table.csv").write_text("file,label,bbox\na.png,cat,[1 1 2 2]\nb.png,cat,[2 2 3 3]\n")
    assert read_box_table("table.csv", WORDS).corners.tolist() == [[1, 1, 2, 2], [2, 2, 3, 3]]
    boxes = read_box_table("table.csv", BoxWords("xywh", "pixels"))
    assert boxes.corners.tolist() == [[1, 1, 3, 3], [2, 2, 5, 5]]
    centers = read_box_table("table.csv", BoxWords("cxcywh"))
    assert centers.corners.tolist() == [[0, 0, 2, 2], [0.5, 0.5, 3.5, 3.5]]
    Path("table.csv").write_text("file,label,bbox\na,cat,[1 1 2 2]\nb,cat,[1 1 2]\n")
    with pytest.raises(DataError, match=r"'bbox' in row 2 is not a box; got '\[1 1 2\]'"):
        read_box_table("table.csv", WORDS)


def coco(**changes: Any) -> dict[str, Any]:
    content: dict[str, Any] = {
        "images": [
            {"id": 7, "file_name": "a.png", "width": 40, "height": 20},
            {"id": 9, "file_name": "b.png", "width": 40, "height": 20},
        ],
        "annotations": [
            {"id": 5, "image_id": 7, "category_id": 90, "bbox": [1, 2, 3, 4], "iscrowd": 0},
            {"id": 6, "image_id": 7, "category_id": 2, "bbox": [0, 0, 40, 20], "iscrowd": 1},
        ],
        "categories": [{"id": 2, "name": "bus"}, {"id": 90, "name": "toothbrush"}],
    }
    return content | changes


def save_images(folder: str, names: Sequence[str], size: tuple[int, int] = (40, 20)) -> None:
    for name in names:
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(
            np.random.default_rng(len(name)).integers(0, 255, size[::-1], np.uint8)
        ).save(path)


def messages(reading: Reading) -> str:
    return "\n".join(finding.describe() for finding in reading.findings)


def test_coco_with_gaps_in_its_numbers_and_a_crowd() -> None:
    save_images("cells", ["a.png", "b.png"])
    Path("instances.json").write_text(json.dumps(coco()))
    reading = read_box_folder(Path("cells"), BoxOptions("instances.json"))
    column = reading.frame["boxes"]
    assert column.categories[int(column.values[0, 0, 0])] == "toothbrush"
    np.testing.assert_allclose(column.values[0, 0, 1:] * [40, 20, 40, 20], [1, 2, 4, 6])
    assert (column.values[..., 0] >= 0).sum() == 1
    assert "1 box around a crowd of objects: annotation 6 of instances.json" in messages(reading)
    assert "instances.json is read as COCO: 2 boxes of 2 images, 2 categories" in messages(reading)
    content = coco(categories=[{"id": 2, "name": "brush "}, {"id": 90, "name": "brush"}])
    content["annotations"][1]["iscrowd"] = 0
    Path("instances.json").write_text(json.dumps(content))
    reading = read_box_folder(Path("cells"), BoxOptions("instances.json"))
    assert reading.frame["boxes"].categories == ("brush",)
    assert "labels differ only in blanks: 'brush ' and 'brush' -> joined" in messages(reading)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([{"image_id": 1, "category_id": 1, "bbox": [1]}], "is a list of results, which names"),
        ({"images": [], "categories": []}, "x.json has no list 'annotations'; got the keys images"),
        (coco(images=[{"id": 7}]), "entry 1 of 'images' in x.json has no 'file_name'"),
        (coco(categories=[{"id": 2, "name": "bus"}]), "names a category that 'categories' does"),
        (coco(images=coco()["images"][1:]), "annotation 5 of x.json names an image that 'images'"),
        (coco(annotations=[coco()["annotations"][0] | {"bbox": [1, 2, 3]}]),
         r"annotation 5 of x.json has no box of four numbers; got \[1, 2, 3\]"),
    ],
)  # fmt: skip
def test_wrong_coco_is_refused_with_its_entry(content: object, message: str) -> None:
    Path("x.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=message):
        read_boxes(Path("x.json"), WORDS)
    Path("x.json").write_text('{"images": [')
    with pytest.raises(DataError, match=r"x\.json is not JSON"):
        read_coco(Path("x.json"), WORDS)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0.5 0.5 0.1", r"line 2 of labels/a\.txt is not a box; got '0 0\.5 0\.5 0\.1'"),
        ("cat 0.5 0.5 0.1 0.1", "line 2 of labels/a.txt is not a box"),
        ("0.5 0.5 0.5 0.1 0.1", "line 2 of labels/a.txt is not a box"),
        ("7 0.5 0.5 0.1 0.1", "line 2 of labels/a.txt has the class number 7, and labels/cla"),
    ],
)
def test_wrong_yolo_is_refused_with_its_line(line: str, message: str) -> None:
    Path("labels").mkdir()
    Path("labels/a.txt").write_text(f"0 0.5 0.5 0.1 0.1\n{line}\n")
    Path("labels/classes.txt").write_text("cat\ndog\n")
    Path("labels/a.txt").write_text(f"{line}\n0 0.5 0.5 0.1 0.1\n")
    with pytest.raises(DataError, match=message.replace("line 2", "line 1")):
        read_boxes(Path("labels"), WORDS)
    Path("labels/a.txt").write_text(f"0 0.5 0.5 0.1 0.1\n{line}\n")
    with pytest.raises(DataError, match=message):
        read_yolo(Path("labels"), WORDS)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("labels/classes.txt", "cat\nbig dog\n\n"),
        ("data.yaml", "train: images\nnc: 2\nnames: ['cat', 'big dog']\n"),
        ("my.yaml", "names:\n  0: cat\n  1: big dog\n"),
        ("obj.names", "cat\nbig dog"),
    ],
)
def test_yolo_finds_the_names_of_its_classes(file: str, text: str) -> None:
    Path("labels").mkdir()
    Path("labels/a.txt").write_text("1 0.5 0.5 0.2 0.4 0.93\n0 0.1 0.1 0.3 0.1 0.3 0.5 0.2 0.2\n")
    Path("labels/b.txt").touch()
    assert read_yolo(Path("labels"), WORDS).labels == ("1", "0")
    assert read_yolo(Path("labels"), WORDS).findings[0].level == "WARN"
    Path(file).write_text(text)
    boxes = read_yolo(Path("labels"), WORDS)
    assert boxes.labels == ("big dog", "cat") and boxes.images == ("a", "b")
    np.testing.assert_allclose(boxes.corners, [[0.4, 0.3, 0.6, 0.7], [0.1, 0.1, 0.3, 0.5]])
    assert "1 polygons became boxes" in boxes.findings[0].message


def test_wrong_voc_is_refused_with_its_object() -> None:
    Path("xml").mkdir()
    box = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>{}</ymax></bndbox>"
    file = Path("xml/a.xml")
    for text, message in (
        ("<annotation><object></object></annotation>", r"object 1 of a\.xml has no name"),
        (f"<annotation><object><name>cat</name>{box.format('x')}</object></annotation>",
         r"object 1 of a\.xml has no box of four numbers; got xmin '1'.* ymax 'x'"),
        ("<svg></svg>", r"a\.xml is not a file of VOC; got <svg>"),
        ("<annotation>", r"a\.xml is not XML"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><annotation></annotation>", r"a\.xml defines entities"),
    ):  # fmt: skip
        file.write_text(text)
        with pytest.raises(DataError, match=message):
            read_voc(Path("xml"), WORDS)
    with tarfile.open("broken.tar.gz", "w:gz") as archive:
        archive.add(file)
    Path("broken.tar.gz").write_bytes(Path("broken.tar.gz").read_bytes()[:40])
    with pytest.raises(DataError, match=r"the archive broken\.tar\.gz cannot be read"):
        read_voc(Path("broken.tar.gz"), WORDS)


def box_of(reading: Reading, row: int = 0) -> list[float]:
    values: list[float] = reading.frame["boxes"].values[row, 0, 1:].tolist()
    return values


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("side", ["upright", "stored"])
def test_boxes_of_rotated_images_follow_the_size_in_the_file(orientation: int, side: str) -> None:
    """A white rectangle in the stored pixels says where its box is, upright."""
    from kissipo.codec._image import open_image

    pixels = np.zeros((60, 100), dtype=np.uint8)
    pixels[10:30, 20:70] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    Path("cells").mkdir()
    Image.fromarray(pixels).save("cells/a.png", exif=exif)
    image = np.asarray(open_image("cells/a.png"))
    rows, columns = (np.flatnonzero((image > 128).any(axis=axis)) for axis in (1, 0))
    upright = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
    drawn = upright if side == "upright" else [20, 10, 70, 30]
    height, width = image.shape if side == "upright" else pixels.shape
    entry = ("a", (height, width), [("cat", drawn)])
    boxes = box_list([entry], "a test")
    write_voc(boxes, Path("xml"), boxes.sizes)
    # where the sizes are the same, the file does not say it
    rotation = None if orientation in (1, 5, 6, 7, 8) else side
    reading = read_box_folder(Path("cells"), BoxOptions("xml", rotation=rotation))
    sides = np.array([image.shape[1], image.shape[0]] * 2)
    np.testing.assert_allclose(np.array(box_of(reading)) * sides, upright)
    assert ("input.box_rotation" in messages(reading)) == (orientation != 1)


def save(folder: str, lines: Sequence[str]) -> Reading:
    Path(folder, "boxes.csv").write_text("\n".join(["file,label,x_min,y_min,x_max,y_max", *lines]))
    return read_box_folder(Path(folder), BoxOptions())


@pytest.mark.parametrize(
    ("row", "message", "left"),
    [
        ("a.png,cat,5,6,5,9", "1 box without an area: row 2 of cells/boxes.csv, a.png, x_min 5", 1),
        ("a.png,cat,9,6,5,9", "1 box without an area", 1),
        ("a.png,cat,30,10,44,30", "1 box partly outside of the image: row 2 of cells/boxes.csv", 2),
        ("a.png,cat,-3,1,9,9", "a.png, x_min -3, y_min 1, x_max 9, y_max 9 -> cut off at its", 2),
        ("a.png,cat,41,1,49,9", "1 box outside of the image: row 2", 1),
        ("b.png,cat,1,1,9,9", "1 box that stand there twice", 1),
        ("a.png,cat,3,3,4,9", "1 box with a side of at most one pixel: row 2", 2),
        ("a.png,Cat,1,1,9,9", "labels differ only in case: 'cat' and 'Cat' -> they stay diffe", 2),
        ("a.png,cat ,1,1,9,9", "'label' has cells that are equal but for blanks", 2),
        (
            "c.png,cat,1,1,9,9",
            "names 1 file that cells does not contain as an image: 'c.png' in",
            1,
        ),
    ],
)
def test_check_counts_what_is_changed(row: str, message: str, left: int) -> None:
    save_images("cells", ["a.png", "b.png"])
    reading = save("cells", ["b.png,cat,1,1,9,9", row, "a.png,,,,,"])
    assert message in messages(reading)
    values = reading.frame["boxes"].values
    boxes = values[values[..., 0] >= 0]
    assert len(boxes) == left and ((boxes[:, 1:] >= 0) & (boxes[:, 1:] <= 1)).all()
    assert (boxes[:, 3:] > boxes[:, 1:3]).all()
    assert len(reading.frame["boxes"].categories) == (2 if "Cat" in row else 1)


def test_many_boxes_in_one_image_are_read_quickly_and_reported() -> None:
    save_images("cells", ["a.png", "b.png"], (2000, 1000))
    generator = random.Random(0)
    lines = []
    for _ in range(20_000):
        x, y = generator.randrange(1990), generator.randrange(990)
        lines.append(f"a.png,cell,{x},{y},{x + generator.random() * 9 + 1:.3f},{y + 5}")
    reading = save("cells", [*lines, "b.png,cell,1,1,5,5"])
    assert reading.frame["boxes"].values.shape[1] == 20_000
    assert "FAIL  a.png has 20,000 boxes, and a usual image has 10,000; 1,000 are" in messages(
        reading
    )
    reading = read_box_folder(Path("cells"), BoxOptions(max_boxes=20_000))
    assert "FAIL" not in messages(reading)


def test_other_sizes_in_the_file_scale_the_boxes_or_are_ignored() -> None:
    save_images("cells", ["a.png", "b.png"])
    boxes = [("cat", [10, 10, 20, 20])]
    entries = [("a", (40, 80), boxes), ("b", (33, 47), boxes)]
    listed_boxes = box_list(entries, "a test")
    write_voc(listed_boxes, Path("xml"), listed_boxes.sizes)
    reading = read_box_folder(Path("cells"), BoxOptions("xml"))
    np.testing.assert_allclose(box_of(reading), [10 / 80, 10 / 40, 20 / 80, 20 / 40])
    np.testing.assert_allclose(box_of(reading, 1), [10 / 40, 10 / 20, 20 / 40, 20 / 20])
    assert "another size than the file has for 1 image, such as 40x80 for a" in messages(reading)
    assert "WARN  xml says other proportions than the file has for 1 image" in messages(reading)


def yolo_files(folder: str, names: Sequence[str]) -> None:
    Path(folder).mkdir(parents=True)
    for name in names:
        Path(folder, f"{name}.txt").write_text("0 0.5 0.5 0.2 0.2\n")


def voc_files(folder: str, names: Sequence[str]) -> None:
    boxes = box_list([(name, (20, 40), [("cell", (16, 8, 24, 12))]) for name in names], "a test")
    write_voc(boxes, Path(folder), boxes.sizes)


def coco_file(path: str, names: Sequence[str]) -> None:
    boxes = box_list([(name, (20, 40), [("cell", (16, 8, 24, 12))]) for name in names], "a test")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_coco(boxes, Path(path), boxes.sizes)


def layout(name: str) -> None:
    """Writes three training images and one test image, as tools leave them behind."""
    train, test = ["a", "b", "c"], ["d"]
    if name == "yolo, a split of folders":  # Roboflow
        for part, images in (("train", train), ("test", test)):
            save_images(f"cells/{part}/images", [f"{image}.png" for image in images])
            yolo_files(f"cells/{part}/labels", images)
        Path("cells/data.yaml").write_text("names: [cell]\n")
    elif name == "coco, a split of folders":
        for part, images in (("train", train), ("test", test)):
            save_images(f"cells/{part}", [f"{image}.png" for image in images])
            coco_file(f"cells/{part}/_annotations.coco.json", [f"{image}.png" for image in images])
    elif name == "coco":
        for part, images in (("train2017", train), ("test2017", test)):
            save_images(f"cells/{part}", [f"{image}.png" for image in images])
            coco_file(f"cells/annotations/instances_{part}.json", [f"{i}.png" for i in images])
            Path(f"cells/annotations/captions_{part}.json").write_text('{"annotations": []}')
    elif name == "yolo":
        for part, images in (("train", train), ("test", test)):
            save_images(f"cells/images/{part}", [f"{image}.png" for image in images])
            yolo_files(f"cells/labels/{part}", images)
        Path("cells/classes.txt").write_text("cell\n")
    elif name == "voc":
        save_images("cells/JPEGImages", [f"{image}.png" for image in train + test])
        voc_files("cells/Annotations", train + test)
        Path("cells/ImageSets/Main").mkdir(parents=True)
        for part, images in (("trainval", train), ("test", test)):
            Path(f"cells/ImageSets/Main/{part}.txt").write_text("\n".join(images))
    elif name == "voc, mixed":
        save_images("cells", [f"{image}.png" for image in train + test])
        voc_files("cells", train + test)
    elif name == "yolo, mixed":
        save_images("cells", [f"{image}.png" for image in train + test])
        yolo_files("labels", train + test)
        Path("labels/classes.txt").write_text("cell\n")
        for path in Path("labels").iterdir():
            shutil.move(path, "cells")


@pytest.mark.parametrize(
    "name",
    ["yolo, a split of folders", "coco, a split of folders", "coco", "yolo", "voc", "voc, mixed",
     "yolo, mixed"],
)  # fmt: skip
def test_folders_are_read_as_tools_leave_them_behind(name: str) -> None:
    layout(name)
    assert has_boxes(Path("cells"))
    reading = read_box_folder(Path("cells"), BoxOptions())
    stems = [Path(path).stem for path in reading.frame["image"].values]
    assert sorted(stems) == ["a", "b", "c", "d"]
    column = reading.frame["boxes"]
    assert column.categories == ("cell",)
    np.testing.assert_allclose(column.values, [[[0, 0.4, 0.4, 0.6, 0.6]]] * 4)
    if "mixed" in name:
        assert reading.parts is None
        return
    assert reading.parts is not None
    parts = {part: sorted(stems[row] for row in rows) for part, rows in reading.parts.items()}
    assert parts == {"train": ["a", "b", "c"], "test": ["d"]}
    joined = read_box_folder(Path("cells"), BoxOptions(split_folders=False))
    assert joined.parts is None and len(joined.frame) == 4


@pytest.mark.parametrize("name", ["yolo, a split of folders", "yolo", "voc"])
@pytest.mark.parametrize("missing", ["empty", "left_out", None])
def test_image_without_a_file_is_empty_or_left_out_of_its_part(
    name: str, missing: Literal["empty", "left_out"] | None
) -> None:
    layout(name)
    (file,) = [path for path in Path("cells").rglob("b.*") if path.suffix in (".txt", ".xml")]
    file.unlink()
    if missing is None:
        with pytest.raises(DataError, match=r"1 image of \d without a row in .*, such as b\.png"):
            read_box_folder(Path("cells"), BoxOptions())
        return
    reading = read_box_folder(Path("cells"), BoxOptions(missing=missing))
    stems = [Path(path).stem for path in reading.frame["image"].values]
    counts = (reading.frame["boxes"].values[..., 0] >= 0).sum(axis=1).tolist()
    expected = {"a": 1, "c": 1, "d": 1} | ({"b": 0} if missing == "empty" else {})
    assert dict(zip(stems, counts, strict=True)) == expected
    assert reading.parts is not None and reading.frame.rows.tolist() == [*range(1, len(stems) + 1)]
    parts = {part: sorted(stems[row] for row in rows) for part, rows in reading.parts.items()}
    assert parts == {"train": sorted({*stems} - {"d"}), "test": ["d"]}


def test_folder_without_boxes_and_with_two_formats_is_refused() -> None:
    save_images("cells", ["a.png"])
    Path("empty").mkdir()
    with pytest.raises(
        DataError, match=r"the folder empty contains no boxes\. Allowed: boxes\.csv"
    ):
        read_box_folder(Path("cells"), BoxOptions("empty"))
    voc_files("both", ["a"])
    Path("both/a.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    with pytest.raises(DataError, match=r"holds boxes of several formats; got VOC and YOLO"):
        read_box_folder(Path("cells"), BoxOptions("both"))
    assert not has_boxes(Path("cells")) and not has_boxes(Path("nowhere"))

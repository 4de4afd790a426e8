"""Published splits: folders in other words, lists beside images, tables."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kissipo as ki
from kissipo.core.errors import DataError
from kissipo.input.formats.images.image_folder import read_image_folder
from kissipo.input.formats.split_tables import reading_of
from kissipo.input.formats.tables import FileWords
from kissipo.input.source_data import Reading
from kissipo.runs.check_data import check_data

RNG = np.random.default_rng(0)


def save(folder: str, count: int = 2) -> None:
    for number in range(count):
        path = Path(folder, f"{folder.replace('/', '_')}_{number}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(RNG.integers(0, 256, (8, 8), dtype=np.uint8)).save(path)


def counts(reading: Reading) -> dict[tuple[str, str], int]:
    """Returns the number of images per part and class."""
    labels = reading.frame["class"].texts()
    return dict(
        Counter(
            (part, str(labels[row]))
            for part, rows in (reading.parts or {}).items()
            for row in rows.tolist()
        )
    )


@pytest.mark.parametrize(
    "folders",
    [
        ("TRAINING_DATA", "VALIDATION_DATA", "TEST_DATA"),
        ("tr", "va", "te"),
        ("learn", "dev", "hold_out"),
        ("entrenamiento", "validación", "prueba"),
        ("Trainingsdaten", "Validierungsdaten", "Testdaten"),
        ("apprentissage", "validation", "test"),
        ("обучение", "валидация", "тест"),
        ("训练集", "验证集", "测试集"),
        ("学習", "検証", "テスト"),
    ],
    ids=lambda names: names[0],
)
def test_folders_of_a_split_in_other_words(folders: tuple[str, ...]) -> None:
    for folder in folders:
        for name in ("cat", "dog"):
            save(f"photos/{folder}/{name}")
    parts = ("train", "validation", "test")
    expected = {(part, name): 2 for part in parts for name in ("cat", "dog")}
    assert counts(read_image_folder(Path("photos"))) == expected


def test_the_same_folders_in_every_class_are_a_warning() -> None:
    for folder in ("alice", "bob", "carol"):
        for name in ("left", "right"):
            save(f"eyes/{folder}/{name}")
    reading = read_image_folder(Path("eyes"))
    assert sorted(set(reading.frame["class"].texts())) == ["alice", "bob", "carol"]
    (text,) = [item.describe() for item in reading.findings if item.check == "split"]
    assert text.startswith("WARN  each of the folders alice, bob, carol of eyes holds the folders")
    assert "rename them to train, validation and test" in text


LISTS = {
    "path and label": ("", "images/{name}/pets_images_{name}_{row}.png {number}"),
    "path with a comma": ("", "./images/{name}/pets_images_{name}_{row}.png,{number}"),
    "without the ending": ("meta/", "{name}/pets_images_{name}_{row}"),
    "name of the file": ("splits/", "pets_images_{name}_{row}.png"),
}


@pytest.mark.parametrize("case", LISTS)
def test_lists_beside_images_are_the_split(case: str) -> None:
    place, line = LISTS[case]
    for name in ("cat", "dog"):
        save(f"pets/images/{name}", count=6)
    Path("pets", place).mkdir(exist_ok=True)
    for part, rows in {"train": range(3), "val": range(3, 4), "test": range(4, 6)}.items():
        lines = [
            line.format(name=name, row=row, number=number)
            for number, name in enumerate(("cat", "dog"))
            for row in rows
        ]
        Path("pets", place, f"{part}.txt").write_text("\n".join(lines) + "\n")
    reading = read_image_folder(Path("pets"))
    assert counts(reading) == {
        (part, name): count
        for part, count in (("train", 3), ("validation", 1), ("test", 2))
        for name in ("cat", "dog")
    }
    assert any("train.txt, val.txt, test.txt are the split" in f.message for f in reading.findings)
    assert read_image_folder(Path("pets"), split_folders=False).parts is None


def test_images_in_no_list_are_left_out_and_lists_of_other_files_are_not_used() -> None:
    for name in ("cat", "dog"):
        save(f"pets/{name}", count=5)
    for part, rows in {"train": (0, 1, 2), "test": (3,)}.items():
        lines = [f"{name}/pets_{name}_{row}.png" for name in ("cat", "dog") for row in rows]
        Path(f"pets/{part}.txt").write_text("\n".join(lines))
    reading = read_image_folder(Path("pets"))
    assert sum(counts(reading).values()) == 8
    assert any("2 images of 10 are in no list" in item.message for item in reading.findings)
    Path("pets/test.txt").write_text("a sentence\nand another one\n")
    assert read_image_folder(Path("pets")).parts is None


def table(rows: range, *, answer: bool = True) -> str:
    lines = ["id,age,fare" + (",survived" if answer else "")]
    lines += [f"{r},{r * 7 % 60},{r * 3 % 50}.5" + (f",{r % 2}" * answer) for r in rows]
    return "\n".join(lines)


def test_tables_of_a_competition() -> None:
    Path("ship").mkdir()
    Path("ship/train.csv").write_text(table(range(100)))
    Path("ship/test.csv").write_text(table(range(100, 140), answer=False))
    Path("ship/sample_submission.csv").write_text("id,survived\n100,0\n101,1\n")
    texts = [item.describe() for item in check_data("ship")]
    assert any("2 classes of 'survived', the rarest with 50 of 100 rows" in text for text in texts)
    assert any("predict RUN --file ship/test.csv" in text for text in texts)
    assert any("sample_submission.csv beside the tables" in text for text in texts)
    task = ki.load("ship")
    assert task.output == {"category": "survived"} and task.input["table"] == "ship"


@pytest.mark.parametrize(
    "names",
    [("train.csv", "valid.csv", "test.csv"), ("Gun_TRAIN.csv", "Gun_DEV.csv", "Gun_TEST.csv")],
    ids=["plain", "with a name"],
)
def test_three_tables_are_the_split(names: tuple[str, ...]) -> None:
    Path("ship").mkdir()
    bounds = (0, 60, 80, 120)
    for name, first, end in zip(names, bounds, bounds[1:], strict=False):
        Path("ship", name).write_text(table(range(first, end)))
    reading = reading_of("ship", FileWords())
    assert reading.frame["id"].values.tolist() == list(range(120))
    assert reading.parts is not None
    assert {part: rows.tolist() for part, rows in reading.parts.items()} == {
        "train": list(range(60)),
        "validation": list(range(60, 80)),
        "test": list(range(80, 120)),
    }
    pipeline = ki.load("ship", output="survived").fit(epochs=1, out="run").pipeline()
    assert pipeline.splits["test"].tolist() == list(range(80, 120))


def test_texts_and_classes_of_the_tables_are_joined() -> None:
    Path("t").mkdir()
    Path("t/train.csv").write_text("kind,code\n" + "\n".join(f"k{r % 3},{r}" for r in range(30)))
    Path("t/test.csv").write_text("kind,code\nk2,A7\nk9,5\nk0,6\n")
    frame = reading_of("t", FileWords()).frame
    assert frame["kind"].texts()[-3:] == ["k2", "k9", "k0"]
    assert frame["code"].texts()[-3:] == ["A7", "5", "6"] and frame["code"].texts()[4] == "4"


def test_folders_of_tables_that_are_no_split_are_refused() -> None:
    Path("t").mkdir()
    Path("t/a.csv").write_text(table(range(9)))
    with pytest.raises(DataError, match=r"none is called train: a\.csv.*Name one of them"):
        reading_of("t", FileWords())
    for name in ("train.csv", "train2.csv"):
        Path("t", name).write_text(table(range(9)))
    with pytest.raises(DataError, match=r"several tables of the part train: train\.csv, train2"):
        reading_of("t", FileWords())
    Path("t/train2.csv").unlink()
    Path("t/train.csv").write_text("x,y\n" + "\n".join(f"{r}%,{r % 2}" for r in range(20)))
    Path("t/test.csv").write_text("x,y\n" + "\n".join(f"0.{r},{r % 2}" for r in range(20)))
    with pytest.raises(DataError, match="'x' has numbers with different marks"):
        reading_of("t", FileWords())

"""The data sets of `defaults.py`, each as the file or folder that a person would have.

A published test split becomes a file or folder of its own; all other splits are drawn
by kissipo with the seed.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
import tarfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

DATA = Path(os.environ.get("KISSIPO_DATA", "../shared/data"))


class DataSet(NamedTuple):
    """A data set.

    write:  writes it below a folder, and returns the path
    words:  what a person types after the path
    """

    write: Callable[[Path], Path]
    words: tuple[str, ...] = ()


def _table(path: Path, titles: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(titles)
        writer.writerows(rows)
    return path


def _lines(name: str, encoding: str = "utf-8") -> list[str]:
    path = DATA / name
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return data.decode(encoding).rstrip("\n").split("\n")


def _sms(folder: Path) -> Path:
    rows = (line.split("\t", 1) for line in _lines("sms-spam/SMSSpamCollection.tsv"))
    return _table(folder / "sms.csv", ["kind", "text"], rows)


def _reviews(folder: Path) -> Path:
    rows = []
    with tarfile.open(DATA / "imdb-review-polarity" / "review_polarity.tar.gz") as archive:
        for member in archive.getmembers():
            file = archive.extractfile(member) if member.name.endswith(".txt") else None
            if file is not None:
                rows.append([Path(member.name).parent.name, file.read().decode("latin-1")])
    return _table(folder / "reviews.csv", ["opinion", "review"], rows)


def _two_files(name: str, one: str, other: str, kinds: tuple[str, str]) -> DataSet:
    def write(folder: Path) -> Path:
        rows = [
            [kind, line.strip()]
            for kind, file in zip(kinds, (one, other), strict=True)
            for line in _lines(f"sentence-classification/{file}", "latin-1")
        ]
        return _table(folder / f"{name}.csv", ["kind", "sentence"], rows)

    return DataSet(write, ("--output", "kind"))


def _trec(folder: Path) -> Path:
    for part, name in (("train", "trec.train.txt.gz"), ("test", "trec.test.txt")):
        lines = _lines(f"sentence-classification/{name}", "latin-1")
        rows = [[line.split(":", 1)[0], line.split(" ", 1)[1]] for line in lines]
        _table(folder / "trec" / f"{part}.csv", ["kind", "question"], rows)
    return folder / "trec"


def _covid(folder: Path) -> Path:
    for part in ("train", "val", "test"):
        target = folder / "covid" / f"{part}.csv"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(
            gzip.decompress((DATA / "covid-fake-news" / f"{part}.csv.gz").read_bytes())
        )
    return folder / "covid"


def _cola(folder: Path) -> Path:
    for part, name in (("train", "in_domain_train"), ("test", "in_domain_dev")):
        cells = (line.split("\t") for line in _lines(f"cola/{name}.tsv"))
        rows = [["yes" if row[1] == "1" else "no", row[3]] for row in cells]
        _table(folder / "cola" / f"{part}.csv", ["acceptable", "sentence"], rows)
    return folder / "cola"


def _headlines(folder: Path) -> Path:
    names = _lines("thucnews-titles/class.txt")
    for part, name in (("train", "dev"), ("test", "test")):
        cells = (line.split("\t") for line in _lines(f"thucnews-titles/{name}.txt.gz"))
        rows = [[names[int(row[1])], row[0]] for row in cells]
        _table(folder / "thucnews" / f"{part}.csv", ["topic", "title"], rows)
    return folder / "thucnews"


def _tiles(folder: Path) -> Path:
    """A folder per defect; all photos of a tile (the name without the number) differ in
    their light only."""
    for source in sorted((DATA / "magnetic-tile").glob("MT_*")):
        target = folder / "tiles" / source.name.removeprefix("MT_")
        target.mkdir(parents=True, exist_ok=True)
        for photo in sorted(source.glob("*.jpg")):
            (target / photo.name).write_bytes(photo.read_bytes())
    return folder / "tiles"


def _digits_1000(folder: Path) -> Path:
    from PIL import Image

    def idx(name: str, start: int) -> np.ndarray:
        data = gzip.decompress((DATA / "mnist" / f"{name}.gz").read_bytes())
        return np.frombuffer(data, np.uint8, offset=start)

    for part, name, count in (("train", "train", 1000), ("test", "t10k", 2000)):
        images = idx(f"{name}-images-idx3-ubyte", 16).reshape(-1, 28, 28)[:count]
        labels = idx(f"{name}-labels-idx1-ubyte", 8)[:count]
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            target = folder / "mnist" / part / str(label) / f"{number}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(target)
    return folder / "mnist"


def _cifar(folder: Path) -> Path:
    with tarfile.open(DATA / "cifar10-5000" / "cifar10-5000.tar.gz") as archive:
        archive.extractall(folder / "cifar", filter="data")
    return folder / "cifar"


def _spoken(folder: Path) -> Path:
    """The recordings 0 to 4 of each digit and speaker are the published test split."""
    for source in sorted((DATA / "fsdd" / "recordings").glob("*.wav")):
        digit, _, index = source.stem.split("_")
        target = folder / "fsdd" / ("test" if int(index) < 5 else "train") / digit / source.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
    return folder / "fsdd"


def _crops(folder: Path) -> Path:
    """The boxes of the classes with at least 20 of them, cut out of the photos."""
    from PIL import Image

    with (DATA / "coco128" / "boxes.csv").open(newline="") as file:
        boxes = list(csv.DictReader(file))
    counts: dict[str, int] = {}
    for box in boxes:
        counts[box["class"]] = counts.get(box["class"], 0) + 1
    for number, box in enumerate(boxes):
        corners = [round(float(box[name])) for name in ("xmin", "ymin", "xmax", "ymax")]
        if counts[box["class"]] < 20 or min(np.subtract(corners[2:], corners[:2])) < 8:
            continue
        target = folder / "crops" / box["class"] / f"{number}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(DATA / "coco128" / "images" / box["image"]) as photo:
            photo.convert("RGB").crop(corners).resize((48, 48)).save(target)
    return folder / "crops"


def _series(name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        target = folder / f"{name}.csv"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((DATA / "time-series-classic" / f"{name}.csv").read_bytes())
        return target

    return write


def _daily(name: str, column: str, target: str, steps: int) -> Callable[[Path], Path]:
    """Writes the means of so many steps, such as those of a day."""

    def write(folder: Path) -> Path:
        rows = list(csv.DictReader(io.StringIO("\n".join(_lines(name)))))
        times = next(iter(rows[0]))
        means = [
            [
                rows[start][times][:10],
                f"{np.mean([float(row[column]) for row in rows[start : start + steps]]):.4f}",
            ]
            for start in range(0, len(rows) - steps + 1, steps)
        ]
        return _table(folder / f"{target}.csv", ["date", target], means)

    return write


def _machine(folder: Path) -> Path:
    rows = list(
        csv.DictReader(
            io.StringIO(
                "\n".join(_lines("nab/realKnownCause/machine_temperature_system_failure.csv.gz"))
            )
        )
    )
    hours: dict[str, list[float]] = {}
    for row in rows:
        hours.setdefault(f"{row['timestamp'][:13]}:00:00", []).append(float(row["value"]))
    means = [[hour, f"{np.mean(values):.4f}"] for hour, values in hours.items()]
    return _table(folder / "machine.csv", ["timestamp", "temperature"], means)


def _sklearn(name: str) -> DataSet:
    def write(folder: Path) -> Path:
        from sklearn import datasets

        data = getattr(datasets, f"load_{name}")()
        names = getattr(data, "target_names", None)
        titles = list(getattr(data, "feature_names", [])) or [
            f"x{place}" for place in range(data.data.shape[1])
        ]
        targets = data.target if names is None or name == "digits" else names[data.target]
        words = [f"digit {value}" if name == "digits" else value for value in targets]
        rows = [[*row, word] for row, word in zip(data.data.tolist(), words, strict=True)]
        return _table(folder / f"{name}.csv", [*titles, "answer"], rows)

    return DataSet(write, ("--output", "answer"))


def _interactions(folder: Path) -> Path:
    """A table whose columns act together: products, a threshold, a sine."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(2000, 8))
    y = x[:, 0] * x[:, 1] + np.sin(2 * x[:, 2]) + 0.5 * (x[:, 3] > 0) * x[:, 4]
    y += 0.2 * generator.normal(size=len(y))
    rows = np.column_stack([x, y]).round(5).tolist()
    return _table(folder / "made.csv", [*(f"x{place}" for place in range(8)), "y"], rows)


def _forecast(write: Callable[[Path], Path], time: str, column: str, horizon: int) -> DataSet:
    return DataSet(write, ("--time", time, "--output", column, "--horizon", str(horizon)))


SETS = {
    "sms": DataSet(_sms, ("--output", "kind")),
    "reviews": DataSet(_reviews, ("--output", "opinion")),
    "mr": _two_files("mr", "mr.neg.gz", "mr.pos.gz", ("negative", "positive")),
    "subj": _two_files("subj", "subj.objective.gz", "subj.subjective.gz", ("objective", "own")),
    "trec": DataSet(_trec, ("--output", "kind")),
    "covid": DataSet(_covid, ("--output", "label")),
    "cola": DataSet(_cola, ("--output", "acceptable")),
    "thucnews": DataSet(_headlines, ("--output", "topic")),
    "tiles": DataSet(_tiles),
    "mnist": DataSet(_digits_1000),
    "cifar": DataSet(_cifar),
    "fsdd": DataSet(_spoken),
    "crops": DataSet(_crops),
    "airline": _forecast(_series("airline-passengers"), "Month", "Passengers", 12),
    "sunspots": _forecast(_series("monthly-sunspots"), "Month", "Sunspots", 12),
    "temperatures": _forecast(_series("daily-min-temperatures"), "Date", "Temp", 7),
    "births": _forecast(_series("daily-total-female-births"), "Date", "Births", 7),
    "etth1": _forecast(_daily("ett-small/ETTh1.csv.gz", "OT", "oil", 24), "date", "oil", 7),
    "machine": _forecast(_machine, "timestamp", "temperature", 24),
    "wine": _sklearn("wine"),
    "cancer": _sklearn("breast_cancer"),
    "diabetes": _sklearn("diabetes"),
    "digits": _sklearn("digits"),
    "made": DataSet(_interactions, ("--output", "y")),
}

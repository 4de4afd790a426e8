"""Unusual and damaged images: each kind is reported, then converted or refused."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import kissipo as ki
from kissipo.cli.main import main
from kissipo.codec._image import open_image, size_of
from kissipo.codec.pixels import Pixels
from kissipo.core.frame import Frame, image_column

Out = pytest.CaptureFixture[str]
RNG = np.random.default_rng(0)
COLOR = RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8)
GRAY = RNG.integers(0, 256, (20, 30), dtype=np.uint8)


@pytest.fixture(autouse=True)
def _photos() -> None:
    """Writes twelve valid images of each of two classes."""
    for name, base in (("light", 128), ("dark", 0)):
        Path("photos", name).mkdir(parents=True)
        for number in range(12):
            pixels = RNG.integers(base, base + 128, (20, 30, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(f"photos/{name}/{number:02}.png")


def encoded(path: str, color: Any = "rgb") -> Any:
    """Returns the pixel values that the net receives of one file at its own size."""
    codec = Pixels("image", size=size_of(path), color=color)
    frame = Frame((image_column("image", np.array([path], dtype=object)),))
    return codec.encode(frame)[0].permute(1, 2, 0).numpy()


def checked(capsys: Out) -> list[dict[str, Any]]:
    """Returns the findings of single images from the data check."""
    assert main(["data", "check", "photos", "--json"]) in (0, 2)
    findings = json.loads(capsys.readouterr().out)["findings"]
    return [
        finding
        for finding in findings
        if finding["check"] in ("kinds of images", "damaged images") and finding["rows"]
    ]


def chunk(kind: bytes, content: bytes) -> bytes:
    """Returns a chunk of a PNG file."""
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def only(capsys: Out) -> tuple[str, str, str]:
    (finding,) = checked(capsys)
    return finding["level"], finding["message"], finding["action"]


def test_16_bit_images_keep_their_upper_byte(capsys: Out) -> None:
    deep = RNG.integers(0, 65_536, (20, 30)).astype(np.uint16)
    Image.fromarray(deep).save("photos/dark/deep.png")
    assert np.array_equal(encoded("photos/dark/deep.png", "grayscale")[..., 0], deep >> 8)
    message = "1 image of 25 with 16 bits per channel: photos/dark/deep.png"
    assert only(capsys) == ("PASS", message, "scaled by input.value_range")


def test_16_bit_color_images_are_reported(capsys: Out) -> None:
    deep = RNG.integers(0, 65_536, (20, 30, 3)).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in deep)
    head = struct.pack(">IIBBBBB", 30, 20, 16, 2, 0, 0, 0)
    content = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    Path("photos/dark/deep.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    assert np.array_equal(encoded("photos/dark/deep.png"), deep >> 8)
    assert only(capsys)[1] == "1 image of 25 with 16 bits per channel: photos/dark/deep.png"


def test_palette_is_converted_to_rgb(capsys: Out) -> None:
    few = (COLOR // 128 * 255).astype(np.uint8)
    Image.fromarray(few).convert("P", palette=Image.Palette.ADAPTIVE).save(
        "photos/light/palette.png"
    )
    assert np.array_equal(encoded("photos/light/palette.png"), few)
    assert only(capsys)[::2] == ("PASS", "converted to RGB")


def test_cmyk_is_converted_to_rgb(capsys: Out) -> None:
    inks = RNG.integers(0, 256, (20, 30, 4), dtype=np.uint8)
    for name in ("a", "b"):
        Image.frombytes("CMYK", (30, 20), inks.tobytes()).save(f"photos/light/inks-{name}.tif")
    expected = (255 - inks[..., :3].astype(float)) * (255 - inks[..., 3:].astype(float)) / 255
    assert np.abs(encoded("photos/light/inks-a.tif") - expected).max() <= 2
    message = "2 images of 26 with CMYK colors: photos/light/inks-a.tif and 1 more"
    assert only(capsys) == ("WARN", message, "converted to RGB")


def test_animation_gives_its_first_frame(capsys: Out) -> None:
    frames = [Image.fromarray(np.full((20, 30), level, dtype=np.uint8)) for level in (10, 200, 90)]
    frames[0].save("photos/dark/moving.gif", save_all=True, append_images=frames[1:])
    assert (encoded("photos/dark/moving.gif") == 10).all()
    actions = {finding["message"]: finding["action"] for finding in checked(capsys)}
    assert (
        actions["1 image of 25 with several frames: photos/dark/moving.gif"]
        == "the first frame is used"
    )


@pytest.mark.parametrize("orientation", range(2, 9))
def test_exif_rotation_is_applied(orientation: int, capsys: Out) -> None:
    """Checks the rotations that the EXIF standard defines for each number."""
    turns = {
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
        8: lambda a: np.rot90(a),
    }
    photo = Image.fromarray(COLOR)
    exif = photo.getexif()
    exif[0x0112] = orientation
    photo.save("photos/light/turned.png", exif=exif)
    expected = turns[orientation](COLOR)
    assert size_of("photos/light/turned.png") == expected.shape[:2]
    assert np.array_equal(encoded("photos/light/turned.png"), expected)
    message = "1 image of 25 with an EXIF rotation: photos/light/turned.png"
    assert only(capsys) == ("PASS", message, "rotated upright")


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_pixels_are_placed_on_white(mode: str, capsys: Out) -> None:
    alpha = RNG.integers(0, 2, (20, 30), dtype=np.uint8) * 255
    color = COLOR if mode == "RGBA" else GRAY[..., None]
    Image.fromarray(np.dstack([color, alpha]), mode).save("photos/light/glass.png")
    pixels = encoded("photos/light/glass.png", "rgb" if mode == "RGBA" else "grayscale")
    assert np.array_equal(pixels, np.where(alpha[..., None] > 0, color, 255))
    message = "1 image of 25 with transparent pixels: photos/light/glass.png"
    assert only(capsys) == ("WARN", message, "placed on white")


def truncated() -> bytes:
    Image.fromarray(COLOR).save("whole.jpg")
    return Path("whole.jpg").read_bytes()[:-200]


def huge() -> bytes:
    """Returns the header of a PNG of 20,000 x 20,000; it must not be decoded."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000)))


BAD = {
    "truncated.jpg": (truncated, "is corrupt or not an image: image file is truncated"),
    "empty.jpg": (lambda: b"", "is corrupt or not an image: cannot identify image file"),
    "letter.jpg": (
        lambda: b"Dear Sir or Madam",
        "is corrupt or not an image: cannot identify image file",
    ),
    "huge.png": (huge, "has too many pixels; got 20000x20000"),
}


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("name", BAD)
def test_damaged_images_are_refused_or_skipped_and_counted(name: str, capsys: Out) -> None:
    make, reason = BAD[name]
    path = Path("photos/dark", name)
    path.write_bytes(make())
    level, message, action = only(capsys)
    assert level == "FAIL"
    assert message.startswith(f"the image {path} {reason}")
    assert action == "remove them or save them again, or set input.skip_corrupt=true"
    assert main(["fit", "photos", "--out", "run"]) == 2
    error = capsys.readouterr().err
    assert f"the image {path} {reason}" in error
    assert "Traceback" not in error
    Path("photos/light", name).write_bytes(path.read_bytes())
    words = ["input.size=[8]", "skip_corrupt=true", "epochs=1"]
    assert main(["fit", "photos", *words, "--out", "run", "--quiet"]) == 0
    report = json.loads(Path("run/data.json").read_text())
    assert sum(report["samples"].values()) == 24
    (finding,) = [row for row in report["findings"] if row["check"] == "damaged images"]
    assert (finding["level"], finding["action"]) == ("WARN", "2 left out")
    assert finding["message"].endswith("(and 1 more)")
    capsys.readouterr()
    assert main(["predict", "run", str(path)]) == 2
    assert f"the image {path} {reason}" in capsys.readouterr().err


def test_skip_corrupt_refuses_to_skip_all_images(capsys: Out) -> None:
    for path in Path("photos").rglob("*.png"):
        path.write_bytes(b"")
    assert main(["fit", "photos", "skip_corrupt=true"]) == 2
    assert "(and 23 more). Remove them or save them again." in capsys.readouterr().err


def test_resize_of_a_one_pixel_image_is_reported(capsys: Out) -> None:
    Image.new("RGB", (1, 1), (9, 8, 7)).save("photos/dark/dot.png")
    assert main(["data", "check", "photos"]) == 0
    assert "2 sizes of images, from 1x1 to 20x30 -> 1 resized to 20x30" in capsys.readouterr().out
    codec = Pixels("image", size=(20, 30), color="rgb")
    frame = Frame((image_column("image", np.array(["photos/dark/dot.png"], dtype=object)),))
    assert (codec.encode(frame) == np.array([9, 8, 7])[None, :, None, None]).all()


def test_float_image_is_refused() -> None:
    Image.fromarray(np.full((4, 4), 0.5, dtype=np.float32)).save("float.tif")
    with pytest.raises(
        ki.UserError, match=r"float.tif has values that are not 8 or 16 bits; got 0.5 to 0.5"
    ):
        open_image("float.tif")


def test_single_class_is_refused(capsys: Out) -> None:
    for path in Path("photos/dark").iterdir():
        path.unlink()
    Path("photos/dark").rmdir()
    assert main(["fit", "photos"]) == 2
    message = (
        "all 12 images of photos are of one class, 'light'. "
        "Allowed: a folder for each of at least two classes."
    )
    assert message in capsys.readouterr().err


def test_class_with_one_image_is_refused(capsys: Out) -> None:
    for path in sorted(Path("photos/dark").iterdir())[1:]:
        path.unlink()
    assert main(["fit", "photos"]) == 2
    assert (
        "the class 'dark' has a single image, photos/dark/00.png. Allowed: at least two"
        in capsys.readouterr().err
    )


def test_strict_stops_at_a_lossy_conversion(capsys: Out) -> None:
    inks = RNG.integers(0, 256, (20, 30, 4), dtype=np.uint8)
    Image.frombytes("CMYK", (30, 20), inks.tobytes()).save("photos/dark/inks.tif")
    assert main(["fit", "photos", "--strict"]) == 2
    assert (
        "--strict stops at this warning: 1 image of 25 with CMYK colors" in capsys.readouterr().err
    )


def test_exif_rotation_is_reported_by_predict() -> None:
    run = ki.load("photos", words={"input.size": [8], "process.epochs": 1}).fit(out="run")
    photo = Image.fromarray(COLOR)
    exif = photo.getexif()
    exif[0x0112] = 6
    photo.save("turned.jpg", exif=exif)
    assert "1 of 1 images rotated upright (EXIF orientation)" in run.predict_all(["turned.jpg"])[1]

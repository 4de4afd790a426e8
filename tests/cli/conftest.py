"""What tests of verbs share: small data of a person's own."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def own_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an image, a table and a text."""
    from PIL import Image
    from sklearn.datasets import load_digits

    folder = tmp_path_factory.mktemp("runs")
    Image.fromarray((load_digits().images[0] * 255 / 16).astype("uint8")).save(folder / "image.png")
    rows = "".join(
        f"{number % 7},{'rgb'[number % 3]},{'ab'[number % 2]}\n" for number in range(120)
    )
    (folder / "table.csv").write_text("size,color,kind\n" + rows)
    (folder / "novel.txt").write_text('He said "it is so" (once). ' * 100)
    return folder

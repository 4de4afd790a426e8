"""Pictures: how a script reads the digits of scikit-learn and MNIST: brightness from 0 to 1, and the class of each."""

from __future__ import annotations

from kissipo.export.script.inputs.split import split_pieces, split_words
from kissipo.export.script.part import ARRAYS, Part, filled, path_line, unread
from kissipo.input.datasets import mnist
from kissipo.input.datasets.download import get
from kissipo.pipeline.experiment import Prepared

_DIGITS = '''
def read() -> tuple[Array, Array]:
    """Pictures (sample, height, width) in bytes, and the class of each."""
    digits = load_digits()
    return np.round(digits.images * (255 / 16)).astype(np.uint8), digits.target
'''

_MNIST = '''
def read_idx(name: str) -> Array:
    """An array in the format of MNIST: kind, number of axes, length of each, bytes."""
    with gzip.open(FOLDER / name) as file:
        content = file.read()
    shape = np.frombuffer(content, ">i4", content[3], offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)


def read() -> tuple[Array, Array]:
    """Pictures (sample, height, width) in bytes, and the class of each."""
    pictures = [read_idx(f"{part}-images-idx3-ubyte.gz") for part in ("train", "t10k")]
    classes = [read_idx(f"{part}-labels-idx1-ubyte.gz") for part in ("train", "t10k")]
    return np.concatenate(pictures), np.concatenate(classes).astype(np.int64)
'''

_PICTURES = '''
def samples() -> Parts:
    """Brightness from 0 to 1 (sample, channel, height, width), and the class."""
    pictures, classes = read()
    inputs = torch.from_numpy(pictures).unsqueeze(1) / 255
    truth = torch.from_numpy(classes)
    return {name: (inputs[at], truth[at]) for name, at in split(classes).items()}
'''


def pictures(prepared: Prepared) -> Part:
    """Pictures of one size in one array.

    Raises:   NotBuiltError for pictures of another place.
    """
    name = str(prepared.choices.source.value)
    words = split_words(prepared)
    count, (_, height, width) = len(prepared.wiring.frame), prepared.wiring.doors[0].port.shape
    told = f"{count:,} pictures of {height}x{width} pixels, brightness from 0 to 1"
    if name == "digits":
        code = "\n\n\n".join([filled(_DIGITS), *split_pieces(prepared), filled(_PICTURES)])
        return Part(told, code, (*ARRAYS, "from sklearn.datasets import load_digits"), words)
    if name == "mnist":
        paths = [get("mnist", file) for file in mnist.FILES]
        split = split_pieces(prepared, published="test = everything[60_000:]  # as published")
        code = "\n\n\n".join([filled(_MNIST), *split, filled(_PICTURES)])
        share = prepared.choices.general.split.validation
        constants = (
            path_line("FOLDER", str(paths[0].parent)),
            f"VALIDATION = {share}  # share that tells when to stop",
        )
        return Part(told, code, (*ARRAYS, "import gzip", "from pathlib import Path"), constants)
    raise unread(name, "digits, mnist, magnetic-tile")

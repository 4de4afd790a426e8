"""Tiles: how a script reads pictures of magnetic tiles with their masks, and tells which of them show the same tile."""

from __future__ import annotations

from textwrap import wrap

from kissipo.codec.pixels import Pixels
from kissipo.core.errors import NotBuiltError
from kissipo.export.script.inputs.split import split_pieces, split_words
from kissipo.export.script.part import ARRAYS, Part, filled, path_line
from kissipo.input.check.rows import twins
from kissipo.input.datasets import magnetic_tile
from kissipo.input.datasets.download import folder_only
from kissipo.output.answers.category import Category
from kissipo.output.answers.mask import Marks
from kissipo.pipeline.experiment import Prepared

_TILES = '''
def tiles(paths: list[Path]) -> Array:
    """Which pictures show one tile: its exposures rise, its numbers lie close together."""
    shown = [(p.parent.name, int(p.stem[9:]), int(p.stem[3])) for p in paths]
    tile, before, first = 0, ("", 0, 0), {}
    for kind, number, exposure in sorted(shown):
        rises = kind == before[0] and exposure > before[2]
        tile = tile if rises and number - before[1] <= 400 else number
        first[number], before = tile, (kind, number, exposure)
    for same in SAME.split(", "):
        known = {first[int(number)] for number in same.split()}
        first.update({each: min(known) for each in first if first[each] in known})
    order = list(dict.fromkeys(first[number] for _, number, _ in shown))
    return np.array([order.index(first[number]) for _, number, _ in shown])
'''

_PICTURE = '''
def picture(path: Path) -> Array:
    """Brightness in bytes; a large picture is decoded at a half of its size, or less."""
    with Image.open(path) as opened:
        opened.draft(opened.mode, (2 * max(SIZE), 2 * max(SIZE)))
        return np.asarray(opened.convert("L").resize(SIZE, Image.Resampling.BILINEAR))
'''

_MASK = '''
def mask(path: Path) -> Array:
    """1 where most of a pixel is marked."""
    with Image.open(path) as opened:
        marks = opened.convert("L").point([0] * 128 + [255] * 128)
        return np.asarray(marks.resize(SIZE, Image.Resampling.BOX)) // 128
'''

_MASKS = [
    'masks = [mask(path.with_suffix(".png")) for path in paths]',
    "truth = torch.from_numpy(np.stack(masks))",
]

_SAMPLES = '''
def samples() -> Parts:
    """Brightness from 0 to 1 (sample, channel, height, width), and the $what."""
    paths = sorted(FOLDER.glob("*/*.jpg"))
    classes = np.unique([path.parent.name for path in paths], return_inverse=True)[1]
    pictures = np.stack([picture(path) for path in paths])
    inputs = torch.from_numpy(pictures).unsqueeze(1) / 255
    $truth
    parts = split(classes$groups)
    return {name: (inputs[at], truth[at]) for name, at in parts.items()}
'''


def tiles(prepared: Prepared, door: Pixels) -> Part:
    """Pictures in folders of classes, each with its mask.

    Raises:   NotBuiltError for colour, for masks of several kinds, and for copies that must stay together.
    """
    frame, answer, how = prepared.wiring.frame, prepared.wiring.answers[0], prepared.choices.general.split
    words = split_words(prepared, groups=("tile",))
    marks = isinstance(answer, Marks)
    if door.color != "grayscale":
        raise NotBuiltError(
            "kissipo eject writes the pictures of magnetic-tile only in grey", do="Say input.color=grayscale"
        )
    if (isinstance(answer, Category) and answer.name != "class") or (isinstance(answer, Marks) and answer.codec.by):
        raise NotBuiltError(
            "kissipo eject writes of magnetic-tile the class of a picture, and a mask of one kind of marks"
        )
    seen = ("picture",) if marks else ("picture", "class")
    if how.group is None and twins(frame.only(seen))[0] is not None:
        raise NotBuiltError("kissipo eject does not write yet pictures that repeat", do="Say input.split.group=tile")
    pieces = [
        *([filled(_TILES)] if how.group else []),
        filled(_PICTURE),
        *([filled(_MASK)] if marks else []),
        *split_pieces(prepared, together="exposures of a tile" if how.group else None),
        filled(
            _SAMPLES,
            what="marks of its mask" if marks else "class",
            truth=_MASKS if marks else ["truth = torch.from_numpy(classes)"],
            groups=", tiles(paths)" if how.group else "",
        ),
    ]
    height, width = door.port.shape[1:]
    constants = (
        path_line("FOLDER", str(folder_only(magnetic_tile.FOLDER, magnetic_tile.HOME))),
        f"SIZE = {width}, {height}",
        *([_same()] if how.group else []),
        *words,
    )
    imports = (*ARRAYS, "from PIL import Image", "from pathlib import Path")
    told = f"{len(frame)} pictures of magnetic tiles, {height}x{width}, brightness from 0 to 1"
    return Part(told, "\n\n\n".join(pieces), imports, constants)


def _same() -> str:
    """Pictures of one tile that their numbers would take apart."""
    named = ", ".join("_".join(map(str, each)) for each in magnetic_tile.SAME)
    texts = [text.replace("_", " ") for text in wrap(named, 80)]
    lines = [f'    "{text} "' for text in texts[:-1]] + [f'    "{texts[-1]}"']
    return "\n".join(["SAME = (  # numbers of pictures that show one tile", *lines, ")"])

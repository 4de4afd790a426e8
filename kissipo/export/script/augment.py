"""Augment: pictures, and masks with them, changed at random while learning, as a script writes it."""

from __future__ import annotations

from kissipo.codec.pixels import Pixels
from kissipo.core.errors import NotBuiltError
from kissipo.export.script.part import Part, filled
from kissipo.input.augment import Augment
from kissipo.pipeline.experiment import Prepared

_AUGMENTED = '''
def augmented(x: Tensor, epoch: int, step: int) -> Tensor:
    """The pictures of a step, changed at random."""
    dice = torch.Generator().manual_seed(seed_of("augment", epoch, step))
    $changes
    return x
'''

_WITH_MASKS = '''
def augmented(x: Tensor, marks: Tensor, epoch: int, step: int) -> tuple[Tensor, Tensor]:
    """The pictures of a step, changed at random, and their masks with them."""
    dice = torch.Generator().manual_seed(seed_of("augment", epoch, step))
    $changes
    return x, marks
'''

_MOVED = '''
def moved(count: int, side: int, dice: torch.Generator) -> Tensor:
    """For each picture the places along a side from which its values come."""
    most = max(1, side // 8)
    shift = torch.randint(-most, most + 1, (count, 1), generator=dice)
    return (torch.arange(side) + shift).clamp(0, side - 1)
'''

_CHANGES = {
    "flip": [
        "turned = torch.rand(len(x), 1, 1, 1, generator=dice) < 0.5",
        "x = torch.where(turned, x.flip(3), x)  # left and right exchanged",
    ],
    "crop": [
        "rows, columns = (moved(len(x), side, dice) for side in x.shape[2:])",
        "at = torch.arange(len(x))[:, None, None], rows[:, :, None], columns[:, None, :]",
        "x = x[at[0], :, at[1], at[2]].permute(0, 3, 1, 2)  # moved; the rim is repeated",
    ],
    "rotate": [
        "angle = 15 * pi / 180 * (2 * torch.rand(len(x), generator=dice) - 1)",
        "cosine, sine, none = angle.cos(), angle.sin(), torch.zeros(len(x))",
        "turn = torch.stack([cosine, -sine, none, sine, cosine, none], 1).view(-1, 2, 3)",
        "places = functional.affine_grid(turn, list(x.shape), align_corners=False)",
        'x = functional.grid_sample(x, places, padding_mode="border", align_corners=False)',
    ],
    "color": [
        "strength = 1 + 0.2 * (2 * torch.rand(3 * len(x), generator=dice) - 1)",
        "bright, contrast, _ = strength.view(3, -1, 1, 1, 1)",
        "middle = (x * bright).mean((1, 2, 3), keepdim=True)",
        "x = (middle + contrast * (x * bright - middle)).clamp(0, 1)",
    ],
}
_MASKS = {
    "flip": ["marks = torch.where(turned[:, 0], marks.flip(2), marks)"],
    "crop": ["marks = marks[at]"],
    "rotate": [
        "flat = marks[:, None].float()",
        'flat = functional.grid_sample(flat, places, "nearest", "border", False)',
        "marks = flat[:, 0].to(marks.dtype)",
    ],
    "color": [],
}


def augment_part(prepared: Prepared) -> Part | None:
    """The function that changes the pictures of a step; None where they stay as they are.

    Raises:   NotBuiltError for pictures in colour.
    """
    augment, door = prepared.wiring.augment, prepared.wiring.doors[0]
    if augment is None:
        return None
    assert isinstance(augment, Augment)
    if isinstance(door, Pixels) and door.color == "rgb":
        raise NotBuiltError("kissipo eject writes input.augment only of grey pictures", do="Say input.color=grayscale")
    if "rotate" in augment.names and len(set(door.port.shape[1:])) > 1:
        raise NotBuiltError("kissipo eject writes rotate only of square pictures", do="Say input.size with one number")
    changes = [line for name in augment.names for line in _CHANGES[name] + (_MASKS[name] if augment.masks else [])]
    pieces = [*([filled(_MOVED)] if "crop" in augment.names else [])]
    pieces.append(filled(_WITH_MASKS if augment.masks else _AUGMENTED, changes=changes))
    imports = ("from math import pi", "from torch.nn import functional") if "rotate" in augment.names else ()
    return Part("", "\n\n\n".join(pieces), imports)
